"""What no file shows alone: names and ports used twice, data sent to nobody, registers that nobody feeds."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from ess_actors.config.documents import Source, child, read_csv, trees
from ess_actors.config.site_access import check_access
from ess_actors.config.site_forwarding import Spoken, check_forwarding
from ess_actors.config.site_history import check_history
from ess_actors.config.site_safety import check_lessor, check_safety, check_watched
from ess_actors.config.site_schema import SiteShape
from ess_actors.config.site_sim import check_live, check_sim
from ess_actors.config.site_uris import TableNames
from ess_actors.config.start_file import StartFile
from ess_actors.core.errors import ConfigError
from ess_actors.core.ess import Ess
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.messages import SITE_WIDE_ACTORS
from ess_actors.core.points import ClientMap, Component
from ess_actors.core.server_points import ServerMap
from ess_actors.core.uri import covers

ALARM_ACTOR: Final = "alarms"
"""Last segment of the alarm actor that every instance has."""

FIRST_FREE_PORT: Final = 1024


@dataclass(frozen=True, slots=True)
class Placed:
    """One instance as loaded, with its place in site.json; the numbers are positions in its file lists."""

    path: str
    start: StartFile | None
    sources: dict[str, Source]
    documents_folder: Path
    complete: bool
    """False while a document is missing or cannot be read: nothing can be said then about what is absent."""
    clients: Sequence[tuple[int, ClientMap]]
    servers: Sequence[tuple[int, ServerMap]]

    def client_path(self, position: int) -> str:
        """Where site.json names the client file."""
        return child(self.path, "modbus_clients", position)

    def server_path(self, position: int) -> str:
        """Where site.json names the server file."""
        return child(self.path, "modbus_servers", position)


def cross_check(
    site: Source, shape: SiteShape, placed: Sequence[Placed], spoken: Sequence[Spoken]
) -> list[Finding]:
    """Every finding that takes more than one file to see; all of them point into site.json. `spoken`: see `booted`."""
    return [
        *_names(site, placed),
        *_actor_ids(site, placed),
        *_shared_stems(site, placed),
        *_ports(site, shape, placed),
        *check_access(site, shape),
        *_endpoints(site, placed),
        *_component_receivers(site, placed),
        *_server_sources(site, placed),
        *_safety(site, shape, placed),
        *_forwarding(site, shape, placed, spoken),
        *check_history(site, shape.history),
        *check_sim(site, shape, [client for one in placed for _, client in one.clients]),
        *check_live(site, shape, [one.start.name for one in placed if one.start is not None]),
    ]


def _names(site: Source, placed: Sequence[Placed]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for one in placed:
        if one.start is None:
            continue
        name, path = one.start.name, child(one.path, "start")
        if name in SITE_WIDE_ACTORS:
            text = f"the instance name {name!r} is the id of an actor that every site has"
            yield site.finding(Severity.FATAL, "name-taken", path, text, f"change EssName in {_file(one)}")
        if name in seen:
            text = f"two instances have the EssName {name!r}, the other one is {seen[name]}"
            yield site.finding(Severity.FATAL, "name-twice", path, text, f"change EssName in {_file(one)}")
        seen.setdefault(name, one.path)


def _file(one: Placed) -> str:
    return one.start.source.file if one.start is not None else ""


def _actor_ids(site: Source, placed: Sequence[Placed]) -> Iterator[Finding]:
    """The last segment of an id is the stem of a file, so two files of one instance must differ in it."""
    for one in placed:
        seen = {ALARM_ACTOR: "the alarm actor of every instance"}
        for path, stem, _ in _stems(one):
            if stem in seen:
                text = f"the actor id {stem!r} is taken by {seen[stem]}"
                yield site.finding(Severity.FATAL, "actor-twice", path, text, "rename one of the files")
            seen.setdefault(stem, path)


def _shared_stems(site: Source, placed: Sequence[Placed]) -> Iterator[Finding]:
    """Stems that two instances have: their actor ids differ, but simulators and options go by the stem."""
    seen: dict[str, Placed] = {}
    for one in placed:
        for path, stem, file in _stems(one):
            if seen.setdefault(stem, one) is not one:
                text = f"another instance has a file called {stem}.json too, as {file} is"
                hint = "rename one of them, or do without --sim, `sim` and --modbus-server for them"
                yield site.finding(Severity.WARNING, "stem-shared", path, text, hint)


def _stems(one: Placed) -> list[tuple[str, str, str]]:
    """(path in site.json, stem, file) of every client and server, each client file once."""
    clients = {(one.client_path(at), client.stem, client.file) for at, client in one.clients}
    servers = [(one.server_path(at), server.stem, server.file) for at, server in one.servers]
    return [*sorted(clients), *servers]


def _ports(site: Source, shape: SiteShape, placed: Sequence[Placed]) -> Iterator[Finding]:
    api = child("$", "api", "port")
    listeners = [(api, "the operator API", shape.api.host, shape.api.port)]
    for one in placed:
        for at, server in one.servers:
            if server.serial is None:
                listeners.append((one.server_path(at), server.file, server.host, server.port))
    for index, (path, what, host, port) in enumerate(listeners):
        for _, other, other_host, other_port in listeners[:index]:
            if port == other_port and _hosts_clash(host, other_host):
                text = f"port {port} is used twice: by {other} and by {what}"
                yield site.finding(Severity.FATAL, "port-twice", path, text, "give one of them another port")
        if port < FIRST_FREE_PORT:
            text = f"port {port} of {what} can be opened by root or with CAP_NET_BIND_SERVICE only"
            hint = "use a port from 1024 on, or start the site with that right"
            yield site.finding(Severity.NOTE, "port-privileged", path, text, hint)


def _hosts_clash(one: str, other: str) -> bool:
    return one == other or not {one, other}.isdisjoint({"0.0.0.0", "::", ""})


def _endpoints(site: Source, placed: Sequence[Placed]) -> Iterator[Finding]:
    """Devices that two files name: one actor serves them for both, with the settings of the first."""
    seen: dict[tuple[str, int], tuple[Placed, ClientMap]] = {}
    for one in placed:
        for at, client in one.clients:
            owner, first = seen.setdefault(client.endpoint.address, (one, client))
            if first.file == client.file:
                continue
            name = f"{owner.start.name}/{first.stem}" if owner.start is not None else first.stem
            text = (
                f"{client.file} names {client.endpoint.place} as {first.file} does: "
                f"served by the actor {name}, one socket"
            )
            if replace(client.endpoint, name="") == replace(first.endpoint, name=""):
                severity, hint = Severity.NOTE, "there is nothing to do"
            else:
                severity, hint = Severity.WARNING, "give both connections the same settings"
                text += f"; its other connection settings count, those of {client.file} do not"
            yield site.finding(severity, "endpoint-shared", one.client_path(at), text, hint)


def _component_receivers(site: Source, placed: Sequence[Placed]) -> Iterator[Finding]:
    """Components whose publications nobody takes, or only another instance than the client's own."""
    instances = [one.start for one in placed if one.start is not None]
    publishers: dict[str, str] = {}
    for one in placed:
        for at, client in one.clients:
            path = one.client_path(at)
            for component in client.components:
                first = publishers.setdefault(component.uri, client.file)
                if first != client.file:
                    text = f"component {component.id} is published by {first} and by {client.file}"
                    yield site.finding(Severity.ERROR, "component-twice", path, text, "change one of the ids")
                yield from _receivers(site, path, one.start, component, instances)


