"""Small client maps for the Modbus tests, built in code: what a file would say in a few lines."""

from collections.abc import Mapping

from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import ClientMap, Component, Endpoint, Heartbeat, Point, Register, Table
from ess_actors.modbus.device_image import DeviceImage


def register(
    name: str,
    address: int,
    *,
    table: Table = Table.HOLDING,
    size: int = 1,
    unit: int = 1,
    period_ms: int = 1000,
) -> Register:
    return Register(id=name, unit=unit, table=table, address=address, size=size, period_ms=period_ms)


def number(
    name: str,
    address: int,
    *,
    table: Table = Table.HOLDING,
    size: int = 1,
    unit: int = 1,
    period_ms: int = 1000,
    order: tuple[int, ...] | None = None,
    signed: bool = False,
    scale: int | float | None = None,
    verify: bool = False,
    debounce_s: float = 0.0,
    multi_write: bool = False,
) -> Point:
    codec = Codec(size=size, bits=16 * size, order=order or tuple(range(size)), signed=signed, scale=scale)
    return Point(
        id=name,
        register=register(name, address, table=table, size=size, unit=unit, period_ms=period_ms),
        codec=codec,
        verify=verify,
        debounce_s=debounce_s,
        multi_write=multi_write,
    )


def coil(
    name: str, address: int, *, unit: int = 1, table: Table = Table.COIL, inverted: bool = False
) -> Point:
    codec = Codec(shape=Shape.BIT, size=0, order=(), bits=1, inverted=inverted)
    return Point(id=name, register=register(name, address, table=table, unit=unit), codec=codec)


def bits(parent: str, address: int, names: Mapping[int, str], *, unit: int = 1) -> tuple[Point, ...]:
    """A register with named bits: the parent, then one boolean point per name."""
    held = register(parent, address, unit=unit)
    whole = Point(id=parent, register=held, codec=Codec(shape=Shape.PARENT), published=False)
    return (
        whole,
        *(
            Point(id=name, register=held, codec=Codec(shape=Shape.BIT, first_bit=bit, bits=1))
            for bit, name in names.items()
        ),
    )


def enum(name: str, address: int, texts: Mapping[int, str]) -> Point:
    return Point(id=name, register=register(name, address), codec=Codec(shape=Shape.ENUM, texts=texts))


def component(
    name: str,
    *points: Point,
    unit: int = 1,
    period_ms: int = 1000,
    offset_ms: int = 0,
    heartbeat: Heartbeat | None = None,
    connected_timeout_ms: int | None = None,
    max_gap_words: int = 16,
    allow_multi_sets: bool = True,
) -> Component:
    return Component(
        id=name,
        uri=f"/components/{name}",
        unit=unit,
        points=points,
        period_ms=period_ms,
        offset_ms=offset_ms,
        heartbeat=heartbeat,
        connected_timeout_ms=connected_timeout_ms or 3 * period_ms,
        max_gap_words=max_gap_words,
        allow_multi_sets=allow_multi_sets,
    )


def client_map(
    *components: Component,
    stem: str = "bms_1",
    host: str = "127.0.0.1",
    port: int = 502,
    transfer_timeout_s: float = 0.5,
) -> ClientMap:
    endpoint = Endpoint(
        name=stem,
        host=host,
        port=port,
        connect_timeout_s=0.5,
        transfer_timeout_s=transfer_timeout_s,
        reconnect_min_s=0.02,
        reconnect_max_s=0.08,
    )
    return ClientMap(stem=stem, file=f"{stem}.json", endpoint=endpoint, components=components)


def image(*, strict_gaps: bool = False) -> DeviceImage:
    """Holding 10..29 hold their address, input 5..6, coils 0..9 (even ones set), a hole at holding 25."""
    holding = [number(f"h{n}", n).register for n in range(10, 30) if n != 25]
    inputs = [number(f"i{n}", n, table=Table.INPUT).register for n in (5, 6)]
    coils = [coil(f"c{n}", n).register for n in range(10)]
    made = DeviceImage([*holding, *inputs, *coils], strict_gaps=strict_gaps)
    for register in (*holding, *inputs):
        made.put(register, (register.address,))
    for register in coils:
        made.put(register, (1 - register.address % 2,))
    return made
