"""How a TCP link opens its socket: what can go wrong then, and what is told of it."""

import asyncio
import errno
import socket
from dataclasses import replace

import pytest

from ess_actors.modbus.keepalive import KEEPALIVE
from ess_actors.modbus.lines import open_link
from tests.modbus.modbus_link_bench import Run, both_loops, endpoint, linked, read, right
from tests.modbus.modbus_peers import device, honest, until
from tests.ports import free_port

pytestmark = both_loops


def test_the_first_connect_may_fail(run: Run) -> None:
    """The stock client starts to reconnect only after a first success."""

    async def body() -> None:
        port = free_port()
        reasons: list[str] = []
        link = open_link(endpoint(port), on_state=lambda up, why: reasons.append(why))
        link.start()
        await until(lambda: reasons, what="a failed connect")
        assert reasons[0] == "Connection refused"
        async with device(honest, port):
            assert await link.wait_connected(2.0)
            await link.stop()

    run(body())


@pytest.mark.parametrize("name", ["a" * 70 + ".invalid", "no such host"])
def test_a_host_name_that_does_not_exist_is_named_and_retried(run: Run, name: str) -> None:
    """A label too long for any resolver to ask about, and one with blanks."""

    async def body() -> None:
        reasons: list[str] = []
        place = replace(endpoint(502), host=name, reconnect_min_s=0.001, reconnect_max_s=0.001)
        link = open_link(place, on_state=lambda up, why: reasons.append(why))
        link.start()
        await until(lambda: link.counters.failed_connects >= 20, what="twenty attempts")
        await link.stop()
        assert len(reasons) == 1 and name in reasons[0]

    run(body())


def test_a_device_that_accepts_no_connection_in_time_is_tried_again(run: Run) -> None:
    """Its queue of connections is full: the kernel drops what asks for one more."""

    async def body() -> None:
        reasons: list[str] = []
        with socket.socket() as full, socket.socket() as first:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            first.connect(full.getsockname())
            link = open_link(
                endpoint(full.getsockname()[1], connect_timeout_s=0.05),
                on_state=lambda up, why: reasons.append(why),
            )
            link.start()
            await until(lambda: link.counters.failed_connects >= 2, what="two attempts")
            await link.stop()
        assert reasons == ["no answer within 0.05 s"]

    run(body())


def test_a_vanished_peer_is_noticed_by_the_kernel(run: Run) -> None:
    async def body() -> None:
        async with linked(honest) as (link, _):
            assert link._wire is not None and link._wire._transport is not None
            raw = link._wire._transport.get_extra_info("socket")
            for level, option, value in KEEPALIVE:
                assert raw.getsockopt(level, option) == value
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1

    run(body())


def test_a_loss_before_the_link_looks_is_a_failed_connect(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        lost: list[asyncio.Transport] = []

        def lose_once(transport: asyncio.Transport) -> None:
            if not lost:
                lost.append(transport)
                transport.get_protocol().connection_lost(None)

        monkeypatch.setattr("ess_actors.modbus.tcp_link.keep_alive", lose_once)
        async with linked(honest) as (link, peer):
            assert lost and link.counters.failed_connects == 1
            assert (await link.request(read())).payload == right()
            await until(lambda: len(peer._writers) == 1, what="the first socket closed")

    run(body())


def test_a_connection_that_cannot_be_set_up_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        refused: list[asyncio.Transport] = []

        def refuse_once(transport: asyncio.Transport) -> None:
            if not refused:
                refused.append(transport)
                raise OSError(errno.EINVAL, "no such option")

        monkeypatch.setattr("ess_actors.modbus.tcp_link.keep_alive", refuse_once)
        async with linked(honest) as (link, peer):
            assert link.counters.failed_connects == 1 and peer.connections == 2
            await until(lambda: len(peer._writers) == 1, what="the first socket closed")

    run(body())


def test_a_loss_that_is_not_told_yet_is_no_endless_loop(run: Run) -> None:
    async def body() -> None:
        async with linked(honest) as (link, _):
            assert link._wire is not None and link._wire._transport is not None
            link._wire._transport.close()
            answer = await link.request(read())
            assert answer.error == "not_connected" and not answer.sent
            assert not link.connected
            assert await link.wait_connected(2.0)
            assert (await link.request(read())).payload == right()

    run(body())
