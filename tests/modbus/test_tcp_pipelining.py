"""Requests that share a socket: several open at once, matched by id, each with its own time-out."""

import asyncio
import socket

import pytest

from ess_actors.core.transaction import Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.tcp_link import TcpLink, _Wire
from tests.modbus.modbus_link_bench import TIMEOUT, Run, both_loops, endpoint, linked, read, right
from tests.modbus.modbus_peers import Call, honest, until, with_the_next, words_pdu

pytestmark = both_loops


async def mute(call: Call) -> None:
    return


def test_eight_open_requests_answered_in_reverse_order(run: Run) -> None:
    seen: list[Call] = []

    async def script(call: Call) -> None:
        seen.append(call)
        if len(seen) == 8:
            call.send(*(one.registers() for one in reversed(seen)))

    async def body() -> None:
        async with linked(script, max_in_flight=8, transfer_timeout_s=5.0) as (link, peer):
            assert link.capacity == 8
            answers = await asyncio.gather(*(link.request(read(n, 2)) for n in range(8)))
            assert [a.payload for a in answers] == [right(n, 2) for n in range(8)]
            assert peer.connections == 1 and link.counters.late == 0

    run(body())


def test_no_more_than_allowed_are_open_and_they_leave_in_order(run: Run) -> None:
    waiting: list[Call] = []
    most = 0

    async def body() -> None:
        nonlocal most

        async def script(call: Call) -> None:
            nonlocal most
            waiting.append(call)
            most = max(most, len(waiting))
            asyncio.get_running_loop().call_later(0.002, lambda: call.send(waiting.pop(0).registers()))

        async with linked(script, max_in_flight=3, transfer_timeout_s=5.0) as (link, peer):
            answers = await asyncio.gather(*(link.request(read(n, 2)) for n in range(30)))
            assert [a.payload for a in answers] == [right(n, 2) for n in range(30)]
            assert [call.address for call in peer.calls] == list(range(30))

    run(body())
    assert most == 3


def test_the_time_out_of_each_request_begins_when_it_is_written(run: Run) -> None:
    """Six take longer together than one may; none of them is late."""

    async def script(call: Call) -> None:
        await call.aged(TIMEOUT / 3)
        call.send(call.registers())

    async def body() -> None:
        async with linked(script) as (link, _):
            answers = await asyncio.gather(*(link.request(read(n)) for n in range(6)))
            assert [a.error for a in answers] == [""] * 6
            assert answers[5].received - answers[0].sent > TIMEOUT

    run(body())


def test_one_silent_request_times_out_alone(run: Run) -> None:
    async def script(call: Call) -> None:
        if call.unit != 7:
            call.send(call.registers())

    async def body() -> None:
        async with linked(script, max_in_flight=4) as (link, _):
            silent = asyncio.create_task(link.request(read(unit=7)))
            for n in range(20):
                assert (await link.request(read(n))).payload == right(n)
            answer = await silent
            assert answer.error == "timeout"
            assert answer.received - answer.sent >= TIMEOUT
            assert link.counters.timeouts == 1 and link.counters.connects == 1

    run(body())


def test_a_wrong_answer_fails_its_own_request_only(run: Run) -> None:
    async def script(call: Call) -> None:
        call.send(call.frame(words_pdu(3, 1)) if call.address == 2 else call.registers())

    async def body() -> None:
        async with linked(script, max_in_flight=4) as (link, _):
            answers = await asyncio.gather(*(link.request(read(n)) for n in range(4)))
            assert [a.error for a in answers] == ["", "", "malformed", ""]
            assert link.counters.connects == 1

    run(body())


