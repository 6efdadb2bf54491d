"""Modbus/TCP without a library in between: several requests open at once, every answer checked."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from ess_actors.core.frames import decode_answer, encode_request
from ess_actors.core.mbap import FrameBuffer, frame
from ess_actors.core.points import Endpoint
from ess_actors.core.transaction import READS, Answer, Request
from ess_actors.modbus.keepalive import keep_alive
from ess_actors.modbus.link import KeptLink, OnState, ignore_state

MALFORMED: Final = "malformed"
_CLOSED: Final = "closed by the device"
_LAST_TRANSACTION: Final = 0xFFFF
_REMEMBERED: Final = 1024
"""Given-up transaction ids per connection that are not used again; the oldest are forgotten."""
_SHORTEST_TIMER_S: Final = 0.001
_PREPARED: Final = 4096
"""Different reads whose encoded form is kept."""

_Prepared = tuple[bytes, bytes]
"""A data unit, and its frame without the transaction id."""


class _Call:
    """One request on its way."""

    __slots__ = ("done", "prepared", "request", "sent")

    def __init__(self, request: Request, prepared: _Prepared, done: "asyncio.Future[Answer]") -> None:
        self.request = request
        self.prepared = prepared
        self.done = done
        self.sent = 0.0


class TcpLink(KeptLink):
    """One socket. Answers are matched by transaction id; up to `max_in_flight` requests are open on it."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        on_state: OnState = ignore_state,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(endpoint, on_state=on_state, clock=clock)
        self._wire: _Wire | None = None
        self._prepared: dict[tuple[int, int, int, int], _Prepared] = {}

    @property
    def capacity(self) -> int:
        """As the endpoint allows."""
        return self.endpoint.max_in_flight

    async def request(self, request: Request) -> Answer:
        """One transaction; waits while as many as allowed are open."""
        key = (request.unit, request.function, request.address, request.count)
        prepared = self._prepared.get(key) or self._prepare(key, request)
        wire = self._wire
        if wire is None or wire.gone:
            answer = Answer(error="not_connected")
            self._finished(request, answer)
            return answer
        return await wire.ask(request, prepared)

    def _prepare(self, key: tuple[int, int, int, int], request: Request) -> _Prepared:
        pdu = encode_request(request)
        prepared = (pdu, frame(0, request.unit, pdu)[2:])
        if request.function in READS:
            # Polls repeat the same few reads for ever; a write is its values and hardly ever comes again.
            if len(self._prepared) >= _PREPARED:
                self._prepared.clear()
            self._prepared[key] = prepared
        return prepared

    async def stop(self) -> None:
        """Closes the socket and waits until it is closed."""
        await super().stop()
        if self._wire is not None:
            await self._wire.closed.wait()

    async def _open(self) -> str:
        endpoint = self.endpoint
        wire = _Wire(endpoint, self._clock, self._finished, self._late, self._lost)
        try:
            await asyncio.get_running_loop().create_connection(lambda: wire, endpoint.host, endpoint.port)
            wire.protect()
            if wire.gone:
                return wire.gone
        except BaseException:
            wire.fail("cannot connect")
            raise
        self._wire = wire
        return ""

    def _late(self) -> None:
        self._counters.late += 1

    def _close(self) -> None:
        if self._wire is not None:
            self._wire.fail("closed")


