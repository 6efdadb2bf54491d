"""The connection of a client file -> the core Endpoint, and what it hands down to its components."""

from pathlib import Path
from typing import Final

from ess_actors.config.modbus_inherited import LEVELS_CK, LEVELS_CKG, LEVELS_CKGP, Inherited
from ess_actors.config.modbus_keys import Keys, Level
from ess_actors.config.modbus_line import ADDRESS_KEYS, Line, read_line
from ess_actors.config.modbus_ranges import Instance
from ess_actors.core.points import Endpoint
from ess_actors.core.transaction import MAX_READ_BITS, MAX_READ_WORDS
from ess_actors.core.uri import clean

SERIAL_UNITS: Final = (1, 247)

LEFT_OVER: Final = (
    "protocol",
    "device protocol",
    "device protocol version",
    "device name",
    "device id",
    "device id string",
    "device_id_string",
    "data bits (8 typical)",
    "local_id",
    "ip_address1",
    "allow_multi_gets",
    "force_multi_gets",
    "data_buffer_size",
    "dbi_save_frequency_seconds",
    "pub_sync",
    "sync_percent",
    "query_first",
    "note*",
    "comment*",
)
"""Keys of a connection that mean nothing to us."""

CONNECTION: Final = Level(
    (
        *ADDRESS_KEYS,
        *LEVELS_CK,
        *LEVELS_CKG,
        *LEVELS_CKGP,
        "name",
        "id",
        "connection_timeout",
        "transfer_timeout",
        "max_num_connections",
        "max_in_flight",
        "max_register_group_size",
        "max_bit_size",
        "auto_disable",
        "bad_point_retry_s",
        "allow_multi_sets",
        "force_multi_sets",
        "reconnect_min_s",
        "reconnect_max_s",
        "stats_pub_uri",
        "stats_pub_frequency",
        "ip_range",
    ),
    LEFT_OVER,
)


def read_endpoint(keys: Keys, path: Path) -> Endpoint | None:
    """The endpoint as written, markers of an `ip_range` still in it. None (S02) without any address."""
    line = read_line(keys, path.parent)
    if not line.host and line.serial is None:
        hint = "say where the device is"
        keys.report.fatal("S02", keys.path, "neither ip_address nor serial_device", hint)
        return None
    slowest = keys.number("reconnect_max_s", 0.05, 60) or 2.0
    fastest = keys.number("reconnect_min_s", 0.05, 60) or min(0.2, slowest)
    if fastest > slowest:
        text = f"reconnect_min_s {fastest} is above reconnect_max_s {slowest}"
        keys.report.error("S05", keys.at("reconnect_min_s"), text, f"{slowest} is used for both")
    pipelined = line.serial is None and not line.rtu
    stats_uri = keys.text("stats_pub_uri")
    return Endpoint(
        name=keys.text("name") or keys.text("id") or "",
        host=line.host,
        port=line.port,
        serial=line.serial,
        tls=line.tls,
        rtu=line.rtu,
        max_connections=(keys.integer("max_num_connections", 1, 32) or 1) if line.serial is None else 1,
        max_in_flight=(keys.integer("max_in_flight", 1, 16) or 1) if pipelined else 1,
        stats_uri=clean(stats_uri) if stats_uri else "",
        stats_period_ms=keys.integer("stats_pub_frequency", 10, 3_600_000) or 1000,
        connect_timeout_s=keys.number("connection_timeout", 0.1, 30) or 1.0,
        transfer_timeout_s=keys.number("transfer_timeout", 0.05, 30) or _default_transfer_s(line),
        reconnect_min_s=min(fastest, slowest),
        reconnect_max_s=slowest,
    )


def _default_transfer_s(line: Line) -> float:
    return 0.5 if line.serial is None else 1.0


def name_of(endpoint: Endpoint, stem: str, instance: Instance) -> str:
    """The name of one connection; several made from one text get their number even when nothing marks the place."""
    written = endpoint.name or stem
    marked = instance.named(written)
    return f"{written}_{instance.number:02d}" if instance.marker and marked == written else marked


def read_defaults(keys: Keys, endpoint: Endpoint | None) -> Inherited:
    """What the connection hands down to components."""
    if endpoint is None or endpoint.serial is None:
        return Inherited().nearer(keys)
    first, last = SERIAL_UNITS
    return Inherited(device_id=first, first_unit=first, last_unit=last).nearer(keys)


def read_limits(keys: Keys) -> dict[str, object]:
    """Fields of core Component that only the connection states."""
    multi, auto = keys.boolean("allow_multi_sets"), keys.boolean("auto_disable")
    return {
        "max_words": keys.integer("max_register_group_size", 1, MAX_READ_WORDS) or MAX_READ_WORDS,
        "max_bits": keys.integer("max_bit_size", 1, MAX_READ_BITS) or MAX_READ_BITS,
        "allow_multi_sets": multi is not False,
        "force_multi_sets": keys.boolean("force_multi_sets") is True,
        "auto_disable": auto is not False,
        "bad_point_retry_s": float(keys.number("bad_point_retry_s", 1, 1e9) or 60.0),
    }
