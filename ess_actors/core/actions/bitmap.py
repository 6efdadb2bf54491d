"""bitmap: fires its output when a bit value within a mask is set in the input."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item
from ess_actors.core.variables import Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return [_step(item, build) for item in build.items(specs, _prepare)]


def _prepare(item: Item, build: Builder) -> bool:
    if item.out_value is None:
        build.error(
            "no-output", "bitmap needs `outValue`", "say what is written when the bit is set", "outValue"
        )
        return False
    return build.target(item)


def _step(item: Item, build: Builder) -> Step:
    shift = build.whole(item, "shift")
    wanted = (build.whole(item, "mask") << shift) & (build.whole(item, "bit") << shift)
    output = item.out_value

    def step(var: Variable) -> None:
        value = item.admit(var)
        if value is None or output is None:
            return
        expected = item.expected()
        tested = value if expected is None else expected
        if not isinstance(tested, str) and int(tested) & wanted:
            item.write(var, output, item.quality(var))

    return step
