"""The operands of a calculation: names in a context, variables, params, aggregations over child assets."""

from collections.abc import Callable
from typing import NamedTuple

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine
from ess_actors.core.quality import Quality
from ess_actors.core.uri import Reference, parse_reference
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
    counted: list[tuple[Asset, tuple[int, int]]] = []
    awaited: list[str] = []
    problem = ""
    for param in var.numbered("numVars", "variable"):
        text = var.text(param)
        operand = operand_of(engine, asset, text)
        if operand is not None:
            operands.append(operand)
            continue
        reference = aggregation_of(text)
        if reference is None:
            problem = problem or f"{param} {text!r} names no variable"
            continue
        manager = engine.assets.find_manager(reference.table)
        if manager is None:
            problem = problem or f"{param}: there is no manager {reference.table}"
            awaited.append(reference.table)
            continue
        counted.append((manager, _size(manager)))
        for child in list(manager.managers.values()) or list(manager.instances.values()):
            member = _member(engine, child, reference.name, var)
            operands.append(Operand(_slot_of(engine, member), reference.param))

    def stale() -> bool:
        return any(_size(manager) != size for manager, size in counted) or any(
            engine.assets.find_manager(name) is not None for name in awaited
        )

    return Operands(tuple(operands), problem, stale)


def operand_of(engine: Engine, asset: Asset, text: str) -> Operand | None:
    """The place that `X`, `/t:x` or `/t:x@p` names; None for anything else. A bare name that is new is created."""
    reference = parsed(text)
    if reference is None or not reference.name or reference.bit >= 0:
        return None
    if not reference.table:
        return Operand(_slot_of(engine, engine.context(asset, reference.name)), reference.param)
    if reference.table.startswith("/"):
        return Operand(engine.map.slot(reference.table, reference.name), reference.param)
    return None


def aggregation_of(text: str) -> Reference | None:
    """`<manager>:X` or `<manager>:X@p` in its parts, None for anything else."""
    reference = parsed(text)
    if reference is None or not reference.name or reference.bit >= 0:
        return None
    return reference if reference.table and not reference.table.startswith("/") else None


def parsed(text: str) -> Reference | None:
    """The parts of a colon form, None when it is none."""
    try:
        return parse_reference(text) if text else None
    except ValueError:
        return None


def _size(manager: Asset) -> tuple[int, int]:
    return len(manager.managers), len(manager.instances)


def _slot_of(engine: Engine, var: Variable) -> Slot:
    return engine.map.slot(var.table, var.name)


def _member(engine: Engine, child: Asset, name: str, result: Variable) -> Variable:
    """The variable of one child: its context name, the result's table family, or `/status/<child>`."""
    found = engine.known(child, name)
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
        found = var.params.get(operand.param)
        if isinstance(found, (bool, int, float, str)):
            return found
    return var.cell.value


def values_of(operands: Operands) -> list[Value] | None:
    """All present values, None while one of the variables is missing."""
    values: list[Value] = []
    for operand in operands.operands:
        value = value_of(operand)
        if value is None:
            return None
        values.append(value)
    return values


def qualities_of(operands: Operands) -> list[Quality]:
    """The qualities of the operands; BAD for one that is missing."""
    return [slot.var.cell.quality if slot.var is not None else Quality.BAD for slot, _ in operands.operands]
