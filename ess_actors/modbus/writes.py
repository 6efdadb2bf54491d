"""Sets on their way to the device: a queue with debounce and replacement, and the work of one job."""

import asyncio
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ess_actors.core.component import ComponentState
from ess_actors.core.component_writes import Item, Reply, WriteJob, make_jobs
from ess_actors.core.transaction import BUSY, Answer, Request
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_stats import Tally

Replies = dict[str, Reply]

ACKNOWLEDGED: Final = 5
"""The exception by which a device says that it has begun and needs longer."""
_NOT_NOW: Final = frozenset({BUSY, 10, 11})
"""Refusals that say nothing about registers."""


class Ticket:
    """The answer to one set, complete when every name of it has a reply. `told` hears each of them first."""

    def __init__(self, names: Sequence[str], told: Callable[[Replies], None] | None = None) -> None:
        self._order = tuple(names)
        self._replies: Replies = {}
        self._told = told
        self.done: asyncio.Future[Replies] = asyncio.get_running_loop().create_future()

    def put(self, replies: Replies) -> None:
        """Some of the replies."""
        self._replies.update(replies)
        if self._told is not None and replies:
            self._told(replies)
        if len(self._replies) >= len(self._order) and not self.done.done():
            self.done.set_result({name: self._replies[name] for name in self._order})


@dataclass(slots=True)
class Pending:
    """A job that was not sent yet. `ready_at`: monotonic seconds, later than now inside a debounce window."""

    state: ComponentState
    job: WriteJob
    ticket: Ticket
    ready_at: float


@dataclass
class WriteQueue:
    """Jobs in the order they came; of each point only the newest."""

    waiting: list[Pending] = field(default_factory=list)
    _windows: dict[tuple[str, str], float] = field(default_factory=dict)
    """(component, point) -> end of its debounce window."""

    def add(self, state: ComponentState, job: WriteJob, ticket: Ticket, now: float) -> None:
        """Queues a job; queued jobs of the same points are answered `superseded`."""
        self._replace(state, set(job.names))
        keys = self._keys(state, job)
        held = max((self._windows.get(key, 0.0) for key in keys), default=0.0)
        self.waiting.append(Pending(state, job, ticket, max(now, held)))
        if held <= now:
            self._open_windows(state, job, now)

    def pop(self, now: float) -> Pending | None:
        """The next job that may be sent."""
        for index, pending in enumerate(self.waiting):
            if pending.ready_at <= now:
                del self.waiting[index]
                self._open_windows(pending.state, pending.job, now)
                return pending
        return None

    def next_ready(self) -> float | None:
        """Monotonic seconds at which `pop` has something."""
        return min((pending.ready_at for pending in self.waiting), default=None)

    def clear(self, status: str, **extra: object) -> None:
        """Answers everything with `status`."""
        waiting, self.waiting = self.waiting, []
        for pending in waiting:
            pending.ticket.put(pending.job.failed(status, **extra))

    def drop(self, state: ComponentState, text: str) -> None:
        """Answers what waits for a component that is no more."""
        gone = [pending for pending in self.waiting if pending.state is state]
        self.waiting = [pending for pending in self.waiting if pending.state is not state]
        for pending in gone:
            pending.ticket.put(pending.job.failed("not_connected", text=text))

    def withdraw(self, concerned: Callable[[Item], bool], status: str, text: str) -> None:
        """Answers the items that `concerned` names with `status`; what waits beside them goes on waiting."""
        kept: list[Pending] = []
        for pending in self.waiting:
            gone = {item.name for item in pending.job.items if concerned(item)}
            rest = [item for item in pending.job.items if item.name not in gone]
            if not gone:
                kept.append(pending)
                continue
            jobs = make_jobs(pending.state.component, rest) if rest else []
            kept += [Pending(pending.state, job, pending.ticket, pending.ready_at) for job in jobs]
            pending.ticket.put({name: {"status": status, "text": text} for name in gone})
        self.waiting = kept

    def forget(self, now: float) -> None:
        """Debounce windows that are over need not be known any longer."""
        self._windows = {key: end for key, end in self._windows.items() if end > now}

    def waits(self, state: ComponentState, name: str) -> bool:
        """True while a set of this point is on its way."""
        return any(pending.state is state and name in pending.job.names for pending in self.waiting)

    def _keys(self, state: ComponentState, job: WriteJob) -> list[tuple[str, str]]:
        return [(state.component.uri, item.name) for item in job.items if item.point.debounce_s > 0]

    def _open_windows(self, state: ComponentState, job: WriteJob, now: float) -> None:
        for item in job.items:
            if item.point.debounce_s > 0:
                self._windows[state.component.uri, item.name] = now + item.point.debounce_s

    def _replace(self, state: ComponentState, names: set[str]) -> None:
        kept: list[Pending] = []
        for pending in self.waiting:
            old = names.intersection(pending.job.names) if pending.state is state else set()
            if not old:
                kept.append(pending)
                continue
            pending.ticket.put({name: {"status": "superseded"} for name in old})
            rest = [item for item in pending.job.items if item.name not in old]
            jobs = make_jobs(state.component, rest) if rest else []
            kept += [Pending(state, job, pending.ticket, pending.ready_at) for job in jobs]
        self.waiting = kept


