"""The keys that may stand on several levels of a client file; the nearest one wins, false and 0 included."""

from dataclasses import dataclass, replace
from typing import Final

from ess_actors.config.modbus_keys import Keys

UNIT_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Inherited:
    """What is in force at a level."""

    device_id: int = 255
    frequency: int = 1000
    off_by_one: bool = False
    byte_swap: bool = False
    word_order: int = 0
    multi_write: bool = False
    debounce_s: float = 0.0
    clothed: bool = False
    max_gap: int = 16
    delay_s: float = 0.0
    verify: bool = False

    def nearer(self, keys: Keys) -> "Inherited":
        """The same with what `keys` states itself (only keys its level knows arrive here)."""
        stated: dict[str, object] = {
            "device_id": keys.integer("device_id", 0, UNIT_MAX),
            "frequency": keys.integer("frequency", 10, 3_600_000),
            "off_by_one": keys.boolean("off_by_one"),
            "byte_swap": keys.boolean("byte_swap"),
            "word_order": keys.integer("word_order"),
            "multi_write": keys.boolean("multi_write_op_code"),
            "debounce_s": _seconds(keys.number("debounce", 0)),
            "clothed": _clothed(keys),
            "max_gap": _gap(keys),
            "delay_s": _seconds(keys.number("inter_message_delay_ms", 0)),
            "verify": keys.boolean("verify_writes"),
        }
        stated = {name: value for name, value in stated.items() if value is not None}
        return replace(self, **stated) if stated else self  # type: ignore[arg-type]

    def of_point(self, keys: Keys) -> "Inherited":
        """The same for a point, whose `debounce` is in seconds and whose word_order is read with its size."""
        stated: dict[str, object] = {}
        if "frequency" in keys:
            stated["frequency"] = keys.integer("frequency", 10, 3_600_000)
        if "byte_swap" in keys:
            stated["byte_swap"] = keys.boolean("byte_swap")
        if "multi_write_op_code" in keys:
            stated["multi_write"] = keys.boolean("multi_write_op_code")
        if "debounce" in keys:
            stated["debounce_s"] = keys.number("debounce", 0)
        if "format" in keys:
            stated["clothed"] = _clothed(keys)
        if "verify_writes" in keys:
            stated["verify"] = keys.boolean("verify_writes")
        stated = {name: value for name, value in stated.items() if value is not None}
        return replace(self, **stated) if stated else self  # type: ignore[arg-type]


def _seconds(milliseconds: int | float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _clothed(keys: Keys) -> bool | None:
    text = keys.text("format")
    if text is None:
        return None
    if text.lower() in ("naked", "clothed", "full"):
        return text.lower() != "naked"
    keys.report.error("S05", keys.at("format"), f"unknown format {text!r}", "write naked or clothed")
    return None


def _gap(keys: Keys) -> int | None:
    if keys.boolean("allow_gaps") is False:
        return 0
    return keys.integer("max_gap_registers", 0, 124)