def _receivers(
    site: Source, path: str, own: StartFile | None, component: Component, instances: Iterable[StartFile]
) -> Iterator[Finding]:
    if own is None:
        return
    uri = component.uri
    hearing = [start.name for start in instances if any(covers(sub, uri) for sub in start.subscriptions)]
    named = component.id.partition("/")[0]
    if not hearing:
        text = f"component {component.id} is published as {uri}, which no instance subscribes to"
        hint = f"add a piece such as /components/{named} to Subs in {own.source.file}, or change the id"
        yield site.finding(Severity.ERROR, "component-unheard", path, text, hint)
    elif own.name not in hearing:
        text = (
            f"component {component.id} goes to {', '.join(hearing)}, not to {own.name} that owns the client"
        )
        hint = "list the client file under that instance, or change the component id"
        yield site.finding(Severity.WARNING, "component-elsewhere", path, text, hint)
    for start in instances:
        entry = start.access.route("pub", uri).blocked
        if start.name in hearing and start.name == own.name and entry:
            text = f"component {component.id} is dropped by {start.name}: its block list has {entry!r}"
            hint = f"remove the entry from {start.source.file}, or set it to false"
            yield site.finding(Severity.WARNING, "component-blocked", path, text, hint)


def _server_sources(site: Source, placed: Sequence[Placed]) -> Iterator[Finding]:
    """Register uris that no document speaks of, and command registers whose writes nobody takes."""
    instances = [one.start for one in placed if one.start is not None]
    complete = all(one.complete for one in placed)
    tables = TableNames(source.tree for one in placed for source in one.sources.values())
    for one in placed:
        for at, server in one.servers:
            path = one.server_path(at)
            for uri in server.sources:
                entries = [e for e in server.entries if e.uri == uri and not e.commit_counter]
                commands = sum(entry.table.writable for entry in entries)
                if commands and not any(_takes_sets(start, uri) for start in instances):
                    text = f"{commands} registers of {server.file} write to {uri}, which no instance takes"
                    hint = "subscribe an instance to it in Subs, or correct `uri` of the entries"
                    yield site.finding(Severity.ERROR, "server-unheard", path, text, hint)
                if complete and commands < len(entries) and uri not in tables:
                    count = len(entries) - commands
                    text = f"{count} registers of {server.file} show {uri}, which no document fills"
                    hint = "publish that table from an instance, or correct `uri` of the entries"
                    yield site.finding(Severity.ERROR, "server-unfed", path, text, hint)


