"""Faults of a site server: values that stand still, and whose fault is whose."""

import asyncio
from dataclasses import replace

import pytest

from ess_actors.core.codec import Codec, Shape
from ess_actors.core.errors import RequestError
from ess_actors.core.points import Table
from ess_actors.core.server_points import ServerEntry, ServerMap
from ess_actors.core.simulated_faults import KINDS
from tests.modbus.modbus_site import HS, entry, serving, site


def coil(number: int, unit: int) -> ServerEntry:
    codec = Codec(shape=Shape.BIT, size=0, order=(), bits=1)
    return ServerEntry(id=f"c{number}", uri=HS, unit=unit, table=Table.COIL, address=number, codec=codec)


def two() -> ServerMap:
    """Units 3 and 255: three holding registers, an input register, and eleven coils."""
    entries = [
        one
        for unit in (3, 255)
        for one in (
            *(entry(f"h{n}", 10 + n, HS, table=Table.HOLDING, unit=unit) for n in range(3)),
            entry("in", 10, HS, table=Table.INPUT, unit=unit),
            *(coil(n, unit) for n in range(11)),
        )
    ]
    return replace(site(), entries=tuple(entries), stale_bits=())


THEN = {"h0": 1, "h1": 2, "h2": 3, "in": 4, "c0": True, "c9": True}
NOW = {"h0": 11, "h1": 12, "h2": 13, "in": 14, "c0": False, "c9": False, "c1": True, "c10": True}


def test_frozen_values_stand_still_for_masters() -> None:
    async def body() -> None:
        async with serving(two()) as bench:
            bench.server.commit(HS, THEN)
            bench.server.fault({"kind": "freeze"})
            bench.server.commit(HS, NOW)
            for unit in (3, 255, 9):
                answers = await bench.asked("03 000a 0003", "04 000a 0001", "01 0000 000b", unit=unit)
                assert answers == ["0306000100020003", "04020004", "01020102"]
            assert await bench.asked("06 000a 0063", "03 000a 0001", unit=3) == ["06000a0063", "03020001"]
            assert len(bench.writes) == 1, "what a master writes is passed on"
            assert await bench.asked("03 0009 0001", "01 0000 0000") == ["8302", "8103"]
            bench.server.fault({"kind": "none"})
            assert await bench.asked("03 000a 0003", "01 0000 000b", unit=3) == [
                "03060063000c000d",
                "01020204",
            ]

    asyncio.run(body())


def test_only_what_is_meant_stands_still_and_only_so_long() -> None:
    async def body() -> None:
        async with serving(two()) as bench:
            bench.server.commit(HS, THEN)
            order = {"kind": "freeze", "unit": 3, "type": "holding", "from": 11, "to": 40, "for_ms": 1000}
            bench.server.fault(order)
            bench.server.fault({"kind": "freeze", "unit": 255, "type": "coil", "from": 9, "to": 9})
            bench.server.commit(HS, NOW)
            assert await bench.asked("03 000a 0003", "03 000b 0001", "04 000a 0001", unit=3) == [
                "0306000b00020003",
                "03020002",
                "0402000e",
            ]
            assert await bench.asked("17 000a 0002 000c 0001 02 0007", unit=3) == ["1704000b0002"]
            assert await bench.asked("01 0000 000b", "01 0009 0002", "03 000b 0001", unit=255) == [
                "01020206",
                "010103",
                "0302000c",
            ]
            bench.now += 1.0
            assert await bench.asked("03 000a 0003", unit=3) == ["0306000b000c0007"]

    asyncio.run(body())


def test_a_units_fault_that_is_over_is_told_no_more() -> None:
    async def body() -> None:
        async with serving() as bench:
            bench.server.fault({"kind": "exception", "code": 4})
            bench.server.fault({"kind": "mute", "unit": 1, "for_ms": 1000})
            bench.now += 1.0
            assert bench.server.stats()["faults"] == [{"kind": "exception", "code": 4}]

    asyncio.run(body())


def test_the_kinds_a_server_knows_are_those_of_the_one_list() -> None:
    async def body() -> None:
        async with serving() as bench:
            with pytest.raises(RequestError) as refused:
                bench.server.fault({"kind": ["mute"]})
            listed = str(refused.value).partition("; ")[2].split(", ")
            assert listed == [name for name, kind in KINDS.items() if kind.server]
            assert {"drop", "delay", "exception", "freeze", "disconnect", "garble"} <= set(listed)

    asyncio.run(body())
