"""An expression over the operands of a variable: of a calculation, or as the pre-condition of a command."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ess_actors.core.engine import Engine
from ess_actors.core.expression import ExpressionError, compile_expression
from ess_actors.core.variables import Value, Variable

Formula: TypeAlias = Callable[[Sequence[Value]], Value]


def formula_of(var: Variable) -> Formula:
    """The param `expression`, compiled. One that does not parse fails when it is evaluated."""
    text = var.text("expression")
    try:
        return compile_expression(text)
    except ExpressionError as error:
        reason = f"{text!r} does not parse: {error}"

    def fail(_operands: Sequence[Value]) -> Value:
        raise ExpressionError(reason)

    return fail


def result_of(engine: Engine, var: Variable, formula: Formula, operands: Sequence[Value]) -> Value:
    """The value; number 0 and a count for an evaluation that has none."""
    try:
        return formula(operands)
    except (ExpressionError, OverflowError) as error:
        engine.counters["expr_errors"] += 1
        if engine.once(("expression", var)):
            engine.log("warning", f"expression of {var.uri}: {error}")
        return 0
