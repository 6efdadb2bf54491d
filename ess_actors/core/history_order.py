"""Publications come from many senders, each of which gathers them for a while: here they are put in order of time."""

import heapq
from collections.abc import Iterator
from typing import Final

from ess_actors.core.messages import Message
from ess_actors.core.outbox import PATIENCE_S

LATE_S: Final = PATIENCE_S + 0.5
"""So old a publication must be before it is taken: by then whatever was made before it is here."""

_APART_S: Final = 1e-6
"""Of two readings of one point it must be known which is the later one."""


class InOrder:
    """Pure. Times are monotonic seconds of one machine."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Message]] = []
        self._count = 0
        self._last = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message, sent: float) -> None:
        """A publication that was made at `sent`."""
        self._count += 1
        heapq.heappush(self._waiting, (sent, self._count, message))

    def take(self, until: float) -> Iterator[tuple[Message, float]]:
        """Those that were made up to `until`, and when; what came too late for its place counts from there on."""
        while self._waiting and self._waiting[0][0] <= until:
            sent, _, message = heapq.heappop(self._waiting)
            self._last = max(self._last + _APART_S, sent)
            yield message, self._last
        self._last = max(self._last, until)
