"""The operands of a calculation: names in a context, variables, params, aggregations over child assets."""

from collections.abc import Callable
from typing import NamedTuple

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Slot, Value, Variable


class Operand(NamedTuple):
    """One operand: a place and, when named, a param of it."""

    slot: Slot
    param: str


class Operands(NamedTuple):
    """All operands in order; `stale()` is True when an aggregated asset has got other children since."""

    operands: tuple[Operand, ...]
    problem: str
    stale: Callable[[], bool]


def resolve(engine: Engine, asset: Asset, var: Variable) -> Operands:
    """The operands that the params `variable1`.. of a variable name; `problem` says what is unusable."""
    operands: list[Operand] = []
    counted: list[tuple[Asset, int]] = []
    problem = ""
    for index in range(1, int(var.number("numVars")) + 1):
        text = var.text(f"variable{index}")
        try:
            reference = parse_reference(text) if text else None
        except ValueError:
            reference = None
        if reference is None or not reference.name:
            problem = problem or f"variable{index} {text!r} names no variable"
        elif not reference.table:
            operands.append(Operand(_slot_of(engine, engine.context(asset, reference.name)), reference.param))
        elif reference.table.startswith("/"):
            operands.append(Operand(engine.map.slot(reference.table, reference.name), reference.param))
        else:
            manager = engine.assets.find_manager(reference.table)
            if manager is None:
                problem = problem or f"variable{index}: there is no manager {reference.table}"
                continue
            children = list(manager.managers.values()) or list(manager.instances.values())
            counted.append((manager, _size(manager)))
            for child in children:
                member = _member(engine, child, reference.name, var)
                operands.append(Operand(_slot_of(engine, member), reference.param))
    return Operands(
        tuple(operands), problem, lambda: any(_size(manager) != size for manager, size in counted)
    )


def _size(manager: Asset) -> int:
    return len(manager.managers) * 10_000 + len(manager.instances)


def _slot_of(engine: Engine, var: Variable) -> Slot:
    return engine.map.slot(var.table, var.name)


def _member(engine: Engine, child: Asset, name: str, result: Variable) -> Variable:
    """The variable of one child: its context name, the result's table family, or `/status/<child>`."""
    found = child.context.get(name)
    if found is None:
        family = "/" + result.table.split("/", 2)[1]
        found = engine.map.find(f"{family}/{child.name}", name)
    return engine.context(child, name) if found is None else found


def value_of(operand: Operand) -> Value | None:
    """The present value (a missing param: that of the variable), None while the variable is missing."""
    var = operand.slot.var
    if var is None:
        return None
    if operand.param:
        param = var.params.get(operand.param)
        if isinstance(param, (bool, int, float, str)):
            return param
    return var.cell.value