def words_of(payload: bytes, *, bits: bool) -> tuple[int, ...]:
    """A read's payload as numbers."""
    return tuple(payload) if bits else struct.unpack(f">{len(payload) // 2}H", payload)


Recalled = Callable[[WriteJob], Reply | None]
"""Why a job that is under way must not be written any more; None = it may."""


def _stands(job: WriteJob) -> Reply | None:
    return None


async def execute(
    asker: Asker,
    state: ComponentState,
    job: WriteJob,
    tally: Tally,
    *,
    settle: bool = True,
    recalled: Recalled = _stands,
) -> Replies:
    """One job on the wire, uninterrupted: fresh read if needed, write, read back if wanted; the replies.

    A write that was sent and not confirmed is never repeated: it is read back (with `settle`) to find out,
    unless its unit was silent before, whose next time-out would only make others wait. `recalled` is asked
    right before each write: the fresh read may have taken long.
    """
    pause = state.component.inter_message_delay_s
    read = Request(job.unit, job.read_function, job.address, job.count)
    current: tuple[int, ...] | None = None
    if job.needs_read:
        fresh = await asker.ask(read, tally, pause)
        if fresh.error:
            return _not_read(job, fresh)
        current = _words_of(fresh, job)
    if (reply := recalled(job)) is not None:
        return {name: dict(reply) for name in job.names}
    request = job.request(current)
    ask_again = settle and not asker.units[job.unit].resting
    answer = await asker.ask(request, tally, pause)
    if answer.error == "exception" and answer.code != ACKNOWLEDGED:
        return await _refused(asker, state, job, tally, answer.code, recalled)
    if answer.error and not answer.sent:
        return job.failed("not_connected", text="nothing was sent; the device is not connected")
    back: tuple[int, ...] | None = None
    if ask_again and (job.verify or answer.error):
        shown = await asker.ask(read, tally, pause)
        back = None if shown.error else _words_of(shown, job)
    if answer.error:
        why = "accepted but not done yet" if answer.code else f"{answer.reason} after sending"
        return job.settled(request, back, why)
    return job.verified(request, back) if job.verify else job.written(request)


async def _refused(
    asker: Asker, state: ComponentState, job: WriteJob, tally: Tally, code: int, recalled: Recalled
) -> Replies:
    """A joined write may be refused for one of its registers, or for being joined: it is repeated one by one."""
    replies: Replies = {}
    for part in job.split(state.component) if code not in _NOT_NOW else ():
        replies |= await execute(asker, state, part, tally, recalled=recalled)
    return replies or job.failed("refused", code=code)


def _words_of(answer: Answer, job: WriteJob) -> tuple[int, ...]:
    return words_of(answer.payload, bits=job.read_function <= 2)


def _not_read(job: WriteJob, fresh: Answer) -> Replies:
    if fresh.error == "exception":
        return job.failed("refused", code=fresh.code, text="the register cannot be read, nothing was written")
    return job.failed("not_connected", text=f"fresh read failed ({fresh.reason}), nothing was written")
