"""A site server on loopback for the tests, what it says to the bus, and foreign masters that ask it."""

import asyncio
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pyModbusTCP.client import ModbusClient

from ess_actors.core.bank import Bank, Written
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.events import Event
from ess_actors.core.points import Table
from ess_actors.core.server_points import ANY_UNIT, ServerEntry, ServerMap, StaleBit, StalePolicy
from ess_actors.modbus.server import Server
from tests.modbus.modbus_peers import request_frame

LS, HS = "/site/ess_1/ess_ls", "/site/ess_1/ess_hs"


def entry(name: str, address: int, uri: str = LS, **settings: Any) -> ServerEntry:
    table = settings.pop("table", Table.INPUT)
    unit = settings.pop("unit", ANY_UNIT)
    policy = settings.pop("policy", StalePolicy.HOLD)
    size = settings.pop("size", 1)
    codec = Codec(size=size, bits=16 * size, order=tuple(range(size)), **settings)
    return ServerEntry(id=name, uri=uri, unit=unit, table=table, address=address, codec=codec, policy=policy)


def site(*more: ServerEntry, **settings: Any) -> ServerMap:
    entries = (
        entry("dischargeable_energy", 2003, scale=10),
        entry("chargeable_power", 2004, signed=True),
        entry("com_status", 2007),
        entry("ess_faults", 2009),
        entry("start_stop", 1000, HS, table=Table.HOLDING),
        entry("active_power_setpoint", 1005, HS, table=Table.HOLDING, signed=True, scale=10),
        entry("mode", 1006, HS, table=Table.HOLDING),
        entry("wide", 1010, HS, table=Table.HOLDING, size=2),
        ServerEntry(
            id="enable",
            uri=HS,
            unit=ANY_UNIT,
            table=Table.COIL,
            address=3,
            codec=Codec(shape=Shape.BIT, size=0, order=(), bits=1),
        ),
        *more,
    )
    stale = (StaleBit(source=LS, entry_uri=LS, entry_id="com_status", bit=2),)
    return ServerMap(
        stem="site",
        file="site.json",
        system_id="/site_controller",
        host="127.0.0.1",
        port=0,
        entries=entries,
        **{"stale_bits": stale, **settings},
    )


class Bench:
    """A running server and what it said."""

    def __init__(self, server_map: ServerMap, **settings: Any) -> None:
        self.writes: list[list[Written]] = []
        self.events: list[Event] = []
        self.now = 100.0
        self.bank = Bank(server_map, self.now)
        self.server = Server(
            self.bank,
            "127.0.0.1",
            0,
            self.writes.append,
            on_event=self.events.append,
            clock=lambda: self.now,
            **{"max_clients": 3, **settings},
        )

    async def foreign(self, call: str, *arguments: object, unit: int = 1) -> tuple[object, int]:
        """One call of pyModbusTCP: its result and the exception code it saw."""

        def talk() -> tuple[object, int]:
            client = ModbusClient(host="127.0.0.1", port=self.server.port, unit_id=unit, timeout=1.0)
            try:
                return getattr(client, call)(*arguments), client.last_except
            finally:
                client.close()

        return await asyncio.to_thread(talk)

    async def mbpoll(self, *arguments: str) -> tuple[int, str]:
        where = ("-p", str(self.server.port), "127.0.0.1")
        command = ["mbpoll", "-0", "-1", "-q", "-o", "1", *where, *arguments]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=10)
        return done.returncode, done.stdout + done.stderr

    async def asked(self, *pdus: str, unit: int = 1) -> list[str]:
        """What the server answers to these data units on one connection, sent all at once."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            frames = [request_frame(n, unit, bytes.fromhex(pdu)) for n, pdu in enumerate(pdus)]
            writer.write(b"".join(frames))
            answers = []
            for number in range(len(pdus)):
                head = await asyncio.wait_for(reader.readexactly(7), 5.0)
                assert head[:4] == struct.pack(">HH", number, 0) and head[6] == unit
                size = int.from_bytes(head[4:6], "big") - 1
                answers.append((await asyncio.wait_for(reader.readexactly(size), 5.0)).hex())
            return answers
        finally:
            writer.close()


@asynccontextmanager
async def serving(server_map: ServerMap | None = None, **settings: Any) -> AsyncIterator[Bench]:
    bench = Bench(server_map or site(), **settings)
    await bench.server.start()
    try:
        yield bench
    finally:
        await bench.server.stop()
