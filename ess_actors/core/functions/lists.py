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


def _calls(engine: Engine, uri: str) -> tuple[_Call, ...]:
    """The entries of a list in alphabetical order. Functions are the same for every asset, so an entry's
    `amap` makes no difference; `enable` and `rate` are those of whoever calls the list."""
    calls = []
    for name, entry in sorted(engine.map.tables[uri].variables.items()):
        function = entry.text("func")
        try:
            reference = parse_reference(name)
        except ValueError:
            reference = None
        if not function or reference is None or not reference.name:
            if engine.once(("monitor", entry.uri)):
                engine.log("warning", f"{entry.uri} names no variable or no func and is left out")
            continue
        calls.append(_Call(function, engine.map.slot(reference.table, reference.name)))
    return tuple(calls)


def _run(engine: Engine, uri: str, context: Asset) -> None:
    for call in _prepared(engine, uri):
        if call.slot.var is not None:
            engine.call(call.function, context, call.slot.var)
        elif engine.once(("monitor", call.slot)):
            engine.log("warning", f"{uri}: {call.slot.table}:{call.slot.name} is missing")


def _prepared(engine: Engine, uri: str) -> tuple[_Call, ...]:
    """The calls of a list, prepared again when entries were added or changed."""
    table = engine.map.tables.get(uri)
    if table is None:
        return ()
    stamp = (len(table.variables), sum(entry.version for entry in table.variables.values()))
    known = engine.monitor_lists.get(uri)
    if known is None or known[0] != stamp:
        known = engine.monitor_lists[uri] = (stamp, _calls(engine, uri))
    return known[1]  # type: ignore[return-value]


def run_monitor(engine: Engine, asset: Asset, var: Variable) -> None:
    """Run the list `monitor` (wake_monitor) of asset `aname` (default: the context), in its context.

    An unknown asset has its list, too, and the context of the root.
    """
    named = var.text("aname") or asset.name
    context = asset if named == asset.name else engine.assets.find(named) or engine.assets.root
    _run(engine, f"/schedule/{var.text('monitor', WAKE)}/{named}", context)


def run_monitor_list(engine: Engine, asset: Asset, var: Variable) -> None:
    """Run the lists of asset `amname` (default: the root) and, with runChild, of all below it."""
    pending = [engine.assets.find(var.text("amname")) or engine.assets.root]
    monitor = var.text("mname") or WAKE
    while pending:
        current = pending.pop(0)
        _run(engine, f"/schedule/{monitor}/{current.name}", current)
        if var.flag("runChild", True):
            pending[:0] = current.children()


FUNCTIONS: Final[Mapping[str, Function]] = {"RunMonitor": run_monitor, "RunMonitorList": run_monitor_list}
