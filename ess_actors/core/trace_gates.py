"""Which gates in front of actions are open now, and why, in words; the rules are those of the engine."""

from collections.abc import Mapping

from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Variable


def variable_gate(engine: Engine, var: Variable) -> tuple[bool, str]:
    """The gates of a variable, in front of all its items."""
    enable, enabled = var.params.get("enable"), var.params.get("enabled") is not False
    is_open, why = enabled, "" if enabled else "enabled is false"
    if isinstance(enable, bool):
        is_open, why = enable, f"enable is {_word(enable)}"
    elif isinstance(enable, str):
        value, absent = _gate(engine, enable)
        if absent:
            why = ", ".join(part for part in (absent, why) if part)
        else:
            is_open, why = value is True, f"{enable} is {_word(value)}"
    if is_open and var.params.get("ifChanged") is True:
        flag = "up" if var.cell.changed else "down"
        why = f"ifChanged: only on a change (the changed flag is {flag})" + (f"; {why}" if why else "")
    return is_open, why


def item_gate(engine: Engine, item: Mapping[str, object]) -> tuple[bool, str]:
    """The gates of one item."""
    is_open, why = _item_enable(engine, item)
    if is_open and item.get("ifChanged") is True:
        why = "ifChanged: only on a change" + (f"; {why}" if why else "")
    return is_open, why


def _item_enable(engine: Engine, item: Mapping[str, object]) -> tuple[bool, str]:
    enable = item.get("enable")
    if isinstance(enable, str):
        value, absent = _gate(engine, enable)
        if absent:
            return True, absent
        state, why = value is True, f"{enable} is {_word(value)}"
    elif isinstance(enable, bool):
        state, why = enable, f"enable is {_word(enable)}"
    else:
        state = item.get("enabled") is not False
        return state, "" if state else "enabled is false"
    if not state and item.get("enabled") is True:
        return True, f"{why}, but enabled is true"
    return state, why


def _gate(engine: Engine, text: str) -> tuple[object, str]:
    """The value of a gate, or what is said when there is none."""
    try:
        reference = parse_reference(text)
    except ValueError:
        return None, f"{text!r} names no gate"
    var = engine.map.find(reference.table, reference.name)
    if var is None:
        return None, f"{text} does not exist"
    value: object = var.cell.value
    if reference.param == "quality" and "quality" not in var.params:
        value = var.cell.quality.name
    elif reference.param:
        value = var.params.get(reference.param, 0)
    if reference.bit >= 0:
        value = isinstance(value, int | float) and bool(int(value) >> reference.bit & 1)
    return value, ""


def _word(value: object) -> str:
    shown = plain(value)
    return str(shown).lower() if isinstance(shown, bool) else repr(shown)
