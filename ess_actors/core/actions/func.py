"""func: call a built-in function with a variable, in the context of an asset."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item, same
from ess_actors.core.variables import Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return [_step(item, build) for item in build.items(specs, _prepare)]


def _prepare(item: Item, build: Builder) -> bool:
    if not item.function:
        build.error("no-function", "a func item needs `func`", "name the function to call")
    return bool(item.function)


def _step(item: Item, build: Builder) -> Step:
    engine, name = build.engine, item.function
    handed = build.reader(item, "var") or item.in_av

    def step(var: Variable) -> None:
        value = item.admit(var)
        if value is None:
            return
        expected = item.expected()
        if expected is not None and not same(expected, value):
            return
        target = var if handed is None else handed.slot.var
        if target is None:
            engine.counters["missing_variable"] += 1
            return
        engine.call(name, item.asset, target)

    return step
