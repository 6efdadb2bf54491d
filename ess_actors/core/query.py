"""Answers a get: tables, variables, params, bits, prefixes, asset tree, scheduler, contexts, traces, what there is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from ess_actors.core.assets import Asset, variable_named
from ess_actors.core.bodies import SHAPES, Shape, naked, of_table, plain
from ess_actors.core.browse import BROWSE, browse
from ess_actors.core.engine import Engine
from ess_actors.core.reader import bit_of, param_of
from ess_actors.core.tables import DataMap, Table
from ess_actors.core.trace import trace
from ess_actors.core.uri import covers, parse_reference
from ess_actors.core.variables import NUMBER, kind_of

REPLY_LIMIT: Final = 924_200
"""Bytes; a longer reply is replaced by a text."""
_LEAST: Final = 5
"""Bytes of a member beside its name: two quotes, a colon, a digit, a comma."""
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
        _bound([table])
        return Found(_with_prefix(engine.map, path, naked) if mode == "naked" else of_table(table, shape))
    single = _single(engine.map, path, mode)
    if single is not None:
        return single
    if covers(NESTED_FAMILY, path) and (below := _below(engine.map, path)):
        return Found(_nested(path, list(_bodies(below, shape))))
    body = _with_prefix(engine.map, path, shape)
    return Found(body) if body else None


class TooLarge(Exception):
    """The body surely is longer than any reply may be; it is not even made."""


def _bound(tables: Sequence[Table]) -> None:
    """Raises TooLarge when the names alone, each with the least that a value takes, pass the limit."""
    least = sum(sum(map(len, table.variables)) + _LEAST * len(table.variables) for table in tables)
    if least > REPLY_LIMIT:
        raise TooLarge


def _bodies(tables: Sequence[Table], shape: Shape) -> Iterator[tuple[Table, dict[str, object]]]:
    """Tables with their bodies, as long as all of them may fit into a reply."""
    _bound(tables)
    size = 0
    for table in tables:
        body = of_table(table, shape)
        size += len(orjson.dumps(body, default=plain)) if len(tables) > 1 else 0
        if size > REPLY_LIMIT:
            raise TooLarge
        yield table, body


def _special(engine: Engine, path: str) -> Found | None:
    if path == "/schlist":
        return Found(_scheduled(engine))
    if path.startswith("/amap/"):
        asset = engine.assets.find(path[len("/amap/") :])
        if asset is not None:
            return Found(_view(engine, asset))
    if path.startswith("/trace/"):
        table, _, name = path[len("/trace") :].rpartition("/")
        traced = trace(engine, table, name)
        if traced is not None:
            return Found(traced)
    if covers(BROWSE, path) and (browsed := browse(engine, path)) is not None:
        return Found(browsed)
    return None


def _view(engine: Engine, asset: Asset) -> dict[str, object]:
    """What bare names mean in the context of an asset: by links, built or not, and by the functions that used
    them; `/status/<asset>` stands behind them."""
    view: dict[str, object] = {}
    status = engine.map.tables.get(f"/status/{asset.name}")
    for name, var in status.variables.items() if status is not None else ():
        view[name] = var.uri
    links = engine.map.tables.get(f"/links/{asset.name}")
    for name, link in links.variables.items() if links is not None else ():
        if (end := variable_named(link.cell.value)) is not None:
            view[name] = f"{end.table}:{end.name}"
    for name, var in asset.context.items():
        view[name] = var.uri
    return dict(sorted(view.items()))


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
    value = param_of(var, reference.param) if reference.param else var.cell.value
    if reference.bit < 0:
        return None if value is None else Found(plain(value))
    return Found(bit_of(value, reference.bit)) if kind_of(value) == NUMBER else None  # type: ignore[arg-type]


def _with_prefix(map_: DataMap, path: str, shape: Shape) -> dict[str, object]:
    """{table: body} of every table whose uri begins with the text."""
    tables = [map_.tables[uri] for uri in map_.uris() if uri.startswith(path) and map_.tables[uri].variables]
    return {table.uri: body for table, body in _bodies(tables, shape)}


def _below(map_: DataMap, path: str) -> list[Table]:
    tables = [map_.tables[uri] for uri in map_.uris() if covers(path, uri)]
    return [table for table in tables if table.variables]


def _nested(path: str, tables: Sequence[tuple[Table, dict[str, object]]]) -> Mapping[str, object]:
    """The tables at and below `path`, one object per segment."""
    body: dict[str, object] = {}
    deeper: dict[str, list[tuple[Table, dict[str, object]]]] = {}
    ordered = True
    for table, own in tables:
        rest = table.uri[len(path) :].strip("/")
        if rest:
            deeper.setdefault(rest.partition("/")[0], []).append((table, own))
        else:
            body |= own
            ordered = table.ui is None
    for segment, below in deeper.items():
        inner = _nested(f"{path}/{segment}", below)
        known = body.get(segment)
        body[segment] = {**known, **inner} if isinstance(known, dict) else inner
    return dict(sorted(body.items())) if ordered else body
