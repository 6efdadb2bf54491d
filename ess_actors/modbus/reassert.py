"""Setpoints that a device has lost: which values stand, and which are to be written again. Pure: no clock, no IO."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ess_actors.core.component import ComponentState
from ess_actors.core.component_writes import Item
from ess_actors.core.registers import encode, raw_number

STANDS_POLLS: Final = 3
STANDS_S: Final = 3.0
"""So many polls over so many seconds have shown a setpoint before it stands: a command that clears itself does not."""

Epoch = tuple[int, int]
"""Changes whenever the way to a unit was lost: the number of its connection, and how often the unit was silent."""


@dataclass(slots=True)
class _Assertion:
    item: Item
    number: int
    seen: float
    """Readings up to here were judged (monotonic seconds at which they left)."""
    epoch: Epoch | None = None
    """None until it stands."""
    shown: int = 0
    """Polls that have shown the number."""
    since: float = 0.0
    """When the first of them left."""


class Assertions:
    """For one component. A value stands once it was written and later polls have shown exactly that for a while.

    It stands no longer when a poll shows another one without a loss in between (the device or somebody
    else changed it, or it was a command that clears itself), or when a later set of it went wrong.
    """

    def __init__(self, state: ComponentState) -> None:
        self._state = state
        self._all: dict[str, _Assertion] = {}

    def __bool__(self) -> bool:
        return bool(self._all)

    def wrote(self, item: Item, now: float) -> None:
        """A set of ours was written before `now`."""
        point = item.point
        if not point.reassert or self._state.points.get(item.name) is not point:
            self._all.pop(item.name, None)
            return
        words = encode(point.codec, item.value, (0,) * max(1, point.codec.size)).words
        self._all[item.name] = _Assertion(item, raw_number(point.codec, words), now)

    def inherit(self, other: "Assertions") -> None:
        """What stood before a reload stands on, for the points that are as they were."""
        for name, one in other._all.items():
            point = self._state.points.get(name)
            if point == one.item.point and point is not None:
                self._all[name] = replace(one, item=replace(one.item, point=point))

    def drop(self, name: str) -> None:
        """Nobody knows what a later set of it has left."""
        self._all.pop(name, None)

    def lost(self, epoch_of: Callable[[int], Epoch]) -> list[Item]:
        """After a cycle: what the first good reading since a loss no longer shows. `epoch_of` takes a unit id."""
        found: list[Item] = []
        for name, one in list(self._all.items()):
            reading = self._state.reading(name)
            words = self._state.wire(name)
            if reading is None or words is None or not reading.good or reading.sent <= one.seen:
                continue
            one.seen = reading.sent
            epoch = epoch_of(one.item.point.unit)
            if raw_number(one.item.point.codec, words) == one.number:
                if not one.shown:
                    one.since = reading.sent
                one.shown += 1
                if one.shown >= STANDS_POLLS and reading.sent - one.since >= STANDS_S:
                    one.epoch = epoch
                continue
            del self._all[name]
            if one.epoch not in (None, epoch):
                found.append(one.item)
        return found
