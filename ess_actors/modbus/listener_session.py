"""One connection of a master: requests in, answers out, in order and in small turns."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, cast

from ess_actors.core.mbap import MAX_ASKED, FrameBuffer, frame
from ess_actors.modbus.keepalive import keep_alive

TURN_BYTES: Final = 1024
"""Of what one master sent at once this much is worked on before the others have their turn."""
MAX_OUTPUT: Final = 262_144
"""Bytes of answers that may wait for a master."""
MAX_LATE: Final = 64
"""Answers of one connection that may be delayed at the same time."""


class Reply(NamedTuple):
    """An answer that is not simply sent: after `delay` seconds, or with `hang_up` as the last one.

    An empty `pdu` is no answer.
    """

    pdu: bytes = b""
    delay: float = 0.0
    hang_up: bool = False


Respond = Callable[[int, bytes], bytes | Reply | None]
"""(unit, data unit of the request) -> the answer's data unit; None: silence. Runs on the loop, must not wait."""


@dataclass(slots=True)
class ListenerCounters:
    """What happened on a listener since it was made."""

    accepted: int = 0
    refused: int = 0
    """Turned away because every place was taken."""
    strangers: int = 0
    """Turned away because their network is not allowed."""
    evicted: int = 0
    """Closed in favour of a new connection."""
    idle: int = 0
    """Closed because no complete request came for too long."""
    handshakes: int = 0
    """Connections that failed before TLS was up: no or a wrong certificate, or no TLS at all."""
    requests: int = 0
    poisoned: int = 0
    """Connections closed because what came was not Modbus."""
    gorged: int = 0
    """Connections closed because too many answers waited for the master."""


class Owner(Protocol):
    """What a session needs of the listener it belongs to."""

    respond: Respond
    clock: Callable[[], float]
    counters: ListenerCounters
    sessions: "set[Session]"
    speaking: str
    """Address of the master whose request is being answered."""


class Session(asyncio.Protocol):
    """Every complete frame is answered in order; half a frame is kept and counts for nothing.

    A master that asks and does not read is not read either. What is no Modbus ends the connection, behind the
    answers to what came before it.
    """

    def __init__(self, owner: Owner, peer: str) -> None:
        self.peer = peer
        """The master's address."""
        self.asked = 0
        """Complete requests so far."""
        self.heard_at = owner.clock()
        """When the last complete request came; before the first one: when it connected."""
        self.transport: asyncio.Transport | None = None
        self.opening: asyncio.Task[None] | None = None
        """What still has to be done before there is a transport."""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._frames = FrameBuffer(MAX_ASKED)
        self._backlog = bytearray()
        self._turn_due = False
        self._full = False
        self._ended = False
        self._late = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not all transports of uvloop are instances of asyncio's classes.
        self.transport = cast(asyncio.Transport, transport)
        if self._ended:
            self.transport.abort()
            return
        with contextlib.suppress(OSError):
            keep_alive(transport)  # it may be gone again by now
        self._owner.counters.accepted += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._owner.sessions.discard(self)
        self._backlog.clear()

    def data_received(self, data: bytes) -> None:
        """Works on it at once when it is little, which is nearly always; else a turn at a time."""
        if self._ended:
            return
        if not self._backlog and not self._full and len(data) <= TURN_BYTES:
            self._serve(data)
            return
        self._backlog += data
        self._go_on()

    def pause_writing(self) -> None:
        """The master does not read its answers: nothing more is read of it, or worked on."""
        self._full = True
        if (transport := self._usable()) is not None:
            transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._full = False
        self._go_on()

    def hang_up(self) -> None:
        """Ends this connection now; its place is free at once."""
        self._ended = True
        self._owner.sessions.discard(self)
        self._backlog.clear()
        if self.transport is not None:
            self.transport.abort()
        elif self.opening is not None:
            self.opening.cancel()

    # --- details ----------------------------------------------------------------------------------------------

    def _usable(self) -> asyncio.Transport | None:
        """None also for a transport that has failed and not told it yet: uvloop's takes no call any more then."""
        transport = self.transport
        return None if self._ended or transport is None or transport.is_closing() else transport

    def _go_on(self) -> None:
        """Reads on, or takes the next turn with what was read already."""
        transport = self._usable()
        if self._full or self._turn_due or transport is None:
            return
        if not self._backlog:
            transport.resume_reading()
            return
        transport.pause_reading()
        self._turn_due = True
        self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_due = False
        if self._ended or self._full:
            return
        chunk = bytes(self._backlog[:TURN_BYTES])
        del self._backlog[:TURN_BYTES]
        self._serve(chunk)
        self._go_on()

    def _serve(self, chunk: bytes) -> None:
        owner, frames = self._owner, self._frames.feed(chunk)
        if frames:
            self.heard_at = owner.clock()
            self.asked += len(frames)
            owner.counters.requests += len(frames)
            answers: list[bytes] = []
            owner.speaking = self.peer
            for transaction, unit, pdu in frames:
                reply = owner.respond(unit, pdu)
                if type(reply) is bytes:
                    answers.append(frame(transaction, unit, reply))
                elif isinstance(reply, Reply):
                    self._special(answers, frame(transaction, unit, reply.pdu), reply)
                    if self._ended:
                        return
            if answers:
                self._send(b"".join(answers))
        if self._frames.poisoned:
            owner.counters.poisoned += 1
            self._close()

    def _special(self, answers: list[bytes], answer: bytes, reply: Reply) -> None:
        """Sent later; or, when the connection ends with it, sent now behind the `answers` before it."""
        if reply.delay > 0:
            if self._late < MAX_LATE:
                self._late += 1
                self._loop.call_later(reply.delay, self._send_late, answer, reply.hang_up)
            return
        if reply.pdu:
            answers.append(answer)
        if reply.hang_up:
            self._send(b"".join(answers))
            self._close()

    def _send_late(self, answer: bytes, hang_up: bool) -> None:
        self._late -= 1
        self._send(answer)
        if hang_up:
            self._close()

    def _send(self, answers: bytes) -> None:
        transport = self._usable()
        if transport is None:
            return
        transport.write(answers)
        if self._full and transport.get_write_buffer_size() > MAX_OUTPUT:
            self._owner.counters.gorged += 1
            self.hang_up()

    def _close(self) -> None:
        """Ends this connection behind what is being sent. Until that is done its place stays taken."""
        if (transport := self._usable()) is not None:
            self._ended = True
            self._backlog.clear()
            transport.close()
