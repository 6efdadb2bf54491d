"""Who waits and who leaves: the turns on one socket, cancelled callers, a link that is stopped."""

import asyncio
import contextlib
import os

import pytest

from tests.modbus.modbus_link_bench import Run, both_loops, linked, read, right
from tests.modbus.modbus_peers import Call, honest, until

pytestmark = both_loops


async def mute(call: Call) -> None:
    return


def test_one_request_at_a_time(run: Run) -> None:
    open_now = 0
    most = 0

    async def script(call: Call) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.005)
        open_now -= 1
        call.send(call.registers())

    async def body() -> None:
        async with linked(script) as (link, _):
            answers = await asyncio.gather(*(link.request(read(n, 2)) for n in range(8)))
            assert [a.payload for a in answers] == [right(n, 2) for n in range(8)]

    run(body())
    assert most == 1


def test_a_cancellation_that_comes_together_with_the_answer_is_not_lost(run: Run) -> None:
    """Else a client that is told to stop in that moment would poll for ever."""

    async def body() -> None:
        async with linked(mute, transfer_timeout_s=5.0) as (link, peer):
            task = asyncio.create_task(link.request(read()))
            await until(lambda: peer.calls, what="the request on the wire")
            assert link._wire is not None
            link._wire.data_received(peer.calls[0].registers())
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(body())


def test_a_cancelled_request_leaves_the_link_usable(run: Run) -> None:
    async def script(call: Call) -> None:
        if call.address != 10:
            call.send(call.registers())

    async def body() -> None:
        async with linked(script) as (link, peer):
            task = asyncio.create_task(link.request(read(10)))
            await until(lambda: peer.calls, what="the request on the wire")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await link.request(read(20))).payload == right(20)

    run(body())


def test_a_cancelled_request_that_waits_its_turn_never_leaves(run: Run) -> None:
    go = asyncio.Event()

    async def slow(call: Call) -> None:
        await go.wait()
        call.send(call.registers())

    async def body() -> None:
        async with linked(slow, transfer_timeout_s=5.0) as (link, peer):
            first, second, third = (asyncio.create_task(link.request(read(n))) for n in (10, 20, 30))
            await until(lambda: peer.calls, what="the first request on the wire")
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            go.set()
            assert (await first).payload == right(10)
            assert (await third).payload == right(30)
            assert [call.address for call in peer.calls] == [10, 30]
            assert link.counters.requests == link.counters.replies == 2

    run(body())


def test_a_cancelled_request_keeps_its_place_until_the_device_has_answered(run: Run) -> None:
    """The device still works on it: one more would be two at once, for a device that can do one."""
    go = asyncio.Event()

    async def slow(call: Call) -> None:
        await go.wait()
        call.send(call.registers())

    async def body() -> None:
        async with linked(slow, transfer_timeout_s=5.0) as (link, peer):
            first = asyncio.create_task(link.request(read(10)))
            await until(lambda: peer.calls, what="the first request on the wire")
            first.cancel()
            second = asyncio.create_task(link.request(read(20)))
            await asyncio.gather(first, return_exceptions=True)
            assert len(peer.calls) == 1
            go.set()
            assert (await second).payload == right(20)
            assert link.counters.late == 0

    run(body())


def test_stop_answers_what_is_open_and_what_waits(run: Run) -> None:
    async def body() -> None:
        async with linked(mute, transfer_timeout_s=5.0, max_in_flight=2) as (link, peer):
            tasks = [asyncio.create_task(link.request(read(n))) for n in range(4)]
            await until(lambda: len(peer.calls) == 2, what="two requests on the wire")
            await link.stop()
            answers = await asyncio.gather(*tasks)
            assert {answer.error for answer in answers} == {"not_connected"}
            assert [bool(answer.sent) for answer in answers] == [True, True, False, False]
            assert (await link.request(read())).error == "not_connected"
            link.start()
            assert await link.wait_connected(2.0), "a stopped link can be started again"

    run(body())


def test_stop_waits_until_the_socket_is_closed(run: Run) -> None:
    async def body() -> None:
        async with linked(honest) as (link, _):
            assert link._wire is not None and link._wire._transport is not None
            number = link._wire._transport.get_extra_info("socket").fileno()
            inode = os.fstat(number).st_ino
            await link.stop()
            with contextlib.suppress(OSError):
                assert os.fstat(number).st_ino != inode

    run(body())
