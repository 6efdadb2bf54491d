"""What goes before polls: sets, fresh reads and heartbeat writes, each at the next request boundary."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from ess_actors.core.component_writes import Item, Reply, WriteJob
from ess_actors.core.polling import Block
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served
from ess_actors.modbus.writes import Pending, Replies, Ticket, WriteQueue, execute

WRITES_IN_A_ROW = 8
"""After so many orders one poll block is let through."""

_ANEW = "the configuration was read anew meanwhile"

Fresh = tuple[Served, str, "asyncio.Future[object]"]
"""Component, point (empty for all of them), and where the answer goes."""


class Urgent(NamedTuple):
    """A write that goes before everything else, and who is told what became of it."""

    served: Served
    job: WriteJob
    told: Callable[[Served, Replies], None]


class Orders:
    """Everything that waits. `poll` reads one block, `next_begin` tells when the next slot has to begin."""

    def __init__(
        self,
        asker: Asker,
        clock: Callable[[], float],
        poll: Callable[[Served, Block], Awaitable[None]],
        next_begin: Callable[[], float],
    ) -> None:
        self.wake = asyncio.Event()
        self.queue = WriteQueue()
        self.wanted = False
        """Something may be sent now."""
        self.due_at = math.inf
        """When something that has its time is due: a debounce window ends, a heartbeat is written."""
        self.before_write: Callable[[], None] = lambda: None
        """Called right before the next set is taken to be written: it may be withdrawn there."""
        self.row = 0
        """Orders served since the last poll block, `WRITES_IN_A_ROW` at most."""
        self._asker = asker
        self._clock = clock
        self._poll = poll
        self._next_begin = next_begin
        self._served: Sequence[Served] = ()
        self._urgent: deque[Urgent] = deque()
        self._fresh: deque[Fresh] = deque()
        self._sending: Pending | None = None
        self._recall: tuple[Callable[[Item], bool], Reply] | None = None
        """What of the set under way must not be written any more, and its answer."""
        self._busy = False

    def renew(self, served: Sequence[Served]) -> None:
        """These components are served from now on."""
        now = self._clock()
        for old in self._served:
            if old not in served:
                self.queue.drop(old.state, f"{_ANEW}; nothing was sent")
        self.queue.forget(now)
        kept: deque[Fresh] = deque()
        for one in self._fresh:
            if one[0] in served:
                kept.append(one)
            elif not one[2].done():
                one[2].set_result({"status": "not_connected", "text": f"{_ANEW}; nothing was read"})
        self._fresh = kept
        self._served = served
        self._reckon(now)

    def write(self, served: Served, jobs: Sequence[WriteJob], ticket: Ticket) -> None:
        """Queues the jobs of one set."""
        now = self._clock()
        for job in jobs:
            self.queue.add(served.state, job, ticket, now)
        self._ring()

    def urge(self, urgent: Iterable[Urgent]) -> None:
        """These go at the next request boundary, before all other orders and however many went before."""
        self._urgent.extend(urgent)
        self._ring()

    def withdraw(self, concerned: Callable[[Item], bool], status: str, text: str) -> None:
        """Answers what waits, and what is under way and not yet written, where `concerned` says so."""
        self.queue.withdraw(concerned, status, text)
        if self._sending is not None:
            self._recall = concerned, {"status": status, "text": text}

    @property
    def urgent_waiting(self) -> int:
        """So many of these were not begun yet."""
        return len(self._urgent)

    def read(self, served: Served, name: str) -> "asyncio.Future[object]":
        """A fresh read of a point, or of the component: the answer to a get."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._fresh.append((served, name, done))
        self._ring()
        return done

    def _ring(self) -> None:
        self.wanted = True
        self.wake.set()

    def polled(self) -> None:
        """A poll block was let through; call it when `row` is not 0."""
        self.row = 0
        self.wake.set()

    @property
    def sending(self) -> bool:
        """Somebody serves; `wake` is set when that is over."""
        return self._busy

    def may_send(self, now: float) -> bool:
        """True when `serve` outside a cycle has something to do now. `wake` is set when it has again."""
        if self._busy or not self.wanted:
            return False
        return bool(self._urgent) or self.row < WRITES_IN_A_ROW or self._next_begin() > now

    async def serve(self, *, in_cycle: bool = False) -> None:
        """Sends what waits; a few in a row only while a poll is due, which inside a cycle is always so."""
        if self._busy:
            return
        self._busy = True
        try:
            while (
                self._urgent
                or self.row < WRITES_IN_A_ROW
                or not (in_cycle or self._next_begin() <= self._clock())
            ):
                if self._urgent:
                    await self._write_urgent(self._urgent.popleft())
                    continue
                self.before_write()
                if self._urgent:
                    continue
                pending = self.queue.pop(self._clock())
                if pending is not None:
                    self.row = min(self.row + 1, WRITES_IN_A_ROW)
                    await self._write(pending)
                elif self._fresh:
                    self.row = min(self.row + 1, WRITES_IN_A_ROW)
                    await self._read(*self._fresh[0])
                    self._answer(*self._fresh.popleft())
                else:
                    break
            await self._beat()
        finally:
            self._busy = False
            # Whoever found this busy, or the row too long, has to look again.
            self.wake.set()
        self._reckon(self._clock())

    async def _write(self, pending: Pending) -> None:
        self._sending = pending
        tally = next((s.stats.others for s in self._served if s.state is pending.state), None)
        assert tally is not None, "jobs of components that are no more are dropped with them"
        self._recall = None
        replies = await execute(self._asker, pending.state, pending.job, tally, recalled=self._recalled)
        pending.ticket.put(replies)
        self._sending = None

    def _recalled(self, job: WriteJob) -> Reply | None:
        self.before_write()
        if self._recall is None:
            return None
        concerned, reply = self._recall
        return reply if any(concerned(item) for item in job.items) else None

    async def _write_urgent(self, urgent: Urgent) -> None:
        served, job, told = urgent
        told(served, await execute(self._asker, served.state, job, served.stats.others, settle=False))

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
        self.wanted = bool(self._urgent or self._fresh) or (ready is not None and ready <= now)

    def end(self) -> None:
        """Nothing is sent any more: everybody gets an answer."""
        if self._sending is not None:
            self._sending.ticket.put(self._sending.job.failed("unknown_outcome"))
        self.queue.clear("not_connected")
        self._urgent.clear()
        while self._fresh:
            self._answer(*self._fresh.popleft())
        self.wanted, self.due_at = False, math.inf
