"""What waits to be written: bounded, the oldest goes first, and what was lost is counted by its reason."""

from collections import Counter, deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from ess_actors.core.history_intake import Period, Reading

MOST_READINGS: Final = 200_000
MOST_MINUTES: Final = 50_000
AT_ONCE: Final = 20_000
"""Readings of one batch: what waited long is written in several."""


class Batch(NamedTuple):
    """What is written in one transaction."""

    readings: Sequence[Reading]
    minutes: Sequence[Period]


class Queue:
    """`lost` counts readings and minutes that were given up, by reason."""

    def __init__(self, most_readings: int = MOST_READINGS, most_minutes: int = MOST_MINUTES) -> None:
        self.lost: Counter[str] = Counter()
        self._readings: deque[Reading] = deque()
        self._minutes: deque[Period] = deque()
        self._most = most_readings, most_minutes
        self._out = Batch((), ())
        self._failing = False

    def __len__(self) -> int:
        return len(self._readings) + len(self._minutes) + len(self._out.readings) + len(self._out.minutes)

    def put(self, readings: Sequence[Reading], minutes: Sequence[Period]) -> None:
        """Takes them in; the oldest make room."""
        self._readings.extend(readings)
        self._minutes.extend(minutes)
        reason = "failed" if self._failing else "slow"
        for excess, drop in (
            (len(self._readings) - self._most[0], self._readings.popleft),
            (len(self._minutes) - self._most[1], self._minutes.popleft),
        ):
            for _ in range(excess):
                drop()
            self.lost[reason] += max(0, excess)

    def take(self) -> Batch:
        """The oldest, to be written now; then `written` or `failed` is called."""
        out = self._out
        if not out.readings and not out.minutes:
            out = self._out = Batch(
                tuple(islice(self._readings, AT_ONCE)), tuple(islice(self._minutes, AT_ONCE))
            )
            for _ in out.readings:
                self._readings.popleft()
            for _ in out.minutes:
                self._minutes.popleft()
        return out

    def written(self) -> None:
        """What was taken is in the database."""
        self._out, self._failing = Batch((), ()), False

    def failed(self) -> None:
        """It is not: it waits on, at the front."""
        out, self._out, self._failing = self._out, Batch((), ()), True
        self._readings.extendleft(reversed(out.readings))
        self._minutes.extendleft(reversed(out.minutes))
        self.put((), ())
