"""Table dispatch: which lines of an enum or a bitfield act is worked out once per whole number, then looked up."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ess_actors.core.actions.item import Item
from ess_actors.core.engine import Engine
from ess_actors.core.variables import NO_KIND, Slot, Step, Value, Variable, kind_of

REMEMBERED: Final = 256
"""Numbers a list knows the lines of; when there are more it begins anew."""

Span = tuple[int, int, float, float]
"""(shift, mask, lowest, highest): the line acts when (number >> shift) & mask is in between."""
EVERY_BIT: Final = -1
"""As a mask: the number as it is."""
_ALWAYS: Final[Span] = (0, 0, 0, 0)
_NOWHERE: Final = Slot("", "")


class Line(Protocol):
    """One compiled line."""

    item: Item
    fixed: tuple[Span, Value] | None
    """When it acts and what it then writes, straight to a variable; None for a line that must be asked, because
    more than the value of the set variable decides."""

    def act(self, var: Variable) -> bool:
        """Evaluate it in full; True when it matched."""


Entry = tuple[Slot, Value, int, int]
"""(target, output, its kind, index of the line). The target of a line that must be asked is never there."""


def _test(index: int, line: Line) -> tuple[int, int, float, float, Entry]:
    if line.fixed is None or line.item.target is None:
        return *_ALWAYS, (_NOWHERE, 0, NO_KIND, index)
    span, output = line.fixed
    return *span, (line.item.target, output, kind_of(output), index)


def dispatch(engine: Engine, lines: Sequence[Line], otherwise: Callable[[Variable], None] | None) -> Step:
    """The step of a list of lines; `otherwise` runs when none of them matched."""
    known: dict[Value, tuple[Entry, ...]] = {}
    tests = [_test(index, line) for index, line in enumerate(lines)]
    asked = tuple(test[-1] for test in tests if test[-1][0] is _NOWHERE)

    def find(value: Value) -> tuple[Entry, ...]:
        if isinstance(value, str):
            engine.counters["type_mismatch"] += 1
            return asked
        number = int(value)
        plan = known.get(number)
        if plan is None:
            if len(known) >= REMEMBERED:
                known.clear()
            acting = [
                entry for shift, mask, low, high, entry in tests if low <= number >> shift & mask <= high
            ]
            plan = known[number] = tuple(acting)
        return plan

    def one_by_one(var: Variable, first: int) -> bool:
        matched = False
        for line in lines[first:]:
            if line.act(var):
                matched = True
        return matched

    def step(var: Variable) -> None:
        cell = var.cell
        value, quality = cell.value, cell.quality
        matched = False
        if engine.quality_run:
            matched = one_by_one(var, 0)
        else:
            plan = known.get(value)
            for slot, output, kind, index in find(value) if plan is None else plan:
                target = slot.var
                if target is None or target is var or target.special:
                    if lines[index].act(var):
                        matched = True
                else:
                    matched = True
                    goal = target.cell
                    if goal.value != output or goal.kind != kind:
                        goal.put(output, kind, engine.now)
                    if goal.quality is not quality:
                        goal.quality = quality
                    if not target.steps:
                        continue
                    engine.fire(target)
                if var.cell.value is not value or var.cell.quality is not quality:
                    # the actions of a target came back to this variable: the next lines see what it is now
                    matched = one_by_one(var, index + 1) or matched
                    break
        if not matched and otherwise is not None:
            otherwise(var)

    return step
