"""From a checked site and the options of `run` to what the supervisor starts: devices or simulators, ports, ids."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

from ess_actors.actors.endpoints import Address, servers_of
from ess_actors.actors.launch import Listening, free_port
from ess_actors.actors.loopback import LOOPBACK
from ess_actors.actors.settings import (
    ClientSettings,
    EssSettings,
    SimSettings,
    SiteSettings,
    WebSettings,
)
from ess_actors.config.site import Live, Site
from ess_actors.core.errors import ConfigError
from ess_actors.core.lease import Guarding, SafeList
from ess_actors.core.live import Shown
from ess_actors.core.points import ClientMap
from ess_actors.core.server_points import ServerMap
from ess_actors.modbus.simulator import device_names


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line may change of a site."""

    simulated: bool = False
    api: Address | None = None
    servers: Mapping[str, Address] = field(default_factory=dict)
    """Stem of a Modbus server file -> where it listens instead."""
    record: str = ""
    """Folder for a recording of every instance; empty = none."""
    keep_changes: bool = False
    """Keep the last changes of every variable."""


def build(site: Site, options: RunOptions) -> tuple[SiteSettings, list[Listening]]:
    """The settings of every actor and the ports the site will listen on. Raises ConfigError for an unknown stem."""
    maps = [m for instance in site.instances for m in instance.clients]
    known = [server.stem for instance in site.instances for server in instance.servers]
    unknown = sorted(set(options.servers) - set(known))
    if unknown:
        raise ConfigError(
            f"--modbus-server {', '.join(unknown)}: this site has no such server; it has {', '.join(known) or 'none'}"
        )
    host, port = options.api or (site.api_host, site.api_port)
    ports: dict[Address, int] = {}
    if options.simulated:
        placed = [
            _placed(server, options.servers) for instance in site.instances for server in instance.servers
        ]
        taken = [port, *(server.port for server in placed if server.serial is None)]
        for client in maps:
            if client.endpoint.address not in ports:
                ports[client.endpoint.address] = free_port(taken)
    instances = _instances(site, options, ports)
    listening = [Listening("operator API", host, port)]
    listening += [
        Listening(f"Modbus server {server.stem}", server.host, server.port)
        for instance in instances
        for server in instance.servers
        if server.serial is None
    ]
    addresses = {
        "operator API": f"{site.access.scheme}://{host}:{port}",
        "metrics": f"{site.access.scheme}://{host}:{port}/metrics",
        **{entry.what: f"{entry.host}:{entry.port}" for entry in listening[1:]},
        **{
            f"Modbus server {server.stem}": server.serial.device
            for instance in instances
            for server in instance.servers
            if server.serial is not None
        },
        **{
            f"simulator {name}": f"{LOOPBACK}:{ports[client.endpoint.address]}"
            for name, client in zip(device_names(maps), maps, strict=True)
            if client.endpoint.address in ports
        },
    }
    names = tuple(instance.name for instance in instances)
    devices = {
        component.uri: f"{instance.name}/{client.stem}"
        for instance in instances
        for client in instance.clients
        for one in client.maps
        for component in one.components
    }
    web = WebSettings(
        site.name,
        host,
        port,
        version("ess_actors"),
        names,
        addresses,
        options.simulated,
        devices,
        site.access,
        secrets.token_urlsafe(32),
        operators=site.operators,
        history=site.history is not None,
        clears=tuple(place for instance in site.instances for place in instance.clears),
    )
    sim = SimSettings(tuple(maps), ports, site.sim) if options.simulated else None
    return SiteSettings(site.name, instances, web, sim, site.hung_after_s, site.history), listening


def _instances(site: Site, options: RunOptions, ports: Mapping[Address, int]) -> tuple[EssSettings, ...]:
    """Every instance with the clients it runs: a device that two files name is served for both by the first."""
    instances = site.instances
    owners: list[int] = []
    files: list[list[ClientMap]] = []
    for index, instance in enumerate(instances):
        by_file: dict[str, list[ClientMap]] = {}
        for client in instance.clients:
            by_file.setdefault(client.file, []).append(client)
        files += by_file.values()
        owners += [index] * len(by_file)
    serving = servers_of(files)
    clients: dict[int, list[ClientMap]] = {}
    for maps, server in zip(files, serving, strict=True):
        clients.setdefault(server, []).extend(maps)
    lists = [one for instance in instances for one in instance.safe]
    found: list[EssSettings] = []
    for index, instance in enumerate(instances):
        own = tuple(
            ClientSettings(tuple(maps), ports, _safe(maps, lists))
            for server, maps in clients.items()
            if owners[server] == index
        )
        guarded = {f"{instance.name}/{one.stem}": one.safe for one in own if one.safe is not None}
        found.append(
            EssSettings(
                instance.name,
                instance.start,
                instance.documents,
                own,
                tuple(_placed(server, options.servers) for server in instance.servers),
                csv=instance.csv,
                record=options.record,
                guarding=Guarding(guarded, instance.heartbeat, instance.emergency),
                keep_changes=options.keep_changes,
                shown=_shown(site.live, instance.name),
            )
        )
    return tuple(found)


def _shown(live: Sequence[Live], instance: str) -> tuple[Shown, ...]:
    """What of the site's `live` values this instance has."""
    return tuple(
        Shown(one.label, one.uri.removeprefix(f"/{instance}"), one.unit)
        for one in live
        if one.uri.startswith(f"/{instance}/")
    )


def _safe(maps: Sequence[ClientMap], lists: Sequence[SafeList]) -> SafeList | None:
    """What the devices of one client actor fall back to: it is leased as a whole, as shortly as any of them."""
    uris = tuple(f"{component.uri}/" for one in maps for component in one.components)
    values = {uri: value for one in lists for uri, value in one.values.items() if uri.startswith(uris)}
    if not values:
        return None
    lease_s = min(one.lease_s for one in lists if any(uri.startswith(uris) for uri in one.values))
    return SafeList(maps[0].stem, lease_s, values)


def _placed(server: ServerMap, elsewhere: Mapping[str, Address]) -> ServerMap:
    """The server as its file has it, or on TCP at another address, also when the file names a serial line."""
    if server.stem not in elsewhere:
        return server
    host, port = elsewhere[server.stem]
    return replace(server, host=host, port=port, serial=None)
