"""RunSched, StopSched, SchedItemOpts: what runs when."""

import math
from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.scheduler import LONGEST, SHORTEST, Item, first_run
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import NO_KIND, Variable, kind_of

NOTHING: Final = "none"
_TIMES: Final = ("every", "in", "after", "for")


def _target(engine: Engine, uri: str) -> Variable | None:
    """The variable of a colon form, created as number 0; None when it is none."""
    try:
        reference = parse_reference(uri)
    except ValueError:
        return None
    if not reference.table.startswith("/") or not reference.name:
        return None
    return engine.ensure(reference.table, reference.name, 0)


def run_sched(engine: Engine, asset: Asset, var: Variable) -> None:
    """Schedule the variable named by param `uri`; times every, in, after, for, offset in seconds."""
    uri = var.text("uri", NOTHING)
    if uri == NOTHING:
        return
    target = _target(engine, uri)
    if target is None:
        engine.log("warning", f"{var.uri}: {uri!r} cannot be scheduled, it names no variable")
    else:
        every = _seconds(var, "every")
        every = max(SHORTEST, every) if every else 0.0
        offset = var.number("offset") if "offset" in var.params else None
        if offset is not None and every:
            offset = math.fmod(offset, every)
        first = first_run(engine.now, every, offset, _seconds(var, "in"), _seconds(var, "after"))
        lasting = _seconds(var, "for")
        item = Item(target.uri, every, first, first + lasting if lasting > 0 else math.inf)
        engine.scheduler.add(item)
        target.params.update({"every": every, "runTime": first, "runCnt": 0, "skipped": 0})
        if lasting > 0:
            target.params["endTime"] = item.end
    var.params["uri"] = NOTHING
    for name in _TIMES:
        var.params[name] = 0
    var.params.pop("offset", None)


def _seconds(var: Variable, param: str) -> float:
    return min(max(0.0, var.number(param)), LONGEST)


def stop_sched(engine: Engine, asset: Asset, var: Variable) -> None:
    """End the item of param `uri` in `in` seconds."""
    uri = var.text("uri", NOTHING)
    if uri != NOTHING and not engine.scheduler.stop(uri, engine.now + var.number("in")):
        engine.log("info", f"{var.uri}: {uri} is not scheduled")
    var.params["uri"] = NOTHING
    var.params["in"] = 0


def run_item(engine: Engine, item: Item) -> None:
    """One run of a scheduled item: write now into its target, whose actions do the work."""
    target = _target(engine, item.target)
    if target is None or target.params.get("enabled") is False:
        return
    target.params.update({"runTime": engine.now, "runCnt": item.count, "skipped": item.skipped})
    target.cell.put(engine.now, 0, engine.now)
    engine.launch(target)


def sched_item_opts(engine: Engine, asset: Asset, var: Variable) -> None:
    """Go through the variable's options: write values to their targets, or hand each entry to `targav`."""
    for entry in list(var.options) if isinstance(var.options, list) else ():
        if isinstance(entry, dict):
            _entry(engine, var, entry)


def _entry(engine: Engine, var: Variable, entry: Mapping[str, object]) -> None:
    params = var.params
    uri = entry.get("uri")
    named = f"{uri}{var.text('targVar')}" if isinstance(uri, str) else ""
    targav = params.get("targav")
    if "targVal" in params and named:
        _write(engine, named, params["targVal"])
    elif isinstance(targav, str):
        reference = parse_reference(targav)
        engine.apply(reference.table, reference.name, dict(entry))
    elif named and "value" in entry:
        _write(engine, named, entry["value"])
    function = params.get("targfunc")
    if isinstance(function, str) and named:
        target = _target(engine, named)
        owner = engine.assets.find(var.text("aname")) or engine.assets.root
        if target is not None:
            engine.call(function, owner, target)


def _write(engine: Engine, uri: str, value: object) -> None:
    if kind_of(value) == NO_KIND:
        engine.counters["bad_member"] += 1
        return
    reference = parse_reference(uri)
    var = engine.ensure(reference.table, reference.name, value)  # type: ignore[arg-type]
    if reference.param:
        engine.set_param(var, reference.param, value)
    else:
        engine.write(var, value)  # type: ignore[arg-type]


FUNCTIONS: Final[Mapping[str, Function]] = {
    "RunSched": run_sched,
    "StopSched": stop_sched,
    "SchedItemOpts": sched_item_opts,
}
