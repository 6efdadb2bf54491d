"""Answers a get: tables, variables, params, bits, prefixes, the asset tree, the scheduler, contexts, traces."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ess_actors.core.bodies import SHAPES, Shape, naked, of_table, plain
from ess_actors.core.engine import Engine
from ess_actors.core.tables import DataMap, Table
from ess_actors.core.trace import trace
from ess_actors.core.uri import covers, parse_reference
from ess_actors.core.variables import Variable

NESTED_FAMILY: Final = "/assets"
PERFORMANCE: Final = "/perf/engine"


class Found(NamedTuple):
    """A query that found something."""

    body: object


def get(engine: Engine, path: str, mode: str) -> Found | None:
    """The answer for an internal slash uri in a mode ("" = as the uri asks), None when not found."""
    special = _special(engine, path)
    if special is not None:
        return special
    shape = SHAPES[mode or "clothed"]
    table = engine.map.tables.get(path)
    if table is not None and table.variables:
        return Found(_with_prefix(engine.map, path, naked) if mode == "naked" else of_table(table, shape))
    single = _single(engine.map, path, mode)
    if single is not None:
        return single
    if covers(NESTED_FAMILY, path) and (below := _below(engine.map, path)):
        return Found(_nested(path, below, shape))
    body = _with_prefix(engine.map, path, shape)
    return Found(body) if body else None


def _special(engine: Engine, path: str) -> Found | None:
    if path == "/schlist":
        return Found(_scheduled(engine))
    if path.startswith("/amap/"):
        asset = engine.assets.find(path[len("/amap/") :])
        if asset is not None:
            return Found({name: asset.context[name].uri for name in sorted(asset.context)})
    if path.startswith("/trace/"):
        table, _, name = path[len("/trace") :].rpartition("/")
        traced = trace(engine, table, name)
        if traced is not None:
            return Found(traced)
    return None


def _scheduled(engine: Engine) -> dict[str, object]:
    items = sorted(engine.scheduler.items.values(), key=lambda item: item.target)
    listed: dict[str, object] = {}
    for item in items:
        listed[item.target] = {
            "every": plain(item.every),
            "next": plain(item.due),
            "runCnt": item.count,
            "skipped": item.skipped,
            **({} if item.end == float("inf") else {"endTime": plain(item.end)}),
        }
    return listed


def _single(map_: DataMap, path: str, mode: str) -> Found | None:
    """One variable, one param of it, or one bit of either."""
    table, _, name = path.rpartition("/")
    if path.startswith(PERFORMANCE + "/"):  # counters are named after uris
        table, name = PERFORMANCE, path[len(PERFORMANCE) + 1 :]
    var = map_.find(table, name)
    if var is None:
        return _part(map_, table, name)
    if mode in ("", "naked"):
        return Found(naked(var))
    return Found({name: SHAPES[mode](var)})


def _part(map_: DataMap, table: str, text: str) -> Found | None:
    try:
        reference = parse_reference(f"{table}:{text}")
    except ValueError:
        return None
    var = map_.find(table, reference.name)
    if var is None:
        return None
    value = _param(var, reference.param) if reference.param else plain(var.cell.value)
    if reference.bit < 0:
        return None if value is None else Found(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return Found(bool(int(value) >> reference.bit & 1))


def _param(var: Variable, param: str) -> object:
    if param == "quality" and param not in var.params:
        return var.cell.quality.name
    return plain(var.params.get(param))


def _with_prefix(map_: DataMap, path: str, shape: Shape) -> dict[str, object]:
    """{table: body} of every table whose uri begins with the text."""
    tables = [map_.tables[uri] for uri in map_.uris() if uri.startswith(path)]
    return {table.uri: of_table(table, shape) for table in tables if table.variables}


def _below(map_: DataMap, path: str) -> list[Table]:
    tables = [map_.tables[uri] for uri in map_.uris() if covers(path, uri)]
    return [table for table in tables if table.variables]


def _nested(path: str, tables: Sequence[Table], shape: Shape) -> Mapping[str, object]:
    """The tables at and below `path`, one object per segment."""
    body: dict[str, object] = {}
    deeper: dict[str, list[Table]] = {}
    ordered = True
    for table in tables:
        rest = table.uri[len(path) :].strip("/")
        if rest:
            deeper.setdefault(rest.partition("/")[0], []).append(table)
        else:
            body |= of_table(table, shape)
            ordered = table.ui is None
    for segment, below in deeper.items():
        inner = _nested(f"{path}/{segment}", below, shape)
        known = body.get(segment)
        body[segment] = {**known, **inner} if isinstance(known, dict) else inner
    return dict(sorted(body.items())) if ordered else body
