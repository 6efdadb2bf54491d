"""bitset: a bool sets or clears one bit (counted from 1) of the target number."""

from collections.abc import Sequence

from ess_actors.core.actions.build import HIGHEST_BIT, Builder
from ess_actors.core.actions.item import Item
from ess_actors.core.variables import Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return build.each(specs, _step)


def _step(item: Item, build: Builder) -> Step | None:
    bit = build.whole(item, "bit", HIGHEST_BIT + 1)
    if bit < 1:
        hint = "give the bit number: 3 has the value 4"
        build.error("bit-missing", "bitset needs `bit`, counted from 1", hint, "bit")
    if bit < 1 or not build.target(item):
        return None
    mask = 1 << (bit - 1)
    solo = item.spec.get("soloBit") is True
    present = None if "ruri" in item.spec else build.reader(item, "uri")

    def step(var: Variable) -> None:
        value = item.admit(var)
        if not isinstance(value, bool):
            return
        word = 0
        if not solo and present is not None:
            read = present.read()
            word = 0 if read is None or isinstance(read, (bool, str)) else int(read)
        item.write(var, word | mask if value else word & ~mask, item.quality(var))

    return step
