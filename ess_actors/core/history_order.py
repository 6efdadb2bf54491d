"""Publications come from many senders, each of which gathers them for a while: here they are put in order of time."""

import heapq
from collections.abc import Iterator
from typing import Final

from ess_actors.core.messages import Message
from ess_actors.core.outbox import PATIENCE_S

LATE_S: Final = PATIENCE_S + 0.5
"""So old a publication must be before it is taken: by then whatever was made before it is here."""

_APART_S: Final = 0.001
"""Two publications of one uri are told apart by their time, which is kept in milliseconds."""


class InOrder:
    """Pure. Times are monotonic seconds of one machine."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Message]] = []
        self._count = 0
        self._until = float("-inf")
        self._last: dict[str, float] = {}
        """Uri -> the time of its last publication, as long as another one may come too close to it."""

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
            at = max(sent, self._until, self._last.get(message.uri, self._until) + _APART_S)
            self._last[message.uri] = at
            yield message, at
        self._until = max(self._until, until)
        self._last = {uri: at for uri, at in self._last.items() if at + _APART_S > self._until}
