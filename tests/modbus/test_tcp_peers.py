"""The TCP link against servers that are not ours: pyModbusTCP, eight requests at a time, and pymodbus."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import DataBank, ModbusServer

from ess_actors.core.transaction import Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.link import Link
from tests.modbus.modbus_link_bench import Run, both_loops, endpoint, read, right

pytestmark = both_loops


@contextmanager
def py_modbus_tcp() -> Iterator[tuple[int, DataBank]]:
    bank = DataBank(h_regs_size=1000, i_regs_size=1000, coils_size=2000, d_inputs_size=2000)
    bank.set_holding_registers(0, list(range(1000)))
    bank.set_input_registers(0, list(range(1000)))
    server = ModbusServer("127.0.0.1", 0, no_block=True, data_bank=bank)
    server.start()
    try:
        yield server._service.server_address[1], bank
    finally:
        server.stop()


@asynccontextmanager
async def to(port: int, **settings: Any) -> AsyncIterator[Link]:
    link = open_link(endpoint(port, transfer_timeout_s=5.0, **settings))
    link.start()
    try:
        assert await link.wait_connected(2.0)
        yield link
    finally:
        await link.stop()


async def writes_come_back(link: Link) -> None:
    """All functions a client of ours sends."""
    assert not (await link.request(Request(1, 6, 3, words=[0xBEEF]))).error
    assert not (await link.request(Request(1, 16, 500, words=range(1000, 1123)))).error
    assert (await link.request(read(3, 1))).payload == b"\xbe\xef"
    assert (await link.request(read(500, 123))).payload == right(1000, 123)
    pattern = [1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1]
    assert not (await link.request(Request(1, 15, 30, words=pattern))).error
    assert not (await link.request(Request(1, 5, 30, words=[0]))).error
    assert (await link.request(read(30, 11, function=1))).payload == bytes([0, *pattern[1:]])
    assert (await link.request(read(0, 2000, function=2))).payload == bytes(2000)
    assert (await link.request(read(4, 5, function=4))).payload == right(4, 5)
    assert (await link.request(read(65000, 2))).reason == "exception_2"


def test_py_modbus_tcp_answers_what_we_write(run: Run) -> None:
    async def body(port: int) -> None:
        async with to(port) as link:
            await writes_come_back(link)
            assert link.counters.late == link.counters.malformed == 0

    with py_modbus_tcp() as (port, bank):
        run(body(port))
        assert bank.get_holding_registers(3, 1) == [0xBEEF]
        assert bank.get_coils(30, 4) == [False, False, False, True]


def test_py_modbus_tcp_answers_eight_at_a_time(run: Run) -> None:
    async def body(port: int) -> None:
        async with to(port, max_in_flight=8) as link:
            answers = await asyncio.gather(*(link.request(read(n * 3, 1 + n)) for n in range(120)))
            assert [a.payload for a in answers] == [right(n * 3, 1 + n) for n in range(120)]
            assert link.counters.late == link.counters.malformed == link.counters.timeouts == 0

    with py_modbus_tcp() as (port, _):
        run(body(port))


def test_py_modbus_tcp_over_three_connections(run: Run) -> None:
    async def body(port: int) -> None:
        async with to(port, max_in_flight=2, max_connections=3) as link:
            answers = await asyncio.gather(*(link.request(read(n * 3, 1 + n)) for n in range(120)))
            assert [a.payload for a in answers] == [right(n * 3, 1 + n) for n in range(120)]

    with py_modbus_tcp() as (port, _):
        run(body(port))


def test_pymodbus_answers_what_we_write(run: Run) -> None:
    """One at a time: its server loses requests that are sent without waiting."""

    async def body() -> None:
        words = [SimData(0, values=list(range(1000)), datatype=DataType.REGISTERS)]
        bits = [SimData(0, values=[False] * 2000, datatype=DataType.BITS)]
        server = ModbusTcpServer(SimDevice(1, simdata=(bits, bits, words, words)), address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        try:
            port = server.transport.sockets[0].getsockname()[1]
            async with to(port) as link:
                await writes_come_back(link)
                assert link.counters.late == link.counters.malformed == 0
        finally:
            await server.shutdown()

    run(body())
