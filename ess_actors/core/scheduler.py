"""Phase-true timing: items on a grid k * every + offset of controller time; overruns are skipped, counted."""

import heapq
import math
from dataclasses import dataclass
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.variables import Slot

SAME_INSTANT: Final = 1e-6
"""Seconds: what lies closer together happens at the same time. After years of controller time the products
and differences of floats are still far more exact than this."""
SHORTEST: Final = 0.001
LONGEST: Final = 1e9
"""Seconds: periods and delays outside are taken as these, so that grid points stay countable."""


@dataclass(slots=True, eq=False)
class Item:
    """One scheduled target. Times in controller seconds; `every` 0 = runs once; `end` inf = for ever."""

    target: str
    """The id; for what RunSched made it is the uri of its variable."""
    every: float
    base: float
    end: float
    count: int = 0
    skipped: int = 0
    slot: Slot | None = None
    """The variable that a run writes, or hands to `function` in the context `asset`."""
    function: str = ""
    asset: Asset | None = None
    ended: bool = False
    """It was stopped or replaced by what ran before it at the same time."""
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
    return math.ceil((start - offset - SAME_INSTANT) / every) * every + offset


def advanced(reference: float, every: float, start: float) -> float:
    """A reference time moved on by whole periods until it is not before `start`; without a period `start` itself."""
    if reference >= start - SAME_INSTANT:
        return reference
    return first_run(start, every, math.fmod(reference, every)) if every > 0 else start


class Scheduler:
    """The items of one instance, run by the caller in order of due time, then of registration."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.runs = 0
        """Runs that were made, counted by who makes them."""
        self.skipped = 0
        self._now = 0.0
        self._ready: dict[str, Item] = {}
        self._registered = 0
        self._agenda: list[tuple[float, int, int, Item]] = []
        """(due to the microsecond, order, step, item), a heap; entries of ended or moved items are passed over."""

    def add(self, item: Item) -> None:
        """Register; an item of the same id is replaced."""
        if item.target in self._ready:
            self._ready[item.target].ended = True
        self._registered += 1
        item.order = self._registered
        self.items[item.target] = item
        self._enter(item)

    def stop(self, target: str, at: float) -> bool:
        """End the item at a time (a run exactly then is not made); False when there is none."""
        ready, item = self._ready.get(target), self.items.get(target)
        if ready is not None and at <= self._now + SAME_INSTANT:
            ready.ended = True
        if item is None:
            return ready is not None and ready.ended
        item.end = at
        if item.due >= at - SAME_INSTANT:
            del self.items[target]
        return True

    def next_due(self) -> float | None:
        """Controller seconds of the earliest run, None when nothing is scheduled."""
        agenda = self._agenda
        while agenda:
            _, _, step, item = agenda[0]
            if item.step == step and self.items.get(item.target) is item:
                return item.due
            heapq.heappop(agenda)
        return None

    def due(self, now: float) -> list[Item]:
        """The items to run now, in order, each moved on to its first grid point after now.

        One that is `ended` when its turn comes is not to be run.
        """
        passed = []
        self._now = now
        self._ready = {}
        while (at := self.next_due()) is not None and at <= now + SAME_INSTANT:
            item = heapq.heappop(self._agenda)[3]
            del self.items[item.target]
            passed.append(item)
            if self._move_on(item, at, now):
                self._ready[item.target] = item
        for item in passed:
            if item.every > 0:
                self.items[item.target] = item
                self._enter(item)
        return list(self._ready.values())

    def _move_on(self, item: Item, at: float, now: float) -> bool:
        """Whether the run that is due is made, and the missed ones counted: those before its end only.

        Once its end has come an item does not run; the first run is made however late it comes.
        """
        if item.every <= 0:
            return True
        over = item.step > 0 and now >= item.end - SAME_INSTANT
        missed = max(0, math.floor((now - at + SAME_INSTANT) / item.every))
        item.step += missed + 1
        if item.end < math.inf:
            missed = min(missed, math.ceil((item.end - SAME_INSTANT - at) / item.every) - 1)
        item.skipped += missed + over
        self.skipped += missed + over
        return not over

    def _enter(self, item: Item) -> None:
        """Note the next run, or drop the item when it has none."""
        if item.due < item.end - SAME_INSTANT:
            heapq.heappush(self._agenda, (round(item.due, 6), item.order, item.step, item))
        else:
            del self.items[item.target]
