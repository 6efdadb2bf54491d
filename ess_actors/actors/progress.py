"""One page of memory that all processes of a site share: when each of them last did real work.

An actor that hangs cannot say so, and a message that it lives could wait in a queue. So every concern of every actor
writes the time of its last work into a place of its own, and who supervises it reads how old that is.

The page is anonymous memory made before the first fork: every process inherits it, no file system can fail under it.
"""

import math
import mmap
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

_ACTORS: Final = 1024
_SEEN_BY_NOBODY: Final = -1


class Concern(IntEnum):
    """What of an actor makes progress; the oldest one counts."""

    LOOP = 0
    """It handles messages."""
    IO = 1
    """Its IO thread turns."""
    WORK = 2
    """What it is there for is done when it is due."""
    SITE = 3
    """When the site controller was heard last: no work, and it outlives who heard it."""


_JUDGED: Final = (Concern.LOOP, Concern.IO, Concern.WORK)


class Progress:
    """Times are monotonic seconds. A row belongs to an actor; one of another site's tree is never looked at."""

    def __init__(self) -> None:
        self._page = memoryview(mmap.mmap(-1, _ACTORS * len(Concern) * 8)).cast("d")

    def beat(self, row: int, concern: Concern = Concern.LOOP) -> None:
        """This concern works. Any thread may say so for its own."""
        self.note(row, concern, time.monotonic())

    def clear(self, row: int) -> None:
        """Nothing is expected of this actor: a process that starts there is judged from its own first word on."""
        self._set(row, 0.0)

    def forget(self, row: int) -> None:
        """Nothing is known of this actor."""
        self.clear(row)
        self.note(row, Concern.SITE, 0.0)

    def note(self, row: int, concern: Concern, at: float) -> None:
        """This happened then."""
        if row >= 0:
            self._page[row * len(Concern) + concern] = at

    def noted(self, row: int, concern: Concern) -> float | None:
        """When it happened last; None = never."""
        return (self._page[row * len(Concern) + concern] or None) if row >= 0 else None

    def give_up(self, row: int) -> None:
        """This actor will do nothing any more: its age is infinite."""
        self._set(row, -math.inf)

    def age(self, row: int, now: float, concern: Concern | None = None) -> float | None:
        """Seconds since the last work of this concern, or of the one that is oldest; None = it never said a word."""
        if row < 0:
            return None
        concerns = _JUDGED if concern is None else (concern,)
        beats = [beat for one in concerns if (beat := self._page[row * len(Concern) + one])]
        return now - min(beats) if beats else None

    def _set(self, row: int, at: float) -> None:
        for concern in _JUDGED:
            self.note(row, concern, at)


def row_of(actor_id: str, everybody: Sequence[str]) -> int:
    """The row of an actor of the complete site: the supervisor first. -1 for one that nobody looks at."""
    if actor_id == "supervisor":
        return 0
    try:
        row = 1 + everybody.index(actor_id)
    except ValueError:
        return _SEEN_BY_NOBODY
    return row if row < _ACTORS else _SEEN_BY_NOBODY


PROGRESS: Final = Progress()
