"""When each component is polled: absolute slots, late ones skipped and counted."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ess_actors.core.polling import Block, Cycle, next_slot
from ess_actors.core.transaction import Request
from ess_actors.modbus.client_component import Served
from ess_actors.modbus.client_stats import Tally
from ess_actors.modbus.units import Unit, Units

CATCH_UP_S = 0.5
"""A device that is back is not left waiting longer than this for its next slot."""
_CATCH_UP_AGAIN_S = 2.0
_SUSPICION_LIMIT_S = 10.0
"""So long all others go before a unit that may have fallen silent."""


def common_base(now: float, wall: float) -> float:
    """Monotonic seconds of a whole UTC second before `now`: the same grid in every process of a machine."""
    return now - math.fmod(wall, 1.0)


class Planned(NamedTuple):
    """A block with everything its reading needs, made once per plan."""

    block: Block
    request: Request
    unit: Unit
    tally: Tally


def planned(served: Served, block: Block, units: Units) -> Planned:
    """Its request is made here and nowhere else."""
    request = Request(block.unit, block.function, block.address, block.count)
    return Planned(block, request, units[block.unit], served.stats.tally(block))


class Slot:
    """One period of one component and its next start (monotonic seconds)."""

    def __init__(self, served: Served, units: Units, order: int, period_ms: int) -> None:
        self.served = served
        self.order = order
        self.period_ms = period_ms
        self.at = 0.0
        self.caught_up = -math.inf
        """When it was last served outside its grid."""
        self._units = units
        self._of: tuple[Cycle, ...] = ()
        self._todo: tuple[Planned, ...] = ()

    @property
    def phase_s(self) -> float:
        """Its place in the period."""
        return self.served.state.component.offset_ms % self.period_ms / 1000

    def todo(self) -> tuple[Planned, ...]:
        """What is read in this slot, as planned now."""
        cycles = self.served.state.cycles
        if self._of is not cycles:
            self._of = cycles
            self._todo = tuple(
                planned(self.served, block, self._units)
                for cycle in cycles
                if cycle.period_ms == self.period_ms
                for block in cycle.blocks
            )
        return self._todo

    def gives_way(self, now: float) -> bool:
        """True when some unit of it was silent lately, for as long as it loses no slot by that."""
        return now - self.at < self.period_ms / 1000 and any(one.unit.doubt for one in self.todo())

    def rank(self, now: float) -> tuple[int, float, int, int]:
        """The lowest one is served first."""
        if self.suspect(now):
            return 2, self.at, self.period_ms, -self.order
        return int(self.gives_way(now)), self.at, self.period_ms, self.order

    def suspect(self, now: float) -> bool:
        """True when several units fell silent at once, and some unit of it was not heard since."""
        return now - self.at < _SUSPICION_LIMIT_S and any(one.unit.suspect for one in self.todo())

    def asks(self) -> bool:
        """True when some request of it is sent in its time."""
        return any(not one.unit.resting for one in self.todo())


@dataclass
class Timetable:
    """The slots of all components of one client."""

    everything: Iterable[Served]
    units: Units
    base: float
    missed: int = 0
    slots: list[Slot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.renew(self.everything, math.inf)

    def renew(self, everything: Iterable[Served], now: float) -> None:
        """These are served from now on; those that were already keep their place."""
        kept = {(id(slot.served), slot.period_ms): slot for slot in self.slots}
        self.slots = []
        for order, served in enumerate(everything):
            # Also of points that are disabled now: they may be enabled later.
            periods = {point.period_ms for point in served.state.component.points if not point.shadowed}
            for period_ms in sorted(periods):
                slot = kept.get((id(served), period_ms))
                if slot is None:
                    slot = Slot(served, self.units, order, period_ms)
                    slot.at = self._next(slot, now, None) if now < math.inf else now
                slot.order = order
                self.slots.append(slot)

    def begin(self, now: float) -> None:
        """First slots at or after `now`."""
        for slot in self.slots:
            slot.at = self._next(slot, now, None)

    def next_begin(self) -> float:
        """Monotonic seconds of the earliest slot that is not under way; infinity without one."""
        return min((slot.at for slot in self.slots if not slot.served.busy), default=math.inf)

    def others_start(self, served: Served) -> float:
        """The earliest slot of every other component, also when it is under way."""
        return min((slot.at for slot in self.slots if slot.served is not served), default=math.inf)

    def next_request(self) -> float:
        """When the line is needed next: slots in which nothing is asked, because their units are silent, do not count.

        In the past while a cycle is under way.
        """
        return min((slot.at for slot in self.slots if slot.asks()), default=math.inf)

    def due(self, now: float) -> list[Slot]:
        """All due slots of the component whose turn it is, fastest first; [] when nothing is due.

        Components of units that were silent lately come behind the others, and those that may have fallen
        silent just now behind all: each costs a time-out perhaps, between which the others are served. They
        are asked backwards, because neighbours often fall silent together.
        """
        ready = [slot for slot in self.slots if slot.at <= now and not slot.served.busy]
        if len(ready) <= 1:
            return ready
        first = min(ready, key=lambda slot: slot.rank(now))
        return [slot for slot in ready if slot.order == first.order]

    def far(self, now: float, unit: Unit | None) -> list[list[Slot]]:
        """Slots per component that come too late for a device (or this unit of it) that is just back."""
        found: dict[int, list[Slot]] = {}
        for slot in self.slots:
            if slot.served.busy or slot.at - now <= CATCH_UP_S or now - slot.caught_up < _CATCH_UP_AGAIN_S:
                continue
            if slot.asks() if unit is None else any(one.unit is unit for one in slot.todo()):
                found.setdefault(slot.order, []).append(slot)
        return list(found.values())

    def advance(self, slots: Sequence[Slot], now: float) -> None:
        """The slots were served; the next ones are never in the past."""
        for slot in slots:
            slot.at = self._next(slot, now, slot.at)

    def _next(self, slot: Slot, now: float, last: float | None) -> float:
        at, missed = next_slot(self.base, slot.period_ms / 1000, slot.phase_s, now, last)
        self.missed += missed
        slot.served.stats.missed += missed
        return at
