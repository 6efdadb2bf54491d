"""Our listening end against raw sockets: frames cut anywhere, pipelined, poisoned; limits of clients."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from ess_actors.core.points import Table
from ess_actors.modbus.answering import answer
from ess_actors.modbus.device_image import DeviceImage
from ess_actors.modbus.listener import Listener, Reply
from tests.modbus.modbus_maps import coil, number
from tests.modbus.modbus_peers import request_frame, until, words_pdu


def image(*, strict_gaps: bool = False) -> DeviceImage:
    """Holding 10..29 hold their address, input 5..6, coils 0..9 (even ones set), a hole at holding 25."""
    holding = [number(f"h{n}", n).register for n in range(10, 30) if n != 25]
    inputs = [number(f"i{n}", n, table=Table.INPUT).register for n in (5, 6)]
    coils = [coil(f"c{n}", n).register for n in range(10)]
    made = DeviceImage([*holding, *inputs, *coils], strict_gaps=strict_gaps)
    for register in (*holding, *inputs):
        made.put(register, (register.address,))
    for register in coils:
        made.put(register, (1 - register.address % 2,))
    return made


@asynccontextmanager
async def listening(**limits: object) -> AsyncIterator[Listener]:
    held = image()
    listener = Listener("127.0.0.1", 0, lambda unit, pdu: Reply(answer(pdu, held)), **limits)  # type: ignore[arg-type]
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


def read_pdu(function: int, address: int, count: int) -> bytes:
    return struct.pack(">BHH", function, address, count)


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


EXCEPTIONS: list[tuple[str, bytes, int]] = [
    ("unknown function", b"\x2b\x0e\x01\x00", 1),
    ("function 0", b"\x00", 1),
    ("read below the span", read_pdu(3, 9, 2), 2),
    ("read above the span", read_pdu(3, 28, 3), 2),
    ("read of a table without points", read_pdu(2, 0, 1), 2),
    ("read over the end of the address space", read_pdu(3, 65535, 2), 2),
    ("126 registers", read_pdu(3, 10, 126), 3),
    ("no register", read_pdu(4, 5, 0), 3),
    ("2001 coils", read_pdu(1, 0, 2001), 3),
    ("read with a byte too many", read_pdu(3, 10, 1) + b"\0", 3),
    ("coil with half a truth", bytes.fromhex("05 0000 0001"), 3),
    ("write of an input register's address", bytes.fromhex("06 0005 0001"), 2),
    ("byte count short", bytes.fromhex("10 000a 0002 02 0001 0002"), 3),
    ("byte count wrong", bytes.fromhex("10 000a 0002 03 0001 00"), 3),
    ("124 registers", struct.pack(">BHHB", 16, 10, 124, 248) + bytes(248), 3),
    ("1969 coils", struct.pack(">BHHB", 15, 0, 1969, 247) + bytes(247), 3),
    ("coils over the end of the span", bytes.fromhex("0f 0008 0003 01 07"), 2),
    ("mask write outside", bytes.fromhex("16 0009 ffff 0000"), 2),
    ("mask write short", bytes.fromhex("16 000a ffff"), 3),
    ("read/write: read outside", bytes.fromhex("17 0009 0001 000a 0001 02 0007"), 2),
    ("read/write: write outside", bytes.fromhex("17 000a 0001 0009 0001 02 0007"), 2),
    ("read/write: 122 words", struct.pack(">BHHHHB", 23, 10, 1, 10, 122, 244) + bytes(244), 3),
]


@pytest.mark.parametrize(("what", "pdu", "code"), EXCEPTIONS, ids=[row[0] for row in EXCEPTIONS])
def test_a_refused_request_says_why_and_changes_nothing(what: str, pdu: bytes, code: int) -> None:
    held = image()
    before = [
        held.read(function, low, count) for function, low, count in ((3, 10, 20), (4, 5, 2), (1, 0, 10))
    ]
    assert answer(pdu, held) == bytes([pdu[0] | 0x80, code])
    after = [held.read(function, low, count) for function, low, count in ((3, 10, 20), (4, 5, 2), (1, 0, 10))]
    assert after == before


ANSWERS: list[tuple[str, str, str]] = [
    ("coils", "01 0000 000a", "01 02 5501"),
    ("input registers", "04 0005 0002", "04 04 0005 0006"),
    ("a hole reads 0", "03 0018 0003", "03 06 0018 0000 001a"),
    ("one coil", "05 0001 ff00", "05 0001 ff00"),
    ("one register", "06 000a abcd", "06 000a abcd"),
    ("coils written", "0f 0000 000a 02 0f00", "0f 0000 000a"),
    ("registers written", "10 000a 0002 04 0001 0002", "10 000a 0002"),
    ("mask write", "16 000b fff0 0005", "16 000b fff0 0005"),
    ("read/write", "17 000a 0002 000b 0001 02 0077", "17 04 000a 0077"),
]


@pytest.mark.parametrize(("what", "ask", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_a_good_request_is_answered_to_the_letter(what: str, ask: str, expected: str) -> None:
    assert answer(bytes.fromhex(ask), image()) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("write", "read", "expected"),
    [
        ("05 0001 ff00", "01 0000 0004", "01 01 07"),
        ("0f 0002 0003 01 02", "01 0000 0008", "01 01 49"),
        ("10 000b 0002 04 ffff 8000", "03 000a 0004", "03 08 000a ffff 8000 000d"),
        ("16 000b 00f0 ff05", "03 000b 0001", "03 02 ff05"),
    ],
)
def test_what_was_written_is_read_back(write: str, read: str, expected: str) -> None:
    held = image()
    assert answer(bytes.fromhex(write), held)[0] < 0x80
    assert answer(bytes.fromhex(read), held) == bytes.fromhex(expected)


def test_strict_gaps_refuse_what_is_not_mapped() -> None:
    held = image(strict_gaps=True)
    assert answer(read_pdu(3, 24, 3), held) == b"\x83\x02"
    assert answer(bytes.fromhex("06 0019 0001"), held) == b"\x86\x02"
    assert answer(read_pdu(3, 26, 2), held) == words_pdu(3, 26, 27)


def test_random_bytes_never_break_the_answering() -> None:
    """Every function code with short and long bodies of both extremes."""
    held = image()
    bodies: list[Callable[[int], bytes]] = [bytes, lambda size: b"\xff" * size]
    for function in range(256):
        for size in (0, 1, 4, 5, 6, 9, 10, 252):
            for body in bodies:
                reply = answer(bytes([function]) + body(size), held)
                assert reply[0] & 0x7F == function & 0x7F and len(reply) >= 2
