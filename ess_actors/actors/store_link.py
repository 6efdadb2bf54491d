"""An actor's link to the store: what it publishes goes out once the store has the records of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ess_actors.actors.base import TreeActor
from ess_actors.core.audit import Entry
from ess_actors.core.journaled import STORE, Committed, Missed, Record
from ess_actors.core.ledger import Ledger
from ess_actors.core.messages import Message

WAKE: Final = "ledger"
"""Name of the timer that the actor hands on with `on_wake`."""
_NOTHING: Final[Mapping[str, object]] = {}


class StoreLink:
    """One life of an actor; made when it is configured. `emit` publishes."""

    def __init__(
        self,
        actor: TreeActor,
        emit: Callable[[list[Message]], object],
        whole: Callable[[], Mapping[str, object]] = lambda: _NOTHING,
    ) -> None:
        self._actor = actor
        self._emit = emit
        self._ledger = Ledger(actor.actor_id, time.time_ns(), whole)
        self._store = 0
        """Generation of the store that was last written to."""

    def publish(self, messages: Sequence[Message], changes: Mapping[str, object] = _NOTHING) -> None:
        """Send the messages of one run, and save what it changed."""
        at_once = self._ledger.take(messages, changes, time.monotonic(), time.time())
        self._send(at_once)

    def keep(self, record: Record | Entry) -> None:
        """One more record for the journal, or row for the audit table, which no message waits for."""
        self._ledger.keep(record)
        self._send([])

    def on_directory(self) -> None:
        """The store may have started, anew or for the first time."""
        entry = self._actor._router.entry(STORE)
        if entry is not None and entry.generation != self._store:
            if self._store:
                self._ledger.store_restarted()
            self._store = entry.generation
            self._send([])

    def on_control(self, message: Any) -> None:
        """An answer of the store; anything else is none of ours."""
        if isinstance(message, Committed):
            self._send(self._ledger.committed(message, time.monotonic()))
        elif isinstance(message, Missed):
            self._ledger.missed(message)
            self._send([])

    def on_wake(self) -> None:
        """The timer rang."""
        self._send(self._ledger.expired(time.monotonic()))

    def _send(self, messages: list[Message]) -> None:
        if messages:
            self._emit(messages)
        actor, ledger, now = self._actor, self._ledger, time.monotonic()
        entry = actor._router.entry(STORE)
        if entry is not None:
            while (commit := ledger.commit(now)) is not None:
                actor.send(entry.address, commit)
        actor.wake_at(ledger.due(entry is not None), WAKE)

    def note(self) -> None:
        """Tell the actor's meter what could not be kept in time."""
        meter, actor_id = self._actor.meter, self._actor.actor_id
        meter.total("ess_commits_late_total", actor_id, value=self._ledger.late)
        meter.total("ess_records_lost_total", actor_id, value=self._ledger.lost)
