"""A site on disk: site.json and every file it names, read, checked against each other, and built."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ess_actors.config.documents import Source, child, read_csv, read_folder, read_object, trees
from ess_actors.config.modbus_client import load_client
from ess_actors.config.modbus_server import load_server
from ess_actors.config.site_access import access_of
from ess_actors.config.site_checks import Placed, booted, cross_check
from ess_actors.config.site_engine import lint_instance
from ess_actors.config.site_history import keeping_of
from ess_actors.config.site_safety import safety_of
from ess_actors.config.site_schema import InstanceShape, LiveShape, ShapeError, SiteShape, parse_site
from ess_actors.config.start_file import StartFile, load_start
from ess_actors.core.clear_places import ClearPlace, clear_places
from ess_actors.core.findings import Finding, Severity, in_order
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.hung import HUNG_S
from ess_actors.core.lease import EmergencyStop, SafeList, SiteHeartbeat
from ess_actors.core.points import ClientMap
from ess_actors.core.server_points import ServerMap
from ess_actors.core.site_access import SiteAccess

SITE_FILE: Final = "site.json"


@dataclass(frozen=True, slots=True)
class Instance:
    """One controller with everything it works with."""

    name: str
    start: dict[str, object]
    documents: dict[str, dict[str, object]]
    """Document name (the stem of its file) -> the document."""
    documents_folder: Path
    subscriptions: tuple[str, ...]
    clients: tuple[ClientMap, ...]
    servers: tuple[ServerMap, ...]
    csv: Mapping[str, str] = field(default_factory=dict)
    """Texts of the csv tables beside the documents, by name without suffix."""
    safe: tuple[SafeList, ...] = ()
    """What its devices fall back to."""
    heartbeat: SiteHeartbeat | None = None
    emergency: EmergencyStop | None = None
    clears: tuple[ClearPlace, ...] = ()
    """Where a clear of faults is ordered."""


@dataclass(frozen=True, slots=True)
class Live:
    """One value of the line that is printed while the site runs."""

    label: str
    uri: str
    unit: str


@dataclass(frozen=True, slots=True)
class Site:
    """A checked site; nothing is wrong with it that would keep it from running."""

    name: str
    folder: Path
    instances: tuple[Instance, ...]
    api_host: str
    api_port: int
    sim: Mapping[str, Mapping[str, object]]
    """Stem of a client file -> the model of its simulated device, as `core.plant_model.Plant` takes it."""
    live: tuple[Live, ...]
    hung_after_s: float = HUNG_S
    access: SiteAccess = field(default_factory=SiteAccess)
    operators: int = 1
    history: Keeping | None = None
    """None = readings are not kept."""


def load_site(path: Path | str) -> tuple[Site | None, list[Finding]]:
    """The site of a folder (or of its site.json), and every finding in order of file and line.

    None when a finding is FATAL. Raises nothing for what a file may contain.
    """
    file = Path(path)
    if file.is_dir() or file.name != SITE_FILE:
        file = file / SITE_FILE
    source, findings = read_object(file, "name the folder of a site, the one with site.json in it")
    if source is None:
        return None, findings
    try:
        shape = parse_site(source.tree)
    except ShapeError as error:
        wrong = [
            source.finding(Severity.FATAL, "site-shape", child("$", *place), text, hint)
            for place, text, hint in error.problems
        ]
        return None, in_order([*findings, *wrong])
    placed: list[Placed] = []
    for index, instance in enumerate(shape.instances):
        path = child("$", "instances", index)
        missing = list(_missing(source, path, instance))
        one, found = _load_instance(file.parent, path, instance)
        placed.append(one)
        # What is not there is told once, where site.json names it.
        gone = {str(file.parent / name) for name, _ in missing}
        findings += [finding for _, finding in missing]
        findings += [finding for finding in found if finding.file not in gone]
    spoken = booted(placed)
    findings += cross_check(source, shape, placed, spoken)
    if any(finding.severity is Severity.FATAL for finding in findings):
        return None, in_order(findings)
    clears = {one.start.name: clear_places(one.engine) for one in spoken}
    return _built(file.parent, shape, placed, clears), in_order(findings)


def _missing(site: Source, path: str, shape: InstanceShape) -> Iterator[tuple[str, Finding]]:
    """The files that site.json names and that are not there."""
    named = [(shape.start, child(path, "start"))]
    for member in ("modbus_clients", "modbus_servers"):
        names: list[str] = getattr(shape, member)
        named += [(name, child(path, member, position)) for position, name in enumerate(names)]
    for name, place in named:
        if not (Path(site.file).parent / name).is_file():
            text = f"the file {name} does not exist"
            hint = "create it, or correct its name here"
            yield name, site.finding(Severity.FATAL, "file-missing", place, text, hint)


def _load_instance(folder: Path, path: str, shape: InstanceShape) -> tuple[Placed, list[Finding]]:
    """Every file of one instance, and what was found in each of them alone."""
    start, findings = load_start(folder / shape.start)
    sources, broken, found = read_folder(folder / shape.documents)
    findings += found
    clients: list[tuple[int, ClientMap]] = []
    for position, name in enumerate(shape.modbus_clients):
        maps, found = load_client(folder / name)
        clients += [(position, one) for one in maps]
        findings += found
    servers: list[tuple[int, ServerMap]] = []
    for position, name in enumerate(shape.modbus_servers):
        server, found = load_server(folder / name)
        servers += [(position, server)] if server is not None else []
        findings += found
    documents = folder / shape.documents
    complete = documents.is_dir() and not broken
    if documents.is_dir():
        findings += lint_instance(start, sources, broken, documents)
    return Placed(path, start, sources, documents, complete, clients, servers), findings


Clears = Mapping[str, tuple[ClearPlace, ...]]


def _built(folder: Path, shape: SiteShape, placed: list[Placed], clears: Clears) -> Site:
    return Site(
        name=shape.name,
        folder=folder,
        instances=tuple(
            _instance(one, one.start, own, clears.get(one.start.name, ()))
            for one, own in zip(placed, shape.instances, strict=True)
            if one.start is not None
        ),
        api_host=shape.api.host,
        api_port=shape.api.port,
        sim=dict(shape.sim),
        live=tuple(_live(one) for one in shape.live),
        hung_after_s=shape.hung_after_s,
        access=access_of(folder, shape.access),
        operators=shape.operators,
        history=keeping_of(shape.history),
    )


def _instance(
    placed: Placed, start: StartFile, shape: InstanceShape, clears: tuple[ClearPlace, ...]
) -> Instance:
    safe, heartbeat, emergency = safety_of(shape, [client for _, client in placed.clients])
    return Instance(
        name=start.name,
        start=start.source.tree,
        documents=trees(placed.sources),
        documents_folder=placed.documents_folder,
        subscriptions=start.subscriptions,
        clients=tuple(client for _, client in placed.clients),
        servers=tuple(server for _, server in placed.servers),
        csv=read_csv(placed.documents_folder),
        safe=safe,
        heartbeat=heartbeat,
        emergency=emergency,
        clears=clears,
    )


def _live(shape: LiveShape) -> Live:
    return Live(shape.label, shape.uri, shape.unit)
