"""Our links against devices that are not ours: every function, exceptions, and eight requests at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from ess_actors.core.points import Endpoint, Serial
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.link import Link
from tests.peers.programs import LibmodbusDevice, LibmodbusSlave, NodeDevice
from tests.peers.ptys import cable

T = TypeVar("T")
TCP_DEVICES = [LibmodbusDevice, NodeDevice]


def linked(endpoint: Endpoint, work: Callable[[Link], Awaitable[T]]) -> T:
    async def body() -> T:
        link = open_link(endpoint)
        link.start()
        try:
            assert await link.wait_connected(3.0)
            return await work(link)
        finally:
            await link.stop()

    return asyncio.run(body())


def at(port: int, in_flight: int = 1) -> Endpoint:
    return Endpoint(
        name="device", host="127.0.0.1", port=port, transfer_timeout_s=3.0, max_in_flight=in_flight
    )


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


async def every_function(link: Link, unit: int = 1) -> None:
    async def ask(function: int, address: int, count: int = 0, values: tuple[int, ...] = ()) -> Answer:
        return await link.request(Request(unit, function, address, count, values))

    assert (await ask(3, 10, 4)).payload == words(10, 11, 12, 13)
    assert (await ask(4, 500, 125)).payload == words(*range(500, 625))
    assert (await ask(1, 0, 9)).payload == bytes((0, 1, 0, 1, 0, 1, 0, 1, 0))
    assert (await ask(2, 7, 3)).payload == bytes((1, 0, 1))
    assert (await ask(6, 100, values=(0xABCD,))).error == ""
    assert (await ask(16, 101, values=(1, 2, 65535))).error == ""
    assert (await ask(3, 100, 4)).payload == words(0xABCD, 1, 2, 65535)
    assert (await ask(5, 20, values=(1,))).error == ""
    assert (await ask(15, 21, values=(0, 1, 1))).error == ""
    assert (await ask(1, 20, 4)).payload == bytes((1, 0, 1, 1))
    assert (await ask(16, 1000, values=tuple(range(123)))).error == ""
    assert (await ask(3, 1000, 123)).payload == words(*range(123))


@pytest.mark.parametrize("kind", TCP_DEVICES)
def test_every_function_over_tcp(kind: type[LibmodbusDevice] | type[NodeDevice]) -> None:
    with kind() as device:
        linked(at(device.port), every_function)


@pytest.mark.parametrize("kind", TCP_DEVICES)
def test_eight_requests_at_once(kind: type[LibmodbusDevice] | type[NodeDevice]) -> None:
    async def work(link: Link) -> list[Answer]:
        return list(await asyncio.gather(*(link.request(Request(1, 3, 100 * n, 5)) for n in range(1, 9))))

    with kind() as device:
        answers = linked(at(device.port, in_flight=8), work)
    assert [a.payload for a in answers] == [words(*range(100 * n, 100 * n + 5)) for n in range(1, 9)]


def test_an_exception_is_told_with_its_code() -> None:
    async def work(link: Link) -> Answer:
        return await link.request(Request(1, 3, 65535, 1))

    with LibmodbusDevice() as device:
        assert linked(at(device.port), work).error == ""  # the last address exists
    with NodeDevice() as node:
        answer = linked(at(node.port), lambda link: link.request(Request(1, 6, 9, 0, (5,))))
        assert answer.error == ""


def test_every_function_on_a_serial_line() -> None:
    with cable() as (ours, theirs), LibmodbusSlave(theirs, 7):
        serial = Serial(device=ours, baud_rate=115200)
        endpoint = Endpoint(name="line", serial=serial, transfer_timeout_s=3.0)
        linked(endpoint, lambda link: every_function(link, unit=7))
