"""The connection of a client file -> the core Endpoint, and the defaults it hands down."""

import socket
from typing import Final

from ess_actors.config.modbus_inherited import Inherited
from ess_actors.config.modbus_keys import Keys, Level
from ess_actors.config.modbus_ranges import Instance
from ess_actors.core.points import MAX_READ_BITS, MAX_READ_WORDS, Endpoint, SerialLine

SERIAL_KEYS: Final = ("serial_device", "baud_rate", "parity", "data_bits", "stop_bits")
ADDRESS_KEYS: Final = ("ip_address", "port", "service", *SERIAL_KEYS)

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
        "tls",
        "framer",
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


def read_serial(keys: Keys) -> SerialLine | None:
    """The serial line, None for TCP; with both given TCP wins."""
    device = keys.text("serial_device")
    if not device:
        return None
    if keys.text("ip_address"):
        text = "both ip_address and serial_device given"
        keys.report.warning("C22", keys.at("serial_device"), text, "TCP is used; remove one")
        return None
    parity = (keys.text("parity") or "none").lower()
    if parity not in ("none", "even", "odd"):
        keys.report.error("S05", keys.at("parity"), f"unknown parity {parity!r}", "write none, even or odd")
        parity = "none"
    return SerialLine(
        device=device,
        baud_rate=keys.integer("baud_rate", 1) or 115200,
        parity=parity,
        data_bits=keys.integer("data_bits", 5, 8) or 8,
        stop_bits=keys.integer("stop_bits", 1, 2) or 1,
    )


def read_endpoint(keys: Keys, stem: str, instance: Instance) -> Endpoint | None:
    """None (S02) when neither an address nor a serial device is given."""
    report = keys.report
    serial, host = read_serial(keys), keys.text("ip_address") or ""
    if not host and serial is None:
        report.fatal("S02", keys.path, "neither ip_address nor serial_device", "say where the device is")
        return None
    framer = (keys.text("framer") or ("rtu" if serial else "socket")).lower()
    if framer not in ("socket", "rtu"):
        report.error("S05", keys.at("framer"), f"unknown framer {framer!r}", "write socket or rtu")
        framer = "socket"
    tls = keys.mapping("tls")
    slowest = keys.number("reconnect_max_s", 0.05, 60) or 2.0
    fastest = keys.number("reconnect_min_s", 0.05, 60) or 0.2
    delay = keys.number("inter_message_delay_ms", 0) or 0
    return Endpoint(
        name=instance.named(keys.text("name") or stem),
        host=instance.addressed(host),
        port=read_port(keys, 802 if tls else 502),
        serial=serial,
        framer=framer,
        tls=tls,
        connect_timeout_s=keys.number("connection_timeout", 0.1, 30) or 1.0,
        transfer_timeout_s=keys.number("transfer_timeout", 0.05, 30) or (1.0 if serial else 0.5),
        reconnect_min_s=min(fastest, slowest),
        reconnect_max_s=slowest,
        max_connections=keys.integer("max_num_connections", 1, 32) or 1,
        inter_message_delay_s=delay / 1000,
        stats_uri=keys.text("stats_pub_uri") or "",
        stats_period_ms=keys.integer("stats_pub_frequency", 10) or 1000,
    )


def read_defaults(keys: Keys, serial: SerialLine | None) -> Inherited:
    """What the connection hands down to components."""
    return Inherited(device_id=1 if serial else 255).nearer(keys)


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
