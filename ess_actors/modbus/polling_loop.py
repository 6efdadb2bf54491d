"""When each component is polled: absolute slots, late ones skipped and counted."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ess_actors.core.component import ComponentState
from ess_actors.core.polling import Block, next_slot


def common_base(now: float, wall: float) -> float:
    """Monotonic seconds of a whole UTC second before `now`: the same grid in every process of a machine."""
    return now - math.fmod(wall, 1.0)


@dataclass(slots=True)
class Slot:
    """One period of one component and its next start (monotonic seconds)."""

    state: ComponentState
    order: int
    period_ms: int
    at: float = 0.0

    def blocks(self) -> list[Block]:
        """What is read in this slot, as planned now."""
        return [b for cycle in self.state.cycles if cycle.period_ms == self.period_ms for b in cycle.blocks]


@dataclass
class Timetable:
    """The slots of all components of one client."""

    states: Iterable[ComponentState]
    base: float
    missed: int = 0
    slots: list[Slot] = field(default_factory=list)

    def __post_init__(self) -> None:
        for order, state in enumerate(self.states):
            for period_ms in sorted({cycle.period_ms for cycle in state.cycles}):
                self.slots.append(Slot(state, order, period_ms))

    def begin(self, now: float) -> None:
        """First slots at or after `now`."""
        for slot in self.slots:
            slot.at = self._next(slot, now, None)

    def next_start(self) -> float:
        """Monotonic seconds of the earliest slot; infinity without slots."""
        return min((slot.at for slot in self.slots), default=math.inf)

    def due(self, now: float) -> list[Slot]:
        """All due slots of the component whose turn it is, fastest first; [] when nothing is due."""
        ready = [slot for slot in self.slots if slot.at <= now]
        if not ready:
            return []
        first = min(ready, key=lambda slot: (slot.at, slot.period_ms, slot.order))
        return [slot for slot in ready if slot.order == first.order]

    def advance(self, slots: Iterable[Slot], now: float) -> None:
        """The slots were served; the next ones are never in the past."""
        for slot in slots:
            slot.at = self._next(slot, now, slot.at)

    def _next(self, slot: Slot, now: float, last: float | None) -> float:
        phase_ms = slot.state.component.offset_ms % slot.period_ms
        at, missed = next_slot(self.base, slot.period_ms / 1000, phase_ms / 1000, now, last)
        self.missed += missed
        return at
