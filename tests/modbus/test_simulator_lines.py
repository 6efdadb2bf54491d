"""Simulated devices on serial lines and behind RTU gateways: read by mbpoll, and broken byte by byte."""

import asyncio
import os
import subprocess
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ess_actors.core.errors import RequestError
from ess_actors.core.points import ClientMap, Endpoint, Serial, Tls
from ess_actors.core.rtu import crc, seal
from ess_actors.modbus.simulator import Simulator, stand_in
from tests.modbus.modbus_peers import read_pdu, until
from tests.modbus.simulated import (
    LIMIT_S,
    Raw,
    filled,
    gateway,
    good,
    on_both_loops,
    raw,
    refused,
    simulated,
    write_pdu,
)

LINE = Serial(device="/dev/ttyUSB7", baud_rate=9600)


def on_line() -> ClientMap:
    found = gateway()
    return replace(found, endpoint=replace(found.endpoint, serial=LINE))


def over_tcp() -> ClientMap:
    found = gateway()
    return replace(found, endpoint=replace(found.endpoint, rtu=True))


async def mbpoll(place: str, *words: str) -> tuple[int, str]:
    command = ["mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-0", "-1", "-q", "-o", "1", place, *words]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout + done.stderr


class End:
    """The masters' end of a line, written to."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.descriptor)

    def write(self, chunk: bytes) -> None:
        assert os.write(self.descriptor, chunk) == len(chunk)


@asynccontextmanager
async def opened(simulator: Simulator) -> AsyncIterator[Raw]:
    end, reader = End(simulator.addresses["plc"][0]), asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    loop.add_reader(end.descriptor, lambda: reader.feed_data(os.read(end.descriptor, 4096)))
    try:
        yield Raw(reader, end)  # type: ignore[arg-type]
    finally:
        loop.remove_reader(end.descriptor)
        os.close(end.descriptor)


async def asked(line: Raw, unit: int, pdu: bytes, length: int) -> bytes:
    line.writer.write(seal(unit, pdu))
    return await line.take(length)


def test_mbpoll_reads_and_writes_a_simulated_line() -> None:
    async def body() -> None:
        async with simulated(on_line()) as simulator:
            filled(simulator)
            place, nothing = simulator.addresses["plc"]
            assert place.startswith("/dev/") and nothing == 0
            status, text = await mbpoll(place, "-a", "2", "-t", "4", "-r", "2", "-c", "3")
            assert status == 0 and "[2]: \t202" in text and "[4]: \t204" in text
            assert (await mbpoll(place, "-a", "1", "-t", "4", "-r", "5", "777", "778"))[0] == 0
            assert simulator.value("plc", "unit_1/h6") == 778
            status, text = await mbpoll(place, "-a", "1", "-t", "4", "-r", "50")
            assert status == 1 and "Illegal data address" in text
            await simulator.fault("plc", {"kind": "offline"})
            assert (await mbpoll(place, "-a", "1", "-t", "4", "-r", "2"))[0] == 1
            await simulator.fault("plc", {"kind": "none"})
            assert (await mbpoll(place, "-a", "1", "-t", "4", "-r", "2"))[0] == 0
            assert simulator.addresses["plc"][0] == place
        gone.append(place)

    gone: list[str] = []
    on_both_loops(body)
    assert not Path(gone[0]).exists(), "the line goes with the simulator"


def test_units_that_are_not_there_are_silent_and_unit_0_is_everybody() -> None:
    async def body() -> None:
        async with simulated(on_line()) as simulator, opened(simulator) as line:
            filled(simulator)
            line.writer.write(seal(9, read_pdu(3, 2, 3)))
            line.writer.write(seal(0, write_pdu(2, 5)))
            answer = await asked(line, 2, read_pdu(3, 2, 1), 7)
            assert answer == seal(2, b"\x03\x02\x00\x05"), "the only answer"
            assert simulator.value("plc", "unit_1/h2") == 5

    on_both_loops(body)


@pytest.mark.parametrize("layout", [on_line, over_tcp])
def test_garbled_answers_of_a_line(layout: Callable[[], ClientMap]) -> None:
    async def body() -> None:
        found = layout()
        async with (
            simulated(found) as simulator,
            opened(simulator) if found.endpoint.serial else raw(simulator) as line,
        ):
            filled(simulator)
            right = seal(1, good(1))
            await simulator.fault("plc", {"kind": "garble", "mode": "crc"})
            wrong = await asked(line, 1, read_pdu(3, 2, 3), len(right))
            assert wrong[:-1] == right[:-1] and wrong != right
            await simulator.fault("plc", {"kind": "garble", "mode": "length"})
            assert await asked(line, 1, read_pdu(3, 2, 3), len(right) - 2) == seal(1, good(1, 2, 2))
            await simulator.fault("plc", {"kind": "garble", "mode": "random"})
            noise = await asked(line, 1, read_pdu(3, 2, 3), len(right))
            assert noise[0] != 1
            await simulator.fault("plc", {"kind": "partial", "count": 1})
            assert await asked(line, 1, read_pdu(3, 2, 3), len(right) // 2) == right[: len(right) // 2]
            assert await asked(line, 1, read_pdu(3, 2, 3), len(right)) == right
            with pytest.raises(RequestError, match="protocol is not for this line"):
                await simulator.fault("plc", {"kind": "garble", "mode": "protocol"})

    on_both_loops(body)


def test_a_line_has_no_connections_to_break() -> None:
    async def body() -> None:
        async with simulated(on_line()) as simulator:
            for kind in ("flap", "disconnect"):
                with pytest.raises(RequestError, match="use mute"):
                    await simulator.fault("plc", {"kind": kind})

    on_both_loops(body)


def test_noise_before_a_request_does_not_spoil_it_for_good() -> None:
    async def body() -> None:
        async with simulated(over_tcp()) as simulator, raw(simulator) as line:
            filled(simulator)
            line.writer.write(b"\x01\x03\x00")
            answers = 0

            async def listen() -> None:
                nonlocal answers
                while await line.reader.read(64):
                    answers += 1

            listening = asyncio.create_task(listen())

            def tried() -> bool:
                line.writer.write(seal(1, read_pdu(3, 2, 3)))
                return answers > 0

            try:
                await until(tried, what="an answer behind the noise")
            finally:
                listening.cancel()

    on_both_loops(body)


def test_a_serial_file_with_a_port_is_rtu_over_tcp_and_tls_is_left_out() -> None:
    async def body() -> None:
        async with simulated(on_line(), ports={("/dev/ttyUSB7", 0): 0}) as simulator:
            assert not await refused(simulator)
            async with raw(simulator) as line:
                answer = await asked(line, 1, read_pdu(3, 2, 3), 11)
                assert crc(answer) == 0, "a checksum over itself"

    on_both_loops(body)


@pytest.mark.parametrize("layout", [on_line, over_tcp])
def test_in_a_site_every_device_speaks_plain_modbus_tcp(layout: Callable[[], ClientMap]) -> None:
    async def body() -> None:
        async with simulated(layout(), plain=True) as simulator, raw(simulator) as line:
            filled(simulator)
            assert await line.is_well()

    on_both_loops(body)


def test_the_endpoint_that_reaches_a_stand_in() -> None:
    serial = Endpoint(name="a", serial=replace(LINE, parity="E", data_bits=7))
    assert stand_in(serial, ("/dev/pts/9", 0)).serial == replace(LINE, device="/dev/pts/9")
    behind = stand_in(serial, ("127.0.0.1", 5020))
    assert (behind.serial, behind.rtu, behind.address) == (None, True, ("127.0.0.1", 5020))
    secret = Endpoint(name="b", host="10.0.0.2", port=802, tls=Tls(certificate="c", key="k", authorities="a"))
    plain = stand_in(secret, ("127.0.0.1", 5020))
    assert (plain.tls, plain.rtu, plain.address) == (None, False, ("127.0.0.1", 5020))


def test_lines_leave_no_descriptor_behind() -> None:
    async def body() -> None:
        before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(3):
            async with simulated(on_line()) as simulator, opened(simulator) as line:
                async with asyncio.timeout(LIMIT_S):
                    await asked(line, 1, read_pdu(3, 2, 3), 11)
        assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

    on_both_loops(body)
