"""RTU lines with good devices, and with such that answer wrongly: no wrong answer is used."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ess_actors.core.rtu import seal
from ess_actors.core.transaction import Answer, Request
from tests.modbus.modbus_link_bench import Run, both_loops
from tests.modbus.modbus_peers import words_pdu
from tests.modbus.rtu_peers import (
    QUICK,
    Asked,
    Opened,
    both_lines,
    honest,
    in_turn,
    mute,
    read,
    says,
    words,
)

pytestmark = both_lines
PATIENT = {"transfer_timeout_s": 10.0}
"""For devices that answer: a machine with other work is no fault of theirs."""


@both_loops
class TestGoodDevice:
    def test_reads_and_writes(self, run: Run, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            async with opened(tmp_path, honest, **PATIENT) as line:
                ask = line.link.request
                assert words(await ask(read(100, 125))) == tuple(range(100, 225))
                assert words(await ask(Request(9, 4, 7, 2))) == (7, 8)
                for write in (
                    Request(1, 5, 3, 1, (1,)),
                    Request(1, 6, 3, 1, (500,)),
                    Request(1, 15, 3, 9, (1,) * 9),
                    Request(1, 16, 3, 123, tuple(range(123))),
                ):
                    assert await ask(write) == Answer(
                        sent=pytest.approx(0, abs=1e9), received=pytest.approx(0, abs=1e9)
                    )
                assert line.link.counters.replies == 6
                assert (line.device.opened, line.link.capacity) == (1, 1)

        run(body())

    def test_bits(self, run: Run, opened: Opened, tmp_path: Path) -> None:
        bits = says(lambda asked: seal(asked.unit, bytes([asked.function, 2, 0b00000101, 0b1])))

        async def body() -> None:
            async with opened(tmp_path, bits, **PATIENT) as line:
                for function in (1, 2):
                    answer = await line.link.request(Request(1, function, 0, 9))
                    assert answer.payload == bytes([1, 0, 1, 0, 0, 0, 0, 0, 1])

        run(body())

    def test_a_refusal_is_an_exception_with_its_code(self, run: Run, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            async with opened(
                tmp_path, says(lambda asked: seal(asked.unit, bytes([asked.function | 0x80, 2]))), **PATIENT
            ) as line:
                answer = await line.link.request(read(1))
                assert (answer.error, answer.code) == ("exception", 2)

        run(body())

    def test_one_request_is_on_the_line_at_a_time(self, run: Run, opened: Opened, tmp_path: Path) -> None:
        open_now = 0
        most = 0

        async def counting(asked: Asked) -> None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            open_now -= 1
            asked.send(asked.right())

        async def body() -> None:
            async with opened(tmp_path, counting, **PATIENT) as line:
                answers = await asyncio.gather(*(line.link.request(read(n, 2, 1 + n % 2)) for n in range(10)))
                assert [words(answer) for answer in answers] == [(n, n + 1) for n in range(10)]
                assert most == 1

        run(body())

    def test_nobody_answers_a_broadcast(self, run: Run, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            async with opened(tmp_path, in_turn(mute)) as line:
                answer = await line.link.request(Request(0, 6, 5, 1, (7,)))
                assert (answer.error, line.link.counters.timeouts) == ("", 0)
                assert words(await line.link.request(read(1, 1))) == (1,)
                first, second = line.device.asked
                # Half of the wait: the peer may read the first of them late, and an answer is here within 1 ms.
                assert second.time - first.time >= QUICK["transfer_timeout_s"] / 2

        run(body())


class TestBrokenAnswer:
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(lambda asked: seal(asked.unit, words_pdu(4, 1, 2, 3, 4)), id="wrong function"),
            pytest.param(lambda asked: seal(asked.unit, words_pdu(3, 1, 2)), id="too short"),
            pytest.param(lambda asked: seal(asked.unit, words_pdu(3, *range(9))), id="too long"),
            pytest.param(lambda asked: seal(asked.unit, b"\x84\x02"), id="exception to something else"),
            pytest.param(lambda asked: asked.right()[:-1] + b"\x00", id="broken checksum"),
            pytest.param(lambda asked: bytes(60), id="garbage"),
        ],
    )
    def test_is_malformed_without_waiting_for_the_time_out(
        self, opened: Opened, tmp_path: Path, answer: Callable[[Asked], bytes]
    ) -> None:
        async def body() -> None:
            async with (
                opened(tmp_path, in_turn(says(answer)), transfer_timeout_s=30.0) as line,
                asyncio.timeout(10),
            ):
                assert (await line.link.request(read(100))).error == "malformed"
                assert (line.link.counters.malformed, line.link.connected) == (1, True)

        asyncio.run(body())

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(lambda asked: asked.right()[:-4], id="half an answer"),
            pytest.param(lambda asked: b"\x01\x03", id="hardly begun"),
            pytest.param(lambda asked: b"\x00", id="one byte"),
        ],
    )
    def test_half_of_one_is_malformed_at_the_time_out(
        self, opened: Opened, tmp_path: Path, answer: Callable[[Asked], bytes]
    ) -> None:
        async def body() -> None:
            async with opened(tmp_path, in_turn(says(answer))) as line:
                assert (await line.link.request(read(100))).error == "malformed"
                assert words(await line.link.request(read(200))) == (200, 201, 202, 203)

        asyncio.run(body())

    def test_of_the_wrong_unit_is_none(self, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            async with opened(tmp_path, in_turn(says(lambda asked: seal(7, asked.right()[1:-2])))) as line:
                assert (await line.link.request(read(100))).error == "timeout"
                assert line.link.counters.late == 1
                assert words(await line.link.request(read(200, unit=7))) == (200, 201, 202, 203)

        asyncio.run(body())

    def test_after_a_broken_checksum_the_line_is_silent_and_then_good(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        async def body() -> None:
            broken = says(lambda asked: asked.right()[:-1] + b"\x00")
            async with (
                opened(tmp_path, in_turn(broken), transfer_timeout_s=30.0) as line,
                asyncio.timeout(10),
            ):
                assert (await line.link.request(read(100))).error == "malformed"
                failed = time.monotonic()
                assert words(await line.link.request(read(200))) == (200, 201, 202, 203)
                # It was an answer, so nothing is owed and nothing is asked twice.
                assert line.shown == [(1, 100), (1, 200)]
                assert line.device.asked[1].time >= failed + 0.299

        asyncio.run(body())

    def test_noise_around_a_good_one_does_not_matter(self, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            noisy = says(lambda asked: b"\x00\xff\x01\x03" + asked.right() + b"\xff\x00")
            async with opened(tmp_path, noisy) as line:
                for address in (100, 200, 300):
                    assert words(await line.link.request(read(address))) == tuple(range(address, address + 4))

        asyncio.run(body())

    def test_in_pieces(self, opened: Opened, tmp_path: Path) -> None:
        async def crumbling(asked: Asked) -> None:
            for byte in asked.right():
                asked.send(bytes([byte]))
                await asyncio.sleep(0)

        async def body() -> None:
            async with opened(tmp_path, crumbling, **PATIENT) as line:
                assert words(await line.link.request(read(100, 125))) == tuple(range(100, 225))

        asyncio.run(body())

    def test_a_line_that_never_falls_silent_is_used_all_the_same(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        async def babbling(asked: Asked) -> None:
            while len(asked.heard) == 1:
                asked.send(b"\x55")
                await asyncio.sleep(0.01)

        async def body() -> None:
            async with opened(tmp_path, in_turn(babbling)) as line, asyncio.timeout(10):
                assert (await line.link.request(read(100))).error == "malformed"
                assert words(await line.link.request(read(200, unit=2))) == (200, 201, 202, 203)

        asyncio.run(body())


class TestUnits:
    def test_the_library_says_nothing_about_it(
        self, opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with opened(tmp_path, in_turn(mute)) as line:
                assert (await line.link.request(read(100))).error == "timeout"

        with caplog.at_level(logging.DEBUG):
            asyncio.run(body())
        assert [record for record in caplog.records if record.name.startswith("pymodbus")] == []

    def test_a_mute_one_costs_the_others_its_time_out_and_nothing_else(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        async def one_mute(asked: Asked) -> None:
            if asked.unit != 2:
                asked.send(asked.right())

        async def body() -> None:
            async with opened(tmp_path, one_mute) as line:
                for address in range(100, 300, 100):
                    assert words(await line.link.request(read(address))) == tuple(range(address, address + 4))
                    assert (await line.link.request(read(address, unit=2))).error == "timeout"
                assert line.shown == [(1, 100), (2, 100), (1, 200), (2, 200)]
                assert line.link.connected
                assert line.device.opened == 1

        asyncio.run(body())
