"""The devices of the fault matrix: one by itself, one that is never broken, and ten units behind one gateway."""

from collections.abc import Mapping

from ess_actors.core.codec import Codec
from ess_actors.core.points import ClientMap, Component, Endpoint, Heartbeat, Point, Register, Table

PERIOD_MS = 1000
TRANSFER_TIMEOUT_S = 0.5
UNITS = range(1, 11)
"""Behind the gateway."""
ALONE, NEIGHBOUR, GATEWAY, WIDE = "alone", "neighbour", "gateway", "wide"
"""The last is a gateway again, that takes two requests at once."""
BROKEN_UNIT = 4


def component(stem: str, unit: int, period_ms: int = PERIOD_MS) -> Component:
    def point(name: str, address: int, size: int) -> Point:
        register = Register(
            id=name, unit=unit, table=Table.HOLDING, address=address, size=size, period_ms=period_ms
        )
        return Point(
            id=name, register=register, codec=Codec(size=size, bits=16 * size, order=tuple(range(size)))
        )

    name = f"{stem}_{unit:02d}"
    return Component(
        id=name,
        uri=f"/components/{name}",
        unit=unit,
        points=(point("clock", 0, 4), point("beat", 4, 1), point("name", 5, 1), point("far", 100, 1)),
        period_ms=period_ms,
        connected_timeout_ms=3 * period_ms,
        heartbeat=Heartbeat(read="beat", timeout_ms=3 * period_ms),
    )


def maps(ports: Mapping[str, int], period_ms: int = PERIOD_MS) -> dict[str, ClientMap]:
    """Stem -> its client; without ports the addresses only tell the devices apart."""
    units = {ALONE: (1,), NEIGHBOUR: (1,), GATEWAY: tuple(UNITS), WIDE: tuple(UNITS)}
    return {
        stem: ClientMap(
            stem=stem,
            file=f"{stem}.json",
            endpoint=Endpoint(
                name=stem,
                host="127.0.0.1",
                port=ports.get(stem, number),
                transfer_timeout_s=TRANSFER_TIMEOUT_S,
                max_in_flight=2 if stem == WIDE else 1,
            ),
            components=tuple(component(stem, unit, period_ms) for unit in units[stem]),
        )
        for number, stem in enumerate(units, 1)
    }
