"""Heartbeat, watchdog and connection timeout of a component; a missing point switches them off."""

from collections.abc import Sequence
from typing import Final

from ess_actors.config.modbus_keys import Keys
from ess_actors.core.json_tokens import short
from ess_actors.core.points import Heartbeat, Point, Watchdog

HEARTBEAT_KEYS: Final = (
    "heartbeat_enabled",
    "component_heartbeat_read_uri",
    "component_heartbeat_write_uri",
    "modbus_heartbeat_timeout_ms",
    "component_heartbeat_timeout_ms",
    "component_heartbeat_max_value",
    "watchdog_enabled",
    "watchdog_uri",
    "watchdog_frequency_ms",
    "watchdog_alarm_timeout_ms",
    "watchdog_fault_timeout_ms",
    "watchdog_recovery_timeout_ms",
    "watchdog_recovery_time_ms",
)
_LONGEST_MS: Final = 1_000_000_000


def read_timeout_ms(keys: Keys, period_ms: int) -> int:
    """Timeout of heartbeat and connection: as given, at least two periods (C05); three periods by default."""
    given = keys.integer("component_heartbeat_timeout_ms", 0, _LONGEST_MS)
    if given is None:
        return 3 * period_ms
    if given < 2 * period_ms:
        text = f"timeout {given} ms is shorter than two periods of {period_ms} ms"
        keys.report.warning(
            "C05", keys.at("component_heartbeat_timeout_ms"), text, f"{2 * period_ms} ms is used"
        )
        return 2 * period_ms
    return given


def read_heartbeat(keys: Keys, points: Sequence[Point], period_ms: int, timeout_ms: int) -> Heartbeat | None:
    """None when it is off, or when neither of its points exists (C04)."""
    write_ms = keys.integer("modbus_heartbeat_timeout_ms", 0, _LONGEST_MS) or period_ms
    max_value = keys.integer("component_heartbeat_max_value", 0, (1 << 64) - 1) or 0
    if not keys.boolean("heartbeat_enabled"):
        return None
    read = _point(keys, "component_heartbeat_read_uri", points, writable=False)
    write = _point(keys, "component_heartbeat_write_uri", points, writable=True)
    if not {"component_heartbeat_read_uri", "component_heartbeat_write_uri"} & set(keys):
        hint = "name a point of this component; it is off until then"
        keys.report.warning("C04", keys.at("heartbeat_enabled"), "a heartbeat without any point", hint)
    if not read and not write:
        return None
    return Heartbeat(
        read=read,
        write=write,
        write_period_ms=max(write_ms, period_ms),
        timeout_ms=timeout_ms,
        max_value=max_value,
    )


def read_watchdog(keys: Keys, points: Sequence[Point], period_ms: int) -> Watchdog | None:
    """None when it is off or its point does not exist (C04)."""
    alarm = keys.integer("watchdog_alarm_timeout_ms", 0, _LONGEST_MS) or 5 * period_ms
    fault = keys.integer("watchdog_fault_timeout_ms", 0, _LONGEST_MS) or 10 * period_ms
    recovery = keys.integer("watchdog_recovery_timeout_ms", 0, _LONGEST_MS) or alarm
    lasting = keys.integer("watchdog_recovery_time_ms", 0, _LONGEST_MS) or 10 * period_ms
    check = keys.integer("watchdog_frequency_ms", 50, _LONGEST_MS) or 1000
    if not keys.boolean("watchdog_enabled"):
        return None
    if "watchdog_uri" not in keys:
        hint = "name a point of this component; it is off until then"
        keys.report.warning("C04", keys.at("watchdog_enabled"), "a watchdog without a point", hint)
    point = _point(keys, "watchdog_uri", points, writable=False)
    if not point:
        return None
    return Watchdog(
        point=point,
        check_ms=check,
        alarm_ms=alarm,
        fault_ms=fault,
        recovery_timeout_ms=recovery,
        recovery_ms=lasting,
    )


def _point(keys: Keys, key: str, points: Sequence[Point], *, writable: bool) -> str:
    """The id the key names, "" when it is absent or unusable."""
    id_ = keys.text(key)
    if not id_:
        return ""
    found = [point for point in points if point.id == id_]
    if any(
        point.table.writable and not point.table.is_bits if writable else not point.shadowed
        for point in found
    ):
        return id_
    wanted = "holding point" if writable else "point"
    hint = f"name a {wanted} of this component; it is off until then"
    keys.report.warning("C04", keys.at(key), f"no {wanted} {short(id_)} in this component", hint)
    return ""
