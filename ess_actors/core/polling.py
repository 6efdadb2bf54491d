"""Which requests read a component, and when: the request plan and the absolute time slots."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from ess_actors.core.points import Component, Point, Register, Table


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One read request. Blocks are compared by identity; `index` counts through the plan of a component."""

    unit: int
    function: int
    """1 to 4."""
    address: int
    count: int
    """Words, or bits for functions 1 and 2."""
    index: int = 0
    points: tuple[Point, ...] = ()
    """What it carries, register by register in file order."""

    @property
    def is_bits(self) -> bool:
        """True when the payload is one byte 0/1 per bit instead of two per word."""
        return self.function <= 2


@dataclass(frozen=True, slots=True)
class Cycle:
    """The blocks of one period of a component; starts at base + n * period + (offset mod period)."""

    period_ms: int
    offset_ms: int
    blocks: tuple[Block, ...]


def plan(
    component: Component,
    excluded: frozenset[str] = frozenset(),
    barriers: frozenset[tuple[int, int, int]] = frozenset(),
) -> tuple[Cycle, ...]:
    """The request plan of a component, fastest period first.

    A register is requested while one of its points is not in `excluded` (disabled or isolated names).
    `barriers` are (unit, function, address) where a new block must start: holes a device refused.
    """
    wanted: dict[Register, list[Point]] = {}
    for point in component.points:
        if not point.shadowed:
            wanted.setdefault(point.register, []).append(point)
    live = [
        register
        for register, points in wanted.items()
        if any(point.id not in excluded for point in points if point.published or len(points) == 1)
    ]
    live.sort(key=_place)
    by_period: dict[int, list[Block]] = defaultdict(list)
    index = 0
    for (unit, table, period_ms), registers in groupby(live, key=lambda r: (r.unit, r.table, r.period_ms)):
        starts = {address for u, f, address in barriers if (u, f) == (unit, table.read_function)}
        for run in _runs(component, table, list(registers), starts):
            first = run[0].address
            last = max(register.address + register.size for register in run)
            members = set(run)
            points = tuple(
                point
                for register, carried in wanted.items()
                if register in members
                for point in carried
                if point.id not in excluded
            )
            block = Block(unit, table.read_function, first, last - first, index, points)
            by_period[period_ms].append(block)
            index += 1
    return tuple(
        Cycle(period_ms, component.offset_ms % period_ms, tuple(blocks))
        for period_ms, blocks in sorted(by_period.items())
    )


def _place(register: Register) -> tuple[int, int, int, int, int]:
    return (register.unit, register.table.value, register.period_ms, register.address, register.size)


def _runs(
    component: Component, table: Table, registers: list[Register], starts: set[int]
) -> Iterable[list[Register]]:
    """Registers in address order -> runs that one request can read; a register is never split."""
    limit = component.max_bits if table.is_bits else component.max_words
    bridge = component.max_gap_words * (16 if table.is_bits else 1)
    run: list[Register] = []
    first = end = 0
    for register in registers:
        after = max(end, register.address + register.size)
        fits = after - first <= limit and register.address - end <= bridge and register.address not in starts
        if run and not fits:
            yield run
            run = []
        if not run:
            first, after = register.address, register.address + register.size
        run.append(register)
        end = after
    if run:
        yield run


def next_slot(
    base: float, period_s: float, phase_s: float, now: float, last: float | None = None
) -> tuple[float, int]:
    """The next start at or after `now` on the grid base + n * period + phase, and how many slots were missed.

    `last` is the slot served last (None: none yet, nothing counts as missed); the answer is always after it.
    """
    origin = base + phase_s
    number = max(0, math.ceil((now - origin) / period_s - 1e-9))
    if last is None:
        return origin + number * period_s, 0
    served = round((last - origin) / period_s)
    number = max(number, served + 1)
    return origin + number * period_s, number - served - 1
