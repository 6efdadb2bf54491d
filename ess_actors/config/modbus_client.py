"""A client file -> core ClientMaps, one for every address; a legacy file is rewritten first."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from ess_actors.config.json_positions import Document
from ess_actors.config.json_reader import read
from ess_actors.config.modbus_component import read_components
from ess_actors.config.modbus_endpoint import (
    CONNECTION,
    SERIAL_KEYS,
    read_defaults,
    read_endpoint,
    read_limits,
)
from ess_actors.config.modbus_keys import Keys, Level, Report
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.modbus_ranges import instances
from ess_actors.core.findings import Finding, Severity, in_order
from ess_actors.core.points import ClientMap

_TOP: Final = Level(("connection", "components", "fileInfo", "system"))
_MOVED: Final = ("ip_address", "port", *SERIAL_KEYS, "tls", "framer")
_SHARED: Final = ("id", "frequency", "device_id", "byte_swap", "off_by_one")


def load_client(path: Path | str) -> tuple[list[ClientMap], list[Finding]]:
    """Read one client file (also a legacy single-component one).

    One map per address of an `ip_range`, else one; none when a finding is FATAL. Findings in file order.
    """
    return client_from(read(path), Path(path))


def client_from(document: Document, path: Path) -> tuple[list[ClientMap], list[Finding]]:
    """The same for a document that was read already."""
    report = Report(str(path), document.positions)
    report.findings.extend(document.findings)
    maps: list[ClientMap] = []
    if document.value is not None or not document.findings:
        kind = kind_of(document.value, report)
        if kind in (Kind.CLIENT, Kind.LEGACY_CLIENT) and isinstance(document.value, dict):
            tree = document.value
            if kind is Kind.LEGACY_CLIENT:
                tree = _modernised(tree, report)
            maps = _client(Keys(report, "$", tree, _TOP), path)
        elif kind is Kind.SERVER:
            report.fatal("S01", "$", "a server file where a client file is wanted", "name it as a server")
    if any(finding.severity is Severity.FATAL for finding in report.findings):
        maps = []
    return maps, in_order(report.findings)


def _client(top: Keys, path: Path) -> list[ClientMap]:
    report = top.report
    connection = top.section("connection", CONNECTION)
    if connection is None:
        report.fatal("S02", "$", "no connection", "add the object 'connection' with ip_address and port")
        return []
    if not top.array("components"):
        report.fatal("S02", top.at("components"), "no components", "list at least one component")
        return []
    names = [str(connection.raw("ip_address") or "")]
    for component in top.array("components") or ():
        if isinstance(component, dict):
            names.extend(str(value) for key, value in component.items() if key.lower() == "id")
    maps: list[ClientMap] = []
    for instance in instances(connection, "ip_range", names):
        report.repeating = not instance.first
        endpoint = read_endpoint(connection, path.stem, instance)
        if endpoint is None:
            return []
        defaults = read_defaults(connection)
        limits = read_limits(connection)
        components = tuple(
            replace(component, **limits)  # type: ignore[arg-type]
            for component in read_components(top, defaults, instance)
        )
        stem = path.stem if instance.first and not instance.marker else f"{path.stem}_{instance.number:02d}"
        maps.append(ClientMap(stem=stem, file=str(path), endpoint=endpoint, components=components))
    report.repeating = False
    return maps


def _modernised(tree: dict[str, object], report: Report) -> dict[str, object]:
    """A legacy single-component file rewritten as a connection with one component."""
    low = {key.lower(): value for key, value in reversed(tree.items())}
    raw_system, groups = low.get("system"), low.get("registers")
    system = (
        {key.lower(): value for key, value in reversed(raw_system.items())}
        if isinstance(raw_system, dict)
        else {}
    )
    connection = {key: system[key] for key in _MOVED if key in system}
    if isinstance(connection.get("data_bits"), str):
        hint = "write 5 to 8; 8 is used"
        report.note(
            "S04", "$.system.data_bits", "a text where the number of data bits is wanted, ignored", hint
        )
        del connection["data_bits"]
    connection["name"] = system.get("name") or system.get("id")
    component = {key: system[key] for key in _SHARED if key in system}
    component["registers"] = groups
    report.moved = (
        ("$.components[0].registers", "$.registers"),
        ("$.components[0]", "$.system"),
        ("$.connection", "$.system"),
    )
    return {"connection": connection, "components": [component]}
