"""Hours made of their minutes, when they are over: a few points at a time."""

from typing import Final

from ess_actors.core.history_intake import HOUR, MINUTE
from ess_actors.core.history_series import LOOK_BACK_S, MINUTES, hour_of
from ess_actors.store.history import Writes

_POINTS: Final = 100
_LATE_S: Final = 2 * MINUTE
"""So long after its end the last minutes of an hour are written."""


class Rolling:
    """Goes on where the last life ended: an hour that was begun is made again."""

    def __init__(self) -> None:
        self._left: list[str] | None = None
        """Points of the present hour that are left to do."""

    def step(self, store: Writes) -> bool:
        """True = there is more to do. Raises HistoryProblem."""
        seen, start = store.seen(), store.rolled()
        if not start:
            if seen:
                store.set_rolled(int(seen) // HOUR * HOUR)
            return False
        if seen < start + HOUR + _LATE_S:
            return False
        if self._left is None:
            self._left = store.points()
        now, rest = self._left[:_POINTS], self._left[_POINTS:]
        rows = [
            hour_of(point, start, store.periods(MINUTES, point, start - LOOK_BACK_S, start + HOUR), seen)
            for point in now
        ]
        store.write((), (), [row for row in rows if row is not None])
        self._left = rest
        if not rest:
            self._left = None
            store.set_rolled(start + HOUR)
        return True
