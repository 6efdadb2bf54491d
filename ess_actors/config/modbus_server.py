"""A site server file -> core ServerMap: its system, its units and what they contradict."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from ess_actors.config.json_reader import read
from ess_actors.config.modbus_client import SYSTEM_LEFT_OVER
from ess_actors.config.modbus_endpoint import SERIAL_UNITS
from ess_actors.config.modbus_entries import ReadEntry, UnitLevel, read_entries, read_policy, without_repeats
from ess_actors.config.modbus_inherited import read_word_order
from ess_actors.config.modbus_keys import Keys, Level, kind_of_value
from ess_actors.config.modbus_kind import SECTIONS, Kind, kind_of
from ess_actors.config.modbus_line import ADDRESS_KEYS, Line, read_line
from ess_actors.config.modbus_report import Report
from ess_actors.core.findings import Finding
from ess_actors.core.json_positions import Document
from ess_actors.core.server_points import ANY_UNIT, ServerEntry, ServerMap, StaleBit, StalePolicy
from ess_actors.core.uri import clean

_TOP: Final = Level(("system", "registers"), ("fileInfo", "note*", "comment*"))
_SYSTEM: Final = Level(
    (
        *ADDRESS_KEYS,
        "id",
        "device_id",
        "byte_swap",
        "word_order",
        "stale_after_ms",
        "stale_policy",
        "stale_bits",
        "max_clients",
        "allow_from",
        "idle_timeout_s",
    ),
    (*SYSTEM_LEFT_OVER, "name", "off_by_one"),
)
_UNIT: Final = Level((*SECTIONS, "device_id", "uri", "stale_policy"), ("note*", "comment*"))
_STALE_BIT: Final = Level(("uri", "id", "entry_uri", "bit"), ("note*", "comment*"))


def load_server(path: Path | str) -> tuple[ServerMap | None, list[Finding]]:
    """Read one server file; None when a finding is FATAL. Findings in file order."""
    return server_from(read(path), Path(path))


def server_from(document: Document, path: Path) -> tuple[ServerMap | None, list[Finding]]:
    """The same for a document that was read already."""
    report = Report(str(path), document.positions, document.findings)
    found: ServerMap | None = None
    if not report.is_fatal:
        kind = kind_of(document.value, report)
        if kind is Kind.SERVER and isinstance(document.value, dict):
            found = _server(Keys(report, "$", document.value, _TOP), path)
        elif kind in (Kind.CLIENT, Kind.LEGACY_CLIENT):
            report.fatal("S01", "$", "a client file where a server file is wanted", "name it as a client")
    return None if report.is_fatal else found, report.findings


def _server(top: Keys, path: Path) -> ServerMap | None:
    report = top.report
    system = top.section("system", _SYSTEM)
    if system is None:
        return None
    system_id = system.text("id") or ""
    if not system_id.strip("/"):
        hint = 'add an id such as "/site_controller"'
        report.fatal("S02", system.path, "the server has no id", hint)
    line = read_line(system, path.parent, "0.0.0.0")
    if line.rtu:
        hint = "remove it; only a client speaks RTU over TCP"
        report.error("S05", system.at("framer"), "a server listens with the framer socket only", hint)
    policy = read_policy(system) or StalePolicy.HOLD
    swap, order = system.boolean("byte_swap") is True, read_word_order(system) or 0
    if line.serial is None:
        system.integer("device_id", 0, 255)  # of no effect, but not to be nonsense either
    units = [(keys, _unit(keys, system, line)) for keys in _units(top)]
    found: list[ReadEntry] = []
    for keys, unit in units:
        uri, own = keys.text("uri") or "", read_policy(keys) or policy
        if unit is not None:
            base_uri = clean("/interfaces/" + system_id)
            found += read_entries(keys, UnitLevel(unit, uri, base_uri, own, swap, order))
    entries = without_repeats(found)
    if not entries and all(unit is not None for _, unit in units):
        text, hint = "a server without entries", "it answers every read with exception 2"
        report.warning("C25", top.at("registers"), text, hint)
    stale_after = system.integer("stale_after_ms", 0, 1e9)
    return ServerMap(
        stem=path.stem,
        file=str(path),
        system_id=system_id,
        host=line.host,
        port=line.port,
        serial=line.serial,
        tls=line.tls,
        entries=tuple(entries),
        stale_after_ms=5000 if stale_after is None else stale_after,
        stale_bits=tuple(_stale_bits(system, entries)),
        max_clients=system.integer("max_clients", 1, 10_000) or 32,
        allow_from=_allowed(system),
        idle_timeout_s=float(system.number("idle_timeout_s", 0, 1e6) or 0),
    )


def _unit(keys: Keys, system: Keys, line: Line) -> int | None:
    """The unit id a map answers to. None (V05) on a serial line where it would be somebody else's."""
    if line.serial is None:
        own = keys.integer("device_id", 0, 255)
        return ANY_UNIT if own is None else own
    place = keys if "device_id" in keys else system
    own, (first, last) = place.integer("device_id"), SERIAL_UNITS
    if own is not None and first <= own <= last:
        return own
    text = f"a server on a serial line without device_id {first}..{last}"
    hint = "set it; its entries are dropped, so that it never answers for another device"
    at = place.at("device_id") if "device_id" in place else place.path
    keys.report.error("V05", at, text, hint)
    return None


def _units(top: Keys) -> Iterator[Keys]:
    if not isinstance(top.raw("registers"), Mapping):
        yield from top.sections("registers", _UNIT)
        return
    single = top.section("registers", _UNIT)
    if single is not None:
        yield single


def _allowed(system: Keys) -> tuple[str, ...]:
    """`allow_from`. A list that cannot be understood must not open the server to everybody: then nobody is let in."""
    written = system.raw("allow_from")
    if written is None or written == []:
        return ()
    found: list[str] = []
    for index, network in enumerate(written if isinstance(written, list) else [written]):
        try:
            found.append(str(ip_network(network.strip(), strict=False)) if isinstance(network, str) else "")
        except ValueError:
            found.append("")
        if not found[-1]:
            at = f"{system.at('allow_from')}[{index}]"
            hint = "write an address or a network such as 10.0.0.0/24; it lets nobody in"
            system.report.error("S05", at, f"{kind_of_value(network)} is no network", hint)
    return tuple(network for network in found if network) or _NOBODY


_NOBODY: Final = ("255.255.255.255/32",)


def _stale_bits(system: Keys, entries: list[ServerEntry]) -> Iterator[StaleBit]:
    known = {(entry.uri, entry.id): entry for entry in entries}
    sources = {entry.uri for entry in entries}
    for keys in system.sections("stale_bits", _STALE_BIT):
        source, id_, bit = keys.text("uri"), keys.text("id"), keys.integer("bit", 0, 63)
        if not source or not id_ or bit is None:
            keys.report.error(
                "C26", keys.path, "uri, id and bit are needed", "write all three; it is dropped"
            )
            continue
        source = clean(source)
        entry_uri = clean(keys.text("entry_uri") or source)
        entry = known.get((entry_uri, id_))
        if entry is None or source not in sources:
            missing = f"entry {entry_uri}/{id_}" if entry is None else f"source {source}"
            keys.report.error("S05", keys.path, f"no {missing} in this file", "correct it; it is dropped")
            continue
        width = 32 if entry.high_word_address is not None else max(1, entry.codec.bits)
        if bit >= width:
            keys.report.error("S05", keys.at("bit"), f"{entry.id!r} has {width} bits only", "it is dropped")
            continue
        yield StaleBit(source=source, entry_uri=entry_uri, entry_id=id_, bit=bit)
