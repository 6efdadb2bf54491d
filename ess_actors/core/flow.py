"""How much may be under way to one receiver: what it has not taken yet waits here, and stalls nobody else.

The transport sends one message after the other and stalls *all* of an actor's messages, its heartbeat too, when
too many of them wait for one receiver. So parcels are numbered, the receiver tells the number of every
`TAKEN_EVERY`th that it has handled, and never more than `WINDOW` are under way.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from ess_actors.core.messages import Frame, method_of

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


class Parcel(NamedTuple):
    """What goes to a receiver in one message of the transport; numbered from 1 for each receiver."""

    number: int
    frames: list[Frame]


class Flow:
    """The messages of one actor to one other. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self.shed = 0
        """Publications left out so far."""
        self._waiting: deque[Frame] = deque()
        self._sent = 0
        self._taken = 0
        self._progress = now

    def __len__(self) -> int:
        """Messages that wait for their turn."""
        return len(self._waiting)

    def offer(self, frames: Iterable[Frame], now: float) -> list[Parcel]:
        """Messages to send, in order; what may go now."""
        self._waiting.extend(frames)
        if self._sent == self._taken:
            self._progress = now
        parcels = self._ready()
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
            parcels.append(Parcel(self._sent, frames))
        return parcels

    def _shed(self, excess: int) -> None:
        kept: deque[Frame] = deque()
        for frame in self._waiting:
            if excess and method_of(frame) == "pub":
                excess -= 1
                self.shed += 1
            else:
                kept.append(frame)
        self._waiting = kept
