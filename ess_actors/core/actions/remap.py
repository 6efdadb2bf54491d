"""remap: hand the value on, to another variable or to the bus."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import QUALITY, Item, same, scalar
from ess_actors.core.variables import Step, Value, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return [_step(item, build) for item in build.items(specs, _prepare)]


def _prepare(item: Item, build: Builder) -> bool:
    return build.to_bus(item) if "fims" in item.spec else build.target(item)


def _step(item: Item, build: Builder) -> Step:
    otherwise_var = build.reader(item, "outNVar")
    if otherwise_var is not None and otherwise_var.param == QUALITY:
        item.reads_quality = True
    otherwise = scalar(item.spec.get("outNValue"))
    put = item.put
    unconditional = item.expected_value is None and item.expected_var is None
    named_output = item.out_time is not None or item.out_var is not None or item.out_value is not None
    if item.bare and unconditional and not named_output and not item.function and put is not None:

        def forward(var: Variable) -> None:
            cell = var.cell
            put(var, cell.value, cell.quality)

        return forward

    def step(var: Variable) -> None:
        value = item.admit(var)
        if value is None:
            return
        expected = item.expected()
        if expected is None or same(expected, value):
            item.write(var, item.output(value), item.quality(var))
            return
        other: Value | None = None if otherwise_var is None else otherwise_var.read()
        if other is None:
            other = otherwise
        if other is not None:
            item.write(var, other, item.quality(var))

    return step
