"""How much may be under way to one receiver: what it has not taken yet waits here, and stalls nobody else.

The transport sends one message after the other and stalls *all* of an actor's messages, its heartbeat too, when
too many of them wait for one receiver. So parcels are numbered, the receiver tells the number of every
`TAKEN_EVERY`th that it has handled, and never more than `WINDOW` are under way.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

from ess_actors.core.messages import Frame, Message, method_of
from ess_actors.core.uri import covers

WINDOW: Final = 16
"""Parcels that may be under way to one receiver."""
TAKEN_EVERY: Final = 8
"""A receiver answers each time it has handled this many: half the window, so that the other half is on its way."""
FRAMES: Final = 32
"""Messages in one parcel at most: what a receiver handles between two looks at anything else."""
MOST_WAITING: Final = 2000
"""Beyond this the oldest publications are left out: newer ones follow. Orders and alarms always wait."""
STALL_S: Final = 10.0
"""A receiver that took nothing for so long has lost what was under way: the transport gives up then, too."""
_URI, _BODY, _QUALITY = (3 + Message._fields.index(name) for name in ("uri", "body", "quality"))


class Parcel(NamedTuple):
    """What goes to a receiver in one message of the transport, see also core.arrivals."""

    number: int
    """From 1 for each receiver."""
    frames: list[Frame]
    sender: str
    """Actor id."""
    flow: float
    """When its numbers began at 1, monotonic seconds: a later process of the sender counts anew."""

    def __str__(self) -> str:
        # The transport makes a text of whatever passes, three times, and shows it to nobody.
        return f"parcel {self.number}"


class Flow:
    """The messages of one actor to one other. Times are monotonic seconds."""

    def __init__(self, sender: str, now: float) -> None:
        self.shed = 0
        """Publications left out so far."""
        self._waiting: deque[Frame] = deque()
        self._readings: dict[str, Frame] = {}
        """Uri of a component -> the last reading of it that had to wait."""
        self._sent = 0
        self._taken = 0
        self._progress = now
        self._sender, self.began = sender, now

    def __len__(self) -> int:
        """Messages that wait for their turn."""
        return len(self._waiting)

    def offer(self, frames: Iterable[Frame], now: float) -> list[Parcel]:
        """Messages to send, in order; what may go now."""
        stuck = bool(self._waiting)
        for frame in frames:
            if stuck and method_of(frame) == "pub":
                self._coalesce(frame)
            self._waiting.append(frame)
        if self._sent == self._taken:
            self._progress = now
        parcels = self._ready()
        if self._waiting and not stuck:
            self._progress = now  # what is under way was nobody's concern until now
        if len(self._waiting) > MOST_WAITING:
            self._shed(len(self._waiting) - MOST_WAITING)
        return parcels

    def taken(self, number: int, now: float) -> list[Parcel]:
        """The receiver has handled the parcels up to this number; what may go now."""
        self._taken = min(max(self._taken, number), self._sent)
        self._progress = now
        return self._ready()

    def retry(self, now: float) -> list[Parcel]:
        """To be called now and then: what may go because the parcels under way are considered lost."""
        if not self._waiting or now - self._progress < STALL_S:
            return []
        return self.taken(self._sent, now)

    def _ready(self) -> list[Parcel]:
        parcels = []
        waiting = self._waiting
        while waiting and self._sent - self._taken < WINDOW:
            self._sent += 1
            frames = [waiting.popleft() for _ in range(min(FRAMES, len(waiting)))]
            parcels.append(Parcel(self._sent, frames, self._sender, self.began))
        if not waiting:
            self._readings.clear()
        return parcels

    def _coalesce(self, frame: Frame) -> None:
        """A reading that waits is left out when this one, of the same component, has all that it tells."""
        uri, body, quality = str(frame[_URI]), frame[_BODY], frame[_QUALITY]
        if not covers("/components", uri):
            return
        known = self._readings.get(uri)
        self._readings[uri] = frame
        place = next((n for n, other in enumerate(self._waiting) if other is known), -1) if known else -1
        if (
            place >= 0
            and known is not None
            and quality == known[_QUALITY]
            and _members(known[_BODY]) <= _members(body)
        ):
            del self._waiting[place]
            self.shed += 1

    def _shed(self, excess: int) -> None:
        kept: deque[Frame] = deque()
        for frame in self._waiting:
            if excess and method_of(frame) == "pub":
                excess -= 1
                self.shed += 1
            else:
                kept.append(frame)
        self._waiting = kept


def _members(body: object) -> frozenset[str]:
    """The names a reading tells of; a body that is none is never left out."""
    try:
        tree = orjson.loads(body)  # type: ignore[arg-type]
    except (orjson.JSONDecodeError, TypeError):
        return frozenset({str(body)})
    return frozenset(tree) if isinstance(tree, dict) else frozenset({str(tree)})
