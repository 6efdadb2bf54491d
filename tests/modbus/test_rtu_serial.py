"""What only a serial line has: its speed, the gaps between frames, and an adapter that can be pulled out."""

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from ess_actors.core.points import Endpoint, Serial
from ess_actors.core.transaction import Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.rtu_link import SerialLink
from tests.modbus.modbus_link_bench import Run, both_loops
from tests.modbus.modbus_peers import until
from tests.modbus.rtu_peers import PtyDevice, honest, in_turn, late_by, mute, serial_line

pytestmark = both_loops

READ = Request(1, 3, 100, 4)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class TestSpeed:
    def test_the_time_of_both_frames_is_given_besides_the_time_out(self, run: Run, tmp_path: Path) -> None:
        """At 1200 baud question and answer take 0.175 s; the answer of this device comes after 0.2 s."""

        async def body() -> None:
            async with serial_line(tmp_path, late_by(0.2), baud_rate=1200) as line:
                assert (await line.link.request(READ)).error == ""
                assert line.link.counters.timeouts == 0

        run(body())

    def test_stop_bits_count(self, run: Run, tmp_path: Path) -> None:
        """21 characters at 150 baud and the time-out make 1.5 s with 10 bits each, and 1.64 s with 11."""

        async def body() -> None:
            async with serial_line(tmp_path, late_by(1.52), baud_rate=150, stop_bits=2) as line:
                assert (await line.link.request(READ)).error == ""

        run(body())

    def test_frames_are_three_and_a_half_characters_apart(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            async with serial_line(tmp_path, honest, baud_rate=300) as line:
                answered = [(await line.link.request(READ)).received for _ in range(3)]
                gaps = [asked.time - end for asked, end in zip(line.device.asked[1:], answered, strict=False)]
                assert min(gaps) >= 3.5 * 10 / 300 - 0.001

        run(body())

    def test_settings_reach_the_port(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pty has no parity, so this one looks at what the port is asked for."""
        asked: dict[str, object] = {}

        def refuse(device: str, **settings: object) -> None:
            asked.update(settings, device=device)
            raise OSError("seen enough")

        monkeypatch.setattr("serial.serial_for_url", refuse)

        async def body() -> None:
            serial = Serial(device="/dev/bus", baud_rate=9600, parity="E", data_bits=7, stop_bits=2)
            link = SerialLink(Endpoint(name="bus", serial=serial))
            link.start()
            await until(lambda: link.counters.failed_connects, what="an attempt")
            await link.stop()

        run(body())
        wanted = {"device": "/dev/bus", "baudrate": 9600, "bytesize": 7, "parity": "E", "stopbits": 2}
        assert wanted.items() <= asked.items()
        assert asked["exclusive"] is True


class TestPort:
    def test_stays_open_however_long_the_line_is_silent(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            async with serial_line(tmp_path, in_turn(mute, mute, mute, mute)) as line:
                for _ in range(4):
                    assert (await line.link.request(READ)).error == "timeout"
                line.link.drop("no unit answers")
                assert line.link.connected
                assert (await line.link.request(READ)).error == ""
                assert (line.states, line.link.counters.connects) == ([(True, "")], 1)

        run(body())

    def test_what_could_not_be_sent_is_not_sent_later(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            async with serial_line(tmp_path, honest) as line:
                line.device.deafen()
                line.device.clog()
                assert (await line.link.request(Request(1, 6, 7, 1, (1,)))).error == "timeout"
                line.device.drain()
                line.device.listen()
                assert (await line.link.request(Request(1, 6, 8, 1, (2,)))).error == ""
                assert [asked.address for asked in line.device.asked] == [8]

        run(body())

    def test_a_pulled_adapter_fails_the_open_request_and_comes_back(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            async with serial_line(tmp_path, mute, transfer_timeout_s=30.0) as line, asyncio.timeout(10):
                open_request = asyncio.create_task(line.link.request(READ))
                await until(lambda: line.device.asked, what="the request at the device")
                line.device.unplug()
                assert (await open_request).error == "not_connected"
                assert not line.link.connected
                assert (await line.link.request(READ)).error == "not_connected"
                await until(lambda: line.link.counters.failed_connects >= 2, what="attempts to open it")
                line.device.script = honest
                line.device.plug()
                await until(lambda: line.link.connected, what="the adapter back")
                assert [up for up, _ in line.states] == [True, False, True]
                assert line.states[1][1].startswith("the port failed")

        run(body())

    def test_data_comes_again_after_the_adapter_was_out(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            async with serial_line(tmp_path, honest) as line:
                for _ in range(3):
                    assert (await line.link.request(READ)).error == ""
                    line.device.unplug()
                    await until(lambda: not line.link.connected, what="the loss")
                    line.device.plug()
                    await until(lambda: line.link.connected, what="the adapter back")
                assert (await line.link.request(READ)).error == ""
                assert (line.link.counters.timeouts, line.link.counters.connects) == (0, 4)

        run(body())

    def test_a_write_that_fails_is_a_loss_too(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def body() -> None:
            async with serial_line(tmp_path, honest, transfer_timeout_s=30.0) as line, asyncio.timeout(10):

                def broken(descriptor: int, data: bytes) -> int:
                    raise OSError(5, "Input/output error")

                with monkeypatch.context() as patch:
                    patch.setattr("ess_actors.modbus.serial_port.os.write", broken)
                    assert (await line.link.request(READ)).error == "not_connected"
                await until(lambda: line.link.connected, what="the port again")
                assert (await line.link.request(READ)).error == ""

        run(body())

    def test_a_long_request_leaves_in_pieces(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = os.write
        monkeypatch.setattr(
            "ess_actors.modbus.serial_port.os.write", lambda descriptor, data: write(descriptor, data[:50])
        )

        async def body() -> None:
            async with serial_line(tmp_path, honest) as line:
                assert (await line.link.request(Request(1, 16, 5, 123, tuple(range(123))))).error == ""

        run(body())

    def test_hundred_losses_leave_no_descriptor_behind(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            async with serial_line(tmp_path, honest, reconnect_min_s=0.001, reconnect_max_s=0.001) as line:
                before = descriptors()
                for _ in range(100):
                    line.device.unplug()
                    await until(lambda: not line.link.connected, what="the loss")
                    line.device.plug()
                    await until(lambda: line.link.connected, what="the adapter back")
                assert descriptors() == before

        run(body())


class TestOpening:
    @pytest.mark.parametrize(
        ("make", "word"),
        [
            (lambda path: None, "No such file"),
            (lambda path: path.write_text("not a line"), "Inappropriate ioctl"),
            (lambda path: path.mkdir(), "Is a directory"),
        ],
    )
    def test_says_why_it_cannot(self, run: Run, tmp_path: Path, make: object, word: str) -> None:
        async def body() -> None:
            device = tmp_path / "line"
            make(device)  # type: ignore[operator]
            states: list[tuple[bool, str]] = []
            endpoint = Endpoint(name="bus", serial=Serial(device=str(device)), reconnect_min_s=0.05)
            link = open_link(endpoint, on_state=lambda up, why: states.append((up, why)))
            link.start()
            await until(lambda: link.counters.failed_connects >= 2, what="two attempts")
            await link.stop()
            assert len(states) == 1
            assert word in states[0][1]

        run(body())

    def test_a_port_that_another_program_has_is_named_so(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            device = PtyDevice(honest, tmp_path / "line")
            device.plug()
            other = os.open(device.path, os.O_RDWR | os.O_NOCTTY)
            fcntl.flock(other, fcntl.LOCK_EX)
            states: list[tuple[bool, str]] = []
            serial = Serial(device=str(device.path))
            link = SerialLink(
                Endpoint(name="bus", serial=serial, reconnect_min_s=0.05),
                on_state=lambda up, why: states.append((up, why)),
            )
            link.start()
            await until(lambda: states, what="a word")
            assert states == [(False, "another program has the port")]
            os.close(other)
            await until(lambda: link.connected, what="the port")
            await link.stop()
            device.unplug()

        run(body())

    def test_an_impossible_speed_is_named(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            device = PtyDevice(honest, tmp_path / "line")
            device.plug()
            states: list[tuple[bool, str]] = []
            link = SerialLink(
                Endpoint(name="bus", serial=Serial(device=str(device.path), data_bits=4)),
                on_state=lambda up, why: states.append((up, why)),
            )
            link.start()
            await until(lambda: states, what="a word")
            await link.stop()
            device.unplug()
            assert states == [(False, "Not a valid byte size: 4")]

        run(body())

    def test_stopping_in_the_middle_of_it_leaves_nothing_behind(self, run: Run, tmp_path: Path) -> None:
        async def body() -> None:
            device = PtyDevice(honest, tmp_path / "line")
            device.plug()
            before = descriptors()
            for turns in range(8):
                link = SerialLink(Endpoint(name="bus", serial=Serial(device=str(device.path))))
                link.start()
                for _ in range(turns):
                    await asyncio.sleep(0)
                await link.stop()
                await asyncio.sleep(0)
                assert descriptors() == before
            device.unplug()

        run(body())
