"""How an actor sends: by uri, through a flow for each receiver, and what is left undone by that counted."""

import time
from collections.abc import Iterable
from typing import Any

from ess_actors.actors.inheritance import Heir
from ess_actors.actors.seal import seal
from ess_actors.core.arrivals import Arrivals
from ess_actors.core.control import Entry, Taken
from ess_actors.core.directory import Router
from ess_actors.core.flow import Parcel
from ess_actors.core.messages import Frame, Message, to_wire
from ess_actors.core.metrics import Meter
from ess_actors.core.outbox import Outbox

_EARLY_EVENTS = 50


class Posting(Heir):
    """The sending half of `TreeActor`, and what is counted of both."""

    def __init__(self) -> None:
        super().__init__()
        self.actor_id = ""
        self.meter = Meter()
        self._router: Router[Entry] = Router("")
        self._outbox = Outbox()
        self._arrivals: Arrivals[Any] = Arrivals()
        self._early: list[Message] = []
        """Events from before the first directory: a device that was never there is told of all the same."""

    def name_self(self, actor_id: str) -> None:
        """Who it is, before it sends anything."""
        self.actor_id = actor_id
        self._router, self._outbox = Router(actor_id), Outbox(actor_id)

    def wake_at(self, due: float | None, what: str) -> None:
        """A timer of the actor, see `TreeActor`."""
        raise NotImplementedError

    def post(self, message: Message) -> int:
        """Send to everybody who listens to the message's uri; returns how many that are."""
        return self.post_all((message,))

    def post_all(self, messages: Iterable[Message]) -> int:
        """Send several; what one actor gets of them goes in one parcel, in order: it costs as much as one message."""
        now, sent = time.monotonic(), 0
        parcels: dict[tuple[str, bool], tuple[Entry, list[Frame]]] = {}
        for message in messages:
            message = message._replace(sender=self.actor_id)
            recipients = self._router.recipients(message)
            if not recipients and message.method == "post" and not self._router.entries:
                self._early = [*self._early[-_EARLY_EVENTS:], message]
            if not recipients and message.method == "set":
                self.meter.count("ess_messages_dropped_total", self.actor_id, "no_recipient")
            for entry in recipients:
                frame = to_wire(message, entry.actor_id, now)
                later = entry.patient and message.method == "pub"
                parcels.setdefault((entry.actor_id, later), (entry, []))[1].append(frame)
            sent += len(recipients)
        for (receiver, later), (entry, frames) in parcels.items():
            put = self._outbox.gather if later else self._outbox.offer
            self._send_parcels(entry, put(receiver, frames, now))
        self.wake_at(self._outbox.due, "gathered")
        return sent

    @property
    def backlog(self) -> int:
        """Messages that wait because their receivers have not taken those before. Any thread may ask."""
        return len(self._outbox)

    def _send_parcels(self, entry: Entry, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            self.send(entry.address, parcel)

    def _send_all(self, told: Iterable[tuple[str, list[Parcel]]]) -> None:
        for receiver, parcels in told:
            if parcels and (entry := self._router.entry(receiver)):
                self._send_parcels(entry, parcels)

    def _taken(self, taken: Taken) -> None:
        entry = self._router.entry(taken.actor_id)
        if entry is not None and entry.generation == taken.generation:
            self._send_parcels(entry, self._outbox.taken(taken, time.monotonic()))

    def _go_by(self, entries: tuple[Entry, ...]) -> frozenset[str]:
        """Take over a new edition of the directory; who of the last one is gone, or runs anew and counts anew."""
        # The address too: the children of a parent that runs anew begin again with the first generation.
        before = {entry.actor_id: (entry.generation, entry.address) for entry in self._router.entries}
        self._router.renew(entries)
        after = {entry.actor_id: (entry.generation, entry.address) for entry in entries}
        gone = frozenset(one for one, life in before.items() if after.get(one) != life)
        for actor_id in gone:
            self._count_undeliverable(self._outbox.gone(actor_id))
        return gone

    def _look_after_flows(self, now: float) -> None:
        self.meter.gauge("ess_messages_waiting", self.actor_id, value=self.backlog)
        self.meter.total("ess_messages_refused_total", self.actor_id, value=seal.refused)
        if lost := self._arrivals.lost:
            self._arrivals.lost = 0
            self.meter.count("ess_messages_dropped_total", self.actor_id, "lost", by=lost)
        if shed := self._outbox.shed():
            self.meter.count("ess_messages_dropped_total", self.actor_id, "overload", by=shed)
        self._send_all(self._outbox.retry(now))

    def _count_undeliverable(self, messages: int) -> None:
        if messages:
            self.meter.count("ess_messages_dropped_total", self.actor_id, "undeliverable", by=messages)
