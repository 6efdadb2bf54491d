"""How variables look in bodies: naked, clothed, full and ui."""

from collections.abc import Callable, Mapping
from typing import Final

from ess_actors.core.quality import Quality
from ess_actors.core.tables import Table
from ess_actors.core.variables import Variable

Shape = Callable[[Variable], object]


def plain(value: object) -> object:
    """A whole number without a decimal point; everything else as it is. Beyond 2**53 numbers stay floats."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and -9e15 < value < 9e15 else value
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    return value


DEEPEST: Final = 64
"""Levels of a body inside one another: what is kept of it must be written again, inside the levels of an answer."""


def too_deep(body: object, most: int) -> bool:
    """Whether a JSON value has more than so many levels of objects and arrays inside one another."""
    level = [body]
    for _ in range(most + 1):
        level = [one for one in level if one.__class__ is dict or one.__class__ is list]
        if not level:
            return False
        level = [each for one in level for each in (one.values() if isinstance(one, dict) else one)]  # type: ignore[attr-defined]
    return True


def naked(var: Variable) -> object:
    """`1`"""
    return plain(var.cell.value)


def clothed(var: Variable) -> dict[str, object]:
    """`{"value":1}`, with the alarm list (severity as return_value) where there is one."""
    body: dict[str, object] = {"value": plain(var.cell.value)}
    if var.alarms is not None:
        body["options"] = [{"name": entry.message, "return_value": entry.severity} for entry in var.alarms]
    if var.cell.quality is not Quality.GOOD:
        body["quality"] = var.cell.quality.name
    return body


def full(var: Variable) -> dict[str, object]:
    """Value, params, options and actions."""
    body = clothed(var)
    for name in sorted(var.params):
        body.setdefault(name, plain(var.params[name]))
    if var.options is not None and "options" not in body:
        body["options"] = var.options
    if var.actions is not None:
        body["actions"] = var.actions
    return body


def ui(var: Variable) -> dict[str, object]:
    """Value and `enabled`; options when it has any; active alarms (source value as return_value) instead."""
    body: dict[str, object] = {"value": plain(var.cell.value)}
    if var.alarms is not None:
        body["options"] = [{"name": e.message, "return_value": plain(e.value)} for e in var.alarms]
    elif var.options:
        body["options"] = var.options
        body["enabled"] = var.params.get("enabled", True)
    else:
        body["enabled"] = True
    if var.cell.quality is not Quality.GOOD:
        body["quality"] = var.cell.quality.name
    return body


SHAPES: Final[Mapping[str, Shape]] = {"naked": naked, "clothed": clothed, "full": full, "ui": ui}


def of_table(table: Table, shape: Shape) -> dict[str, object]:
    """Every variable of a table in its order; the `name` of a UI table is naked."""
    body: dict[str, object] = {name: shape(var) for name, var in table.ordered()}
    if table.ui is not None and "name" in body:
        body["name"] = naked(table.variables["name"])
    return body


def marks_of(table: Table) -> dict[str, int] | None:
    """The members that are not GOOD, None when all are."""
    marks = {
        name: int(v.cell.quality) for name, v in table.variables.items() if v.cell.quality is not Quality.GOOD
    }
    return marks or None
