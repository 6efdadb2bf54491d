"""What goes before polls: sets, fresh reads and heartbeat writes, each at the next request boundary."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from ess_actors.core.component_writes import WriteJob
from ess_actors.core.polling import Block
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served
from ess_actors.modbus.writes import Pending, Ticket, WriteQueue, execute

WRITES_IN_A_ROW = 8
"""After so many orders one poll block is let through."""

Fresh = tuple[Served, str, "asyncio.Future[object]"]
"""Component, point (empty for all of them), and where the answer goes."""


class Orders:
    """Everything that waits. `poll` reads one block, `next_start` tells when the next slot begins."""

    def __init__(
        self,
        asker: Asker,
        clock: Callable[[], float],
        poll: Callable[[Served, Block], Awaitable[None]],
        next_start: Callable[[], float],
    ) -> None:
        self.wake = asyncio.Event()
        self.queue = WriteQueue()
        self.wanted = False
        """Something may be sent now."""
        self.due_at = math.inf
        """When something that has its time is due: a debounce window ends, a heartbeat is written."""
        self.row = 0
        """Orders served since the last poll block."""
        self._asker = asker
        self._clock = clock
        self._poll = poll
        self._next_start = next_start
        self._served: Sequence[Served] = ()
        self._fresh: deque[Fresh] = deque()
        self._sending: Pending | None = None
        self._busy = False

    def renew(self, served: Sequence[Served]) -> None:
        """These components are served from now on."""
        for old in self._served:
            if old not in served:
                self.queue.drop(old.state, "the configuration was read anew meanwhile; nothing was sent")
        self._served = served
        self._reckon(self._clock())

    def write(self, served: Served, jobs: Sequence[WriteJob], ticket: Ticket) -> None:
        """Queues the jobs of one set."""
        now = self._clock()
        for job in jobs:
            self.queue.add(served.state, job, ticket, now)
        self._ring()

    def read(self, served: Served, name: str) -> "asyncio.Future[object]":
        """A fresh read of a point, or of the component: the answer to a get."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._fresh.append((served, name, done))
        self._ring()
        return done

    def _ring(self) -> None:
        self.wanted = True
        self.wake.set()

    async def serve(self) -> None:
        """Sends what waits; a few in a row only while a poll is due."""
        if self._busy:
            return
        self._busy = True
        try:
            while self.row < WRITES_IN_A_ROW or self._next_start() > self._clock():
                pending = self.queue.pop(self._clock())
                if pending is not None:
                    self.row += 1
                    await self._write(pending)
                elif self._fresh:
                    self.row += 1
                    await self._read(*self._fresh[0])
                    self._answer(*self._fresh.popleft())
                else:
                    break
            await self._beat()
        finally:
            self._busy = False
        self._reckon(self._clock())

    async def _write(self, pending: Pending) -> None:
        self._sending = pending
        tally = next((s.stats.others for s in self._served if s.state is pending.state), None)
        assert tally is not None, "jobs of components that are no more are dropped with them"
        pending.ticket.put(await execute(self._asker, pending.state, pending.job, tally))
        self._sending = None

    async def _read(self, served: Served, name: str, _: "asyncio.Future[object]") -> None:
        for cycle in served.state.cycles:
            for block in cycle.blocks:
                if not name or any(point.id == name for point in block.points):
                    await self._poll(served, block)

    def _answer(self, served: Served, name: str, done: "asyncio.Future[object]") -> None:
        if not done.done():
            done.set_result(served.state.get(name, self._clock()))

    async def _beat(self) -> None:
        """Heartbeat writes that are due; one that cannot be sent now is left out."""
        for served in self._served:
            if served.state.heartbeat_due() is None:
                continue
            job = served.state.heartbeat_write(self._clock())
            if job is not None and self._asker.link.connected and not self._asker.units[job.unit].resting:
                await execute(self._asker, served.state, job, served.stats.others, settle=False)

    def _reckon(self, now: float) -> None:
        """When to look again."""
        ready = self.queue.next_ready()
        beats = [due for s in self._served if (due := s.state.heartbeat_due()) is not None]
        self.due_at = min([math.inf if ready is None else ready, *beats])
        self.wanted = bool(self._fresh) or (ready is not None and ready <= now)

    def end(self) -> None:
        """Nothing is sent any more: everybody gets an answer."""
        if self._sending is not None:
            self._sending.ticket.put(self._sending.job.failed("unknown_outcome"))
        self.queue.clear("not_connected")
        while self._fresh:
            self._answer(*self._fresh.popleft())
        self.wanted, self.due_at = False, math.inf
