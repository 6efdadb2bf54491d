"""Phase-true timing: items on a grid k * every + offset of controller time; overruns are skipped, counted."""

import math
from dataclasses import dataclass
from typing import Final

_FUZZ: Final = 1e-9
"""Seconds: grid times are products of floats, a run this little early still counts as on the grid."""
SHORTEST: Final = 0.001
LONGEST: Final = 1e9
"""Seconds: periods and delays outside are taken as these, so that grid points stay countable."""


@dataclass(slots=True)
class Item:
    """One scheduled target. Times in controller seconds; `every` 0 = runs once; `end` inf = for ever."""

    target: str
    every: float
    base: float
    end: float
    count: int = 0
    skipped: int = 0
    function: str = ""
    order: int = 0
    step: int = 0

    @property
    def due(self) -> float:
        """When it runs next: `step` periods after `base`, computed afresh so that no error adds up."""
        return self.base + self.step * self.every


def first_run(now: float, every: float, offset: float | None, in_: float = 0.0, after: float = 0.0) -> float:
    """The first run: not before now + the later of `in_` and `after`; with an offset on the time grid."""
    start = now + max(in_, after, 0.0)
    if offset is None or every <= 0:
        return start
    return math.ceil((start - offset) / every - _FUZZ) * every + offset


class Scheduler:
    """The items of one instance, run by the caller in order of due time, then of registration."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.runs = 0
        self.skipped = 0
        self._registered = 0
        self._next: float | None = None

    def add(self, item: Item) -> None:
        """Register; an item of the same target is replaced."""
        self._registered += 1
        item.order = self._registered
        self.items[item.target] = item
        self._look()

    def stop(self, target: str, at: float) -> bool:
        """End the item at a time (a run exactly then is not made); False when there is none."""
        item = self.items.get(target)
        if item is None:
            return False
        item.end = at
        self._drop(item)
        self._look()
        return True

    def next_due(self) -> float | None:
        """Controller seconds of the earliest run, None when nothing is scheduled."""
        return self._next

    def due(self, now: float) -> list[Item]:
        """The items to run now, in order, each moved on to its first grid point after now."""
        if self._next is None or self._next > now + _FUZZ:
            return []
        ready = sorted(
            (i for i in self.items.values() if i.due <= now + _FUZZ), key=lambda i: (i.due, i.order)
        )
        for item in ready:
            if item.every <= 0:
                del self.items[item.target]
            else:
                missed = max(0, math.floor((now - item.due) / item.every + _FUZZ))
                item.skipped += missed
                self.skipped += missed
                item.step += missed + 1
                self._drop(item)
            item.count += 1
        self.runs += len(ready)
        self._look()
        return ready

    def _drop(self, item: Item) -> None:
        if item.due >= item.end - _FUZZ:
            self.items.pop(item.target, None)

    def _look(self) -> None:
        self._next = min((item.due for item in self.items.values()), default=None)
