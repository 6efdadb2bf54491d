"""bitset: a bool sets or clears one bit (counted from 1) of the target number."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item
from ess_actors.core.variables import NUMBER, Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return [_step(item, build) for item in build.items(specs, _prepare)]


def _prepare(item: Item, build: Builder) -> bool:
    if build.whole(item, "bit") < 1:
        build.error(
            "bit-missing",
            "bitset needs `bit`, counted from 1",
            "give the bit number: 3 has the value 4",
            "bit",
        )
        return False
    return build.target(item)


def _step(item: Item, build: Builder) -> Step:
    mask = 1 << (build.whole(item, "bit") - 1)
    solo = item.spec.get("soloBit") is True
    target = item.target

    def step(var: Variable) -> None:
        value = item.admit(var)
        if not isinstance(value, bool):
            return
        word = 0
        if not solo and target is not None and target.var is not None and target.var.cell.kind == NUMBER:
            word = int(target.var.cell.value)
        item.write(var, word | mask if value else word & ~mask, item.quality(var))

    return step
