"""CalculateVar: a variable as the sum, mean, worst ... of others, with the quality of the total."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.functions.formula import Formula, formula_of, result_of
from ess_actors.core.functions.operands import Operands, qualities_of, resolve, values_of
from ess_actors.core.quality import Quality, of_total
from ess_actors.core.variables import NUMBER, Value, Variable, finite, kind_of

Numbers = Sequence[float]


def _fold(step: Callable[[float, float], float]) -> Callable[[Numbers], float]:
    def fold(operands: Numbers) -> float:
        total = operands[0] if operands else 0.0
        for operand in operands[1:]:
            total = step(total, operand)
        return total

    return fold


def _quotient(operands: Numbers) -> float:
    return 0.0 if any(o == 0 for o in operands[1:]) else _fold(lambda a, b: a / b)(operands)


def _remainder(operands: Numbers) -> float:
    return 0.0 if any(o == 0 for o in operands[1:]) else _fold(math.fmod)(operands)


def _share(operands: Numbers) -> float:
    if not operands:
        return 0.0
    return operands[0] - operands[0] * min(1.0, sum(operands[1:]))


def _spread(operands: Numbers) -> float:
    """Population standard deviation."""
    if not operands:
        return 0.0
    mean = math.fsum(operands) / len(operands)
    return math.sqrt(math.fsum((operand - mean) ** 2 for operand in operands) / len(operands))


SCALED: Final[Mapping[str, Callable[[Numbers], float]]] = {
    "+": _fold(lambda a, b: a + b),
    "-": _fold(lambda a, b: a - b),
    "*": _fold(lambda a, b: a * b),
    "/": _quotient,
    "%": _remainder,
    "avg": lambda operands: sum(operands) / len(operands) if operands else 0.0,
    "pctOf": _share,
    "max": lambda operands: max(operands, default=0.0),
    "min": lambda operands: min(operands, default=0.0),
}
"""Operations whose result the param `scale` > 0 divides."""

UNSCALED: Final[Mapping[str, Callable[[Numbers], Value]]] = {
    "stddev": _spread,
    "and": lambda operands: all(o == 1 for o in operands),
    "or": lambda operands: any(o == 1 for o in operands),
    ">": lambda operands: operands[1] > operands[0],
    "<": lambda operands: operands[1] < operands[0],
}
OWN: Final = frozenset({"sqrt", "scale"})
"""Operations on the variable's own value."""
WATCHING: Final = frozenset({"valChangedAny", "valChangedAll"})
"""Operations on the changed flags of the operands."""
PAIRED: Final = frozenset({"<", ">"})
"""Operations that need exactly two operands."""


class _Plan:
    """What was prepared for one variable."""

    __slots__ = ("compute", "formula", "include_own", "operands", "operation", "scale", "unknown")

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.operands: Operands = resolve(engine, asset, var)
        self.operation = var.text("operation")
        self.compute: Callable[[Numbers], Value] | None = SCALED.get(self.operation) or UNSCALED.get(
            self.operation
        )
        self.include_own = var.flag("includeCurrVal")
        scale = var.number("scale")
        self.scale = scale if scale > 0 and (self.operation in SCALED or self.operation == "sqrt") else 0.0
        if self.operation == "scale":
            self.scale = scale
        self.formula: Formula | None = formula_of(var) if var.flag("useExpr") else None
        known = self.compute is not None or self.operation in OWN or self.operation in WATCHING
        self.unknown = "" if known or self.formula else f"operation {self.operation!r} is not known"
        if self.problem and engine.once(("calculate", var)):
            engine.log("warning", f"CalculateVar of {var.uri} does nothing: {self.problem}")

    @property
    def problem(self) -> str:
        """Why nothing can be calculated, "" when it can."""
        return self.operands.problem or self.unknown


