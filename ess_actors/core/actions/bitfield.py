"""bitfield: one bit (counted from 0) of the raw input; set bits write their output, cleared ones nothing."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item
from ess_actors.core.variables import Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return [_step(item, build) for item in build.items(specs, _prepare)]


def _prepare(item: Item, build: Builder) -> bool:
    return build.target(item)


def _step(item: Item, build: Builder) -> Step:
    bit = build.whole(item, "bit")

    def step(var: Variable) -> None:
        if not item.open(var):
            return
        value = item.raw_input(var)
        if not isinstance(value, str) and int(value) >> bit & 1:
            item.write(var, item.output(value), item.quality(var))

    return step