class _Wire(asyncio.Protocol):
    """One connection of a link, from its opening to its loss."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float],
        finished: Callable[[Request, Answer], None],
        late: Callable[[], None],
        lost: Callable[[str], None],
    ) -> None:
        self._timeout = endpoint.transfer_timeout_s
        self._room = endpoint.max_in_flight
        self._clock = clock
        self._finished = finished
        self._late = late
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._frames = FrameBuffer()
        self._transport: asyncio.Transport | None = None
        self._transaction = 0
        self._open: dict[int, _Call] = {}
        """By transaction id, oldest first: they all have the same time-out."""
        self._waiting: deque[_Call] = deque()
        self._given_up: dict[int, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.gone = ""
        """Why it is no longer usable."""
        self.closed = asyncio.Event()

    def ask(self, request: Request, prepared: _Prepared) -> "asyncio.Future[Answer]":
        """The answer to come. A caller that leaves gives its place free only when the device has answered."""
        call = _Call(request, prepared, self._loop.create_future())
        if len(self._open) < self._room:
            self._send(call)
        else:
            self._waiting.append(call)
        return call.done

    def _send(self, call: _Call) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            # The loss is known and only not told yet; a caller that asks again at once must not spin on it.
            self._waiting.append(call)
            self._lose(_CLOSED)
            return
        transaction = self._transaction % _LAST_TRANSACTION + 1
        while transaction in self._open or transaction in self._given_up:
            # An answer that is still to come would be taken for the one to this request.
            transaction = transaction % _LAST_TRANSACTION + 1
        self._transaction = transaction
        call.sent = self._clock()
        self._open[transaction] = call
        transport.write(transaction.to_bytes(2, "big") + call.prepared[1])
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout, self._expire)

    def _expire(self) -> None:
        """One timer for all: it looks at the oldest request and comes back when that one is due.

        It stays set meanwhile, so that a request sent from here does not start a second one.
        """
        now = self._clock()
        while self._open and not self.gone:
            transaction, call = next(iter(self._open.items()))
            left = call.sent + self._timeout - now
            if left > 0:
                self._timer = self._loop.call_later(max(left, _SHORTEST_TIMER_S), self._expire)
                return
            del self._open[transaction]
            self._given_up[transaction] = None
            if len(self._given_up) > _REMEMBERED:
                del self._given_up[next(iter(self._given_up))]
            self._finish(call, Answer(error="timeout", sent=call.sent, received=now))
            self._send_waiting()
        self._timer = None

    def _send_waiting(self) -> None:
        while self._waiting and len(self._open) < self._room and not self.gone:
            call = self._waiting.popleft()
            if not call.done.done():
                self._send(call)

    def data_received(self, chunk: bytes) -> None:
        """Answers, whole or in pieces; what belongs to no open request is late."""
        frames = self._frames.feed(chunk)
        if self._frames.poisoned and frames:
            # What follows the last one is rubbish, so it was cut short perhaps, and ends with rubbish too.
            frames.pop()
        for transaction, unit, pdu in frames:
            call = self._open.pop(transaction, None)
            if call is None:
                self._given_up.pop(transaction, None)
                self._late()
                continue
            request = call.request
            if unit != request.unit and request.unit:
                answer = Answer(error="malformed", sent=call.sent, received=self._clock())
            else:
                payload, error, code = decode_answer(request, call.prepared[0], pdu)
                answer = Answer(payload, error, code, call.sent, self._clock())
            self._finish(call, answer)
            if self._waiting:
                self._send_waiting()
        if self._frames.poisoned:
            self._lose(MALFORMED)

    def _finish(self, call: _Call, answer: Answer) -> None:
        self._finished(call.request, answer)
        if not call.done.done():
            call.done.set_result(answer)

    def fail(self, reason: str) -> None:
        """Closes at once; open requests fail now, and not with their time-out."""
        if self.gone:
            return
        self.gone = reason
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        error = MALFORMED if reason == MALFORMED else "not_connected"
        now = self._clock()
        for call in self._open.values():
            self._finish(call, Answer(error=error, sent=call.sent, received=now))
        for call in self._waiting:
            self._finish(call, Answer(error="not_connected"))
        self._open.clear()
        self._waiting.clear()

    def _lose(self, reason: str) -> None:
        if not self.gone:
            self.fail(reason)
            self._lost(reason)

    def protect(self) -> None:
        """Socket options by which a vanished peer is noticed."""
        if self._transport is not None:
            keep_alive(self._transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport came up."""
        self._transport = cast(asyncio.Transport, transport)
        if self.gone:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Closed, by whomever."""
        self.closed.set()
        self._lose(_CLOSED)

    def pause_writing(self) -> None:
        """So much is unsent that the device cannot have read for a long time."""
        self._lose("the device takes nothing")
