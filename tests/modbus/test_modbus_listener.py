"""Our listening end against raw sockets: frames cut anywhere, pipelined, poisoned; limits of clients."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ess_actors.modbus.answering import answer
from ess_actors.modbus.keepalive import KEEPALIVE
from ess_actors.modbus.listener import Listener
from ess_actors.modbus.listener_places import IDLE_S
from tests.modbus.modbus_maps import image
from tests.modbus.modbus_peers import read_pdu, request_frame, until, words_pdu


@asynccontextmanager
async def listening(**limits: object) -> AsyncIterator[Listener]:
    held = image()
    listener = Listener("127.0.0.1", 0, lambda unit, pdu: answer(pdu, held), **limits)  # type: ignore[arg-type]
    await listener.start()
    try:
        yield listener
    finally:
        listener.stop()


async def frame_from(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    head = await asyncio.wait_for(reader.readexactly(7), 2.0)
    transaction, protocol, length, unit = struct.unpack(">HHHB", head)
    assert protocol == 0
    return transaction, unit, await asyncio.wait_for(reader.readexactly(length - 1), 2.0)


@pytest.mark.parametrize("chunk", [1, 7, 11, 12, 13, 96])
def test_eight_requests_without_waiting_get_eight_answers_in_order(chunk: int) -> None:
    async def body() -> None:
        async with listening() as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            stream = b"".join(request_frame(100 + n, n, read_pdu(3, 10 + n, 2)) for n in range(8))
            for start in range(0, len(stream), chunk):
                writer.write(stream[start : start + chunk])
                await writer.drain()
            for n in range(8):
                assert await frame_from(reader) == (100 + n, n, words_pdu(3, 10 + n, 11 + n))
            writer.close()
            await until(lambda: not listener.sessions, what="the session gone")

    asyncio.run(body())


@pytest.mark.parametrize(
    "poison",
    [
        request_frame(2, 1, read_pdu(3, 10, 1), protocol=7),
        b"\x00\x02\x00\x00\x00\x01\x01\x03",
        b"GET / HTTP/1.1\r\nHost: site\r\n\r\n",
    ],
)
def test_what_is_not_modbus_closes_the_connection_after_the_good_answers(poison: bytes) -> None:
    async def body() -> None:
        async with listening() as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(request_frame(1, 1, read_pdu(3, 10, 1)) + poison)
            assert await frame_from(reader) == (1, 1, words_pdu(3, 10))
            assert await asyncio.wait_for(reader.read(), 2.0) == b""
            writer.close()
            again, other = await asyncio.open_connection("127.0.0.1", listener.port)
            other.write(request_frame(3, 1, read_pdu(3, 11, 1)))
            assert await frame_from(again) == (3, 1, words_pdu(3, 11))
            other.close()
            assert listener.counters.poisoned == 1

    asyncio.run(body())


def test_more_clients_than_allowed_are_turned_away_and_a_place_is_given_back() -> None:
    async def body() -> None:
        async with listening(max_clients=2) as listener:
            held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]
            await until(lambda: listener.counters.accepted == 2)
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                writer.write(request_frame(1, 1, read_pdu(3, 10, 1)))
                await frame_from(reader)
            writer.close()
            assert listener.counters.refused == 1
            held[0][1].close()
            await until(lambda: len(listener.sessions) == 1, what="a free place")
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(request_frame(9, 1, read_pdu(3, 10, 1)))
            assert await frame_from(reader) == (9, 1, words_pdu(3, 10))
            for _, one in (held[1], (reader, writer)):
                one.close()

    asyncio.run(body())


async def answered(port: int) -> asyncio.StreamWriter:
    """A connection that has just been served."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_frame(9, 1, read_pdu(3, 10, 1)))
    assert await frame_from(reader) == (9, 1, words_pdu(3, 10))
    return writer


