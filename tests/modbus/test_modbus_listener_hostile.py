"""Masters that are slow, greedy or hostile: what they do to themselves, and that they do nothing to the others."""

import asyncio
import errno
import socket
from typing import Any

import pytest
import uvloop

from ess_actors.modbus.listener_places import IDLE_S, MUTE_S
from ess_actors.modbus.listener_session import MAX_LATE, Reply
from tests.modbus.modbus_masters import ANSWER, ASK, gone, respond, site
from tests.modbus.modbus_peers import request_frame, until, words_pdu


def test_half_a_frame_now_and_then_is_no_life_sign() -> None:
    async def body() -> None:
        async with site(max_clients=2) as here:
            loris, honest = await here.master(), await here.master()
            await here.asked(loris)
            for piece in (ASK[:3], ASK[3:6], ASK[6:9]):
                here.now += IDLE_S / 3
                loris[1].write(piece)
                await here.asked(honest)
            third = await here.master()
            await here.asked(third)
            assert await gone(loris)
            assert here.listener.counters.evicted == 1
            await here.asked(honest)

    uvloop.run(body())


def test_a_byte_at_a_time_is_slow_but_allowed() -> None:
    async def body() -> None:
        async with site() as here:
            slow = await here.master()
            for byte in ASK * 2:
                slow[1].write(bytes((byte,)))
                await slow[1].drain()
            for _ in range(2):
                assert await asyncio.wait_for(slow[0].readexactly(len(ANSWER)), 5.0) == ANSWER

    uvloop.run(body())


def test_connections_that_never_ask_keep_nobody_out_for_long() -> None:
    async def body() -> None:
        async with site(max_clients=3) as here:
            silent = []
            for _ in range(3):
                silent.append(await here.master())
                here.now += 0.1
            assert await gone(await here.stranger())
            here.now += MUTE_S
            for number in range(3):
                await here.asked(await here.master())
                assert await gone(silent[number])
            assert await gone(await here.stranger())
            assert (here.listener.counters.evicted, here.listener.counters.refused) == (3, 2)

    uvloop.run(body())


def test_one_address_cannot_keep_all_others_out() -> None:
    async def body() -> None:
        async with site(max_clients=3) as here:
            greedy = [await here.master() for _ in range(3)]
            for one in greedy:
                here.now += 1.0
                await here.asked(one)
            other = await here.master("127.0.0.2")
            await here.asked(other)
            assert await gone(greedy[0]), "the most silent one of the greedy address"
            again = await here.stranger()
            assert await gone(again), "it does not get the place back from somebody who has one"
            second = await here.stranger("127.0.0.2")
            assert await gone(second), "nor does the other one get more than a fair share"
            await here.asked(other)

    uvloop.run(body())


def test_an_idle_connection_is_closed_when_the_file_says_so() -> None:
    async def body() -> None:
        async with site(idle_timeout_s=5.0) as here:
            idle, busy = await here.master(), await here.master()
            here.now += 4.0
            await here.asked(busy)
            idle[1].write(ASK[:5])
            here.now += 2.0
            assert await gone(idle)
            await here.asked(busy)
            assert here.listener.counters.idle == 1

    uvloop.run(body())


def test_thousands_of_requests_at_once_leave_room_for_the_others() -> None:
    """The greedy master takes all its answers, so that nothing but fairness slows it down."""

    async def body() -> None:
        number = 40_000
        async with site() as here:
            greedy, honest = await here.master(), await here.master()
            taking = asyncio.create_task(greedy[0].readexactly(number * len(ANSWER)))
            greedy[1].write(ASK * number)
            await until(lambda: here.listener.counters.requests > 100, what="the greedy master at work")
            for _ in range(5):
                await here.asked(honest)
            session = here.session(greedy)
            assert session is not None and session.asked < number, "the honest one did not wait for all that"
            assert await asyncio.wait_for(taking, 30.0) == ANSWER * number

    uvloop.run(body())


