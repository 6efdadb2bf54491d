"""The life of a link: losses, backoff, reconnects, one request at a time, silence in the log."""

import asyncio
import logging

import pytest

from ess_actors.modbus.link import Link
from tests.modbus.modbus_link_bench import TIMEOUT, ask, linked, read, right
from tests.modbus.modbus_peers import Call, device, honest, until


def test_a_mute_device_costs_one_timeout_and_keeps_its_socket() -> None:
    seen: list[int] = []

    async def script(call: Call) -> None:
        seen.append(call.unit)
        if call.unit != 7:
            call.send(call.registers())

    (mute, again, other), link = ask(script, read(unit=7), read(unit=7), read(unit=1))
    assert (mute.error, again.error, other.payload) == ("timeout", "timeout", right())
    assert mute.received - mute.sent >= 0.9 * TIMEOUT
    assert link.counters.connects == 1 and link.counters.timeouts == 2
    assert len(seen) == 3, "no request is repeated behind our back"


def test_a_peer_that_closes_in_flight_fails_the_request_at_once() -> None:
    async def script(call: Call) -> None:
        call.writer.close()

    async def body() -> None:
        async with linked(script, transfer_timeout=5.0) as (link, _):
            answer = await link.request(read())
            assert answer.error == "not_connected" and answer.sent, "no timeout was waited for"

    asyncio.run(body())


@pytest.mark.parametrize(
    "head", [b"\x00\x01\x00\x07\x00\x05\x01\x03\x02\x00\x01", b"\x00\x01\x00\x00\xff\xff\x01"]
)
def test_a_poisoned_stream_costs_the_connection_and_no_more(head: bytes) -> None:
    """A foreign protocol id or an impossible length: nothing behind it can be trusted."""
    poison = [head]

    async def script(call: Call) -> None:
        call.send(poison.pop() if poison else call.registers())

    async def body() -> None:
        async with linked(script, transfer_timeout=5.0) as (link, peer):
            assert (await link.request(read())).error == "malformed"
            assert await link.wait_connected(2.0)
            assert (await link.request(read())).payload == right()
            assert peer.connections == 2

    asyncio.run(body())


def test_a_link_comes_back_by_itself_and_says_so_once_per_change() -> None:
    async def body() -> None:
        states: list[bool] = []
        async with device(honest) as first:
            port = first.port
            link = Link(
                "127.0.0.1",
                port,
                backoff_min=0.02,
                backoff_max=0.05,
                on_state=lambda connected, reason: states.append(connected),
            )
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

    asyncio.run(body())


def test_the_first_connect_may_fail() -> None:
    """The stock client starts to reconnect only after a first success."""

    async def body() -> None:
        async with device(honest) as scout:
            port = scout.port
        reasons: list[str] = []
        link = Link(
            "127.0.0.1",
            port,
            backoff_min=0.02,
            backoff_max=0.05,
            on_state=lambda up, why: reasons.append(why),
        )
        link.start()
        await until(lambda: reasons, what="a failed connect")
        assert "refused" in reasons[0] or "Connect call failed" in reasons[0]
        async with device(honest, port):
            assert await link.wait_connected(2.0)
            await link.stop()

    asyncio.run(body())


def test_a_host_name_that_does_not_exist_is_named_and_retried() -> None:
    async def body() -> None:
        reasons: list[str] = []
        name = "a" * 70 + ".invalid"  # a label too long for any resolver to ask about
        link = Link(
            name, 502, backoff_min=0.01, backoff_max=0.02, on_state=lambda up, why: reasons.append(why)
        )
        link.start()
        await until(lambda: link.counters.failed_connects >= 2, what="two attempts")
        await link.stop()
        assert reasons == [reasons[0]] and reasons[0]

    asyncio.run(body())


def test_only_a_good_read_resets_the_backoff() -> None:
    """A gateway that accepts and then says nothing must not be called every 0.2 s for ever."""

    async def slam(call: Call) -> None:
        call.writer.close()

    async def body() -> None:
        async with linked(slam, backoff_min=0.01, backoff_max=0.16) as (link, peer):
            for _ in range(5):
                await link.request(read())
                assert await link.wait_connected(2.0)
            assert link._backoff == 0.16
            peer.script = honest
            assert (await link.request(read())).payload == right()
            assert link._backoff == 0.01

    asyncio.run(body())


def test_one_request_at_a_time() -> None:
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

    asyncio.run(body())
    assert most == 1


def test_the_library_prints_nothing(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def mute(call: Call) -> None:
        return

    with caplog.at_level(logging.DEBUG):
        ask(mute, read(), read())
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name.startswith("pymodbus")]


def test_a_cancellation_that_comes_together_with_the_answer_is_not_lost() -> None:
    """Else a client that is told to stop in that moment would poll for ever."""

    async def mute(call: Call) -> None:
        return

    async def body() -> None:
        async with linked(mute, transfer_timeout=5.0) as (link, peer):
            task = asyncio.create_task(link.request(read()))
            await until(lambda: peer.calls, what="the request on the wire")
            assert link._client is not None
            link._client.ctx.data_received(peer.calls[0].registers())
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(body())


def test_a_cancelled_request_leaves_the_link_usable() -> None:
    async def script(call: Call) -> None:
        if call.address != 10:
            call.send(call.registers())

    async def body() -> None:
        async with linked(script, transfer_timeout=5.0) as (link, peer):
            task = asyncio.create_task(link.request(read(10)))
            await until(lambda: peer.calls, what="the request on the wire")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await link.request(read(20))).payload == right(20)

    asyncio.run(body())
