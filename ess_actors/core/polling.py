"""Which requests read a component, and when: the request plan and the absolute time slots."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from ess_actors.core.points import Component, Point, Register


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
        _Wanted(*_place(register), order, [point for point in points if point.id not in excluded])
        for order, (register, points) in enumerate(wanted.items())
        if any(point.id not in excluded for point in points if point.published or len(points) == 1)
    ]
    live.sort(key=itemgetter(0, 1, 2, 3, 4))
    by_period: dict[int, list[Block]] = defaultdict(list)
    index = 0
    for (unit, function, period_ms), registers in groupby(live, key=itemgetter(0, 1, 2)):
        starts = {address for u, f, address in barriers if (u, f) == (unit, function)}
        for run in _runs(component, function <= 2, registers, starts):
            first = run[0].address
            last = max(register.end for register in run)
            run.sort(key=itemgetter(6))
            points = tuple(point for register in run for point in register.points)
            by_period[period_ms].append(Block(unit, function, first, last - first, index, points))
            index += 1
    return tuple(
        Cycle(period_ms, component.offset_ms % period_ms, tuple(blocks))
        for period_ms, blocks in sorted(by_period.items())
    )


class _Wanted(NamedTuple):
    """One register that is to be read, in the order of requests."""

    unit: int
    function: int
    period_ms: int
    address: int
    size: int
    end: int
    order: int
    """Its place in the file."""
    points: list[Point]


def _place(register: Register) -> tuple[int, int, int, int, int, int]:
    address, size = register.address, register.size
    return (register.unit, register.table.read_function, register.period_ms, address, size, address + size)


def _runs(
    component: Component, is_bits: bool, registers: Iterable[_Wanted], starts: set[int]
) -> Iterable[list[_Wanted]]:
    """Registers in address order -> runs that one request can read; a register is never split."""
    limit = component.max_bits if is_bits else component.max_words
    bridge = component.max_gap_words * (16 if is_bits else 1)
    run: list[_Wanted] = []
    first = end = 0
    for register in registers:
        after = max(end, register.end)
        fits = after - first <= limit and register.address - end <= bridge and register.address not in starts
        if run and not fits:
            yield run
            run = []
        if not run:
            first, after = register.address, register.end
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
