"""`ess-actors trace`: who writes a variable, whom it writes, which gates are open and why, and its last changes."""

from collections.abc import Iterator, Set
from typing import Final

from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.quality import Quality
from ess_actors.core.trace_edges import LISTS, Edge, edges
from ess_actors.core.trace_gates import item_gate, variable_gate
from ess_actors.core.trail import Ear, Trail, trail_of
from ess_actors.core.uri import clean
from ess_actors.core.variables import BOOL, NUMBER, Variable

CHANGES: Final = "changes"
"""Behind the name as `@changes`: only these, for who follows a variable."""
_KINDS: Final = {NUMBER: "number", BOOL: "bool"}


def trace(engine: Engine, table: str, name: str) -> dict[str, object] | None:
    """Everything about one variable, for JSON. Of one that is not here: who sends to it over the bus; None
    when nobody does. The first question begins the record of its changes."""
    name, _, part = name.partition("@")
    var = engine.map.find(table, name)
    if var is not None and part == CHANGES and isinstance(var.watch, Ear):
        var.watch.trail.look()
        return {"uri": var.uri, "changes": _changes(var.watch.trail)}
    found = list(edges(engine))
    if var is None:
        sent = [_shown(engine, edge) for edge in found if edge.bus and _is_at(edge.target, table, name)]
        return {"uri": f"{table}:{name}", "sent_by": sent} if sent else None
    others = _others(engine, var)
    also = _names(engine, {var})
    names = also | _names(engine, set(others))
    writing = [edge for edge in found if _writes(engine, edge, table, names)]
    trail = trail_of(engine, [var, *others], _writers(found, writing))
    cell = var.cell
    is_open, why = variable_gate(engine, var)
    shown: dict[str, object] = {
        "uri": f"{table}:{name}",
        "value": plain(cell.value),
        "previous": plain(cell.previous),
        "kind": _KINDS.get(cell.kind, "text"),
        "quality": cell.quality.name if isinstance(cell.quality, Quality) else str(cell.quality),
        "changed": cell.changed,
        "changed_at": engine.booted + cell.changed_at,
        "read_by": var.writer,
        "locked": var.lock is not None,
        "also": sorted(also - {f"{table}:{name}"}),
        "shares_value_with": sorted(other.uri for other in others),
        "gate": {"open": is_open, "why": why},
        "written_by": [_shown(engine, edge) for edge in writing],
        "writes": [_shown(engine, edge) for edge in found if edge.source is var],
        "recorded_since": trail.since,
        "changes": _changes(trail),
    }
    return shown


def _changes(trail: Trail) -> list[dict[str, object]]:
    return [
        {"n": one.number, "time": one.wall, "value": plain(one.value), "by": one.by} for one in trail.changes
    ]


def _others(engine: Engine, var: Variable) -> list[Variable]:
    """Variables that share the value by a vlink."""
    return [
        other
        for table in engine.map.tables.values()
        for other in table.variables.values()
        if other.cell is var.cell and other is not var
    ]


def _names(engine: Engine, variables: Set[Variable]) -> set[str]:
    """All names of variables: their own and those that links gave them."""
    return {
        f"{uri}:{name}"
        for uri, table in engine.map.tables.items()
        for name, one in table.variables.items()
        if one in variables
    }


def _writes(engine: Engine, edge: Edge, table: str, names: set[str]) -> bool:
    """Whether an edge ends at one of the names, at a param or a bit of it, or publishes the table to ourselves."""
    target = edge.target
    if edge.bus:
        own = f"/{engine.name}/"
        if edge.bus == "get" or not target.startswith(own):
            return False
        target = target[len(own) - 1 :]
        if ":" not in target:
            return clean(target) == table
    return target.partition("@")[0].partition("[")[0] in names


def _is_at(target: str, table: str, name: str) -> bool:
    """Whether a bus target is the variable: itself, a param of it, or its whole table."""
    uri, colon, rest = target.partition(":")
    return clean(uri) == table and (not colon or rest.partition("@")[0] == name)


def _writers(found: list[Edge], writing: list[Edge]) -> Iterator[Variable]:
    """Variables whose actions may write it; a monitor list is run by whoever calls RunMonitor."""
    listed = any(edge.place == "monitor list" for edge in writing)
    yield from {edge.source: None for edge in writing if edge.source is not None}
    if listed:
        yield from {e.source: None for e in found if e.source is not None and e.kind in LISTS}


def _shown(engine: Engine, edge: Edge) -> dict[str, object]:
    """An edge with the state of the gates in front of it: those of its variable, then its own."""
    is_open, why = (True, "") if edge.source is None else variable_gate(engine, edge.source)
    if is_open:
        is_open, own = item_gate(engine, edge.item)
        why = "; ".join(part for part in (why, own) if part)
    else:
        why = f"the actions of {edge.source.uri if edge.source else ''} are off: {why}"
    return {
        "from": "" if edge.source is None else edge.source.uri,
        "place": edge.place,
        "kind": edge.kind,
        "to": edge.target,
        **({"bus": edge.bus} if edge.bus else {}),
        "open": is_open and not edge.unknown,
        "why": f"no function is called {edge.kind}" if edge.unknown else why,
    }
