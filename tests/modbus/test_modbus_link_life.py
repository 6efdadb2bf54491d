"""The life of a link: losses, backoff, reconnects, one request at a time, silence in the log."""

import asyncio
import logging
import socket

import pytest

from ess_actors.core.transaction import Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.tcp_link import TcpLink
from tests.modbus.modbus_link_bench import TIMEOUT, Run, asked, both_loops, endpoint, linked, read, right
from tests.modbus.modbus_peers import Call, device, honest, until
from tests.ports import free_port

pytestmark = both_loops


def test_a_mute_device_costs_one_timeout_and_keeps_its_socket(run: Run) -> None:
    seen: list[int] = []

    async def script(call: Call) -> None:
        seen.append(call.unit)
        if call.unit != 7:
            call.send(call.registers())

    (mute, again, other), link = run(asked(script, read(unit=7), read(unit=7), read(unit=1)))
    assert (mute.error, again.error, other.payload) == ("timeout", "timeout", right())
    assert mute.received - mute.sent >= 0.9 * TIMEOUT
    assert link.counters.connects == 1 and link.counters.timeouts == 2
    assert len(seen) == 3, "no request is repeated behind our back"


def test_a_peer_that_closes_in_flight_fails_the_request_at_once(run: Run) -> None:
    async def script(call: Call) -> None:
        call.writer.close()

    async def body() -> None:
        async with linked(script, transfer_timeout_s=5.0) as (link, _):
            answer = await link.request(read())
            assert answer.error == "not_connected" and answer.sent, "no timeout was waited for"

    run(body())


@pytest.mark.parametrize(
    "head", [b"\x00\x01\x00\x07\x00\x05\x01\x03\x02\x00\x01", b"\x00\x01\x00\x00\xff\xff\x01"]
)
def test_a_poisoned_stream_costs_the_connection_and_no_more(run: Run, head: bytes) -> None:
    """A foreign protocol id or an impossible length: nothing behind it can be trusted."""
    poison = [head]

    async def script(call: Call) -> None:
        call.send(poison.pop() if poison else call.registers())

    async def body() -> None:
        async with linked(script, transfer_timeout_s=5.0) as (link, peer):
            assert (await link.request(read())).error == "malformed"
            assert await link.wait_connected(2.0)
            assert (await link.request(read())).payload == right()
            assert peer.connections == 2

    run(body())


def test_a_link_comes_back_by_itself_and_says_so_once_per_change(run: Run) -> None:
    async def body() -> None:
        states: list[bool] = []
        port = free_port()
        async with device(honest, port):
            link = open_link(endpoint(port), on_state=lambda connected, reason: states.append(connected))
            link.start()
            assert await link.wait_connected(2.0)
            assert (await link.request(read())).payload == right()
        await until(lambda: link.counters.failed_connects >= 3, what="failed attempts")
        answer = await link.request(read())
        assert answer.error == "not_connected" and not answer.sent, "a request to a dead device does not wait"
        async with device(honest, port):
            assert await link.wait_connected(2.0)
            assert (await link.request(read())).payload == right()
            await link.stop()
        assert states == [True, False, True, False]

    run(body())


def test_only_a_good_read_resets_the_backoff(run: Run) -> None:
    """A gateway that accepts and then says nothing must not be called every 0.2 s for ever."""

    async def slam(call: Call) -> None:
        call.writer.close()

    async def refuse(call: Call) -> None:
        call.send(call.frame(bytes([call.function | 0x80, 4])))

    async def body() -> None:
        async with linked(slam, reconnect_min_s=0.01, reconnect_max_s=0.16) as (link, peer):
            for _ in range(5):
                await link.request(read())
                assert await link.wait_connected(2.0)
            assert link._backoff == 0.16
            peer.script = refuse
            assert (await link.request(read())).error == "exception"
            peer.script = honest
            assert not (await link.request(Request(1, 6, 0, words=[1]))).error
            assert link._backoff == 0.16, "neither a refusal nor a write is a good read"
            assert (await link.request(read())).payload == right()
            assert link._backoff == 0.01

    run(body())


def test_the_pauses_double_up_to_the_limit_with_jitter_for_ever(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def body() -> None:
        with socket.socket() as closed:  # bound and not listening: every attempt is refused at once
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            link = open_link(endpoint(port, reconnect_min_s=0.2, reconnect_max_s=2.0))
            monkeypatch.setattr("ess_actors.modbus.link.asyncio.sleep", noted)
            link.start()
            while len(pauses) < 300:
                await sleep(0.001)
            monkeypatch.undo()
            await link.stop()

    run(body())
    for pause, middle in zip(pauses[:4], (0.2, 0.4, 0.8, 1.6), strict=True):
        assert 0.8 * middle <= pause <= 1.2 * middle
    rest = pauses[4:]
    assert all(0.8 * 2.0 <= pause <= 1.2 * 2.0 for pause in rest)
    assert max(rest) - min(rest) > 0.4, "jitter"


def test_a_dead_device_prints_nothing(
    run: Run, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def dying(call: Call) -> None:
        if call.address:
            call.writer.transport.abort()

    with caplog.at_level(logging.INFO):
        run(asked(dying, read(0), read(1), read(2), read(3)))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_where_an_open_connection_proves_nothing_it_counts_after_the_first_answer(run: Run) -> None:
    """TLS 1.3: a device that refuses our certificate still lets us connect."""

    class Doubting(TcpLink):
        needs_proof = True

    async def slam(call: Call) -> None:
        call.writer.close()

    async def body() -> None:
        states: list[tuple[bool, str]] = []
        async with device(slam) as peer:
            link = Doubting(endpoint(peer.port), on_state=lambda up, why: states.append((up, why)))
            link.start()
            for _ in range(3):
                assert await link.wait_connected(2.0)
                assert link.ready and not link.connected
                assert (await link.request(read())).error == "not_connected"
            assert states == [(False, "closed by the device")]
            peer.script = honest
            assert await link.wait_connected(2.0)
            assert (await link.request(read())).payload == right()
            assert link.connected and states[1:] == [(True, "")]
            await link.stop()

    run(body())