def test_the_longest_silent_connection_gives_way_to_a_new_one() -> None:
    """A master that lost its power left all its connections half open and must not lock itself out."""

    async def body() -> None:
        now = [0.0]
        async with listening(max_clients=2, clock=lambda: now[0]) as listener:
            old, busy = await answered(listener.port), await answered(listener.port)
            now[0] = IDLE_S
            busy.write(request_frame(1, 1, read_pdu(3, 10, 1)))
            await until(lambda: listener.counters.requests == 3)
            third = await answered(listener.port)
            assert (listener.counters.evicted, listener.counters.refused) == (1, 0)
            assert len(listener.sessions) == 2
            peers = {session.transport.get_extra_info("peername") for session in listener.sessions}
            assert peers == {one.get_extra_info("sockname") for one in (busy, third)}
            now[0] += IDLE_S - 1
            reader, late = await asyncio.open_connection("127.0.0.1", listener.port)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                late.write(request_frame(1, 1, read_pdu(3, 10, 1)))
                await frame_from(reader)
            assert (listener.counters.evicted, listener.counters.refused) == (1, 1)
            for one in (old, busy, third, late):
                one.close()

    asyncio.run(body())


def test_a_stranger_takes_no_place_from_anybody() -> None:
    async def body() -> None:
        now = [0.0]
        async with listening(max_clients=1, clock=lambda: now[0]) as listener:
            held = await answered(listener.port)
            now[0] = 10 * IDLE_S
            listener.allowed = (ipaddress.ip_network("10.0.0.0/8"),)
            assert not listener.admits("127.0.0.1")
            assert (len(listener.sessions), listener.counters.evicted) == (1, 0)
            held.close()

    asyncio.run(body())


def test_an_accepted_connection_is_watched_by_the_kernel() -> None:
    async def body() -> None:
        async with listening() as listener:
            writer = await answered(listener.port)
            (session,) = listener.sessions
            raw = session.transport.get_extra_info("socket")
            for level, option, value in KEEPALIVE:
                assert raw.getsockopt(level, option) == value
            writer.close()

    asyncio.run(body())


def test_only_allowed_networks_are_served() -> None:
    async def turned_away(listener: Listener) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        try:
            writer.write(request_frame(1, 1, read_pdu(3, 10, 1)))
            await frame_from(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            return True
        finally:
            writer.close()
        return False

    async def body() -> None:
        async with listening(allow_from=["10.0.0.0/8"]) as listener:
            assert await turned_away(listener)
        async with listening(allow_from=["10.0.0.0/8", "127.0.0.0/8"]) as listener:
            assert not await turned_away(listener)

    asyncio.run(body())


def test_a_stopped_listener_closes_its_connections_and_its_port_can_be_had_again() -> None:
    async def body() -> None:
        async with listening() as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            await until(lambda: listener.sessions)
            listener.stop()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), 2.0)
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", listener.port)
            await listener.start()
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(request_frame(1, 1, read_pdu(3, 10, 1)))
            assert await frame_from(reader) == (1, 1, words_pdu(3, 10))
            writer.close()

    asyncio.run(body())


def test_a_taken_port_is_an_error_that_says_so() -> None:
    async def body() -> None:
        async with listening() as listener:
            second = Listener("127.0.0.1", listener.port, lambda unit, pdu: None)
            with pytest.raises(OSError, match="address already in use"):
                await second.start()
            assert not second.listening

    asyncio.run(body())


def test_a_master_that_asks_and_never_reads_does_not_fill_the_memory() -> None:
    async def body() -> None:
        async with listening() as listener:
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            ask = request_frame(1, 1, read_pdu(3, 10, 15)) * 1000
            session_full = False
            for _ in range(2000):
                writer.write(ask)
                await asyncio.sleep(0)
                session = next(iter(listener.sessions), None)
                if session is not None and not session.transport.is_reading():  # type: ignore[attr-defined]
                    session_full = True
                    break
            assert session_full
            writer.transport.abort()
            await until(lambda: not listener.sessions, what="the session gone")

    asyncio.run(body())
