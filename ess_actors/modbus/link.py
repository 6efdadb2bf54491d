"""What every line to a device is: the interface, what is counted, and how a connection is kept for ever."""

import asyncio
import contextlib
import os
import random
import socket
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

from ess_actors.core.frames import encode_request
from ess_actors.core.points import Endpoint
from ess_actors.core.transaction import READS, Answer, Request
from ess_actors.modbus.background import end, in_background
from ess_actors.modbus.link_counters import LinkCounters

_JITTER: Final = 0.2

OnState = Callable[[bool, str], None]
"""`(connected, reason)`, called on the loop once per change; the reason of a loss, else empty."""


def ignore_state(connected: bool, reason: str) -> None:
    """For a caller that does not care."""


class Link(ABC):
    """The way to one endpoint. All times are seconds.

    Nothing here raises for what a peer does; only a request that the protocol cannot carry raises
    ValueError, and then nothing was sent.
    """

    @property
    @abstractmethod
    def counters(self) -> LinkCounters:
        """Since the start."""

    @property
    @abstractmethod
    def connected(self) -> bool:
        """True while a request can be sent."""

    @property
    @abstractmethod
    def place(self) -> str:
        """`10.0.0.7:502` or `/dev/ttyUSB0`."""

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many requests may be open at once; more wait their turn."""

    @abstractmethod
    def start(self) -> None:
        """Begins to connect, and to reconnect for ever."""

    @abstractmethod
    async def stop(self) -> None:
        """Closes everything; open and waiting requests fail with not_connected."""

    @abstractmethod
    async def wait_connected(self, timeout: float) -> bool:  # noqa: ASYNC109 - a limit of ours
        """True as soon as a request can be sent, False after `timeout` seconds without."""

    @abstractmethod
    def drop(self, reason: str) -> None:
        """Closes the connection at once; a new one is opened after the back-off (unless stopped)."""

    @abstractmethod
    async def request(self, request: Request) -> Answer:
        """One transaction, in its turn."""


class KeptLink(Link):
    """One connection, opened again for ever. A kind of line gives `_open`, `_close` and `request`.

    - `async _open()` opens it and returns "", or returns why it cannot. It is cancelled after the connect
      time-out and may raise OSError and ValueError: `_open` leaves nothing open when it fails. Only one
      runs at a time.
    - `_close()` closes it without waiting, whatever its state, and fails what is open on it. It may be
      called more than once.
    - The line calls `_lost(reason)` as soon as it knows that the connection is gone; that calls `_close`.
      A second call for the same loss does nothing.
    - The line calls `_finished(request, answer)` once for each request, before the caller gets the answer.
    """

    needs_proof: ClassVar[bool] = False
    """True: an open connection counts as connected only once a request was answered on it (TLS 1.3)."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        on_state: OnState = ignore_state,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self._counters = LinkCounters()
        self._backoff = endpoint.reconnect_min_s
        self._on_state = on_state
        self._clock = clock
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._told: bool | None = None

    @abstractmethod
    async def _open(self) -> str:
        """Opens the connection: "", or why not."""

    @abstractmethod
    def _close(self) -> None:
        """Closes it at once, if it is open."""

    @property
    def counters(self) -> LinkCounters:
        """Since the start."""
        return self._counters

    @property
    def connected(self) -> bool:
        """True while a request can be sent (and, where that needs proof, one was answered)."""
        return self._up.is_set() and (self._told is True or not self.needs_proof)

    @property
    def ready(self) -> bool:
        """True while a request can be sent, proven or not."""
        return self._up.is_set()

    @property
    def place(self) -> str:
        """As the endpoint names it."""
        return self.endpoint.place

    @property
    def capacity(self) -> int:
        """One at a time, unless the line can do more."""
        return 1

    def start(self) -> None:
        """Begins to connect, and to reconnect for ever."""
        if self._keeper is None:
            self._keeper = in_background(self._keep(), f"link {self.place}")

    async def stop(self) -> None:
        """Closes the connection; an open request fails with not_connected."""
        keeper, self._keeper = self._keeper, None
        try:
            if keeper is not None:
                await end(keeper)
        finally:
            self._lost("stopped")

    async def wait_connected(self, timeout: float) -> bool:  # noqa: ASYNC109 - a limit of ours
        """True as soon as the connection is open, False after `timeout` seconds without."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._up.wait()
        return self._up.is_set()

    def drop(self, reason: str) -> None:
        """Closes the connection at once; the keeper opens a new one after its back-off (unless stopped)."""
        self._lost(reason)

    def _lost(self, reason: str) -> None:
        if self._up.is_set():
            self._up.clear()
            self._down.set()
            self._close()
            self._tell(False, reason)

    def _finished(self, request: Request, answer: Answer) -> None:
        """Counts, and believes in the connection once it has shown that it works."""
        self._counters.add(answer)
        if not answer.error and request.function in READS:
            # Only a good read shows that the device is back: some gateways accept and then say nothing.
            self._backoff = self.endpoint.reconnect_min_s
        if self._told is not True and answer.error in ("", "exception") and self._up.is_set():
            self._tell(True, "")

    async def _keep(self) -> None:
        """Connect, wait for the loss, back off, again."""
        while True:
            self._down.clear()
            why = await self._try_to_open()
            if why:
                self._counters.failed_connects += 1
                self._tell(False, why)
            else:
                self._counters.connects += 1
                self._up.set()
                if not self.needs_proof:
                    self._tell(True, "")
                await self._down.wait()
            spread = 1.0 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - only spreads reconnects
            wait = self._backoff * spread
            self._backoff = min(2 * self._backoff, self.endpoint.reconnect_max_s)
            await asyncio.sleep(wait)

    async def _try_to_open(self) -> str:
        limit = self.endpoint.connect_timeout_s
        try:
            async with asyncio.timeout(limit):
                return await self._open()
        except TimeoutError:
            return f"no answer within {limit:g} s"
        except (OSError, ValueError) as error:
            return self._in_words(error)

    def _in_words(self, error: Exception) -> str:
        """Why opening failed, for an operator."""
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
            if isinstance(error, socket.gaierror):
                return f"host {self.endpoint.host}: {error.strerror}"
            return os.strerror(error.errno)
        if isinstance(error, UnicodeError):
            return f"host {self.endpoint.host}: not a host name"
        return str(error) or type(error).__name__

    def _tell(self, connected: bool, reason: str) -> None:
        if connected != self._told:
            self._told = connected
            self._on_state(connected, reason)


class TurnLink(KeptLink):
    """A kept line that carries one request at a time. A kind of line gives `_transact` besides."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        on_state: OnState = ignore_state,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(endpoint, on_state=on_state, clock=clock)
        self._turn = asyncio.Lock()

    @abstractmethod
    async def _transact(self, request: Request, pdu: bytes) -> Answer:
        """Sends `pdu` (function code and payload of `request`) on the open connection, waits for the answer.

        The time-out, and checking unit, function, length and echo (core.frames.decode_answer), are the
        line's. Raises nothing for what a peer does.
        """

    async def request(self, request: Request) -> Answer:
        """Sends one request when the one before is through."""
        pdu = encode_request(request)
        async with self._turn:
            answer = (
                await self._transact(request, pdu) if self._up.is_set() else Answer(error="not_connected")
            )
        self._finished(request, answer)
        return answer
