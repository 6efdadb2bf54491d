"""bitfield: one bit (counted from 0) of the raw input; set bits write their output, cleared ones nothing."""

from collections.abc import Sequence

from ess_actors.core.actions.build import HIGHEST_BIT, Builder
from ess_actors.core.actions.dispatch import Span, dispatch
from ess_actors.core.actions.item import Item
from ess_actors.core.variables import Step, Value, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step for the whole list."""
    lines = build.each(specs, _line)
    return [dispatch(build.engine, lines, None)] if lines else []


def _line(item: Item, build: Builder) -> "_Line | None":
    return _Line(item, build) if build.target(item) else None


class _Line:
    """Scale, offset and comparison value have no part in it."""

    __slots__ = ("bit", "fixed", "item")

    def __init__(self, item: Item, build: Builder) -> None:
        self.item = item
        self.bit = build.whole(item, "bit", HIGHEST_BIT)
        self.fixed: tuple[Span, Value] | None = None
        if item.constant and item.out_value is not None:
            self.fixed = (self.bit, 1, 1, 1), item.out_value

    def act(self, var: Variable) -> bool:
        """Evaluate it in full."""
        item = self.item
        if not item.open(var):
            return False
        value = item.raw_input(var)
        if isinstance(value, str) or item.ignores(value) or not int(value) >> self.bit & 1:
            return False
        item.write(var, item.output(value), item.quality(var))
        return True
