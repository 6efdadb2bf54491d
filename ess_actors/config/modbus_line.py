"""Where a client finds its device or a server listens: TCP with or without TLS, or a serial line."""

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ess_actors.config.modbus_keys import Keys, Level, kind_of_value
from ess_actors.core.json_tokens import shown
from ess_actors.core.points import Serial, Tls

SERIAL_KEYS: Final = ("serial_device", "baud_rate", "parity", "data_bits", "stop_bits")
ADDRESS_KEYS: Final = ("ip_address", "port", "service", *SERIAL_KEYS, "tls", "framer")

_TLS: Final = Level(("certificate", "key", "authorities", "server_name"), ("note*", "comment*"))
_PORT: Final = 502
_TLS_PORT: Final = 802
_SERVICES: Final = {"mbap": _PORT, "modbus": _PORT, "asa-appl-proto": _PORT, "mbaps": _TLS_PORT}
"""Known even where the system keeps no list of services."""
_PARITIES: Final = {"none": "N", "n": "N", "even": "E", "e": "E", "odd": "O", "o": "O"}
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[^\s\x00-\x1f.]{1,63}(\.[^\s\x00-\x1f.]{1,63})*\.?")
"""What can be looked up without an exception of another kind than "not found"."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the address keys say. `host` is empty when there is a serial line, or nothing at all."""

    host: str
    port: int = _PORT
    serial: Serial | None = None
    tls: Tls | None = None
    rtu: bool = False


def read_line(keys: Keys, folder: Path, default_host: str = "") -> Line:
    """The address keys of a connection or server. An `ip_address` wins over a `serial_device` (C22)."""
    host, device = (keys.text("ip_address") or "").strip(), (keys.text("serial_device") or "").strip()
    if device and host:
        hint = "TCP is used; remove one"
        keys.report.warning("C22", keys.at("serial_device"), "both ip_address and serial_device given", hint)
    bits = _read_data_bits(keys)
    if device and not host:
        return Line("", serial=_read_serial(keys, device, bits or 8))
    host = host or default_host
    if host and not _HOST.fullmatch(host):
        hint = "write a host name or an address such as 10.0.0.7"
        keys.report.fatal("S02", keys.at("ip_address"), f"{kind_of_value(host)} is no address", hint)
    tls = _read_tls(keys, folder)
    return Line(host, _read_port(keys, _TLS_PORT if tls else _PORT), tls=tls, rtu=_read_framer(keys, tls))


def _read_port(keys: Keys, default: int) -> int:
    """`service` when it is known, else `port`."""
    port, service = keys.integer("port", 1, 65535), keys.text("service")
    if service:
        if service.lower() in _SERVICES:
            return _SERVICES[service.lower()]
        try:
            return socket.getservbyname(service, "tcp")
        except (OSError, ValueError):
            hint = "write the port number; the key 'port' is used"
            text = f"unknown service {kind_of_value(service)}"
            keys.report.warning("S05", keys.at("service"), text, hint)
    return default if port is None else port


def _read_serial(keys: Keys, device: str, data_bits: int) -> Serial:
    for key in ("tls", "framer"):
        if keys.raw(key) not in (None, False) and str(keys.raw(key)).lower() != "rtu":
            hint = "remove it, or give an ip_address"
            keys.report.warning("C22", keys.at(key), f"{key!r} means nothing on a serial line", hint)
    return Serial(
        device=device,
        baud_rate=keys.integer("baud_rate", 50, 4_000_000) or 115200,
        parity=_read_parity(keys),
        data_bits=data_bits,
        stop_bits=keys.integer("stop_bits", 1, 2) or 1,
    )


def _read_parity(keys: Keys) -> str:
    word = keys.text("parity")
    if word is None:
        return "N"
    if word.strip().lower() not in _PARITIES:
        text = f"unknown parity {kind_of_value(word)}"
        keys.report.error("S05", keys.at("parity"), text, "write none, even or odd; none is used")
    return _PARITIES.get(word.strip().lower(), "N")


def _read_data_bits(keys: Keys) -> int | None:
    """In an old file this key often holds the text of a table of the maker: only a note."""
    value = keys.raw("data_bits")
    if isinstance(value, str) and not value.strip().isdigit():
        text = f"expected the number of data bits, found {kind_of_value(value)}"
        keys.report.note("S04", keys.at("data_bits"), text, "write 5 to 8; 8 is used")
        return None
    return keys.integer("data_bits", 5, 8)


def _read_tls(keys: Keys, folder: Path) -> Tls | None:
    """Once TLS is asked for it stays so: with unusable files there is no connection, never a plain one."""
    if keys.raw("tls") in (None, False):
        return None
    inner = keys.section("tls", _TLS) or Keys(keys.report, keys.at("tls"), {}, _TLS)
    certificate, key, authorities = (
        _file(inner, name, folder) for name in ("certificate", "key", "authorities")
    )
    return Tls(
        certificate=certificate, key=key, authorities=authorities, server_name=inner.text("server_name") or ""
    )


def _file(keys: Keys, name: str, folder: Path) -> str:
    """A file of the TLS object, absolute; it is told when it is not there."""
    report, written = keys.report, keys.text(name)
    if not written:
        hint = "name the PEM file; until then nothing is connected"
        report.error("C26", keys.at(name), f"TLS without {name!r}", hint)
        return ""
    # Not Path: it raises for names that are too long, and `resolve` would follow links that are exchanged later.
    path = os.path.abspath(folder / written)  # noqa: PTH100
    if not os.path.isfile(path):  # noqa: PTH113
        hint = "create it, or correct its name; until then nothing is connected"
        report.error("file-missing", keys.at(name), f"the file {shown(path)} does not exist", hint)
    return path


def _read_framer(keys: Keys, tls: Tls | None) -> bool:
    """True for RTU frames over TCP."""
    word = (keys.text("framer") or "socket").strip().lower()
    if word not in ("socket", "rtu"):
        text = f"unknown framer {kind_of_value(word)}"
        keys.report.error("S05", keys.at("framer"), text, "write socket or rtu; socket is used")
    if word == "rtu" and tls is not None:
        hint = "TLS with the frames of Modbus/TCP is used; remove one"
        keys.report.warning("C22", keys.at("framer"), "tls and the framer rtu given", hint)
        return False
    return word == "rtu"
