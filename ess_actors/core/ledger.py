"""What an actor publishes only after the store has it: runs that wait for their commit, in order, not for long."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ess_actors.core.audit import Entry
from ess_actors.core.journaled import Commit, Committed, Missed, Record, is_journaled, record_of
from ess_actors.core.messages import Message
from ess_actors.core.uri import covers

PATIENCE_S: Final = 0.25
"""So long a run waits for its commit; then it is published all the same: a broken disk stops no control."""
UNDER_WAY: Final = 4
"""Commits that may be under way; what comes then goes together in the next one."""
LAZY_S: Final = 0.1
"""So long a change of state that nobody was told of waits for others."""
MOST_RECORDS: Final = 10_000
"""Records that are kept for a store that does not take them."""


class _Run(NamedTuple):
    """Messages that wait. `ticketed` = the commit that must be in the file first, 0 = they only wait in line."""

    ticketed: int
    until: float
    messages: Sequence[Message]


class Ledger:
    """One life of an actor. `epoch` differs from life to life; all times are monotonic seconds.

    Every record has a number and goes into commits until a store has answered for it, so that a store that
    died on the way gets it again; the numbers keep it from being written twice.
    """

    def __init__(self, actor_id: str, epoch: int, whole: Callable[[], Mapping[str, object]]) -> None:
        """`whole` tells the complete state of the actor."""
        self.late = 0
        """Runs that were published before the store had them."""
        self.lost = 0
        """Records given up because no store took them for too long."""
        self._actor_id = actor_id
        self._epoch = epoch
        self._whole = whole
        self._all_wanted = True
        self._records: deque[Record | Entry] = deque()
        """Records without an answer, the oldest first; the newest has the number `_last`."""
        self._last = 0
        self._sent = 0
        """Number of the last record in a commit that is under way."""
        self._tickets: dict[int, int] = {}
        """Commits under way: ticket -> number of their last record."""
        self._ticket = 0
        self._state: dict[str, object] = {}
        self._lazy_due: float | None = None
        self._urgent = False
        self._answered = 0
        """The newest commit the store has."""
        self._runs: deque[_Run] = deque()

    # --- what happens -----------------------------------------------------------------------------------------

    def take(
        self, messages: Sequence[Message], changes: Mapping[str, object], now: float, wall: float
    ) -> list[Message]:
        """The messages of one run and the state it changed; what of them goes at once."""
        records = [record_of(m._replace(sender=self._actor_id), wall) for m in messages if is_journaled(m)]
        self._state.update(changes)
        answered = bool(changes) and any(m.to for m in messages)
        if not (records or answered):
            if changes and self._lazy_due is None:
                self._lazy_due = now + LAZY_S
            if not self._runs:
                return list(messages)
        for record in records:
            self.keep(record)
        self._urgent = self._urgent or bool(records) or answered
        at_once = [m for m in messages if _for_a_device(m)]
        waiting = [m for m in messages if not _for_a_device(m)]
        if waiting:
            needed = self._ticket + 1 if records or answered else 0
            self._runs.append(_Run(needed, now + PATIENCE_S, waiting))
        return at_once

    def keep(self, record: Record | Entry) -> None:
        """One more record, which no message waits for."""
        self._last += 1
        self._records.append(record)
        self._urgent = True
        if len(self._records) > MOST_RECORDS:
            self._records.popleft()
            self.lost += 1

    def commit(self, now: float) -> Commit | None:
        """What goes to the store now; None when nothing does."""
        lazy = self._lazy_due is not None and now >= self._lazy_due
        if len(self._tickets) >= UNDER_WAY or not (self._urgent or lazy or self._all_wanted):
            return None
        whole, self._all_wanted = self._all_wanted, False
        state = self._whole() if whole else self._state
        self._state, self._urgent, self._lazy_due = {}, False, None
        fresh = self._last - self._sent
        records = tuple(self._records)[max(0, len(self._records) - fresh) :] if fresh else ()
        self._sent = self._last
        self._ticket += 1
        self._tickets[self._ticket] = self._last
        return Commit(self._actor_id, self._epoch, self._ticket, self._last, records, state, whole)

    def committed(self, told: Committed, now: float) -> list[Message]:
        """The store has a commit; the messages that waited for it."""
        if (told.source, told.epoch) != (self._actor_id, self._epoch) or told.ticket not in self._tickets:
            return []
        number = self._tickets[told.ticket]
        for ticket in [t for t in self._tickets if t <= told.ticket]:
            del self._tickets[ticket]
        while len(self._records) > self._last - number:
            self._records.popleft()
        return self._released(now, told.ticket)

    def expired(self, now: float) -> list[Message]:
        """The messages that have waited long enough."""
        return self._released(now, 0)

    def missed(self, told: Missed) -> None:
        """The store lacks a commit; all without an answer goes again."""
        if (told.source, told.epoch) == (self._actor_id, self._epoch) and told.ticket in self._tickets:
            self.store_restarted()

    def store_restarted(self) -> None:
        """Another store: what was under way may be lost, so all of it goes again, with the whole state."""
        self._tickets.clear()
        self._sent = self._last - len(self._records)
        self._all_wanted = True

    def due(self, linked: bool) -> float | None:
        """When `expired` and (with a store to send to) `commit` want to be called next; None = when something
        happens."""
        times = [self._runs[0].until] if self._runs else []
        if linked and self._lazy_due is not None and len(self._tickets) < UNDER_WAY:
            times.append(self._lazy_due)
        return min(times, default=None)

    def _released(self, now: float, ticket: int) -> list[Message]:
        out: list[Message] = []
        self._answered = max(self._answered, ticket)
        while self._runs:
            run = self._runs[0]
            if run.ticketed > self._answered:
                if now < run.until:
                    break
                self.late += 1
            out += self._runs.popleft().messages
        return out


def _for_a_device(message: Message) -> bool:
    """Orders to devices never wait."""
    return message.method == "set" and covers("/components", message.uri)
