"""limits: clamp the set variable itself between two bounds, without firing its actions again."""

from collections.abc import Sequence

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item
from ess_actors.core.reader import Reader
from ess_actors.core.variables import Step, Variable


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step per item."""
    return build.each(specs, _step)


def _step(item: Item, build: Builder) -> Step:
    engine = build.engine
    low_var, high_var = build.reader(item, "lowVar"), build.reader(item, "highVar")
    low_value = build.number(item, "low") if "low" in item.spec else None
    high_value = build.number(item, "high") if "high" in item.spec else None

    def step(var: Variable) -> None:
        value = item.admit(var)
        if value is None or isinstance(value, (bool, str)):
            return
        clamped = _bounded(value, _bound(low_var, low_value), _bound(high_var, high_value))
        if clamped != value:
            engine.clamp(var, clamped, item.quality(var))
            engine.marking = False  # a bound moved: in a quality run too, what follows is a new value

    return step


def _bound(reader: Reader | None, constant: float | None) -> float | None:
    """The bound in force: a number, or None when it is missing or of another kind."""
    read = None if reader is None else reader.read()
    bound = constant if read is None else read
    return None if bound is None or isinstance(bound, (bool, str)) else bound


def _bounded(value: float, low: float | None, high: float | None) -> float:
    if low is not None and value < low:
        value = low
    return high if high is not None and value > high else value
