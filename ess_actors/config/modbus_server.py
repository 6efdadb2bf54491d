"""A site server file -> core ServerMap: its system, its units and what they contradict."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ess_actors.config.json_positions import Document
from ess_actors.config.json_reader import read
from ess_actors.config.modbus_endpoint import ADDRESS_KEYS, read_port, refuse_other_lines
from ess_actors.config.modbus_entries import UnitLevel, read_entries
from ess_actors.config.modbus_keys import Keys, Level, Report
from ess_actors.config.modbus_kind import SECTIONS, Kind, kind_of
from ess_actors.core.findings import Finding, Severity, in_order
from ess_actors.core.points import ANY_UNIT, ServerEntry, ServerMap, StaleBit, StalePolicy
from ess_actors.core.uri import clean

_TOP: Final = Level(("system", "registers"), ("fileInfo", "connection"))
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
    ),
    (
        "bypass_init",
        "name",
        "protocol",
        "version",
        "off_by_one",
        "server_delay",
        "eth_dev",
        "low_debug",
        "dbi_save_frequency_seconds",
        "connection name",
        "standard version",
        "note*",
        "comment*",
    ),
)
_UNIT: Final = Level((*SECTIONS, "device_id", "uri", "stale_policy"), ("note*", "comment*"))
_STALE_BIT: Final = Level(("uri", "id", "entry_uri", "bit"), ("note*", "comment*"))


def load_server(path: Path | str) -> tuple[ServerMap | None, list[Finding]]:
    """Read one server file; None when a finding is FATAL. Findings in file order."""
    return server_from(read(path), Path(path))


def server_from(document: Document, path: Path) -> tuple[ServerMap | None, list[Finding]]:
    """The same for a document that was read already."""
    report = Report(str(path), document.positions)
    report.findings.extend(document.findings)
    found: ServerMap | None = None
    if document.value is not None or not document.findings:
        kind = kind_of(document.value, report)
        if kind is Kind.SERVER and isinstance(document.value, dict):
            found = _server(Keys(report, "$", document.value, _TOP), path)
        elif kind in (Kind.CLIENT, Kind.LEGACY_CLIENT):
            report.fatal("S01", "$", "a client file where a server file is wanted", "name it as a client")
    if any(finding.severity is Severity.FATAL for finding in report.findings):
        found = None
    return found, in_order(report.findings)


def _server(top: Keys, path: Path) -> ServerMap | None:
    report = top.report
    system = top.section("system", _SYSTEM)
    if system is None:
        return None
    system_id = system.text("id")
    if not system_id:
        report.fatal("S02", system.path, "the server has no id", 'add an id such as "/site_controller"')
        return None
    refuse_other_lines(system)
    policy = read_policy(system) or StalePolicy.HOLD
    entries: list[ServerEntry] = []
    for keys in _units(top):
        level = UnitLevel(
            unit=ANY_UNIT
            if keys.integer("device_id", 0, 255) is None
            else keys.integer("device_id", 0, 255) or 0,
            uri=keys.text("uri") or "",
            base_uri=clean("/interfaces/" + system_id),
            policy=read_policy(keys) or policy,
            byte_swap=system.boolean("byte_swap") is True,
            word_order=system.integer("word_order") or 0,
        )
        entries.extend(read_entries(keys, level))
    if not entries:
        report.warning(
            "C25", top.at("registers"), "a server without entries", "it answers every read with exception 2"
        )
    stale_after = system.integer("stale_after_ms", 0)
    return ServerMap(
        stem=path.stem,
        file=str(path),
        system_id=system_id,
        host=system.text("ip_address") or "0.0.0.0",
        port=read_port(system, 502),
        entries=tuple(entries),
        stale_after_ms=5000 if stale_after is None else stale_after,
        stale_bits=tuple(_stale_bits(system, entries)),
        max_clients=system.integer("max_clients", 1) or 32,
        allow_from=tuple(str(network) for network in system.array("allow_from") or ()),
    )


def _units(top: Keys) -> Iterator[Keys]:
    registers = top.raw("registers")
    if isinstance(registers, Mapping):
        single = top.section("registers", _UNIT)
        if single is not None:
            yield single
    else:
        yield from top.sections("registers", _UNIT)


def read_policy(keys: Keys) -> StalePolicy | None:
    """`stale_policy` where it stands, else None."""
    word = keys.text("stale_policy")
    if word is None:
        return None
    try:
        return StalePolicy(word.lower())
    except ValueError:
        hint = "write hold, zero or exception"
        keys.report.error("S05", keys.at("stale_policy"), f"unknown policy {word!r}", hint)
        return None


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
        yield StaleBit(source=source, entry_uri=entry_uri, entry_id=id_, bit=bit)
