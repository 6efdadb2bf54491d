"""Which gates in front of actions are open now, as the engine itself says, and why, in words."""

from collections.abc import Mapping

from ess_actors.core.actions.item import Item
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.reader import Reader
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Variable


def variable_gate(engine: Engine, var: Variable) -> tuple[bool, str]:
    """The gates of a variable, in front of all its items."""
    is_open, enable = engine.enabled(var), var.params.get("enable")
    why, absent = _said(engine, enable)
    if absent or not why:
        why = ", ".join(part for part in (absent, "" if var.enabled else "enabled is false") if part)
    if is_open and var.if_changed:
        flag = "up" if var.cell.changed else "down"
        why = f"ifChanged: only on a change (the changed flag is {flag})" + (f"; {why}" if why else "")
    return is_open, why


def item_gate(engine: Engine, spec: Mapping[str, object]) -> tuple[bool, str]:
    """The gates of one item."""
    item, enable = Item(engine, spec), spec.get("enable")
    why, absent = _said(engine, enable)
    if isinstance(enable, str):
        item.gate = _reader(engine, enable)
        if item.gate is None:
            return False, f"{absent}: the item does not run"
    is_open = not item.off and item.admitted()
    if absent:
        why = absent
    elif not why:
        why = "" if is_open else "enabled is false"
    elif is_open and item.forced and not why.endswith(" is true"):
        why += ", but enabled is true"
    if is_open and item.if_changed:
        why = "ifChanged: only on a change" + (f"; {why}" if why else "")
    return is_open, why


def _said(engine: Engine, enable: object) -> tuple[str, str]:
    """What an `enable` is now, and what is said when it names nothing that is there."""
    if isinstance(enable, bool):
        return f"enable is {_word(enable)}", ""
    if not isinstance(enable, str):
        return "", ""
    reader = _reader(engine, enable)
    if reader is None:
        return "", f"{enable!r} names no gate"
    if reader.slot.var is None:
        return "", f"{enable} does not exist"
    return f"{enable} is {_word(reader.read())}", ""


def _reader(engine: Engine, text: str) -> Reader | None:
    try:
        reference = parse_reference(text)
    except ValueError:
        return None
    return Reader(engine.map, reference) if reference.table.startswith("/") and reference.name else None


def _word(value: object) -> str:
    shown = plain(value)
    return str(shown).lower() if isinstance(shown, bool) else repr(shown)
