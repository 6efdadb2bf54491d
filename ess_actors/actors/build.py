"""From a checked site and the options of `run` to what the supervisor starts: devices or simulators, ports, ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version

from ess_actors.actors.launch import Listening, free_port
from ess_actors.actors.loopback import LOOPBACK
from ess_actors.actors.settings import EssSettings, SimSettings, SiteSettings, WebSettings
from ess_actors.config.site import Instance, Site
from ess_actors.core.errors import ConfigError
from ess_actors.core.points import ClientMap, ServerMap

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line may change of a site."""

    simulated: bool = False
    api: Address | None = None
    servers: Mapping[str, Address] = field(default_factory=dict)
    """Stem of a Modbus server file -> where it listens instead."""


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
        taken = [port, *(server.port for server in placed)]
        for client in maps:
            if client.endpoint.address not in ports:
                ports[client.endpoint.address] = free_port(taken)
    instances = tuple(_instance(instance, options, ports) for instance in site.instances)
    listening = [Listening("operator API", host, port)]
    listening += [
        Listening(f"Modbus server {server.stem}", server.host, server.port)
        for instance in instances
        for server in instance.servers
    ]
    addresses = {
        "operator API": f"http://{host}:{port}",
        "metrics": f"http://{host}:{port}/metrics",
        **{entry.what: f"{entry.host}:{entry.port}" for entry in listening[1:]},
        **{
            f"simulator {client.stem}": f"{LOOPBACK}:{ports[client.endpoint.address]}"
            for client in maps
            if client.endpoint.address in ports
        },
    }
    names = tuple(instance.name for instance in instances)
    web = WebSettings(
        site.name, host, port, version("ess_actors"), names, addresses, simulated=options.simulated
    )
    sim = SimSettings(tuple(maps), ports, site.sim) if options.simulated else None
    return SiteSettings(site.name, instances, web, sim), listening


def _instance(instance: Instance, options: RunOptions, ports: Mapping[Address, int]) -> EssSettings:
    by_stem: dict[str, list[ClientMap]] = {}
    for client in instance.clients:
        by_stem.setdefault(client.stem, []).append(_pointed_at(client, ports))
    servers = tuple(_placed(server, options.servers) for server in instance.servers)
    clients = tuple(tuple(found) for found in by_stem.values())
    return EssSettings(instance.name, instance.start, instance.documents, clients, servers)


def _pointed_at(client: ClientMap, ports: Mapping[Address, int]) -> ClientMap:
    """The client, at its simulator when there is one."""
    port = ports.get(client.endpoint.address)
    if port is None:
        return client
    endpoint = replace(client.endpoint, host=LOOPBACK, port=port)
    return replace(client, endpoint=endpoint)


def _placed(server: ServerMap, elsewhere: Mapping[str, Address]) -> ServerMap:
    host, port = elsewhere.get(server.stem, (server.host, server.port))
    return replace(server, host=host, port=port)
