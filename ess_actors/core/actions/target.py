"""Where an action writes: a variable, a param, a bit, or a table named by a text; with the self guard."""

# While the engine is marking (only a quality changed) a variable is marked; a param or a bit stays as it is.

from collections.abc import Callable
from typing import Final

from ess_actors.core.actions.item import Put
from ess_actors.core.engine import Engine
from ess_actors.core.quality import Quality
from ess_actors.core.uri import MOST_SEGMENTS, Reference
from ess_actors.core.variables import Slot, Value, Variable

_REMEMBERED: Final = 256
"""Tables that one item knows the way to; when a text names more of them it begins anew."""


def _guarded(engine: Engine, key: object) -> Callable[[Variable], None]:
    def guard(var: Variable) -> None:
        engine.counters["loop_guard"] += 1
        if engine.once(("loop", key)):
            engine.log(
                "warning",
                f"an action of {var.uri} targets {var.uri} itself; give it useAv to write without firing",
            )

    return guard


def _new(engine: Engine, slot: Slot, value: Value) -> Variable | None:
    """A missing target is created, but not in a locked table."""
    if engine.map.table(slot.table).locked:
        engine.counters["locked_ignored"] += 1
        return None
    return engine.map.create(slot.table, slot.name, value, engine.now)


def to_variable(engine: Engine, slot: Slot, use_av: bool) -> Put:
    """Force kind and value on the variable and fire its actions (not with useAv)."""
    guard = _guarded(engine, slot)
    write = engine.write
    fire = not use_av

    def put(source: Variable, value: Value, quality: Quality) -> None:
        target = slot.var
        if target is None:
            target = _new(engine, slot, value)
            if target is None:
                return
        elif engine.marking:
            if not fire:
                target.cell.quality = quality
            elif target is not source:
                engine.set_quality(target, quality)
            return
        elif target is source and fire:
            guard(source)
            return
        write(target, value, quality, fire)

    return put


def to_param(engine: Engine, slot: Slot, param: str, use_av: bool) -> Put:
    """Set a param; a missing variable is created as false."""
    guard = _guarded(engine, slot)

    def put(source: Variable, value: Value, quality: Quality) -> None:
        target = slot.var
        if engine.marking:
            return
        if target is source and not use_av:
            guard(source)
            return
        if target is None:
            target = _new(engine, slot, False)
        if target is None:
            return
        if target.params.get(param) != value or kind_differs(target.params.get(param), value):
            engine.set_param(target, param, value)

    return put


def kind_differs(left: object, right: object) -> bool:
    """True for 1 against true, which Python calls equal."""
    return isinstance(left, bool) is not isinstance(right, bool)


def to_bit(engine: Engine, slot: Slot, bit: int, use_av: bool) -> Put:
    """Set or clear one bit, only for a bool output; the word's quality follows; no actions."""
    guard = _guarded(engine, slot)

    def put(source: Variable, value: Value, quality: Quality) -> None:
        target = slot.var
        if engine.marking:
            return
        if target is source and not use_av:
            guard(source)
            return
        if not isinstance(value, bool):
            return
        if target is None:
            target = _new(engine, slot, 0)
        if target is not None:
            engine.set_bit(target, bit, value, force=True)

    return put


def to_named_table(engine: Engine, selector: Slot, name: str, use_av: bool) -> Put:
    """The table is the present text of a variable (`ruri` items)."""
    known: dict[str, Put] = {}

    def put(source: Variable, value: Value, quality: Quality) -> None:
        chosen = None if selector.var is None else selector.var.cell.value
        if not isinstance(chosen, str) or not chosen.startswith("/"):
            engine.counters["bad_ruri"] += 1
            return
        write = known.get(chosen)
        if write is None:
            if chosen.count("/") > MOST_SEGMENTS:
                engine.counters["bad_ruri"] += 1
                return
            if len(known) >= _REMEMBERED:
                known.clear()
            write = known[chosen] = to_variable(engine, engine.map.slot(chosen, name), use_av)
        write(source, value, quality)

    return put


def to_reference(engine: Engine, reference: Reference, use_av: bool) -> Put:
    """The put of a parsed colon form."""
    slot = engine.map.slot(reference.table, reference.name)
    if reference.bit >= 0 and not reference.param:
        return to_bit(engine, slot, reference.bit, use_av)
    if reference.param:
        return to_param(engine, slot, reference.param, use_av)
    return to_variable(engine, slot, use_av)
