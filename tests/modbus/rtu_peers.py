"""Peers for the RTU tests: a scripted device at the far end of a pty or of a socket, which may misbehave."""

import asyncio
import os
import struct
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ess_actors.core.points import Endpoint, Serial
from ess_actors.core.rtu import RequestBuffer, seal
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.rtu_link import RtuOverTcpLink, SerialLink
from tests.modbus.modbus_peers import Heard, until, words_pdu

Script = Callable[["Asked"], Awaitable[None]]


def read(address: int, count: int = 4, unit: int = 1) -> Request:
    return Request(unit, 3, address, count)


def words(answer: Answer) -> tuple[int, ...]:
    """The registers of a good answer."""
    assert not answer.error, answer
    return struct.unpack(f">{len(answer.payload) // 2}H", answer.payload)


class Asked(Heard):
    """One RTU request; every way to answer it, right or wrong."""

    def __init__(self, unit: int, pdu: bytes, device: "RtuDevice") -> None:
        super().__init__(unit, pdu)
        self.send, self.heard = device.send, device.asked

    def right(self) -> bytes:
        """The right answer of a device whose register n holds n, and which echoes writes."""
        if self.function > 4:
            return seal(self.unit, self.pdu[:5])
        return seal(self.unit, words_pdu(self.function, *range(self.address, self.address + self.count)))


class RtuDevice:
    """Does what its script says for every request it hears, one after the other as a slave does."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.opened = 0
        self._requests = RequestBuffer()
        self._todo: asyncio.Queue[Asked] = asyncio.Queue()
        self._worker = asyncio.create_task(self._work())

    def hear(self, chunk: bytes) -> None:
        for unit, pdu in self._requests.feed(chunk):
            asked = Asked(unit, pdu, self)
            self.asked.append(asked)
            self._todo.put_nowait(asked)

    async def _work(self) -> None:
        while True:
            await self.script(await self._todo.get())

    def send(self, frame: bytes) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)


class PtyDevice(RtuDevice):
    """A serial adapter with a device behind it; `path` is a link to the terminal, as udev would make it."""

    def __init__(self, script: Script, path: Path) -> None:
        super().__init__(script)
        self.path = path
        self._near = self._far = -1

    def plug(self) -> None:
        self._far, self._near = os.openpty()
        tty.setraw(self._far)
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.path.symlink_to(os.ttyname(self._near))
        self.opened += 1
        self.listen()

    def listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._far, self._read)

    def deafen(self) -> None:
        """Nothing is read any more."""
        asyncio.get_running_loop().remove_reader(self._far)

    def drain(self) -> None:
        """Throws away what came while it was deaf."""
        with suppress(BlockingIOError):
            while os.read(self._far, 65536):
                pass

    def clog(self) -> None:
        """Fills the line from the near end, so that nothing more can be sent."""
        near = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        with suppress(BlockingIOError):
            while True:
                os.write(near, bytes(4096))
        os.close(near)

    def unplug(self) -> None:
        if self._far >= 0:
            asyncio.get_running_loop().remove_reader(self._far)
            os.close(self._far)
            os.close(self._near)
            self._far = -1
            self.path.unlink()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            self.hear(os.read(self._far, 4096))

    def send(self, frame: bytes) -> None:
        if self._far >= 0:
            os.write(self._far, frame)


class SocketDevice(RtuDevice):
    """A gateway that hands RTU frames through."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self._writers.append(writer)
        with suppress(ConnectionError):
            while chunk := await reader.read(4096):
                self.hear(chunk)
        writer.close()

    def send(self, frame: bytes) -> None:
        self._writers[-1].write(frame)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


class Line:
    """A link, what it said of itself, and the device at its other end."""

    def __init__(
        self, kind: type[SerialLink] | type[RtuOverTcpLink], endpoint: Endpoint, device: RtuDevice
    ) -> None:
        self.device = device
        self.states: list[tuple[bool, str]] = []
        self.link = kind(endpoint, on_state=lambda up, why: self.states.append((up, why)))

    @property
    def shown(self) -> list[tuple[int, int]]:
        """Unit and address of all the device was asked."""
        return [(asked.unit, asked.address) for asked in self.device.asked]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Line"]:
        self.link.start()
        try:
            await until(lambda: self.link.connected, what="an open line")
            yield self
        finally:
            await self.link.stop()
            await self.device.end()


QUICK = {"transfer_timeout_s": 0.1, "reconnect_min_s": 0.05}


@asynccontextmanager
async def serial_line(tmp_path: Path, script: Script, **settings: Any) -> AsyncIterator[Line]:
    """A running SerialLink at 115200 baud, 8N1, with a short time-out."""
    device = PtyDevice(script, tmp_path / "line")
    device.plug()
    shape = {key: settings.pop(key) for key in ("baud_rate", "parity", "stop_bits") if key in settings}
    serial = Serial(device=str(device.path), **shape)
    endpoint = Endpoint(name="bus", serial=serial, **{**QUICK, **settings})
    try:
        async with Line(SerialLink, endpoint, device).running() as line:
            yield line
    finally:
        device.unplug()


@asynccontextmanager
async def socket_line(_: Path, script: Script, **settings: Any) -> AsyncIterator[Line]:
    """A running RtuOverTcpLink with a short time-out."""
    device = SocketDevice(script)
    server = await asyncio.start_server(device.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoint = Endpoint(name="gateway", host="127.0.0.1", port=port, rtu=True, **{**QUICK, **settings})
    try:
        async with Line(RtuOverTcpLink, endpoint, device).running() as line:
            yield line
    finally:
        server.close()
        device.hang_up()
        await asyncio.sleep(0)


async def honest(asked: Asked) -> None:
    """Register n holds n; writes are echoed."""
    asked.send(asked.right())


async def mute(asked: Asked) -> None:
    """Not a word."""


def in_turn(*scripts: Script, then: Script = honest) -> Script:
    """One script per request, in order; `then` for all later ones."""
    left = list(scripts)

    async def run(asked: Asked) -> None:
        await (left.pop(0) if left else then)(asked)

    return run


def late_by(seconds: float) -> Script:
    """Right, but so long after the request."""

    async def run(asked: Asked) -> None:
        await asked.aged(seconds)
        asked.send(asked.right())

    return run


def says(answer: Callable[[Asked], bytes]) -> Script:
    """Sends these bytes."""

    async def run(asked: Asked) -> None:
        asked.send(answer(asked))

    return run


Opened = Callable[..., AbstractAsyncContextManager[Line]]

both_lines = pytest.mark.parametrize(
    "opened", [pytest.param(serial_line, id="serial"), pytest.param(socket_line, id="socket")]
)
