"""The variables and numbers that the params of a function name, in the context of an asset."""

from collections.abc import Callable

from ess_actors.core.assets import Asset, variable_named
from ess_actors.core.engine import Engine
from ess_actors.core.variables import Slot, Variable


def place(engine: Engine, asset: Asset, var: Variable, param: str) -> Slot | None:
    """Where the text of a param points: `/t:x`, created as number 0 when missing, or a bare context name.
    None without the param, or (logged once) when it names no variable."""
    text = var.text(param)
    if not text:
        return None
    reference = variable_named(text)
    if reference is not None:
        engine.ensure(reference.table, reference.name, 0)
        return engine.map.slot(reference.table, reference.name)
    if not any(mark in text for mark in "/:@["):
        found = engine.context(asset, text)
        return engine.map.slot(found.table, found.name)
    if engine.once(("place", var, text)):
        engine.log("warning", f"{var.uri}@{param}: {text!r} names no variable")
    return None


def number_in(engine: Engine, asset: Asset, var: Variable, param: str) -> Callable[[], float]:
    """Reads a param that is a number, or the uri of one; a text there counts 0."""
    slot = place(engine, asset, var, param)
    if slot is None:
        constant = var.number(param)
        return lambda: constant
    return lambda: number_of(slot)


def number_of(slot: Slot | None) -> float:
    """The present value as a number, 0 for a text or a missing variable."""
    value = slot.var.cell.value if slot is not None and slot.var is not None else 0.0
    return 0.0 if isinstance(value, str) else float(value)
