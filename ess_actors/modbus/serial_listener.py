"""A Modbus RTU slave on a serial line: only whole requests are answered, and never a moment too late."""

import asyncio
from typing import Final

from ess_actors.core.points import Serial
from ess_actors.core.rtu import SETTLED_S, RequestBuffer, gap_seconds, seal
from ess_actors.modbus.listener_session import ListenerCounters, Reply, Respond
from ess_actors.modbus.serial_port import Port, open_port

_REOPEN_S: Final = (0.2, 2.0)


class SerialListener(asyncio.Protocol):
    """Answers on one line until stopped. An adapter that fails is opened again for as long as it takes.

    `respond` decides who is meant: None for another unit's request, and for one to all units. An answer
    begins 3.5 characters after its request, and not at all when something else was heard since: the master
    gave up waiting then, and two would speak at once.
    """

    def __init__(self, serial: Serial, respond: Respond) -> None:
        self.respond = respond
        self.counters = ListenerCounters()
        self._serial = serial
        self._gap = gap_seconds(serial)
        self._frames = RequestBuffer()
        self._line: Port | None = None
        self._running = False
        self._answer: asyncio.TimerHandle | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._pause = _REOPEN_S[0]

    @property
    def place(self) -> str:
        """The device."""
        return self._serial.device

    @property
    def listening(self) -> bool:
        """True while the line is open."""
        return self._line is not None

    @property
    def garbage(self) -> int:
        """Bytes that belonged to no frame."""
        return self._frames.garbage

    async def start(self) -> None:
        """Raises OSError when the line cannot be opened."""
        if not self._running:
            self._open()
            self._running = True

    def stop(self) -> None:
        """Closes the line."""
        self._running = False
        for timer in (self._answer, self._silence, self._reopening):
            if timer is not None:
                timer.cancel()
        self._answer = self._silence = self._reopening = None
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def data_received(self, data: bytes) -> None:
        """Requests before the last one were given up by their master: obeyed, but not answered."""
        self._hush()
        requests = self._frames.feed(data)
        self.counters.requests += len(requests)
        for unit, pdu in requests:
            self._hush()
            reply = self.respond(unit, pdu)
            if reply is not None:
                self._answer_soon(unit, reply)
        if self._frames.held:
            self._hush()
            self._silence = asyncio.get_running_loop().call_later(SETTLED_S, self._frames.restart)

    def connection_lost(self, exc: Exception | None) -> None:
        """The adapter is gone: tried again and again."""
        self._line = None
        self._hush()
        self._frames.restart()
        if self._running:
            self._reopening = asyncio.get_running_loop().call_later(self._pause, self._reopen)
            self._pause = min(2 * self._pause, _REOPEN_S[1])

    # --- details ----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._line = open_port(asyncio.get_running_loop(), self, self._serial)
        except (OSError, ValueError) as error:
            raise OSError(f"cannot listen on {self._serial.device}: {error}") from error

    def _reopen(self) -> None:
        self._reopening = None
        try:
            self._open()
        except OSError as error:
            self.connection_lost(error)
        else:
            self.counters.accepted += 1
            self._pause = _REOPEN_S[0]

    def _hush(self) -> None:
        """Something is on the line: what we wanted to say is out of date, what was half said goes on."""
        for timer in (self._answer, self._silence):
            if timer is not None:
                timer.cancel()
        self._answer = self._silence = None

    def _answer_soon(self, unit: int, reply: bytes | Reply) -> None:
        pdu, delay = (reply, 0.0) if isinstance(reply, bytes) else (reply.pdu, reply.delay)
        if pdu:
            loop = asyncio.get_running_loop()
            self._answer = loop.call_later(max(self._gap, delay), self._say, seal(unit, pdu))

    def _say(self, answer: bytes) -> None:
        self._answer = None
        if self._line is not None:
            # Whoever did not take the answer before this one has no use for it now.
            self._line.flush()
            self._line.write(answer)
