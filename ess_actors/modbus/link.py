"""One socket to one Modbus/TCP endpoint: kept connected, one request at a time, every answer checked."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException

from ess_actors.core.frames import decode_answer, encode_request
from ess_actors.core.transaction import READS, Answer, Request
from ess_actors.modbus.framer import RawFramer, RawPDU
from ess_actors.modbus.keepalive import keep_alive

# The library prints the last twenty frames with every timeout; the link counts what matters instead.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL + 1)

_NEVER: Final = 1 << 62
_JITTER: Final = 0.2


@dataclass(slots=True)
class LinkCounters:
    """What happened on the socket since the start. Durations in seconds, of good answers only."""

    requests: int = 0
    replies: int = 0
    timeouts: int = 0
    malformed: int = 0
    late: int = 0
    not_connected: int = 0
    connects: int = 0
    failed_connects: int = 0
    exceptions: dict[int, int] = field(default_factory=dict)
    shortest_s: float = 0.0
    longest_s: float = 0.0
    total_s: float = 0.0

    def as_body(self) -> dict[str, object]:
        """The same for an operator; times in milliseconds."""
        return {
            "requests": self.requests,
            "replies": self.replies,
            "timeouts": self.timeouts,
            "malformed": self.malformed,
            "exceptions": {str(code): n for code, n in sorted(self.exceptions.items())},
            "late_answers": self.late,
            "connects": self.connects,
            "failed_connects": self.failed_connects,
            "min_transaction_ms": self.shortest_s * 1000,
            "max_transaction_ms": self.longest_s * 1000,
            "avg_transaction_ms": self.total_s * 1000 / self.replies if self.replies else 0.0,
        }

    def add(self, answer: Answer) -> None:
        """Counts one finished request."""
        if answer.error == "not_connected" and not answer.sent:
            self.not_connected += 1
            return
        self.requests += 1
        match answer.error:
            case "timeout":
                self.timeouts += 1
            case "malformed":
                self.malformed += 1
            case "not_connected":
                self.not_connected += 1
            case _:
                self.replies += 1
                if answer.error == "exception":
                    self.exceptions[answer.code] = self.exceptions.get(answer.code, 0) + 1
                took = answer.received - answer.sent
                self.shortest_s = min(self.shortest_s or took, took)
                self.longest_s = max(self.longest_s, took)
                self.total_s += took


class Link:
    """One socket. All times are seconds.

    `on_state(connected, reason)` is called once per change, on the loop. Nothing here raises for what a
    peer does; only a request that the protocol cannot carry raises ValueError.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connect_timeout: float = 1.0,
        transfer_timeout: float = 0.5,
        backoff_min: float = 0.2,
        backoff_max: float = 2.0,
        on_state: Callable[[bool, str], None] = lambda connected, reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host, self.port = host, port
        self.counters = LinkCounters()
        self._connect_timeout = connect_timeout
        self._transfer_timeout = transfer_timeout
        self._backoff_min, self._backoff_max = backoff_min, backoff_max
        self._backoff = backoff_min
        self._on_state = on_state
        self._clock = clock
        self._client: AsyncModbusTcpClient | None = None
        self._framer = RawFramer(self._count_late, self._poisoned)
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._busy = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._told: bool | None = None
        self._why = ""

    @property
    def connected(self) -> bool:
        """True while a request can be sent."""
        return self._up.is_set()

    def start(self) -> None:
        """Begins to connect, and to reconnect for ever."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"link {self.host}:{self.port}")

    async def stop(self) -> None:
        """Closes the socket; an open request fails with not_connected."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        self.drop("stopped")

    async def wait_connected(self, timeout: float) -> bool:  # noqa: ASYNC109 - a limit of ours
        """True as soon as the socket is open, False after `timeout` seconds without."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._up.wait()
        return self.connected

    def drop(self, reason: str) -> None:
        """Closes the socket at once; the keeper opens a new one after its backoff (unless stopped)."""
        client = self._client
        if client is None:
            return
        self._lost(reason)
        client.close()

    async def request(self, request: Request) -> Answer:
        """Sends one request when the one before is through. Raises ValueError for an impossible request."""
        pdu = encode_request(request)
        if not 0 <= request.unit <= 255:
            raise ValueError(f"unit {request.unit} leaves 0..255")
        async with self._busy:
            answer = await self._transact(request, pdu)
        self.counters.add(answer)
        if not answer.error and request.function in READS:
            # Only a good read shows that the device is back: some gateways accept and then say nothing.
            self._backoff = self._backoff_min
        return answer

    async def _transact(self, request: Request, pdu: bytes) -> Answer:
        client = self._client
        if client is None or not self._up.is_set():
            return Answer(error="not_connected")
        if client.ctx.transport is None or client.ctx.transport.is_closing():
            # The peer closed between accepting and now; the library would write into the void.
            self.drop("closed by the device")
            return Answer(error="not_connected")
        sent = self._clock()
        self._framer.expects_answer = True
        try:
            reply = await client.execute(False, RawPDU(pdu, request.unit))
            _heed_cancellation()
        except ConnectionException:
            return Answer(error=self._loss_word(), sent=sent, received=self._clock())
        except ModbusException:
            return Answer(error="timeout", sent=sent, received=self._clock())
        finally:
            self._framer.expects_answer = False
        if request.unit and reply.answered_by != request.unit:
            return Answer(error="malformed", sent=sent, received=self._clock())
        payload, error, code = decode_answer(request, pdu, reply.pdu)
        return Answer(payload, error, code, sent, self._clock())

    async def _keep(self) -> None:
        """Connect, wait for the loss, back off, again."""
        while True:
            connected = await self._connect()
            _heed_cancellation()
            if connected:
                await self._down.wait()
            spread = 1.0 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - only spreads reconnects
            wait = self._backoff * spread
            self._backoff = min(2 * self._backoff, self._backoff_max)
            await asyncio.sleep(wait)

    async def _connect(self) -> bool:
        self._down.clear()
        self._framer.restart()
        client = AsyncModbusTcpClient(
            self.host,
            port=self.port,
            retries=0,
            reconnect_delay=0,
            timeout=self._connect_timeout,
            trace_connect=self._trace_connect,
        )
        ctx = client.ctx
        ctx.framer = self._framer
        # One late and one current answer may arrive together; the stock limit drops both.
        ctx.max_buffer_size = _NEVER
        # When to give a socket up is decided per unit by the polling loop, not by a count in the library.
        client.set_max_no_responses(_NEVER)
        ctx.call_create = self._naming_failure(ctx.call_create)
        self._client = client
        try:
            opened = await client.connect()
        except ValueError as error:  # a host name that is no host name
            opened, self._why = False, str(error)
        transport = ctx.transport
        if not opened or transport is None or transport.is_closing():
            client.close()
            self._client = None
            self.counters.failed_connects += 1
            self._tell(False, self._why or "cannot connect")
            return False
        keep_alive(transport)
        # The library has one timeout for connecting and for answers.
        ctx.comm_params.timeout_connect = self._transfer_timeout
        self.counters.connects += 1
        self._why = ""
        self._up.set()
        self._tell(True, "")
        return True

    def _naming_failure(
        self, create: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Callable[[], Coroutine[Any, Any, Any]]:
        """`create`, but why it failed is kept: the library only says False."""

        async def creating() -> Any:
            self._why = f"no answer within {self._connect_timeout:g} s"
            try:
                return await create()
            except OSError as error:
                self._why = str(error)
                raise

        return creating

    def _trace_connect(self, up: bool) -> None:
        """The library's only word of a loss; without it an open request would wait its full time."""
        if not up:
            self._lost("closed by the device")

    def _lost(self, reason: str) -> None:
        client, self._client = self._client, None
        self._why = reason
        self._up.clear()
        self._down.set()
        if client is not None:
            answer = client.ctx.response_future
            if not answer.done():
                answer.set_exception(ConnectionException(reason))
                answer.exception()  # marks it as seen when nobody waits
            self._tell(False, reason)

    def _loss_word(self) -> str:
        return "malformed" if self._why == "malformed" else "not_connected"

    def _tell(self, connected: bool, reason: str) -> None:
        if connected != self._told:
            self._told = connected
            self._on_state(connected, reason)

    def _count_late(self) -> None:
        self.counters.late += 1

    def _poisoned(self) -> None:
        self.drop("malformed")


def _heed_cancellation() -> None:
    """The library waits with Python 3.11's wait_for, which loses a cancellation that comes with the result."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
