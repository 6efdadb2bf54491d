"""bitmap: fires its output when a bit value within a mask is set in the input."""

from collections.abc import Sequence

from ess_actors.core.actions.build import HIGHEST_BIT, LARGEST_MASK, Builder
from ess_actors.core.actions.item import Item
from ess_actors.core.variables import Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return build.each(specs, _step)


def _step(item: Item, build: Builder) -> Step | None:
    output = item.out_value
    if output is None:
        hint = "say what is written when the bit is set"
        build.error("no-output", "bitmap needs `outValue`", hint, "outValue")
    if output is None or not build.target(item):
        return None
    shift = build.whole(item, "shift", HIGHEST_BIT)
    wanted = (build.whole(item, "mask", LARGEST_MASK) & build.whole(item, "bit", LARGEST_MASK)) << shift

    def step(var: Variable) -> None:
        value = item.admit(var)
        if value is None:
            return
        expected = item.expected()
        tested = value if expected is None else expected
        if not isinstance(tested, str) and int(tested) & wanted:
            item.write(var, output, item.quality(var))

    return step
