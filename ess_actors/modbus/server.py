"""The site server on the wire: masters read and write the bank, the bus commits to it, silence is told."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ess_actors.core.bank import Bank, Written
from ess_actors.core.events import Event
from ess_actors.core.points import ANY_UNIT
from ess_actors.core.transaction import MASK_WRITE, WRITE_COIL
from ess_actors.modbus.answering import answer
from ess_actors.modbus.listener import Listener, Reply

CHECK_S: Final = 0.25
"""How often silent sources are looked for."""


class _BankImage:
    """The bank as one unit sees it during one request; collects what the request wrote."""

    def __init__(self, bank: Bank, unit: int) -> None:
        self._bank = bank
        self._unit = unit
        self.written: list[Written] = []

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """See `answering.Image`."""
        return self._bank.read(function, address, count, self._unit)

    def write(self, function: int, address: int, words: Sequence[int]) -> int:
        """See `answering.Image`."""
        if function == WRITE_COIL:
            words = (0xFF00 if words[0] else 0,)
        return self._take(self._bank.write(function, address, words, self._unit))

    def mask(self, address: int, and_mask: int, or_mask: int) -> int:
        """See `answering.Image`."""
        return self._take(self._bank.write(MASK_WRITE, address, (and_mask, or_mask), self._unit))

    def _take(self, result: list[Written] | int) -> int:
        if isinstance(result, int):
            return result
        self.written += result
        return 0


class Server:
    """One Modbus TCP server over one bank. All callbacks run on the loop and must be quick.

    `on_write` gets what one request wrote, once, before the master has its answer; `on_event` gets sources
    falling silent and coming back. Unit 0 is answered like 255.
    """

    def __init__(
        self,
        bank: Bank,
        host: str,
        port: int,
        on_write: Callable[[list[Written]], None],
        *,
        on_event: Callable[[Event], None] = lambda event: None,
        max_clients: int = 32,
        allow_from: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bank = bank
        self._on_write = on_write
        self._on_event = on_event
        self._clock = clock
        self._listener = Listener(
            host, port, self._respond, max_clients=max_clients, allow_from=allow_from, clock=clock
        )
        self._watch: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on (after start: never 0)."""
        return self._listener.port

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        await self._listener.start()
        if self._watch is None:
            self._watch = asyncio.create_task(self._look_for_silence(), name=f"server {self.port}")

    async def stop(self) -> None:
        """Closes the door and all connections; the bank keeps its values."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        self._listener.stop()

    def commit(self, uri: str, values: Mapping[str, object]) -> None:
        """A published body: everything known of it is visible to masters in one step."""
        for event in self.bank.commit(uri, values, self._clock()):
            self._on_event(event)

    def stats(self) -> dict[str, object]:
        """Clients, counters and sources, as told to an operator."""
        wire = self._listener.counters
        return {
            "port": self.port,
            "clients": len(self._listener.sessions),
            "accepted": wire.accepted,
            "refused_clients": wire.refused,
            "evicted_clients": wire.evicted,
            "requests": wire.requests,
            "poisoned": wire.poisoned,
            **self.bank.counters,
            "sources": self.bank.ages(self._clock()),
            "silent": sorted(self.bank.stale_uris),
            "never_heard": self.bank.unheard(),
        }

    def _respond(self, unit: int, pdu: bytes) -> Reply:
        image = _BankImage(self.bank, unit or ANY_UNIT)
        reply = answer(pdu, image)
        if image.written:
            self._on_write(image.written)
        return Reply(reply)

    async def _look_for_silence(self) -> None:
        while True:
            for event in self.bank.check(self._clock()):
                self._on_event(event)
            await asyncio.sleep(CHECK_S)
