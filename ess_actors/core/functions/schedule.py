"""RunSched, StopSched, HandleSchedLoad: what runs when; and the run of a scheduled item."""

import math
from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset, variable_named
from ess_actors.core.engine import Engine, Function
from ess_actors.core.scheduler import LONGEST, SHORTEST, Item, advanced, first_run
from ess_actors.core.variables import Variable

NOTHING: Final = "none"
_TIMES: Final = ("every", "in", "after", "for")
_AT_REST: Final = 0.0
"""The very object that RunSched leaves in `offset`: it reads 0, and still is no offset that somebody gave."""


def target_of(engine: Engine, uri: str) -> Variable | None:
    """The variable of a colon form, created as number 0; None (logged once) when it is none."""
    reference = variable_named(uri)
    if reference is None:
        engine.counters["bad_target"] += 1
        if engine.once(("target", uri)):
            engine.log("warning", f"{uri!r} names no variable: write /table:name")
        return None
    return engine.ensure(reference.table, reference.name, 0)


def _seconds(var: Variable, param: str) -> float:
    return min(max(0.0, var.number(param)), LONGEST)


def _period(var: Variable, param: str) -> float:
    every = _seconds(var, param)
    return max(SHORTEST, every) if every else 0.0


def _register(engine: Engine, item: Item, target: Variable) -> None:
    item.slot = engine.map.slot(target.table, target.name)
    item.slot.var = item.slot.var or target
    engine.scheduler.add(item)
    params = target.params
    params.update({"every": item.every, "runTime": item.base, "runCnt": 0, "skipped": 0})
    params.pop("endTime", None)
    if item.end < math.inf:
        params["endTime"] = item.end


def run_sched(engine: Engine, asset: Asset, var: Variable) -> None:
    """Schedule the variable named by param `uri`; times every, in, after, for, offset in seconds."""
    uri = var.text("uri", NOTHING)
    if uri == NOTHING:
        return
    target = target_of(engine, uri)
    if target is not None:
        every = _period(var, "every")
        given = var.params.get("offset", _AT_REST) is not _AT_REST
        offset = math.fmod(var.number("offset"), every) if given and every else None
        first = first_run(engine.now, every, offset, _seconds(var, "in"), _seconds(var, "after"))
        lasting = _seconds(var, "for")
        end = first + lasting if lasting else math.inf
        _register(engine, Item(target.uri, every, first, end), target)
    var.params.update(dict.fromkeys(_TIMES, 0), uri=NOTHING, offset=_AT_REST)


def stop_sched(engine: Engine, asset: Asset, var: Variable) -> None:
    """End the item of param `uri` (its id, or its variable) in `in` seconds."""
    uri = var.text("uri", NOTHING)
    if uri == NOTHING:
        return
    scheduler = engine.scheduler
    id_ = uri if uri in scheduler.items else _own_uri(engine, uri)
    item, end = scheduler.items.get(id_), engine.now + _seconds(var, "in")
    if not scheduler.stop(id_, end):
        engine.log("info", f"{var.uri}: {uri} is not scheduled")
    elif item is not None and item.slot is not None and item.slot.var is not None:
        item.slot.var.params["endTime"] = end
    var.params.update({"uri": NOTHING, "in": 0})


def _own_uri(engine: Engine, uri: str) -> str:
    """The uri of the variable itself; a link gives it further names."""
    table, _, name = uri.partition(":")
    found = engine.map.find(table, name)
    return uri if found is None else found.uri


def handle_sched_load(engine: Engine, asset: Asset, var: Variable) -> None:
    """Schedule directly: the value is the id, an empty text nothing, no text the id that RunSched gives.

    `uri` (with `targ`, when it names a table) is the target, written with the time or handed to `fcn` in the
    context `amap`. The first run is at `refTime` + n * `repTime`, not before now + `runAfter`; the last before
    `runFor` seconds after it and before `endTime`.
    """
    named = var.cell.value
    if named == "":
        return
    uri, suffix = var.text("uri"), var.text("targ")
    if suffix and ":" not in uri:
        uri = suffix if ":" in suffix else f"{uri}:{suffix}"
    function = var.text("fcn")
    target = var if function and not uri else target_of(engine, uri)
    if target is None:
        return
    every = _period(var, "repTime")
    reference = min(var.number("refTime"), LONGEST)
    first = advanced(reference, every, engine.now + _seconds(var, "runAfter"))
    end = math.inf
    if lasting := _seconds(var, "runFor"):
        end = first + lasting
    if latest := _seconds(var, "endTime"):
        end = min(end, latest)
    owner = engine.assets.find(var.text("amap")) or engine.assets.root
    id_ = named if isinstance(named, str) else target.uri
    item = Item(id_, every, first, end, function=function, asset=owner)
    _register(engine, item, target)


def run_item(engine: Engine, item: Item) -> None:
    """One run of a scheduled item: write now into its target, whose actions do the work, or call its function."""
    target = item.slot.var if item.slot is not None else None
    if target is None or item.ended or target.params.get("enabled") is False:
        return
    item.count += 1
    engine.scheduler.runs += 1
    target.params.update({"runTime": engine.now, "runCnt": item.count, "skipped": item.skipped})
    if item.function:
        engine.call(item.function, item.asset or engine.assets.root, target)
    else:
        engine.write(target, engine.now)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "RunSched": run_sched,
    "StopSched": stop_sched,
    "HandleSchedLoad": handle_sched_load,
}
