"""Several connections to one device: who carries a request, what is told, what is summed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ess_actors.core.transaction import Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.pool import Pool
from ess_actors.modbus.tcp_link import TcpLink
from tests.modbus.modbus_link_bench import Run, Script, both_loops, endpoint, read, right
from tests.modbus.modbus_peers import Call, Device, device, honest, until
from tests.ports import free_port

pytestmark = both_loops


@asynccontextmanager
async def pooled(script: Script, connections: int = 3, **settings: Any) -> AsyncIterator[tuple[Pool, Device]]:
    async with device(script) as peer:
        pool = open_link(endpoint(peer.port, max_connections=connections, **settings))
        assert isinstance(pool, Pool)
        pool.start()
        try:
            assert await pool.wait_connected(2.0)
            await until(lambda: all(link.connected for link in pool.links), what="all connections")
            yield pool, peer
        finally:
            await pool.stop()


def test_a_request_takes_a_free_connection_and_more_wait(run: Run) -> None:
    waiting: list[Call] = []

    async def hold(call: Call) -> None:
        waiting.append(call)

    async def body() -> None:
        async with pooled(hold, transfer_timeout_s=5.0) as (pool, peer):
            assert pool.capacity == peer.connections == 3
            tasks = [asyncio.create_task(pool.request(read(n))) for n in range(8)]
            await until(lambda: len(waiting) == 3, what="three open requests")
            assert len({call.writer for call in waiting}) == 3, "one on each connection"
            answered = [waiting.pop(1)]
            answered[0].send(answered[0].registers())
            await until(lambda: len(waiting) == 3, what="the next request on the freed connection")
            assert waiting[-1].writer is answered[0].writer and waiting[-1].address == 3
            peer.script = honest
            for call in waiting:
                call.send(call.registers())
            assert [a.payload for a in await asyncio.gather(*tasks)] == [right(n) for n in range(8)]

    run(body())


def test_requests_one_after_the_other_use_all_connections(run: Run) -> None:
    """A connection that is never used could not show that it works."""

    async def body() -> None:
        async with pooled(honest) as (pool, peer):
            for n in range(6):
                assert (await pool.request(read(n))).payload == right(n)
            used = [call.writer for call in peer.calls]
            assert len(set(used[:3])) == 3 and used[:3] == used[3:]
            assert pool.counters.replies == 6 and pool.counters.connects == 3

    run(body())


def test_a_silent_unit_holds_one_connection_and_the_others_go_on(run: Run) -> None:
    async def script(call: Call) -> None:
        if call.unit != 7:
            call.send(call.registers())

    async def body() -> None:
        async with pooled(script, transfer_timeout_s=5.0) as (pool, peer):
            silent = asyncio.create_task(pool.request(read(unit=7)))
            await until(lambda: peer.calls, what="the silent request on the wire")
            answers = await asyncio.gather(*(pool.request(read(n)) for n in range(20)))
            assert [a.payload for a in answers] == [right(n) for n in range(20)]
            assert not silent.done()
            pool.drop("enough")
            assert (await silent).error == "not_connected"

    run(body())


def test_it_is_connected_while_one_connection_is_and_says_each_change_once(run: Run) -> None:
    async def body() -> None:
        states: list[tuple[bool, str]] = []
        port = free_port()
        async with device(honest, port):
            pool = open_link(
                endpoint(port, max_connections=3), on_state=lambda up, why: states.append((up, why))
            )
            assert isinstance(pool, Pool)
            pool.start()
            await until(lambda: all(link.connected for link in pool.links), what="all connections")
            assert states == [(True, "")]
            pool.links[0].drop("one of three")
            assert pool.connected and states == [(True, "")]
            assert (await pool.request(read())).payload == right()
        await until(lambda: not pool.connected, what="all lost")
        assert states[1:] == [(False, "closed by the device")]
        assert (await pool.request(read())).error == "not_connected"
        assert pool.counters.not_connected == 1
        assert not await pool.wait_connected(0.01)
        async with device(honest, port):
            assert await pool.wait_connected(2.0)
            await until(lambda: len(states) == 3, what="word of the reconnect")
            assert states[2] == (True, "")
            assert (await pool.request(read())).payload == right()
            await pool.stop()
        assert states[3:] == [(False, "stopped")]

    run(body())


def test_a_device_that_is_not_there_is_told_once_all_have_tried(run: Run) -> None:
    async def body() -> None:
        async with device(honest) as scout:
            port = scout.port
        states: list[tuple[bool, str]] = []
        pool = open_link(endpoint(port, max_connections=4), on_state=lambda up, why: states.append((up, why)))
        pool.start()
        await until(lambda: pool.counters.failed_connects >= 12, what="three attempts of each")
        await pool.stop()
        assert states == [(False, "Connection refused")]

    run(body())


def test_one_refused_connection_is_not_the_device_s_word(run: Run) -> None:
    """Some devices take fewer connections than their file says."""

    async def body() -> None:
        states: list[tuple[bool, str]] = []
        lines: list[TcpLink] = []

        class Silent(TcpLink):
            def __init__(self, *args: Any, **settings: Any) -> None:
                super().__init__(*args, **settings)
                lines.append(self)

        pool = Pool(endpoint(1, max_connections=3), Silent, on_state=lambda up, why: states.append((up, why)))
        lines[0]._tell(False, "Connection refused")
        lines[1]._tell(False, "Connection refused")
        assert states == []
        lines[2]._tell(True, "")
        lines[1]._tell(True, "")
        assert states == [(True, "")]
        lines[2]._tell(False, "lost")
        lines[1]._tell(False, "lost too")
        assert states == [(True, ""), (False, "lost too")]
        assert pool.place == "127.0.0.1:1"

    run(body())


def test_what_waits_is_answered_when_the_last_connection_goes_and_on_stop(run: Run) -> None:
    async def mute(call: Call) -> None:
        return

    async def body() -> None:
        async with pooled(mute, 2, transfer_timeout_s=5.0) as (pool, peer):
            tasks = [asyncio.create_task(pool.request(read(n))) for n in range(5)]
            await until(lambda: len(peer.calls) == 2, what="two open requests")
            peer.hang_up()
            answers = await asyncio.gather(*tasks)
            assert [a.error for a in answers] == ["not_connected"] * 5
            assert [bool(a.sent) for a in answers] == [True, True, False, False, False]
            await until(lambda: all(link.connected for link in pool.links), what="all connections again")
            tasks = [asyncio.create_task(pool.request(read(n))) for n in range(5)]
            await until(lambda: len(peer.calls) == 4, what="two open requests")
            await pool.stop()
            assert [a.error for a in await asyncio.gather(*tasks)] == ["not_connected"] * 5

    run(body())


def test_a_caller_that_leaves_takes_no_place_with_him(run: Run) -> None:
    waiting: list[Call] = []

    async def hold(call: Call) -> None:
        waiting.append(call)

    async def body() -> None:
        async with pooled(hold, 2, transfer_timeout_s=30.0) as (pool, peer):
            tasks: list[asyncio.Task[Any]] = []

            async def first() -> None:
                await pool.request(read(0))
                # The place it leaves was just given to the third, who has not run since.
                tasks[2].cancel()

            tasks += [asyncio.create_task(first())]
            tasks += [asyncio.create_task(pool.request(read(n))) for n in range(1, 6)]
            await until(lambda: len(waiting) == 2, what="two open requests")
            tasks[3].cancel()
            await asyncio.gather(tasks[3], return_exceptions=True)
            peer.script = honest
            waiting[0].send(waiting[0].registers())
            await until(tasks[5].done, what="the last one, on the place that was given back")
            waiting[1].send(waiting[1].registers())
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert [isinstance(a, asyncio.CancelledError) for a in answers] == [n in (2, 3) for n in range(6)]
            assert answers[4].payload == right(4) and answers[5].payload == right(5)
            for n in range(4):
                assert (await pool.request(read(n))).payload == right(n)
            assert all(member.load == 0 for member in pool._members)

    run(body())


def test_an_impossible_request_raises_at_once(run: Run) -> None:
    async def body() -> None:
        async with pooled(honest) as (pool, peer):
            with pytest.raises(ValueError):
                await pool.request(Request(1, 3, 0, 126))
            assert not peer.calls

    run(body())


def test_connections_times_requests_in_flight(run: Run) -> None:
    seen: list[Call] = []

    async def script(call: Call) -> None:
        seen.append(call)
        if len(seen) == 6:
            for one in reversed(seen):
                one.send(one.registers())

    async def body() -> None:
        async with pooled(script, 2, max_in_flight=3, transfer_timeout_s=5.0) as (pool, _):
            assert pool.capacity == 6
            answers = await asyncio.gather(*(pool.request(read(n)) for n in range(6)))
            assert [a.payload for a in answers] == [right(n) for n in range(6)]

    run(body())


def test_a_connection_that_comes_back_takes_what_waits(run: Run) -> None:
    waiting: list[Call] = []

    async def hold(call: Call) -> None:
        waiting.append(call)

    async def body() -> None:
        async with pooled(hold, 2, transfer_timeout_s=5.0) as (pool, _):
            pool.links[0].drop("for a moment")
            tasks = [asyncio.create_task(pool.request(read(n))) for n in range(2)]
            await until(lambda: len(waiting) == 2, what="both on the wire")
            assert waiting[0].writer is not waiting[1].writer
            for call in waiting:
                call.send(call.registers())
            assert [a.payload for a in await asyncio.gather(*tasks)] == [right(0), right(1)]

    run(body())
