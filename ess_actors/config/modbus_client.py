"""A client file -> core ClientMaps, one for every address; a legacy file is seen as a connection with one component."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ess_actors.config.json_reader import read
from ess_actors.config.modbus_component import Written, expand, read_component, read_components
from ess_actors.config.modbus_component_checks import check_ids
from ess_actors.config.modbus_endpoint import (
    CONNECTION,
    LEFT_OVER,
    name_of,
    read_defaults,
    read_endpoint,
    read_limits,
)
from ess_actors.config.modbus_keys import Keys, Level
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.modbus_line import ADDRESS_KEYS
from ess_actors.config.modbus_ranges import MAX_POINTS, Instance, instances, lacks_marker, too_many
from ess_actors.config.modbus_report import Report
from ess_actors.core.findings import Finding
from ess_actors.core.json_positions import Document
from ess_actors.core.points import ClientMap, Component, Endpoint

_TOP: Final = Level(("connection", "components"), ("fileInfo", "system", "note*", "comment*"))
_LEGACY_TOP: Final = Level(("system", "registers"), ("fileInfo", "note*", "comment*"))
_SHARED: Final = ("id", "frequency", "device_id", "byte_swap", "off_by_one")
"""Keys of `system` in a legacy file that are those of its one component."""
SYSTEM_LEFT_OVER: Final = (
    "bypass_init",
    "protocol",
    "version",
    "server_delay",
    "eth_dev",
    "low_debug",
    "dbi_save_frequency_seconds",
    "connection name",
    "standard version",
    "note*",
    "comment*",
)
"""Keys of `system` that mean nothing to us."""
_LEGACY_SYSTEM: Final = Level((*ADDRESS_KEYS, *_SHARED, "name"), (*SYSTEM_LEFT_OVER, *LEFT_OVER))


def load_client(path: Path | str) -> tuple[list[ClientMap], list[Finding]]:
    """Read one client file (also a legacy single-component one).

    One map per address of an `ip_range`, else one; none when a finding is FATAL. Findings in file order.
    """
    return client_from(read(path), Path(path))


def client_from(document: Document, path: Path) -> tuple[list[ClientMap], list[Finding]]:
    """The same for a document that was read already."""
    report = Report(str(path), document.positions, document.findings)
    maps: list[ClientMap] = []
    if not report.is_fatal:
        kind = kind_of(document.value, report)
        if kind is Kind.CLIENT and isinstance(document.value, dict):
            maps = _client(Keys(report, "$", document.value, _TOP), path)
        elif kind is Kind.LEGACY_CLIENT and isinstance(document.value, dict):
            maps = _legacy(Keys(report, "$", document.value, _LEGACY_TOP), path)
        elif kind is Kind.SERVER:
            report.fatal("S01", "$", "a server file where a client file is wanted", "name it as a server")
    return [] if report.is_fatal else maps, report.findings


def _client(top: Keys, path: Path) -> list[ClientMap]:
    report = top.report
    connection = top.section("connection", CONNECTION)
    if connection is None:
        report.fatal("S02", "$", "no connection", "add the object 'connection' with ip_address and port")
        connection = Keys(report, "$", {}, CONNECTION).view(())
    if not top.array("components"):
        report.fatal("S02", top.at("components"), "no components", "list at least one component")
    endpoint = None if report.is_fatal else read_endpoint(connection, path)
    defaults = read_defaults(connection, endpoint)
    return _maps(connection, endpoint, read_components(top, defaults), path)


def _legacy(top: Keys, path: Path) -> list[ClientMap]:
    system = top.section("system", _LEGACY_SYSTEM)
    if system is None:
        return []
    connection = system.view((*ADDRESS_KEYS, "id", "name"))
    endpoint = read_endpoint(connection, path)
    component = system.view(_SHARED, top.view(("registers",)))
    written = read_component(component, read_defaults(connection, endpoint))
    return _maps(connection, endpoint, [] if written is None else [written], path)


def _maps(
    connection: Keys, endpoint: Endpoint | None, written: Sequence[Written], path: Path
) -> list[ClientMap]:
    """One map per address. What has no marker of the range is made for the first address only (C20)."""
    report, limits = connection.report, read_limits(connection)
    addresses = instances(connection, "ip_range", 1, 255)
    host = "" if endpoint is None else endpoint.host
    if lacks_marker(connection, "ip_range", addresses, [host]):
        addresses = addresses[:1]
    if len(addresses) > 1 and sum(one.size for one in written) * len(addresses) > MAX_POINTS:
        too_many(connection, "ip_range", f"{MAX_POINTS:,} points")
        addresses = addresses[:1]
    lonely = [lacks_marker(connection, "ip_range", addresses, [one.id]) for one in written]
    maps: list[ClientMap] = []
    for instance in addresses:
        report.repeating = not instance.first
        placed = [
            one
            for component, once in zip(written, lonely, strict=True)
            if instance.first or not once
            for one in expand(component, instance)
        ]
        check_ids(placed, report)
        components = tuple(replace(one.component, **limits) for one in placed)  # type: ignore[arg-type]
        if endpoint is not None:
            maps.append(_map(endpoint, instance, components, path))
    report.repeating = False
    return maps


def _map(endpoint: Endpoint, instance: Instance, components: tuple[Component, ...], path: Path) -> ClientMap:
    stem = path.stem if instance.first and not instance.marker else f"{path.stem}_{instance.number:02d}"
    placed = replace(
        endpoint,
        name=name_of(endpoint, path.stem, instance),
        host=instance.addressed(endpoint.host),
        stats_uri=instance.named(endpoint.stats_uri),
    )
    return ClientMap(stem=stem, file=str(path), endpoint=placed, components=components)
