"""RTU lines: one request at a time for all units, and nothing taken for an answer that may be an older one's."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Final, cast

from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.transport import CommParams, CommType

from ess_actors.core.frames import decode_answer
from ess_actors.core.points import Endpoint, Serial
from ess_actors.core.rtu import MAX_FRAME, SETTLED_S, answer_length, gap_seconds, line_seconds
from ess_actors.core.rtu_debts import Debts
from ess_actors.core.transaction import READS, Answer, Request
from ess_actors.modbus.framer import RtuFramer
from ess_actors.modbus.keepalive import keep_alive
from ess_actors.modbus.library_link import LibraryLink, Wire, dialled
from ess_actors.modbus.link import OnState, ignore_state
from ess_actors.modbus.serial_port import Port, open_port
from ess_actors.modbus.serial_silence import Silence

QUIET_S: Final = 0.3
"""Shortest silence after an answer that did not come, or came broken."""
FORGET_S: Final = 5.0
"""An answer later than this does not come; no device known to us keeps a request for so long."""
_LISTEN: Final = 3.0
_SHORTEST_LISTEN_S: Final = 0.1
"""A unit that works off old requests sends their answers about as fast as it gives new ones: one that lets
so many times its own time pass, and at least this, has nothing left to send."""
_BROADCAST: Final = 0
_TURNAROUND_S: Final = 0.1
"""What every unit gets to carry out a broadcast, which nobody answers."""
_ANSWERED: Final = frozenset({"", "exception"})


class RtuLink(LibraryLink):
    """What serial lines and sockets with RTU frames share.

    An RTU answer does not say which request it answers. After a request without an answer the line is kept
    silent, so that a late answer meets nobody who waits for one. It may come later than that: a unit that
    owes answers is asked each read so often that the last answer is not an older request's even if all it
    owes still came (core.rtu_debts), and its debts are forgotten when it then has nothing more to say.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        on_state: OnState = ignore_state,
        clock: Callable[[], float] = time.monotonic,
        gap_s: float = 0.0,
    ) -> None:
        super().__init__(endpoint, on_state=on_state, clock=clock)
        self._framer = RtuFramer(self._frame, self._bytes)
        self._silence = Silence(gap_s)
        longest = endpoint.transfer_timeout_s + self._line_seconds(2 * MAX_FRAME)
        self._debts = Debts(max(FORGET_S, 3 * longest))
        self._question = 0
        self._settled = 0
        """The question that the answer taken last was set against."""
        self._surplus = 0
        """Frames behind the answer taken last."""
        self._length = 0
        """Of the answer that is waited for."""
        self._settling: asyncio.TimerHandle | None = None

    @abstractmethod
    def _line_seconds(self, characters: float) -> float:
        """How long so many characters take on the line."""

    async def _transact(self, request: Request, pdu: bytes) -> Answer:
        await self._silence.wait()
        if self._wire is None:
            return Answer(error="not_connected")
        self._question += 1
        if request.function in READS:
            return await self._read(self._wire, request, pdu)
        if request.unit == _BROADCAST:
            return await self._broadcast(self._wire, pdu)
        return await self._write(self._wire, request, pdu)

    async def _read(self, wire: Wire, request: Request, pdu: bytes) -> Answer:
        answer = first = await self._exchange(wire, request, pdu)
        took = 0.0
        while answer.error in _ANSWERED:
            took = max(took, answer.received - answer.sent)
            if self._settled == self._question:
                await self._listen(request.unit, took)
                return answer._replace(sent=first.sent)
            await self._silence.wait()
            answer = await self._exchange(wire, request, pdu)
        return answer

    async def _write(self, wire: Wire, request: Request, pdu: bytes) -> Answer:
        answer = await self._exchange(wire, request, pdu)
        if answer.error == "exception" and self._settled != self._question:
            # The echo of a write tells which one it was; a refusal may be an older one's.
            return Answer(error="timeout", sent=answer.sent, received=answer.received)
        return answer

    async def _listen(self, unit: int, took: float) -> None:
        """Whether a unit that may owe something still has something to say, judged by how fast it answers."""
        if not self._debts.owes(unit, time.monotonic()):
            return
        await asyncio.sleep(max(_LISTEN * took, _SHORTEST_LISTEN_S))
        if self._surplus:
            self._silence.keep(time.monotonic() + QUIET_S)
        else:
            self._debts.forgive(unit)

    async def _exchange(self, wire: Wire, request: Request, pdu: bytes) -> Answer:
        """The request, and what comes first that can be its answer."""
        unit, now = request.unit, time.monotonic()
        limit = self._limit(request, pdu)
        sent, error = self._clock(), "cancelled"
        self._length = answer_length(request)
        self._surplus = 0
        self._framer.ask(request, strict=self._debts.owes(unit, now))
        self._debts.asked(unit, self._question, now)
        try:
            payload, error, code = await self._judged(wire, request, pdu, limit)
        finally:
            self._framer.close()
            self._stop_settling()
            self._silence.heard()
            if error not in _ANSWERED:
                # A line that was lost has lost what was on it.
                self._fall_silent(unit, now if error == "not_connected" else now + limit)
                self._forget_unsent(wire)
        return Answer(payload, error, code, sent, self._clock())

    async def _judged(self, wire: Wire, request: Request, pdu: bytes, limit: float) -> tuple[bytes, str, int]:
        try:
            reply = await wire.ask(pdu, request.unit, limit)
        except ConnectionException:
            return b"", "not_connected", 0
        except ModbusException:
            return b"", "malformed" if self._framer.noise else "timeout", 0
        payload, error, code = decode_answer(request, pdu, reply.pdu)
        if error == "malformed":
            # It answers something else: the answer to this may be still to come.
            self._debts.asked(request.unit, self._question, time.monotonic())
        return payload, error, code

    async def _broadcast(self, wire: Wire, pdu: bytes) -> Answer:
        sent = self._clock()
        try:
            await wire.tell(pdu, _BROADCAST)
        except ConnectionException:
            return Answer(error="not_connected")
        self._silence.keep(time.monotonic() + self._line_seconds(len(pdu) + 3) + _TURNAROUND_S)
        return Answer(sent=sent, received=self._clock())

    def _limit(self, request: Request, pdu: bytes) -> float:
        frames = len(pdu) + 3 + answer_length(request)
        return self.endpoint.transfer_timeout_s + self._line_seconds(frames)

    def _fall_silent(self, unit: int, ends: float) -> None:
        """`ends` is the latest moment at which a good answer to what was asked would have come."""
        now = time.monotonic()
        since = max(now, ends) if self._debts.owes(unit, now) else now
        self._silence.keep(since + max(QUIET_S, self._line_seconds(self._length)))

    def _frame(self, unit: int, taken: bool) -> None:
        question = self._debts.answered(unit)
        if taken:
            self._settled = question
        else:
            self._counters.late += 1
            self._surplus += self._framer.waiting is None

    def _bytes(self) -> None:
        """Something came in. Bytes enough for an answer that are none, and then nothing more: it is broken."""
        self._silence.heard()
        if self._framer.waiting and self._framer.noise >= self._length:
            self._stop_settling()
            pause = max(SETTLED_S, self._line_seconds(5))
            self._settling = asyncio.get_running_loop().call_later(pause, self._give_up)

    def _give_up(self) -> None:
        self._settling = None
        if self._wire is not None and (asked := self._framer.waiting) is not None:
            # It did come: this much is not owed any more.
            self._debts.answered(asked.unit)
            self._wire.fail(ModbusException("malformed"))

    def _stop_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _forget_unsent(self, wire: Wire) -> None:
        """What still waits to be sent must not go out before the next request."""


