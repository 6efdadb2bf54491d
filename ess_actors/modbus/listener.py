"""A Modbus/TCP listener: connections, frames in and out, in order; what they mean is asked elsewhere."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pymodbus.transport import CommParams, CommType, ModbusProtocol

from ess_actors.core.mbap import FrameBuffer, frame
from ess_actors.modbus.keepalive import keep_alive

IDLE_S: Final = 30.0
"""A connection silent for this long gives way when the limit of clients is reached."""


class Reply(NamedTuple):
    """What a master gets: the data unit, after `delay` seconds."""

    pdu: bytes
    delay: float = 0.0


Respond = Callable[[int, bytes], Reply | None]
"""(unit, data unit of the request) -> the reply, or None for silence. Runs on the loop and must not wait."""


@dataclass(slots=True)
class ListenerCounters:
    """What happened on the listener since it was made."""

    accepted: int = 0
    refused: int = 0
    """Over the limit of clients, or from a network that is not allowed."""
    evicted: int = 0
    """Idle connections closed in favour of a new one."""
    requests: int = 0
    poisoned: int = 0


class Listener:
    """Listens on host:port (0 = a free port, see `port` after start) until stopped; may be started again.

    `allow_from` are networks in CIDR form, empty = everybody. With `max_clients` connected, a new one takes
    the place of the one that has been silent longest, if that is IDLE_S at least; else it is turned away.
    """

    def __init__(
        self,
        host: str,
        port: int,
        respond: Respond,
        *,
        max_clients: int = 32,
        allow_from: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host, self.port = host, port
        self.respond = respond
        self.clock = clock
        self.max_clients = max_clients
        self.allowed = tuple(ipaddress.ip_network(network, strict=False) for network in allow_from)
        self.counters = ListenerCounters()
        self.sessions: set[Session] = set()
        self._door: _Door | None = None

    @property
    def listening(self) -> bool:
        """True between start and stop."""
        return self._door is not None

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        if self._door is not None:
            return
        door = _Door(self)
        # Asked directly: the library's listen() keeps the reason of a failure to itself.
        door.is_listener = True
        server: asyncio.Server = await door.call_create()
        door.transport = server  # type: ignore[assignment]
        self._door = door
        self.port = server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Closes the door and every connection at once."""
        door, self._door = self._door, None
        if door is not None:
            door.close()
        self.disconnect_all()

    def disconnect_all(self) -> None:
        """Closes every connection; the door stays open."""
        for session in tuple(self.sessions):
            session.hang_up()

    def admits(self, peer: object) -> bool:
        """Whether one more connection from `peer` (an address text) is served; an idle one may go for it."""
        if not self._allows(peer):
            return False
        if len(self.sessions) < self.max_clients:
            return True
        idlest = min(self.sessions, key=lambda session: session.heard_at)
        if self.clock() - idlest.heard_at < IDLE_S:
            return False
        self.counters.evicted += 1
        idlest.hang_up()
        return True

    def _allows(self, peer: object) -> bool:
        if not self.allowed:
            return True
        try:
            address = ipaddress.ip_address(str(peer))
        except ValueError:
            return False
        return any(address in network for network in self.allowed)


class _Door(ModbusProtocol):
    """The listening end in the library's transport; makes one Session per connection."""

    def __init__(self, listener: Listener) -> None:
        self.owner = listener
        address = (listener.host, listener.port)
        super().__init__(
            CommParams(comm_type=CommType.TCP, comm_name="server", source_address=address), is_server=True
        )

    def callback_new_connection(self) -> ModbusProtocol:
        return Session(self.owner)

    def callback_connected(self) -> None:
        """Never called for a listening end."""

    def callback_disconnected(self, exc: Exception | None) -> None:
        """Never called for a listening end."""

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        """Never called for a listening end."""
        return len(data)


class Session(ModbusProtocol):
    """One connection of a master. Every complete frame is answered, in order; half a frame is kept.

    The library's own request handling takes one frame per read and forgets the rest with every answer, and
    stops for good at a foreign protocol id; a Session does neither (the latter closes the connection).
    """

    def __init__(self, owner: Listener) -> None:
        self.owner = owner
        self._buffer = FrameBuffer()
        self.heard_at = owner.clock()
        """When the master sent something last."""
        super().__init__(
            CommParams(comm_type=CommType.TCP, comm_name="session", port=owner.port), is_server=True
        )

    def callback_new_connection(self) -> ModbusProtocol:
        return self

    def callback_connected(self) -> None:
        """Admits the peer or closes the connection."""
        keep_alive(self.transport)
        peer = (self.transport.get_extra_info("peername") or ("",))[0]
        if not self.owner.admits(peer):
            self.owner.counters.refused += 1
            self.transport.abort()  # type: ignore[attr-defined]
            return
        self.owner.counters.accepted += 1
        self.owner.sessions.add(self)

    def callback_disconnected(self, exc: Exception | None) -> None:
        self.owner.sessions.discard(self)

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        """Not used: `data_received` takes everything."""
        return len(data)

    def data_received(self, data: bytes) -> None:
        """Answers every complete frame, the frames before a poisoned place included."""
        if self not in self.owner.sessions:
            return
        self.heard_at = self.owner.clock()
        out = []
        for transaction, unit, pdu in self._buffer.feed(data):
            self.owner.counters.requests += 1
            reply = self.owner.respond(unit, pdu)
            if reply is None:
                continue
            answer = frame(transaction, unit, reply.pdu)
            if reply.delay > 0:
                self.loop.call_later(reply.delay, self._write, answer)
            else:
                out.append(answer)
        if out:
            self._write(b"".join(out))
        if self._buffer.poisoned:
            self.owner.counters.poisoned += 1
            self.owner.sessions.discard(self)
            self.transport.close()

    def pause_writing(self) -> None:
        """A master that asks and does not read is not read either."""
        self.transport.pause_reading()  # type: ignore[attr-defined]

    def resume_writing(self) -> None:
        """It reads again."""
        self.transport.resume_reading()  # type: ignore[attr-defined]

    def hang_up(self) -> None:
        """Closes this connection now."""
        self.owner.sessions.discard(self)
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]

    def _write(self, answer: bytes) -> None:
        if self in self.owner.sessions:
            self.transport.write(answer)  # type: ignore[attr-defined]
