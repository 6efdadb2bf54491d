"""The RTU and TLS lines against pymodbus' servers: all functions, two units, reads of every length."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ess_actors.core.points import Endpoint, Serial
from ess_actors.core.transaction import Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.link import Link
from ess_actors.modbus.rtu_link import RtuOverTcpLink, SerialLink
from ess_actors.modbus.tls_link import TlsLink
from tests.modbus.certificates import make_certificates
from tests.modbus.modbus_link_bench import Run, both_loops, read, right
from tests.modbus.tls_peers import own_files, server_context
from tests.peers.ptys import cable

pytestmark = both_loops


def units() -> list[SimDevice]:
    """Units 1 and 2: holding and input register n hold n, and n + 1000."""
    return [
        SimDevice(
            unit,
            simdata=(
                [SimData(0, values=[False] * 2000, datatype=DataType.BITS)],
                [SimData(0, values=[True] * 2000, datatype=DataType.BITS)],
                [
                    SimData(
                        0, values=[1000 * (unit - 1) + n for n in range(1000)], datatype=DataType.REGISTERS
                    )
                ],
                [
                    SimData(
                        0, values=[1000 * (unit - 1) + n for n in range(1000)], datatype=DataType.REGISTERS
                    )
                ],
            ),
        )
        for unit in (1, 2)
    ]


@asynccontextmanager
async def to(endpoint: Endpoint) -> AsyncIterator[Link]:
    link = open_link(endpoint)
    link.start()
    try:
        assert await link.wait_connected(5.0)
        yield link
    finally:
        await link.stop()


@asynccontextmanager
async def serving(server: Any) -> AsyncIterator[int]:
    """The port, where it has one."""
    await server.serve_forever(background=True)
    try:
        sockets = getattr(server.transport, "sockets", None)
        yield sockets[0].getsockname()[1] if sockets else 0
    finally:
        await server.shutdown()


async def everything_comes_back(link: Link) -> None:
    ask = link.request
    for count in (1, 2, 61, 62, 124, 125):
        assert (await ask(read(7, count))).payload == right(7, count)
        assert (await ask(read(7, count, unit=2))).payload == right(1007, count)
        assert (await ask(read(7, count, function=4))).payload == right(7, count)
    assert not (await ask(Request(2, 6, 3, words=[0xBEEF]))).error
    assert (await ask(read(3, 1, unit=2))).payload == b"\xbe\xef"
    assert (await ask(read(3, 1))).payload == b"\x00\x03"
    assert not (await ask(Request(1, 16, 500, words=range(1000, 1123)))).error
    assert (await ask(read(500, 123))).payload == right(1000, 123)
    pattern = [1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1]
    assert not (await ask(Request(1, 15, 30, words=pattern))).error
    assert not (await ask(Request(1, 5, 30, words=[0]))).error
    assert (await ask(read(30, 11, function=1))).payload == bytes([0, *pattern[1:]])
    assert (await ask(read(0, 2000, function=2))).payload == bytes([1]) * 2000
    assert (await ask(read(65000, 2))).reason == "exception_2"
    counters = link.counters
    assert counters.late == counters.malformed == counters.timeouts == 0


def test_a_serial_line(run: Run) -> None:
    async def body(ours: str, theirs: str) -> None:
        async with serving(ModbusSerialServer(units(), port=theirs, baudrate=115200)):
            serial = Serial(device=ours, baud_rate=115200)
            async with to(Endpoint(name="bus", serial=serial, transfer_timeout_s=5.0)) as link:
                assert isinstance(link, SerialLink)
                await everything_comes_back(link)

    with cable() as ends:
        run(body(*ends))


def test_rtu_frames_in_a_socket(run: Run) -> None:
    async def body() -> None:
        server = ModbusTcpServer(units(), framer=FramerType.RTU, address=("127.0.0.1", 0))
        async with (
            serving(server) as port,
            to(
                Endpoint(name="gateway", host="127.0.0.1", port=port, rtu=True, transfer_timeout_s=5.0)
            ) as link,
        ):
            assert isinstance(link, RtuOverTcpLink)
            await everything_comes_back(link)

    run(body())


def test_tls(run: Run, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    tls = own_files(certificates)

    async def body() -> None:
        server = ModbusTlsServer(units(), sslctx=server_context(certificates), address=("127.0.0.1", 0))
        async with (
            serving(server) as port,
            to(Endpoint(name="device", host="127.0.0.1", port=port, tls=tls, transfer_timeout_s=5.0)) as link,
        ):
            assert isinstance(link, TlsLink)
            await everything_comes_back(link)

    run(body())


def test_requests_of_many_callers_take_turns(run: Run) -> None:
    async def body(ours: str, theirs: str) -> None:
        async with serving(ModbusSerialServer(units(), port=theirs, baudrate=115200)):
            serial = Serial(device=ours, baud_rate=115200)
            async with to(Endpoint(name="bus", serial=serial, transfer_timeout_s=5.0)) as link:
                answers = await asyncio.gather(*(link.request(read(n, 5, unit=1 + n % 2)) for n in range(40)))
                assert [answer.payload for answer in answers] == [
                    right(n + 1000 * (n % 2), 5) for n in range(40)
                ]

    with cable() as ends:
        run(body(*ends))
