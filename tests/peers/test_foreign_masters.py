"""Our site server asked by masters that are not ours: every function, every refusal, eight requests at once."""

import asyncio
from collections.abc import Callable
from typing import Any

from ess_actors.core.bank import Bank, Written
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Table
from ess_actors.core.server_points import ANY_UNIT, ServerEntry, ServerMap
from ess_actors.modbus.server import Server
from tests.peers.programs import LibmodbusMaster, NodeMaster


def _map() -> ServerMap:
    def entry(table: Table, address: int) -> ServerEntry:
        codec = Codec(shape=Shape.BIT, size=0, order=(), bits=1) if table.is_bits else Codec()
        name = f"{table.name.lower()}_{address}"
        return ServerEntry(id=name, uri="/site", unit=ANY_UNIT, table=table, address=address, codec=codec)

    wide = ServerEntry(
        id="wide", uri="/site", unit=ANY_UNIT, table=Table.HOLDING, address=40,
        codec=Codec(size=2, bits=32, order=(0, 1)),
    )  # fmt: skip
    entries = [entry(table, n) for table in Table for n in range(20)]
    return ServerMap(
        stem="site", file="site.json", system_id="/site", host="127.0.0.1", port=0, entries=(*entries, wide)
    )


def served(judge: Callable[[int], Any]) -> tuple[Any, list[Written]]:
    """What `judge(port)` found, in a thread beside the server's loop, and what the server was told to set."""
    written: list[Written] = []

    async def body() -> Any:
        server = Server(Bank(_map(), 0.0), "127.0.0.1", 0, written.extend)
        await server.start()
        server.commit("/site", {f"input_{n}": 100 + n for n in range(20)} | {"coil_3": 1, "discrete_5": 1})
        try:
            return await asyncio.to_thread(judge, server.port)
        finally:
            await server.stop()

    return asyncio.run(body()), written


def test_libmodbus_finds_every_function() -> None:
    def judge(port: int) -> None:
        with LibmodbusMaster(port) as master:
            assert master.call("read", 4, 0, 20) == list(range(100, 120))
            assert master.call("read", 1, 0, 5) == [0, 0, 0, 1, 0]
            assert master.call("read", 2, 4, 3) == [0, 1, 0]
            assert master.call("write", 3, 2, 4711) == "ok"
            assert master.call("many", 3, 3, 1, 2, 3) == "ok"
            assert master.call("write", 1, 6, 1) == "ok"
            assert master.call("many", 1, 7, 1, 0, 1) == "ok"
            assert master.call("read", 3, 2, 4) == [4711, 1, 2, 3]
            assert master.call("read", 1, 6, 4) == [1, 1, 0, 1]
            assert master.call("mask", 2, 0xFF00, 0x00AB) == "ok"
            assert master.call("both", 2, 2, 3, 9) == [4711 & 0xFF00 | 0xAB, 9]

    _, written = served(judge)
    told = [(w.id, w.value) for w in written]
    assert told[0] == ("holding_2", 4711)
    assert ("coil_6", True) in told and ("coil_8", False) in told
    assert told[-1] == ("holding_3", 9)


def test_libmodbus_is_refused_what_the_map_does_not_have() -> None:
    def judge(port: int) -> list[Any]:
        with LibmodbusMaster(port) as master:
            return [
                master.call("read", 4, 15, 10),
                master.call("write", 3, 500, 1),
                master.call("write", 3, 40, 1),
                master.call("many", 3, 38, 1, 2, 3),
                master.call("many", 3, 40, 1, 2),
            ]

    (reads, beyond, half, over, whole), written = served(judge)
    assert reads == beyond == half == over == "error: Illegal data address"
    assert whole == "ok" and [(w.id, w.value) for w in written] == [("wide", 65538)]


def test_node_asks_eight_things_at_once() -> None:
    def judge(port: int) -> list[Any]:
        with NodeMaster(port) as master:
            calls = [["read", 4, n, 2] for n in range(5)]
            return master.at_once(*calls, ["write", 3, 1, 77], ["read", 3, 1, 1], ["read", 3, 300, 1])

    found, written = served(judge)
    assert found[:5] == [[100 + n, 101 + n] for n in range(5)]
    assert found[5:7] == ["ok", [77]]
    assert found[7]["code"] == 2
    assert [(w.id, w.value) for w in written] == [("holding_1", 77)]