def test_a_poisoned_stream_fails_all_that_is_open(run: Run) -> None:
    async def script(call: Call) -> None:
        if call.address == 2:
            call.send(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    async def body() -> None:
        async with linked(script, max_in_flight=3, transfer_timeout_s=5.0) as (link, peer):
            answers = await asyncio.gather(*(link.request(read(n)) for n in range(4)))
            assert [a.error for a in answers] == ["malformed"] * 3 + ["not_connected"]
            assert [bool(a.sent) for a in answers] == [True] * 3 + [False]
            peer.script = honest
            assert await link.wait_connected(2.0)
            assert (await link.request(read())).payload == right()

    run(body())


def test_a_closing_peer_fails_all_that_is_open(run: Run) -> None:
    async def script(call: Call) -> None:
        if call.address == 2:
            call.writer.close()

    async def body() -> None:
        async with linked(script, max_in_flight=3, transfer_timeout_s=5.0) as (link, _):
            answers = await asyncio.gather(*(link.request(read(n)) for n in range(5)))
            assert [a.error for a in answers] == ["not_connected"] * 5
            assert [bool(a.sent) for a in answers] == [True] * 3 + [False] * 2

    run(body())


def test_the_id_of_a_request_given_up_is_not_used_again(run: Run) -> None:
    """Ids wrap; a very late answer must not meet a new request of the same shape."""

    async def body() -> None:
        async with linked(with_the_next(10)) as (link, peer):
            assert (await link.request(read(10))).error == "timeout"
            assert link._wire is not None
            link._wire._transaction = peer.calls[0].transaction - 1  # 65,534 requests later
            assert (await link.request(read(200))).payload == right(200)
            assert link.counters.late == 1

    run(body())


def test_the_id_of_an_open_request_is_not_used_again_and_ids_wrap(run: Run) -> None:
    async def body() -> None:
        async with linked(mute, max_in_flight=8) as (link, peer):
            assert link._wire is not None
            link._wire._transaction = 65533
            tasks = [asyncio.create_task(link.request(read(n))) for n in range(4)]
            await until(lambda: len(peer.calls) == 4, what="four open requests")
            link._wire._transaction = 65533
            tasks += [asyncio.create_task(link.request(read(n))) for n in range(4, 8)]
            await until(lambda: len(peer.calls) == 8, what="eight open requests")
            assert [call.transaction for call in peer.calls] == [65534, 65535, 1, 2, 3, 4, 5, 6]
            for call in reversed(peer.calls):
                call.send(call.registers())
            assert [a.payload for a in await asyncio.gather(*tasks)] == [right(n) for n in range(8)]

    run(body())


def test_ids_given_up_are_forgotten_at_last(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ess_actors.modbus.tcp_link._REMEMBERED", 10)

    async def body() -> None:
        async with linked(mute, max_in_flight=16, transfer_timeout_s=0.01) as (link, _):
            await asyncio.gather(*(link.request(read(n)) for n in range(64)))
            assert link._wire is not None and len(link._wire._given_up) == 10

    run(body())


def test_a_device_that_never_reads_costs_its_connection_not_our_memory(run: Run) -> None:
    async def body() -> None:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(8)
            reasons: list[str] = []
            link = open_link(
                endpoint(deaf.getsockname()[1], max_in_flight=16, transfer_timeout_s=0.005),
                on_state=lambda up, why: reasons.append(why),
            )
            link.start()
            assert await link.wait_connected(2.0)
            assert isinstance(link, TcpLink) and link._wire is not None and link._wire._transport is not None
            raw = link._wire._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
            write = Request(1, 16, 0, words=[0] * 123)
            while len(reasons) < 2:
                await asyncio.gather(*(link.request(write) for _ in range(16)))
                assert link.counters.timeouts < 2000, "given up long before"
            await link.stop()
        assert reasons[1] == "the device takes nothing"

    run(body())


def test_an_answer_cut_short_and_filled_up_with_rubbish_is_not_used(run: Run) -> None:
    async def script(call: Call) -> None:
        call.send(call.registers()[:11], b"\xa5" * 20)

    async def body() -> None:
        async with linked(script, max_in_flight=2, transfer_timeout_s=5.0) as (link, _):
            answers = await asyncio.gather(link.request(read(10, 4)), link.request(read(20, 4)))
            assert {answer.error for answer in answers} <= {"malformed", "not_connected"}

    run(body())


def test_one_timer_watches_all_requests(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that leaves in the moment another one times out must not start one more."""
    looks = 0
    look = _Wire._expire

    def counted(wire: _Wire) -> None:
        nonlocal looks
        looks += 1
        look(wire)

    monkeypatch.setattr(_Wire, "_expire", counted)

    async def body() -> None:
        async with linked(mute, max_in_flight=2, transfer_timeout_s=0.01) as (link, _):
            await asyncio.gather(*(link.request(read(n)) for n in range(60)))
            assert link.counters.timeouts == 60
            assert looks <= 100, "30 pairs, each seen once or, by a timer that was early, twice"

    run(body())
