"""remap: hand the value on, to another variable or to the bus."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item, same
from ess_actors.core.reader import QUALITY, scalar
from ess_actors.core.variables import NUMBER, Step, Value, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return build.each(specs, _step)


def _step(item: Item, build: Builder) -> Step | None:
    if not (build.to_bus(item) if "fims" in item.spec else build.target(item)):
        return None
    if item.constant and item.expected_value is None and item.out_value is None:
        return _forward(item)
    otherwise_var = build.reader(item, "outNVar")
    if otherwise_var is not None and otherwise_var.param == QUALITY:
        item.reads_quality = True
    otherwise = scalar(item.spec.get("outNValue"))

    def step(var: Variable) -> None:
        value = item.admit(var)
        if value is None:
            return
        expected = item.expected()
        if expected is None or same(expected, value):
            item.write_and_call(var, item.output(value), item.quality(var))
            return
        other: Value | None = None if otherwise_var is None else otherwise_var.read()
        if other is None:
            other = otherwise
        if other is not None:
            item.write_and_call(var, other, item.quality(var))

    return step


def _forward(item: Item) -> Step:
    """The most frequent item of all, a mere copy: written out, because every call it saves is a third of it."""
    engine, slot, put = item.engine, item.target, item.put
    assert slot is not None and put is not None

    def step(var: Variable) -> None:
        cell, target = var.cell, slot.var
        if target is None or target is var or target.special or engine.quality_run:
            put(var, cell.value, cell.quality)
            return
        goal, value = target.cell, cell.value
        if goal.kind == NUMBER == cell.kind:
            if abs(value - goal.value) > goal.deadband:  # type: ignore[operator]
                goal.previous = goal.value
                goal.value = value
                goal.changed = True
                goal.changed_at = engine.now
        else:
            goal.put(value, cell.kind, engine.now)
        if goal.quality is not cell.quality:
            goal.quality = cell.quality
        if target.steps:
            engine.fire(target)

    return step
