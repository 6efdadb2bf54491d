"""RunMonitor and RunMonitorList: call the functions that tables under /schedule name, for their variables."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Slot, Variable

WAKE: Final = "wake_monitor"


class _Call(NamedTuple):
    function: str
    slot: Slot
    asset: Asset


def _calls(engine: Engine, monitor: str, owner: Asset) -> tuple[_Call, ...]:
    table = engine.map.tables.get(f"/schedule/{monitor}/{owner.name}")
    calls = []
    for name, entry in table.ordered() if table is not None else ():
        function = entry.text("func")
        try:
            reference = parse_reference(name)
        except ValueError:
            reference = None
        if not function or reference is None or not reference.name:
            if engine.once(("monitor", entry.uri)):
                engine.log("warning", f"{entry.uri} names no variable or no func and is left out")
            continue
        asset = engine.assets.find(entry.text("amap")) or owner
        calls.append(_Call(function, engine.map.slot(reference.table, reference.name), asset))
    return tuple(calls)


def _run(engine: Engine, monitor: str, owner: Asset) -> None:
    for call in _prepared(engine, monitor, owner):
        if call.slot.var is not None:
            engine.call(call.function, call.asset, call.slot.var)
        elif engine.once(("monitor", call.slot)):
            engine.log(
                "warning", f"/schedule/{monitor}/{owner.name}: {call.slot.table}:{call.slot.name} is missing"
            )


def _prepared(engine: Engine, monitor: str, owner: Asset) -> tuple[_Call, ...]:
    """The calls of a list, prepared again when entries were added or changed."""
    table = engine.map.tables.get(f"/schedule/{monitor}/{owner.name}")
    if table is None:
        return ()
    stamp = (len(table.variables), sum(entry.version for entry in table.variables.values()))
    known = engine.monitor_lists.get(table.uri)
    if known is None or known[0] != stamp:
        known = engine.monitor_lists[table.uri] = (stamp, _calls(engine, monitor, owner))
    return known[1]  # type: ignore[return-value]


def run_monitor(engine: Engine, asset: Asset, var: Variable) -> None:
    """Run the list of one asset: params `aname` (default: the context) and `monitor` (wake_monitor)."""
    owner = engine.assets.find(var.text("aname")) or asset
    _run(engine, var.text("monitor", WAKE), owner)


def run_monitor_list(engine: Engine, asset: Asset, var: Variable) -> None:
    """Run the lists of asset `amname` (default: the root) and, with runChild, of all below it."""
    owner = engine.assets.find(var.text("amname")) or engine.assets.root
    monitor = var.text("mname", WAKE)
    pending = [owner]
    while pending:
        current = pending.pop(0)
        _run(engine, monitor, current)
        if var.flag("runChild", True):
            pending[:0] = current.children()


FUNCTIONS: Final[Mapping[str, Function]] = {"RunMonitor": run_monitor, "RunMonitorList": run_monitor_list}