def test_a_master_that_does_not_read_is_not_read_and_costs_little() -> None:
    async def body() -> None:
        async with site(max_clients=2) as here:
            deaf, honest = await here.master(), await here.master()
            await here.asked(deaf)
            session = here.session(deaf)
            assert session is not None and session.transport is not None
            transport = session.transport
            deaf[1].transport.pause_reading()  # type: ignore[attr-defined]
            deaf[1].write(ASK * 100_000)

            seen: list[int] = []

            def stuck() -> bool:
                seen.append(session.asked)
                return len(seen) > 100 and seen[-100] == session.asked and not transport.is_reading()

            await until(stuck, 20.0, what="the deaf master stuck")
            await here.asked(honest)
            assert session.asked == seen[-1] < 100_000
            assert transport.get_write_buffer_size() < 200_000
            here.now += IDLE_S
            await here.asked(honest)
            await here.asked(await here.master())
            assert here.session(deaf) is None, "whoever does not read is not heard either"

    uvloop.run(body())


def test_a_master_that_reads_late_gets_everything_in_order() -> None:
    async def body() -> None:
        number = 20_000
        async with site() as here:
            late = await here.master()
            late[1].write(ASK * number)
            session = here.session(late)
            assert session is not None and session.transport is not None
            await until(lambda: session.transport and not session.transport.is_reading())
            taken = await asyncio.wait_for(late[0].readexactly(number * len(ANSWER)), 30.0)
            assert taken == ANSWER * number
            await here.asked(late)

    uvloop.run(body())


def test_delayed_answers_are_few_and_a_full_master_is_dropped() -> None:
    async def body() -> None:
        async with site(lambda unit, pdu: Reply(respond(unit, pdu), delay=0.01)) as here:
            master = await here.master()
            master[1].write(ASK * (MAX_LATE + 100))
            got = await asyncio.wait_for(master[0].readexactly(MAX_LATE * len(ANSWER)), 5.0)
            assert got == ANSWER * MAX_LATE
            await here.asked(master)

    uvloop.run(body())


def test_a_hang_up_comes_behind_the_answers_before_it() -> None:
    async def body() -> None:
        replies = iter((b"\x03\x02\x00\x01", Reply(b"\x03\x02\x00\x02", hang_up=True), b"\x03\x02\x00\x03"))
        async with site(lambda unit, pdu: next(replies)) as here:
            master = await here.master()
            master[1].write(ASK * 3)
            expected = request_frame(7, 1, words_pdu(3, 1)) + request_frame(7, 1, words_pdu(3, 2))
            assert await asyncio.wait_for(master[0].read(), 5.0) == expected

    uvloop.run(body())


def test_networks_that_are_none_admit_nobody() -> None:
    async def body() -> None:
        async with site(allow_from=["10.0.0.0/33", "the office"]) as here:
            assert await gone(await here.stranger())
            assert here.listener.counters.strangers == 1
        async with site(allow_from=["nonsense", "127.0.0.2", "::1"]) as here:
            assert await gone(await here.stranger())
            await here.asked(await here.master("127.0.0.2"))

    uvloop.run(body())


def test_new_limits_hold_from_now_on() -> None:
    async def body() -> None:
        async with site(max_clients=2) as here:
            first, second = await here.master(), await here.master("127.0.0.2")
            await here.asked(first)
            here.listener.renew(max_clients=1, allow_from=["127.0.0.1"], idle_timeout_s=5.0)
            assert await gone(second)
            await here.asked(first)
            assert await gone(await here.stranger())
            here.now += 6.0
            assert await gone(first)

    uvloop.run(body())


def test_a_process_without_descriptors_takes_in_nobody_and_then_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.socket.accept
    failed: list[int] = []

    def accept(door: socket.socket) -> Any:
        if not failed:
            failed.append(1)
            raise OSError(errno.EMFILE, "Too many open files")
        return real(door)

    async def body() -> None:
        async with site() as here:
            monkeypatch.setattr(socket.socket, "accept", accept)
            await here.asked(await here.master())
            assert failed

    uvloop.run(body())


def test_a_thousand_connections_leave_nothing_behind() -> None:
    async def body() -> None:
        async with site(max_clients=4) as here:
            for number in range(1000):
                reader, writer = await asyncio.open_connection("127.0.0.1", here.listener.port)
                if number % 3 == 0:
                    writer.write(ASK)
                    await reader.readexactly(len(ANSWER))
                if number % 3 == 1:
                    writer.write(ASK[:5])
                writer.transport.abort()
                if number % 4 == 3:
                    await until(lambda: not here.listener.sessions, what="no connection left")

    uvloop.run(body())