class SerialLink(RtuLink):
    """A serial line. Its port stays open whatever the devices do; only an adapter that fails is opened again."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        on_state: OnState = ignore_state,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._serial = cast(Serial, endpoint.serial)
        super().__init__(endpoint, on_state=on_state, clock=clock, gap_s=gap_seconds(self._serial))

    def _line_seconds(self, characters: float) -> float:
        return line_seconds(characters, self._serial)

    def drop(self, reason: str) -> None:
        """Nothing: opening the port again cures no device, and would disturb the other ones."""

    def loss_in_words(self, error: Exception | None) -> str:
        """As the port said it."""
        return f"the port failed: {error}"

    async def _dial(self) -> Wire:
        serial = self._serial
        wire = Wire(self, CommParams(comm_type=CommType.SERIAL, host=serial.device), self._framer)
        port = open_port(wire.loop, wire, serial)
        try:
            await wire.made.wait()
        except BaseException:
            port.close()
            raise
        return wire

    def _forget_unsent(self, wire: Wire) -> None:
        if isinstance(wire.transport, Port):
            wire.transport.forget_unsent()


class RtuOverTcpLink(RtuLink):
    """RTU frames through a socket to a gateway that hands them to its line as they are."""

    def _line_seconds(self, characters: float) -> float:
        """The gateway's line is not known here; its share belongs into the time-out of the file."""
        return 0.0

    async def _dial(self) -> Wire:
        endpoint = self.endpoint
        wire = Wire(
            self, CommParams(comm_type=CommType.TCP, host=endpoint.host, port=endpoint.port), self._framer
        )
        await dialled(wire)
        keep_alive(wire.transport)
        return wire
