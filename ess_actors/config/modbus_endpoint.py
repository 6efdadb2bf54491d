"""The connection of a client file -> the core Endpoint, and what a file may ask for in vain."""

import socket
from typing import Final

from ess_actors.config.modbus_inherited import Inherited
from ess_actors.config.modbus_keys import Keys, Level
from ess_actors.config.modbus_ranges import Instance
from ess_actors.core.points import Endpoint
from ess_actors.core.transaction import MAX_READ_BITS, MAX_READ_WORDS

SERIAL_KEYS: Final = ("serial_device", "baud_rate", "parity", "data_bits", "stop_bits")
ADDRESS_KEYS: Final = ("ip_address", "port", "service", *SERIAL_KEYS, "tls", "framer")

CONNECTION: Final = Level(
    (
        *ADDRESS_KEYS,
        "name",
        "id",
        "connection_timeout",
        "transfer_timeout",
        "max_num_connections",
        "device_id",
        "frequency",
        "off_by_one",
        "byte_swap",
        "multi_write_op_code",
        "debounce",
        "format",
        "max_register_group_size",
        "max_bit_size",
        "max_gap_registers",
        "allow_gaps",
        "auto_disable",
        "bad_point_retry_s",
        "allow_multi_sets",
        "force_multi_sets",
        "inter_message_delay_ms",
        "verify_writes",
        "reconnect_min_s",
        "reconnect_max_s",
        "publish_quality",
        "stats_pub_uri",
        "stats_pub_frequency",
        "ip_range",
    ),
    (
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
    ),
)


def read_port(keys: Keys, default: int) -> int:
    """`service` when the system knows it, else `port`."""
    port, service = keys.integer("port", 1, 65535), keys.text("service")
    if service:
        try:
            return socket.getservbyname(service, "tcp")
        except OSError:
            hint = "write the port number; the key 'port' is used"
            keys.report.warning("S05", keys.at("service"), f"unknown service {service!r}", hint)
    return default if port is None else port


def refuse_other_lines(keys: Keys) -> None:
    """S06 for whatever is not plain Modbus/TCP: it would be opened as plain TCP somewhere else.

    Beside an `ip_address` a serial device is only a leftover (C22).
    """
    report = keys.report
    if keys.raw("serial_device") not in (None, ""):
        at = keys.at("serial_device")
        if keys.text("ip_address"):
            text = "both ip_address and serial_device given"
            report.warning("C22", at, text, "TCP is used; remove one")
        else:
            hint = "give the ip_address and port of a gateway to that line"
            report.fatal("S06", at, "serial lines are not served by this version", hint)
    if keys.raw("tls") not in (None, False):
        hint = "put a TLS proxy before the device, give its address here, and remove 'tls'"
        report.fatal("S06", keys.at("tls"), "TLS is not spoken by this version", hint)
    framer = keys.raw("framer")
    if framer is not None and str(framer).lower() != "socket":
        hint = "remove 'framer' and let the gateway speak Modbus/TCP"
        report.fatal("S06", keys.at("framer"), f"framer {framer!r} is not spoken by this version", hint)


def warn_no_effect(keys: Keys) -> None:
    """S07 for the keys of a connection or component that are known and do nothing."""
    asked = {
        "max_num_connections": keys.integer("max_num_connections", 1, 32) not in (None, 1),
        "stats_pub_uri": bool(keys.text("stats_pub_uri")),
        "stats_pub_frequency": keys.integer("stats_pub_frequency", 10) is not None,
        "publish_quality": keys.boolean("publish_quality") is True,
    }
    instead = {
        "max_num_connections": "one socket is used; remove it",
        "stats_pub_uri": "get <component uri>/_stats instead, or remove it",
        "stats_pub_frequency": "get <component uri>/_stats instead, or remove it",
        "publish_quality": "get <point uri>/_full shows the quality; remove it",
    }
    for key in (key for key, wanted in asked.items() if wanted):
        keys.report.warning("S07", keys.at(key), f"{key!r} has no effect in this version", instead[key])


def read_endpoint(keys: Keys, stem: str, instance: Instance) -> Endpoint | None:
    """None (S02) when nothing says where the device is. After S06 the rest of the file is checked all the same."""
    refuse_other_lines(keys)
    warn_no_effect(keys)
    host = keys.text("ip_address") or ""
    if not host and keys.raw("serial_device") in (None, ""):
        hint = "say where the device is"
        keys.report.fatal("S02", keys.path, "neither ip_address nor serial_device", hint)
        return None
    slowest = keys.number("reconnect_max_s", 0.05, 60) or 2.0
    fastest = keys.number("reconnect_min_s", 0.05, 60) or 0.2
    return Endpoint(
        name=instance.named(keys.text("name") or stem),
        host=instance.addressed(host),
        port=read_port(keys, 502),
        connect_timeout_s=keys.number("connection_timeout", 0.1, 30) or 1.0,
        transfer_timeout_s=keys.number("transfer_timeout", 0.05, 30) or 0.5,
        reconnect_min_s=min(fastest, slowest),
        reconnect_max_s=slowest,
    )


def read_defaults(keys: Keys) -> Inherited:
    """What the connection hands down to components."""
    return Inherited().nearer(keys)


def read_limits(keys: Keys) -> dict[str, object]:
    """Fields of core Component that only the connection states."""
    multi, auto = keys.boolean("allow_multi_sets"), keys.boolean("auto_disable")
    return {
        "max_words": keys.integer("max_register_group_size", 1, MAX_READ_WORDS) or MAX_READ_WORDS,
        "max_bits": keys.integer("max_bit_size", 1, MAX_READ_BITS) or MAX_READ_BITS,
        "allow_multi_sets": multi is not False,
        "force_multi_sets": keys.boolean("force_multi_sets") is True,
        "auto_disable": auto is not False,
        "bad_point_retry_s": float(keys.number("bad_point_retry_s", 1) or 60.0),
    }