def calculate_var(engine: Engine, asset: Asset, var: Variable) -> None:
    """Write the result of `operation` over `variable1`.. into the variable when it or its quality differs."""
    if var.gated and not engine.enabled(var):
        return
    plan = engine.plan("CalculateVar", asset, var, lambda: _Plan(engine, asset, var))
    assert isinstance(plan, _Plan)
    if plan.operands.stale():
        plan.operands = resolve(engine, asset, var)
    if plan.problem:
        engine.counters["not_calculated"] += 1
        return
    if engine.quality_run and (plan.include_own or plan.operation in OWN or plan.operation in WATCHING):
        _follow_quality(engine, var, plan)
        return
    if plan.formula is not None:
        _evaluate(engine, var, plan, plan.formula)
        return
    if plan.operation in WATCHING:
        _watch_changes(engine, var, plan)
        return
    if plan.operation in OWN:
        _own(engine, var, plan)
        return
    _total(engine, var, plan)


def _follow_quality(engine: Engine, var: Variable, plan: _Plan) -> None:
    """What builds on its own last result must not move on because a quality changed."""
    sources = [operand.slot.var for operand in plan.operands.operands]
    if sources and plan.operation not in WATCHING:
        engine.set_quality(var, of_total([s.cell.quality if s is not None else Quality.BAD for s in sources]))


def _total(engine: Engine, var: Variable, plan: _Plan) -> None:
    operands = _operands(var, plan)
    numbers = [operand + 0 for operand in operands or () if not isinstance(operand, str)]
    compute = plan.compute
    if (
        operands is None
        or compute is None
        or len(numbers) != len(operands)
        or (plan.operation in PAIRED and len(numbers) != 2)
    ):
        engine.counters["not_calculated"] += 1
        return
    try:
        result = compute(numbers)
        if plan.scale:
            result = result / plan.scale  # type: ignore[operator]
    except OverflowError:
        result = math.inf
    put_result(engine, var, result, of_total(qualities_of(plan.operands)))


def _evaluate(engine: Engine, var: Variable, plan: _Plan, formula: Formula) -> None:
    """An expression may also read text; an evaluation without a result gives 0 and is counted."""
    operands = _operands(var, plan)
    if operands is None:
        engine.counters["not_calculated"] += 1
        return
    put_result(engine, var, result_of(engine, var, formula, operands), of_total(qualities_of(plan.operands)))


def _operands(var: Variable, plan: _Plan) -> list[Value] | None:
    values = values_of(plan.operands)
    if values is not None and plan.include_own:
        values.insert(0, var.cell.value)
    return values


def _own(engine: Engine, var: Variable, plan: _Plan) -> None:
    value = var.cell.value
    if isinstance(value, str) or (plan.operation == "scale" and plan.scale == 0):
        engine.counters["not_calculated"] += 1
        return
    try:
        result = value / plan.scale if plan.operation == "scale" else math.sqrt(max(0.0, value))
        if plan.operation == "sqrt" and plan.scale:
            result /= plan.scale
    except OverflowError:
        result = math.inf
    put_result(engine, var, result, var.cell.quality)


def put_result(engine: Engine, var: Variable, result: Value, quality: Quality) -> None:
    """Write a result when it differs; a bool becomes 1/0 in a numeric variable."""
    cell = var.cell
    if isinstance(result, bool) and cell.kind == NUMBER:
        result = int(result)
    kind = kind_of(result)
    if kind == NUMBER and not finite(result):  # type: ignore[arg-type]
        engine.counters["not_finite"] += 1
        return
    if kind == cell.kind and cell.quality is quality:
        if kind == NUMBER:
            if abs(result - cell.value) <= cell.deadband:  # type: ignore[operator]
                return
        elif result == cell.value:
            return
    engine.write(var, result, quality)


def _watch_changes(engine: Engine, var: Variable, plan: _Plan) -> None:
    """A bool of the operands' changed flags; on a change of the result they are lowered; only true fires."""
    sources = [operand.slot.var for operand in plan.operands.operands]
    if not sources or any(source is None for source in sources):
        engine.counters["not_calculated"] += 1
        return
    flags = [source.cell.changed for source in sources if source is not None]
    result = any(flags) if plan.operation == "valChangedAny" else all(flags)
    stored: Value = int(result) if var.cell.kind == NUMBER else result
    if stored == var.cell.value:
        return
    for source in sources:
        if source is not None:
            source.cell.changed = False
    engine.write(var, stored, fire=result)


FUNCTIONS: Final[Mapping[str, Function]] = {"CalculateVar": calculate_var}
