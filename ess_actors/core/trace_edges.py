"""Who writes whom in one instance, read off its actions, lists, links and schedule as they stand now."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine
from ess_actors.core.uri import Reference, parse_reference
from ess_actors.core.variables import Variable

SCHEDULE: Final = "/schedule/"
SCHEDULER: Final = "scheduler"
LISTS: Final = frozenset({"RunMonitor", "RunMonitorList"})
_NO_ITEM: Final[Mapping[str, object]] = {}


class Edge(NamedTuple):
    """Something that writes, and where to."""

    source: Variable | None
    """The variable whose actions, options or list entry it is; None for the scheduler."""
    place: str
    """Inside the source: `onSet[0].remap[1]`, or what else does it."""
    kind: str
    """remap, enum, ... or the name of the function that writes."""
    target: str
    """Colon form; a table for what publishes a table."""
    bus: str = ""
    """The method when it leaves the instance, else empty."""
    item: Mapping[str, object] = _NO_ITEM
    """The action item, whose gates count."""
    unknown: bool = False
    """It calls a function that is not there, so it writes nothing."""


def edges(engine: Engine) -> Iterator[Edge]:
    """Every edge of the instance."""
    for uri in engine.map.uris():
        listed = uri.startswith(SCHEDULE)
        for name, var in engine.map.tables[uri].variables.items():
            if var.uri != f"{uri}:{name}":
                continue  # a further name of a variable that is met under its own
            if var.actions:
                yield from edges_of(engine, var)
            if listed and var.text("func"):
                yield from _of_list(engine, uri, var)
    for item in engine.scheduler.items.values():
        target = item.slot.var.uri if item.slot is not None and item.slot.var is not None else item.target
        place = f"every {item.every:g} s" if item.every else f"once at {item.due:g} s"
        yield Edge(None, place, item.function or SCHEDULER, target)


def resolved(engine: Engine, target: str) -> tuple[Reference | None, Variable | None]:
    """What a target names, and the variable where it exists."""
    try:
        reference = parse_reference(target)
    except ValueError:
        return None, None
    return reference, engine.map.find(reference.table, reference.name) if reference.name else None


def edges_of(engine: Engine, var: Variable) -> Iterator[Edge]:
    """Every edge of the actions of one variable."""
    blocks = var.actions.get("onSet") if isinstance(var.actions, dict) else None
    for block_index, block in enumerate(blocks if isinstance(blocks, list) else [blocks]):
        for kind, items in block.items() if isinstance(block, dict) else ():
            for index, item in enumerate(items if isinstance(items, list) else [items]):
                if isinstance(item, dict):
                    place = f"onSet[{block_index}].{kind}[{index}]"
                    yield from _of_item(engine, var, kind, item, place)
            if kind == "enum":
                uri = var.params.get("defUri", var.params.get("defaultUri"))
                if isinstance(uri, str):
                    yield Edge(var, f"onSet[{block_index}].enum, no line matched", kind, uri)


def _of_item(
    engine: Engine, var: Variable, kind: str, item: Mapping[str, object], place: str
) -> Iterator[Edge]:
    if kind in ("limits", "limit"):
        yield Edge(var, place, kind, var.uri, "", item)
        return
    function, target = _text(item, "func"), ""
    if function in LISTS and kind == "func":
        yield Edge(var, place, function, _list_of(engine, function, var, item), "", item)
        return
    if kind == "func":
        target = _text(item, "var") or _text(item, "inAv") or var.uri
    elif "fims" in item:
        uri = _text(item, "uri").replace("{essName}", engine.name)
        yield Edge(var, place, kind, uri, _text(item, "fims"), item)
        return
    else:
        target = _target(engine, item)
        if target:
            yield Edge(var, place, kind, target, "", item)
    if function and function not in engine.functions:
        yield Edge(var, place, function, target or var.uri, "", item, True)
    elif function and target:
        asset = engine.assets.find(_text(item, "amap")) or engine.assets.root
        handed = resolved(engine, target)[1]
        if handed is not None:
            for written, bus in _function_targets(engine, function, asset, handed):
                yield Edge(var, place, function, written, bus, item)


def _list_of(engine: Engine, function: str, var: Variable, item: Mapping[str, object]) -> str:
    """The table of a monitor list, or what the tables of several begin with."""
    handed = resolved(engine, _text(item, "var") or _text(item, "inAv") or var.uri)[1] or var
    if function == "RunMonitorList":
        return f"{SCHEDULE}{handed.text('mname', 'wake_monitor')}"
    asset = engine.assets.find(_text(item, "amap")) or engine.assets.root
    return f"{SCHEDULE}{handed.text('monitor', 'wake_monitor')}/{handed.text('aname', asset.name)}"


def _target(engine: Engine, item: Mapping[str, object]) -> str:
    uri, var, ruri = _text(item, "uri"), _text(item, "var"), _text(item, "ruri")
    if ruri:
        selector = resolved(engine, f"{uri}:{var}" if var and ":" not in uri else uri)[1]
        table = selector.cell.value if selector is not None else ""
        return f"{table}:{ruri}" if isinstance(table, str) and table.startswith("/") else ""
    return f"{uri}:{var}" if var and ":" not in uri else uri


def _of_list(engine: Engine, table: str, entry: Variable) -> Iterator[Edge]:
    """An entry of a monitor list: its function, called with the variable it is named after."""
    owner = engine.assets.find(table.rpartition("/")[2]) or engine.assets.root
    asset = engine.assets.find(entry.text("amap")) or owner
    handed = resolved(engine, entry.name)[1]
    function = entry.text("func")
    if handed is not None:
        for written, bus in _function_targets(engine, function, asset, handed):
            yield Edge(entry, "monitor list", function, written, bus)


def _text(item: Mapping[str, object], field: str) -> str:
    value = item.get(field)
    return value if isinstance(value, str) else ""


# --- what a function writes ------------------------------------------------------------------------------------


def _itself(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
    yield var.uri


def _by_params(*params: str) -> Callable[[Engine, Asset, Variable], Iterator[str]]:
    """The variables that these params name."""

    def targets(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
        for param in params:
            if named := var.text(param):
                yield named

    return targets


def _of_instance(*names: str) -> Callable[[Engine, Asset, Variable], Iterator[str]]:
    """Variables about the instance itself."""

    def targets(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
        for name in names:
            yield f"/status/{engine.name}:{name}"

    return targets


def _of_alarm(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
    name = asset.name
    destination = "FaultDestination" if var.text("type") == "fault" else "AlarmDestination"
    chosen = engine.map.find(f"/config/{name}", destination)
    if chosen is not None and isinstance(chosen.cell.value, str):
        yield chosen.cell.value
    for status in ("FaultCnt", "AlarmCnt", "FaultShutdown", "ClearFaultsDone"):
        yield f"/status/{name}:{status}"


def _of_monitor(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
    for status in ("FaultShutdown", "FaultCnt", "AlarmCnt"):
        yield f"/status/{asset.name}:{status}"
    if var.flag("EnableCommsCheck"):
        yield f"/status/{asset.name}:CommsOK"
    yield f"/faults/{asset.name}:MonitorVarFault"
    yield f"/alarms/{asset.name}:MonitorVarAlarm"


def _of_command(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
    yield var.text("cmdVar") or var.uri
    yield f"/status/{asset.name}:{var.name}Success"


def _of_power(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
    for limit in ("MaxDischargePower", "MaxChargePower", "MaxReactivePower", "MaxApparentPower"):
        yield f"/limits/{var.text('ess')}:{limit}"
    for command in (
        "ActivePowerSetpoint",
        "ReactivePowerSetpoint",
        "ActivePowerCmdReal",
        "ReactivePowerCmdReal",
    ):
        yield f"/controls/{var.text('pcs')}:{command}"


def _of_options(engine: Engine, asset: Asset, var: Variable) -> Iterator[str]:
    for entry in var.options if isinstance(var.options, list) else ():
        uri = _text(entry, "uri") if isinstance(entry, dict) else ""
        if uri:
            yield uri + var.text("targVar")
    if var.text("targav"):
        yield var.text("targav")


_WRITES: Final[Mapping[str, Callable[[Engine, Asset, Variable], Iterator[str]]]] = {
    "CalculateVar": _itself,
    "SendTrue": _itself,
    "SendTime": _itself,
    "CheckTableVar": _itself,
    "SlewVal": _by_params("SlewedVal"),
    "MathMovAvg": _by_params(
        "outAvg", "outMax", "outMin", "outSp", "outSum", "outFilt", "outTimeFilt", "vecAv"
    ),
    "process_sys_alarm": _of_alarm,
    "CheckMonitorVar": _of_monitor,
    "HandleCmd": _of_command,
    "HandlePowerCmd": _of_power,
    "SchedItemOpts": _of_options,
    "RunSched": _by_params("uri"),
    "UpdateSysTime": _of_instance(
        *("tNow", "timeString", "Year", "Month", "Day", "Hour", "Min", "Sec", "Heartbeat")
    ),
    "HandleCpuStats": _of_instance("CpuPercent", "MemoryBytes"),
}
"""Function -> what it writes when it is called with a variable; those that are not here write no variable."""

_PUBLISHERS: Final = frozenset({"RunPub", "FastPub", "SlowPub", "SlowPubOne"})


def _function_targets(
    engine: Engine, function: str, asset: Asset, var: Variable
) -> Iterator[tuple[str, str]]:
    """(target, bus method) of everything that a call writes."""
    if function in _PUBLISHERS:
        table = var.text("table") or var.text("uri")
        if table:
            yield var.text("sendas") or table, "pub"
        return
    writes = _WRITES.get(function)
    for target in writes(engine, asset, var) if writes is not None else ():
        if target.startswith("/"):
            yield target, ""
