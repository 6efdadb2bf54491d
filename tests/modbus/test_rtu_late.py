"""Late answers on RTU lines: none is taken for the answer to another request, whatever it looks like."""

import asyncio
import time
from pathlib import Path

import pytest

from ess_actors.core.rtu import seal
from ess_actors.core.transaction import Request
from tests.modbus.modbus_peers import until, words_pdu
from tests.modbus.rtu_peers import (
    Asked,
    Opened,
    both_lines,
    honest,
    in_turn,
    late_by,
    mute,
    read,
    words,
)

pytestmark = both_lines


class TestLateAnswer:
    def test_is_waited_out_in_silence_and_counted(self, opened: Opened, tmp_path: Path) -> None:
        """The next request asks for as many registers: only the silence keeps the two apart."""

        async def body() -> None:
            async with opened(tmp_path, in_turn(late_by(0.2))) as line:
                assert (await line.link.request(read(100))).error == "timeout"
                failed = time.monotonic()
                assert words(await line.link.request(read(200))) == (200, 201, 202, 203)
                assert line.device.asked[1].time >= failed + 0.299
                assert (line.link.counters.timeouts, line.link.counters.late) == (1, 1)

        asyncio.run(body())

    @pytest.mark.parametrize("lateness", [0.45, 0.85])
    def test_later_than_the_silence_is_never_taken_for_another(
        self, opened: Opened, tmp_path: Path, lateness: float
    ) -> None:
        """A device that answers everything, but much too late, and then recovers."""

        async def body() -> None:
            slow, good, address = late_by(lateness), 0, 100
            async with opened(tmp_path, in_turn(slow, slow, slow, slow)) as line, asyncio.timeout(20):
                while good < 2:
                    answer = await line.link.request(read(address))
                    if not answer.error:
                        good += 1
                        assert words(answer) == tuple(range(address, address + 4))
                    address += 10
                assert line.link.counters.late >= 2

        asyncio.run(body())

    def test_of_a_unit_that_works_off_all_it_was_asked(self, opened: Opened, tmp_path: Path) -> None:
        held: list[bytes] = []

        async def keeping(asked: Asked) -> None:
            held.append(asked.right())

        async def bursting(asked: Asked) -> None:
            asked.send(b"".join(held) + asked.right())

        async def body() -> None:
            async with opened(tmp_path, in_turn(keeping, bursting)) as line:
                assert (await line.link.request(read(100))).error == "timeout"
                assert words(await line.link.request(read(200))) == (200, 201, 202, 203)
                assert words(await line.link.request(read(300))) == (300, 301, 302, 303)

        asyncio.run(body())

    def test_of_a_unit_that_stays_behind(self, opened: Opened, tmp_path: Path) -> None:
        """It answers two requests late, then catches up by one while nobody asks."""
        unsent: list[bytes] = []
        behind = 2

        async def lagging(asked: Asked) -> None:
            nonlocal behind
            unsent.append(asked.right())
            if len(unsent) > behind:
                asked.send(unsent.pop(0))
            if len(asked.heard) == 5:
                await asyncio.sleep(0.05)
                asked.send(unsent.pop(0))
                behind = 1

        async def body() -> None:
            async with opened(tmp_path, in_turn(then=lagging)) as line:
                for address in (100, 200):
                    assert (await line.link.request(read(address))).error == "timeout"
                for address in (300, 400):
                    assert words(await line.link.request(read(address)))[0] == address

        asyncio.run(body())

    def test_of_another_unit_is_passed_over(self, opened: Opened, tmp_path: Path) -> None:
        async def both(asked: Asked) -> None:
            asked.send(seal(1, words_pdu(3, 100, 101, 102, 103)))
            asked.send(asked.right())

        async def body() -> None:
            async with opened(tmp_path, in_turn(mute, both)) as line:
                assert (await line.link.request(read(100))).error == "timeout"
                assert words(await line.link.request(read(200, unit=2))) == (200, 201, 202, 203)
                assert line.link.counters.late == 1

        asyncio.run(body())

    def test_of_another_length_is_passed_over(self, opened: Opened, tmp_path: Path) -> None:
        async def both(asked: Asked) -> None:
            asked.send(seal(1, words_pdu(3, 100, 101)))
            asked.send(asked.right())

        async def body() -> None:
            async with opened(tmp_path, in_turn(mute, both)) as line:
                assert (await line.link.request(read(100, 2))).error == "timeout"
                assert words(await line.link.request(read(200))) == (200, 201, 202, 203)
                assert line.link.counters.late == 1

        asyncio.run(body())

    def test_to_a_caller_who_left(self, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            async with opened(tmp_path, in_turn(late_by(0.08))) as line:
                left = asyncio.create_task(line.link.request(read(100)))
                await until(lambda: line.device.asked)
                left.cancel()
                assert words(await line.link.request(read(200))) == (200, 201, 202, 203)
                # As long as the answer might have taken, and the silence behind that.
                assert line.device.asked[1].time - line.device.asked[0].time >= 0.3
                assert line.link.counters.late == 1
                assert (await asyncio.gather(left, return_exceptions=True))[
                    0
                ].__class__ is asyncio.CancelledError

        asyncio.run(body())

    def test_a_caller_who_leaves_while_it_comes_in_has_left(self, opened: Opened, tmp_path: Path) -> None:
        """The library's way of waiting forgets a cancellation that comes together with the answer."""

        async def body() -> None:
            async with opened(tmp_path, honest) as line:
                left = asyncio.create_task(line.link.request(read(100)))
                framer = line.link._framer
                arrived = framer._on_frame

                def leave(unit: int, taken: bool) -> None:
                    arrived(unit, taken)
                    asyncio.get_running_loop().call_soon(left.cancel)

                framer._on_frame = leave
                with pytest.raises(asyncio.CancelledError):
                    await left

        asyncio.run(body())

    def test_that_refused_a_write_is_not_taken_for_the_refusal_of_the_next(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        async def both(asked: Asked) -> None:
            asked.send(seal(1, b"\x86\x03"))

        async def body() -> None:
            async with opened(tmp_path, in_turn(mute, both)) as line:
                assert (await line.link.request(Request(1, 6, 5, 1, (1,)))).error == "timeout"
                # Whether this one was carried out is not known, so it must not be called refused.
                assert (await line.link.request(Request(1, 6, 6, 1, (2,)))).error == "timeout"
                assert (await line.link.request(Request(1, 6, 7, 1, (3,)))).error == ""

        asyncio.run(body())

    def test_to_a_write_leaves_the_next_read_alone(self, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            async with opened(tmp_path, in_turn(late_by(0.2))) as line:
                assert (await line.link.request(Request(1, 16, 5, 2, (1, 2)))).error == "timeout"
                assert words(await line.link.request(read(200))) == (200, 201, 202, 203)

        asyncio.run(body())

    def test_a_unit_that_answers_again_is_asked_twice_only_once(self, opened: Opened, tmp_path: Path) -> None:
        async def body() -> None:
            async with opened(tmp_path, in_turn(mute)) as line:
                assert (await line.link.request(read(100))).error == "timeout"
                for address in (200, 300, 400):
                    assert words(await line.link.request(read(address, 1))) == (address,)
                assert line.shown == [(1, 100), (1, 200), (1, 200), (1, 300), (1, 400)]

        asyncio.run(body())

    def test_a_slow_unit_is_believed_again(self, opened: Opened, tmp_path: Path) -> None:
        """Nearly the whole time-out for each answer is slow, but in time."""

        async def body() -> None:
            async with opened(tmp_path, in_turn(mute, then=late_by(0.25)), transfer_timeout_s=0.3) as line:
                assert (await line.link.request(read(100))).error == "timeout"
                for address in (200, 300):
                    assert words(await line.link.request(read(address, 1))) == (address,)

        asyncio.run(body())
