"""What can be said about the variables that functions are called with, when all documents are loaded."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ess_actors.core.engine import Engine
from ess_actors.core.expression import ExpressionError, compile_expression
from ess_actors.core.findings import Severity
from ess_actors.core.functions.calculate import OWN, PAIRED, SCALED, UNSCALED, WATCHING
from ess_actors.core.functions.monitor import LIMIT_SIDES
from ess_actors.core.functions.operands import aggregation_of, parsed
from ess_actors.core.lint_alarms import lint_alarm
from ess_actors.core.remarks import Remarks
from ess_actors.core.variables import Variable

_LISTS: Final = "/schedule/"
_OPERATOR: Final = re.compile(r"[{}+*/%<>=!&|^~]")
"""What is not expected inside a word: a blank was forgotten."""
_MODES: Final = ("EnableStateCheck", "EnableConditionCheck", *(switch for switch, _ in LIMIT_SIDES))


def lint_functions(engine: Engine, remarks: Remarks) -> None:
    """Go over all calls that the documents make; remarks name table and variable."""
    seen: set[tuple[str, Variable]] = set()
    for function, var in _calls(engine):
        look = _LOOKS.get(function)
        if look is not None and (function, var) not in seen:
            seen.add((function, var))
            remarks.parts = (var.table, var.name)
            look(engine, remarks, var)
    remarks.parts = ()


def _calls(engine: Engine) -> Iterator[tuple[str, Variable]]:
    """(function, variable) of every entry of a monitor list and of every action item with a `func`."""
    for uri in engine.map.uris():
        listed = uri.startswith(_LISTS)
        for name, var in engine.map.tables[uri].ordered():
            if listed:
                called = _variable(engine, name)
                if called is not None:
                    yield var.text("func"), called
            elif var.actions:
                yield from _of_items(engine, var)


def _of_items(engine: Engine, var: Variable) -> Iterator[tuple[str, Variable]]:
    for kind, item in _items(var.actions):
        function = item.get("func")
        if isinstance(function, str):
            fields = ("var", "inAv") if kind == "func" else ("uri",)
            named = next((text for field in fields if isinstance(text := item.get(field), str)), None)
            called = var if named is None else _variable(engine, named)
            if called is not None:
                yield function, called


def _items(actions: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    blocks = actions.get("onSet") if isinstance(actions, dict) else ()
    for block in blocks if isinstance(blocks, list) else [blocks]:
        for kind, items in block.items() if isinstance(block, dict) else ():
            for item in items if isinstance(items, list) else [items]:
                if isinstance(item, dict):
                    yield kind, item


def _variable(engine: Engine, text: str) -> Variable | None:
    reference = parsed(text)
    return None if reference is None else engine.map.find(reference.table, reference.name)


def _warn(remarks: Remarks, code: str, text: str, hint: str, *below: str) -> None:
    remarks.add(Severity.WARNING, code, text, hint, below)


# --- the functions ----------------------------------------------------------------------------------------------


def _monitor(engine: Engine, remarks: Remarks, var: Variable) -> None:
    lint_alarm(engine, remarks, var)
    if not any(mode in var.params for mode in _MODES):
        text = "CheckMonitorVar is called, but none of the Enable...Check params is there"
        _warn(remarks, "monitor-without-mode", text, f"one of {', '.join(_MODES)}")
    if "EnableStateCheck" in var.params or "EnableConditionCheck" in var.params:
        return
    for switch, side in LIMIT_SIDES:
        if var.flag(switch):
            _side(remarks, var, side, ">" if side == "Max" else "<")


def _side(remarks: Remarks, var: Variable, side: str, sign: str) -> None:
    if f"{side}ResetValue" not in var.params and "deadband" not in var.params:
        back = "below" if side == "Max" else "above"
        text = f"without {side}ResetValue the monitor recovers only {back} 0"
        _warn(
            remarks,
            "monitor-reset",
            text,
            f"set {side}ResetValue to where the value is normal again, or deadband",
        )
    for level in ("Alarm", "Fault") if var.flag("EnableFaultCheck") else ("Alarm",):
        param = f"{side}{level}Threshold"
        if var.number(param) == 0 and (side == "Max" or param not in var.params):
            text = f"{param} is 0: every value {sign} 0 is {'an alarm' if level == 'Alarm' else 'a fault'}"
            _warn(remarks, "monitor-threshold", text, "set the threshold, or switch the check off")


def _command(engine: Engine, remarks: Remarks, var: Variable) -> None:
    if var.number("checkCmdHoldTimeout") <= 0:
        text = "checkCmdHoldTimeout is 0: the command just written counts as what the device took"
        hint = "set it longer than the device's poll period"
        remarks.add(Severity.NOTE, "command-hold", text, hint)
    if var.flag("useExpr"):
        _expression(engine, remarks, var)


def _calculation(engine: Engine, remarks: Remarks, var: Variable) -> None:
    operation = var.text("operation")
    known = operation in SCALED or operation in UNSCALED or operation in OWN or operation in WATCHING
    if var.flag("useExpr"):
        _expression(engine, remarks, var)
    elif not known:
        every = ", ".join(sorted({*SCALED, *UNSCALED, *OWN, *WATCHING}))
        text = f"operation {operation!r} is not known, nothing is calculated"
        _warn(remarks, "unknown-operation", text, f"one of {every}", "operation")
    elif operation not in OWN:
        many = _operands(engine, remarks, var)
        if operation in PAIRED and many not in (2, None):
            text = f"operation {operation} needs two operands and has {many}"
            _warn(remarks, "operand-count", text, "see numVars and variable1, variable2", "operation")


def _expression(engine: Engine, remarks: Remarks, var: Variable) -> None:
    many = _operands(engine, remarks, var)
    try:
        expression = compile_expression(var.text("expression"))
    except ExpressionError:
        return  # told where the expression stands
    if many is not None and expression.slots > many:
        text = f"the expression reads {{{expression.slots}}}, there are {many} operands"
        _warn(remarks, "operand-count", text, "see numVars and variable1..", "expression")
    for word in expression.words:
        if _OPERATOR.search(word):
            text = f"{word!r} in the expression is taken as a text"
            _warn(
                remarks,
                "expression-word",
                text,
                "put blanks around operators, quote what is text",
                "expression",
            )


def _operands(engine: Engine, remarks: Remarks, var: Variable) -> int | None:
    """How many operands there are, None when that depends on the asset tree or one is unusable."""
    many: int | None = int(var.flag("includeCurrVal"))
    listed = var.numbered("numVars", "variable")
    for param in listed:
        text = var.text(param)
        manager = aggregation_of(text)
        if manager is not None:
            many = None
            if engine.assets.find_manager(manager.table) is None:
                problem = f"there is no manager {manager.table}, nothing is calculated"
                _warn(remarks, "unknown-manager", problem, "name a manager of the asset tree", param)
        elif (reference := parsed(text)) is None or not reference.name or reference.bit >= 0:
            many = None
            problem = f"{param} {text!r} names no variable, nothing is calculated"
            _warn(remarks, "bad-operand", problem, "write X, /table:X or manager:X")
        elif many is not None:
            many += 1
    if not listed and "variable1" in var.params:
        _warn(remarks, "operand-count", "without numVars no operand is read", "set numVars")
    return many


_LOOKS: Final[Mapping[str, Callable[[Engine, Remarks, Variable], None]]] = {
    "process_sys_alarm": lint_alarm,
    "CheckMonitorVar": _monitor,
    "HandleCmd": _command,
    "CalculateVar": _calculation,
}
