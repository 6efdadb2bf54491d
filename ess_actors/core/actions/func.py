"""func: call a built-in function with a variable, in the context of an asset."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item, same
from ess_actors.core.variables import Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return build.each(specs, _step)


def _step(item: Item, build: Builder) -> Step | None:
    if not item.function:
        build.error("no-function", "a func item needs `func`", "name the function to call")
        return None
    engine, name = build.engine, item.function
    handed = build.reader(item, "var")
    instead = item.in_av.slot if item.in_av is not None else None

    def step(var: Variable) -> None:
        value = item.admit(var)
        if value is None:
            return
        expected = item.expected()
        if expected is not None and not same(expected, value):
            return
        target: Variable | None = var
        if handed is not None:
            target = handed.slot.var
        elif instead is not None and instead.var is not None:
            target = instead.var
        if target is None:
            engine.counters["missing_variable"] += 1
            return
        engine.call(name, item.context(), target)

    return step
