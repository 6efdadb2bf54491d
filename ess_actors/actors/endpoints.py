"""Which client actor serves which endpoint: files that name one device share its actor, and so its socket."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ess_actors.actors.loopback import LOOPBACK
from ess_actors.core.points import ClientMap, Component

Address = tuple[str, int]


def servers_of(files: Sequence[Sequence[ClientMap]]) -> list[int]:
    """For each file (its maps) the position of the file whose actor serves it: the first one it shares a device with.

    Files are joined over all their addresses: a file that names the devices of two others joins those too.
    """
    leads = list(range(len(files)))

    def lead(index: int) -> int:
        while leads[index] != index:
            index = leads[index]
        return index

    first: dict[Address, int] = {}
    for index, maps in enumerate(files):
        for one in maps:
            a, b = sorted((lead(first.setdefault(one.endpoint.address, index)), lead(index)))
            leads[b] = a
    return [lead(index) for index in range(len(files))]


def merged(maps: Iterable[ClientMap]) -> tuple[ClientMap, ...]:
    """One map per address, with the connection settings of the first file and the components of all."""
    found: dict[Address, ClientMap] = {}
    for one in maps:
        first = found.get(one.endpoint.address)
        if first is None:
            found[one.endpoint.address] = one
        else:
            components: dict[str, Component] = {c.uri: c for c in first.components}
            for component in one.components:
                components.setdefault(component.uri, component)
            found[one.endpoint.address] = replace(first, components=tuple(components.values()))
    return tuple(found.values())


def pointed_at(client: ClientMap, ports: Mapping[Address, int]) -> ClientMap:
    """The client, at its simulator when there is one; that speaks plain Modbus/TCP, whatever the device does."""
    port = ports.get(client.endpoint.address)
    if port is None:
        return client
    endpoint = replace(client.endpoint, host=LOOPBACK, port=port, serial=None, tls=None, rtu=False)
    return replace(client, endpoint=endpoint)
