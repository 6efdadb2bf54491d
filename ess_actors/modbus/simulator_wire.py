"""Where simulated devices are reached: listening TCP ports, and pseudo-terminals for serial lines."""

import asyncio
import contextlib
import os
import tty
from abc import ABC, abstractmethod
from typing import Final, cast

from ess_actors.modbus.simulator_talk import Respond, Talk

MAX_CONNECTIONS: Final = 256
_CHUNK: Final = 4096


class Wire(ABC):
    """Where the units of one endpoint are reached."""

    has_connections = True
    rtu = False
    address: tuple[str, int]
    """Host and port, or the path of the line and 0; known after the first start."""
    speaker = ""
    """The master whose request is being answered, as host:port; empty on a line."""

    @abstractmethod
    async def start(self) -> None:
        """Answers from now on; nothing when it does already. Raises OSError when the address cannot be had."""

    @abstractmethod
    def stop(self) -> None:
        """Nobody answers any more; every connection is closed."""

    @abstractmethod
    def hang_up(self) -> None:
        """Closes every connection; new ones are served."""

    def close(self) -> None:
        """For good."""
        self.stop()


class TcpWire(Wire):
    """A listening port; 0 = a free one, which it keeps over stop and start."""

    def __init__(self, host: str, port: int, respond: Respond, *, rtu: bool = False) -> None:
        self.address = (host, port)
        self.rtu = rtu
        self.respond = respond
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._wanted = False
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        self._wanted = True
        async with self._opening:
            if self._server is None and self._wanted:
                await self._open()

    async def _open(self) -> None:
        host, port = self.address
        # It listens only once it is known here: a stop or a cancellation in between finds it.
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), host, port, start_serving=False
        )
        self._server = server
        self.address = (host, server.sockets[0].getsockname()[1])
        if not self._wanted:
            self.stop()
            return
        try:
            await server.start_serving()
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        self._wanted = False
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.hang_up()

    def hang_up(self) -> None:
        for one in tuple(self.connections):
            one.hang_up()


class _Connection(asyncio.Protocol):
    def __init__(self, wire: TcpWire) -> None:
        self._wire = wire
        self._transport: asyncio.Transport
        self._talk = Talk(wire.respond, wire.rtu, self._send, self.hang_up)
        self._heard = self._talk.heard
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports without being of the class.
        self._transport = cast(asyncio.Transport, transport)
        if len(self._wire.connections) >= MAX_CONNECTIONS:
            self._transport.abort()
            return
        self._wire.connections.add(self)
        host, port = transport.get_extra_info("peername")[:2]
        self._peer = f"{host}:{port}"

    def data_received(self, data: bytes) -> None:
        self._wire.speaker = self._peer
        self._heard(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.connections.discard(self)
        self._talk.end()

    def pause_writing(self) -> None:
        """A master that asks and does not read is not read either."""
        if (
            not self._transport.is_closing()
        ):  # uvloop raises for a transport that is closed and did not say so yet
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def hang_up(self) -> None:
        self._wire.connections.discard(self)
        self._talk.end()
        self._transport.abort()

    def _send(self, chunk: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(chunk)


class PtyWire(Wire):
    """A serial line: the masters' end is a pseudo-terminal, whose path stays the same until `close`."""

    has_connections = False
    rtu = True

    def __init__(self, respond: Respond) -> None:
        self.address = ("", 0)
        self._respond = respond
        self._ours = self._theirs = -1
        self._talk: Talk | None = None

    async def start(self) -> None:
        if self._ours < 0:
            # Their end stays open here too: without it the line would break with each master that leaves.
            self._ours, self._theirs = os.openpty()
            tty.setraw(self._theirs)
            os.set_blocking(self._ours, False)
            self.address = (os.ttyname(self._theirs), 0)
            asyncio.get_running_loop().add_reader(self._ours, self._readable)
        if self._talk is None:
            self._talk = Talk(self._respond, True, self._send, self.hang_up)

    def stop(self) -> None:
        if self._talk is not None:
            self._talk.end()
            self._talk = None

    def hang_up(self) -> None:
        """A line has no connections."""

    def close(self) -> None:
        self.stop()
        if self._ours >= 0:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)
            self._ours = self._theirs = -1

    def _readable(self) -> None:
        try:
            chunk = os.read(self._ours, _CHUNK)
        except BlockingIOError:
            return
        if self._talk is not None:
            self._talk.heard(chunk)

    def _send(self, chunk: bytes) -> None:
        # Nobody reads: on a real line the bytes would be gone too.
        with contextlib.suppress(BlockingIOError):
            os.write(self._ours, chunk)
