"""Our slave on a serial line, over a pseudo-terminal: whom it answers, whom it leaves alone, what it survives."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest
import uvloop

from ess_actors.core.points import Serial
from ess_actors.core.rtu import SETTLED_S, seal
from ess_actors.modbus.listener_session import Reply
from ess_actors.modbus.serial_listener import SerialListener
from tests.modbus.modbus_peers import read_pdu, until, words_pdu
from tests.modbus.serial_line import Master, line

ASK = seal(5, read_pdu(3, 10, 2))
ANSWER = seal(5, words_pdu(3, 10, 11))


def respond(unit: int, pdu: bytes) -> bytes | Reply | None:
    return words_pdu(3, 10, 11) if unit == 5 else None


@asynccontextmanager
async def slave(answers: Any = respond) -> AsyncIterator[tuple[Master, SerialListener]]:
    with line() as (end, path):
        listener = SerialListener(Serial(device=path), answers)
        await listener.start()
        master = Master(end)
        try:
            yield master, listener
        finally:
            master.close()
            listener.stop()


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_only_its_own_unit_is_answered(run: Any) -> None:
    async def body() -> None:
        async with slave() as (master, listener):
            for _ in range(3):
                master.say(ASK)
                await master.hears(ANSWER)
            master.say(seal(6, read_pdu(3, 10, 2)))
            await until(lambda: listener.counters.requests == 4)
            # The other slave's answer, which looks like nothing for us.
            master.say(seal(6, words_pdu(3, 0x0503, 0x000A)))
            master.say(ASK)
            await master.hears(ANSWER)
            assert listener.garbage == 0

    run(body())


def test_a_frame_in_pieces_is_one_frame() -> None:
    async def body() -> None:
        async with slave() as (master, listener):
            for byte in ASK:
                master.say(bytes((byte,)))
                await asyncio.sleep(0)
            await master.hears(ANSWER)
            assert listener.garbage == 0

    uvloop.run(body())


def test_half_a_frame_is_forgotten_after_a_silence() -> None:
    async def body() -> None:
        async with slave() as (master, listener):
            master.say(ASK[:5])
            await until(lambda: listener.garbage == 5, what=f"{SETTLED_S} s of silence")
            master.say(ASK)
            await master.hears(ANSWER)

    uvloop.run(body())


def test_noise_and_wrong_checksums_are_met_with_silence() -> None:
    async def body() -> None:
        async with slave() as (master, listener):
            for noise in (
                b"\xff" * 20,
                ASK[:-1] + bytes((ASK[-1] ^ 1,)),
                bytes(300),
                random.Random(3).randbytes(64),
            ):
                before = listener.garbage
                master.say(noise)
                await until(lambda b=before, n=noise: listener.garbage == b + len(n), what="the noise")
                assert master.heard == b""
                master.say(ASK)
                await master.hears(ANSWER)

    uvloop.run(body())


def test_a_request_that_its_master_gave_up_is_obeyed_but_not_answered() -> None:
    """An answer that late would be taken for the one to the newer request."""
    obeyed: list[int] = []

    def answers(unit: int, pdu: bytes) -> bytes:
        obeyed.append(pdu[2])
        return words_pdu(3, pdu[2])

    async def body() -> None:
        async with slave(answers) as (master, _):
            master.say(seal(5, read_pdu(3, 1, 1)) + seal(5, read_pdu(3, 2, 1)))
            await master.hears(seal(5, words_pdu(3, 2)))
            assert obeyed == [1, 2]

    uvloop.run(body())


def test_a_late_answer_is_not_sent_into_what_follows() -> None:
    async def body() -> None:
        late = [Reply(words_pdu(3, 1, 1), delay=30.0)]
        async with slave(lambda unit, pdu: late.pop() if late else respond(unit, pdu)) as (master, listener):
            master.say(ASK)
            await until(lambda: listener.counters.requests == 1)
            master.say(ASK)
            await master.hears(ANSWER)

    uvloop.run(body())


def test_an_adapter_that_fails_is_opened_again() -> None:
    async def body() -> None:
        async with slave() as (master, listener):
            transport = listener._line
            assert transport is not None
            transport.close(exc=OSError("unplugged"))
            assert not listener.listening
            await until(lambda: listener.listening, what="the line back")
            master.say(ASK)
            await master.hears(ANSWER)

    uvloop.run(body())


@pytest.mark.parametrize("path", ["/nowhere/ttyUSB0", "/dev/null"])
def test_a_line_that_is_none_is_named(path: str) -> None:
    async def body() -> None:
        with pytest.raises(OSError, match=f"cannot listen on {path}: "):
            await SerialListener(Serial(device=path), respond).start()

    uvloop.run(body())


def test_a_line_that_another_program_has_is_named() -> None:
    async def body() -> None:
        async with slave() as (_, listener):
            with pytest.raises(OSError, match="another program has the port"):
                await SerialListener(Serial(device=listener.place), respond).start()

    uvloop.run(body())


def test_a_process_with_very_many_files_open_is_answered_too() -> None:
    """`select`, which pyserial uses, knows no descriptor above 1023."""

    async def body() -> None:
        with ExitStack() as files:
            end, path = files.enter_context(line())
            for _ in range(1024):
                files.callback(os.close, os.dup(end))
            listener = SerialListener(Serial(device=path), respond)
            await listener.start()
            master = Master(end)
            try:
                master.say(ASK)
                await master.hears(ANSWER)
            finally:
                master.close()
                listener.stop()

    uvloop.run(body())


def test_a_speed_that_is_none_is_named() -> None:
    async def body() -> None:
        with line() as (_, path), pytest.raises(OSError, match=f"{path}: Not a valid byte size: 4"):
            await SerialListener(Serial(device=path, data_bits=4), respond).start()

    uvloop.run(body())