def _safety(site: Source, shape: SiteShape, placed: Sequence[Placed]) -> Iterator[Finding]:
    earlier: dict[tuple[str, int], str] = {}
    for one, own in zip(placed, shape.instances, strict=True):
        tables = TableNames(source.tree for source in one.sources.values())
        clients = [client for _, client in one.clients]
        yield from check_safety(site, one.path, own, clients, tables if one.complete else None)
        yield from check_lessor(site, one.path, own, clients, earlier)
        for client in clients:
            earlier.setdefault(client.endpoint.address, own.start)


def booted(placed: Sequence[Placed]) -> list[Spoken]:
    """Every instance with its documents loaded; none at all while one of them could not start."""
    spoken = []
    for one in placed:
        if one.start is None or not one.complete:
            return []
        try:
            ess = Ess(
                one.start.source.tree,
                trees(one.sources),
                now=0.0,
                wall=0.0,
                csv=read_csv(one.documents_folder),
            )
        except ConfigError:
            return []
        ess.boot(0.0, 0.0)
        spoken.append(Spoken(one.path, one.start, one.sources, ess))
    return spoken


def _forwarding(
    site: Source, shape: SiteShape, placed: Sequence[Placed], spoken: Sequence[Spoken]
) -> Iterator[Finding]:
    """What takes every instance to be seen."""
    if not spoken:
        return
    components = [c.uri for one in placed for _, client in one.clients for c in client.components]
    registers = [uri for one in placed for _, server in one.servers for uri in server.sources]
    yield from check_forwarding(site, spoken, [*components, *registers])
    fed = {f"{e.uri}/{e.id}" for one in placed for _, server in one.servers for e in server.entries}
    for told, own in zip(spoken, shape.instances, strict=True):
        names = partial(_names_in, told.ess)
        yield from check_watched(site, told.path, own, names, fed)


def _names_in(ess: Ess, table: str) -> Collection[str]:
    found = ess.engine.map.tables.get(table)
    return () if found is None else tuple(found.variables)


def _takes_sets(start: StartFile, uri: str) -> bool:
    heard = any(covers(sub, uri) for sub in start.subscriptions)
    return heard and not start.access.route("set", uri).blocked
