"""A running simulator for tests, and a raw socket to it: what really comes back, byte by byte."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from ess_actors.core.points import ClientMap, Heartbeat, Table
from ess_actors.modbus.simulator import Simulator
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import read_pdu, request_frame, words_pdu

LIMIT_S = 5.0


def on_both_loops(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A site's simulators run on uvloop, whoever imports them on what he likes."""
    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            try:
                runner.run(body())
            except BaseException as error:
                error.add_note(f"on a loop of {factory.__module__}")
                raise


def gateway(stem: str = "plc", host: str = "10.0.0.1") -> ClientMap:
    """Units 1 and 2: holding 0..9 hold 100 * unit + address, and one input register."""
    return client_map(
        *(
            component(
                f"unit_{unit}",
                *(number(f"h{n}", n, unit=unit) for n in range(10)),
                number("in", 3, table=Table.INPUT, unit=unit),
                unit=unit,
                heartbeat=Heartbeat(read="h9"),
            )
            for unit in (1, 2)
        ),
        stem=stem,
        host=host,
    )


def filled(simulator: Simulator, stem: str = "plc") -> None:
    for unit in (1, 2):
        simulator.set_points(stem, {f"unit_{unit}/h{n}": 100 * unit + n for n in range(10)})


@asynccontextmanager
async def simulated(*maps: ClientMap, **settings: Any) -> AsyncIterator[Simulator]:
    """Nothing of it is left running or open behind the block."""
    simulator = Simulator(maps or (gateway(),), **settings)
    await simulator.start()
    try:
        if not maps:
            filled(simulator)
        yield simulator
    finally:
        await simulator.stop()


class Raw:
    """One connection, its bytes as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def ask(self, transaction: int, unit: int, pdu: bytes | None = None) -> None:
        """Sends a request, holding 2 to 4 when nothing else is said."""
        self.writer.write(request_frame(transaction, unit, pdu or read_pdu(3, 2, 3)))

    async def take(self, count: int) -> bytes:
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.readexactly(count)

    async def answer(self) -> tuple[int, int, bytes]:
        """(transaction, unit, data unit) of the next well-formed frame."""
        transaction, protocol, length, unit = struct.unpack(">HHHB", await self.take(7))
        assert protocol == 0 and 2 <= length <= 254
        return transaction, unit, await self.take(length - 1)

    async def asked(self, transaction: int, unit: int, pdu: bytes | None = None) -> bytes:
        """The data unit that answers this request and no other."""
        self.ask(transaction, unit, pdu)
        back, from_, answer = await self.answer()
        assert (back, from_) == (transaction, unit)
        return answer

    async def is_well(self, unit: int = 1) -> bool:
        """Whether a unit of a gateway answers as it should."""
        return await self.asked(99, unit) == good(unit)

    async def closed(self) -> bool:
        """True once the peer has closed without another byte."""
        try:
            async with asyncio.timeout(LIMIT_S):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def raw(simulator: Simulator, stem: str = "plc") -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(*simulator.addresses[stem])
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def write_pdu(address: int, *words: int) -> bytes:
    return struct.pack(f">BHHB{len(words)}H", 16, address, len(words), 2 * len(words), *words)


def good(unit: int, address: int = 2, count: int = 3) -> bytes:
    """The right answer to `ask` of a gateway."""
    return words_pdu(3, *(100 * unit + n for n in range(address, address + count)))


def whole(transaction: int, unit: int) -> bytes:
    """The same as a frame."""
    return request_frame(transaction, unit, good(unit))


async def refused(simulator: Simulator, stem: str = "plc") -> bool:
    """Whether nobody listens there now."""
    try:
        _, writer = await asyncio.open_connection(*simulator.addresses[stem])
    except ConnectionRefusedError:
        return True
    writer.transport.abort()
    return False


async def served(simulator: Simulator, stem: str = "plc") -> None:
    """Returns once somebody listens there again."""
    async with asyncio.timeout(LIMIT_S):
        while await refused(simulator, stem):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)


def faults(simulator: Simulator, stem: str = "plc") -> list[dict[str, Any]]:
    found: Any = next(one["faults"] for one in simulator.devices() if one["stem"] == stem)
    return list(found)
