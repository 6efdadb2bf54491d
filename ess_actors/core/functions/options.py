"""SchedItemOpts: go through the options of a variable and write, set or call what each of them names."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset, variable_named
from ess_actors.core.engine import Engine, Function
from ess_actors.core.functions.schedule import target_of
from ess_actors.core.variables import NO_KIND, Variable, kind_of


def sched_item_opts(engine: Engine, asset: Asset, var: Variable) -> None:
    """Go through the options: write to the `uri` of each, or hand it to `targav`, or call `targfunc`.

    The target is the entry's `uri` with `targVar` behind it. `targVal` is written there; else the whole entry is
    set to `targav`; else the entry's value is written. Then `targfunc` is called, in the context `aname`.
    """
    for entry in list(var.options) if isinstance(var.options, list) else ():
        if isinstance(entry, dict):
            _entry(engine, var, entry)


def _entry(engine: Engine, var: Variable, entry: Mapping[str, object]) -> None:
    uri = entry.get("uri")
    named = f"{uri}{var.text('targVar')}" if isinstance(uri, str) and uri else ""
    if named and "targVal" in var.params:
        _write(engine, named, var.params["targVal"])
    elif targav := var.text("targav"):
        target = target_of(engine, targav)
        if target is not None:
            engine.apply(target.table, target.name, dict(entry))
    elif named and "value" in entry:
        _write(engine, named, entry["value"])
    function = var.text("targfunc")
    if function and named:
        target = target_of(engine, named)
        if target is not None:
            engine.call(function, engine.assets.find(var.text("aname")) or engine.assets.root, target)


def _write(engine: Engine, uri: str, value: object) -> None:
    """Write a value, a param or a bit, as an action would."""
    reference = variable_named(uri)
    if reference is None or kind_of(value) == NO_KIND:
        engine.counters["bad_target"] += 1
        if engine.once(("target", uri)):
            engine.log("warning", f"{uri!r} cannot be written: a value needs /table:name")
        return
    first = value if not reference.param and reference.bit < 0 else 0 if reference.bit >= 0 else False
    var = engine.ensure(reference.table, reference.name, first)  # type: ignore[arg-type]
    if reference.param:
        engine.set_param(var, reference.param, value)
    elif reference.bit < 0:
        engine.write(var, value)  # type: ignore[arg-type]
    elif isinstance(value, bool):
        engine.set_bit(var, reference.bit, value)


FUNCTIONS: Final[Mapping[str, Function]] = {"SchedItemOpts": sched_item_opts}
