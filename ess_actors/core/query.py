"""Answers a get: tables, variables, params, prefixes, the asset tree; and names that are near a wrong one."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, NamedTuple

from ess_actors.core.bodies import SHAPES, Shape, naked, of_table, plain
from ess_actors.core.engine import Engine
from ess_actors.core.uri import covers
from ess_actors.core.variables import DataMap

NEAR_LIMIT: Final = 5
LONGEST_NEAR: Final = 160
"""Characters."""
NESTED_FAMILY: Final = "/assets"


class Found(NamedTuple):
    """A query that found something."""

    body: object


def get(engine: Engine, path: str, mode: str) -> Found | None:
    """The answer for an internal slash uri in a mode ("" = as the uri asks), None when not found."""
    special = _special(engine, path)
    if special is not None:
        return special
    shape = SHAPES[mode or "clothed"]
    tables = engine.map.tables
    if path in tables:
        return Found(
            _with_prefix(engine.map, path, naked) if mode == "naked" else of_table(tables[path], shape)
        )
    single = _single(engine.map, path, mode)
    if single is not None:
        return single
    if covers(NESTED_FAMILY, path):
        below = [uri for uri in engine.map.uris() if covers(path, uri)]
        return Found(_nested(engine.map, path, below, shape)) if below else None
    body = _with_prefix(engine.map, path, shape)
    return Found(body) if body else None


def _special(engine: Engine, path: str) -> Found | None:
    if path == "/schlist":
        items = sorted(engine.scheduler.items.values(), key=lambda item: item.target)
        return Found(
            {
                item.target: {
                    "every": plain(item.every),
                    "next": item.due,
                    "runCnt": item.count,
                    "skipped": item.skipped,
                    **({} if item.end == float("inf") else {"endTime": item.end}),
                }
                for item in items
            }
        )
    if path.startswith("/amap/"):
        asset = engine.assets.find(path[len("/amap/") :])
        if asset is not None:
            return Found({name: asset.context[name].uri for name in sorted(asset.context)})
    return None


def _single(map_: DataMap, path: str, mode: str) -> Found | None:
    table, _, name = path.rpartition("/")
    name, _, param = name.partition("@")
    var = map_.find(table, name)
    if var is None:
        return None
    if param == "quality" and param not in var.params:
        return Found(var.cell.quality.name)
    if param:
        return Found(plain(var.params[param])) if param in var.params else None
    if mode in ("", "naked"):
        return Found(naked(var))
    return Found({name: SHAPES[mode](var)})


def _with_prefix(map_: DataMap, path: str, shape: Shape) -> dict[str, object]:
    """{table: body} of every table whose uri begins with the text."""
    return {uri: of_table(map_.tables[uri], shape) for uri in map_.uris() if uri.startswith(path)}


def _nested(map_: DataMap, path: str, uris: Iterable[str], shape: Shape) -> dict[str, object]:
    """The tables below `path`, one object per segment."""
    result: dict[str, object] = {}
    for uri in uris:
        place = result
        for segment in uri[len(path) :].strip("/").split("/"):
            inner = place.setdefault(segment, {})
            if isinstance(inner, dict):
                place = inner
        place.update(of_table(map_.tables[uri], shape))
    return result


def near(map_: DataMap, path: str) -> list[str]:
    """Up to NEAR_LIMIT names, best first: the same table, the same name elsewhere, similar tables.

    Nothing for a very long uri: this runs in the instance's only thread, and nobody mistypes so much.
    """
    if len(path) > LONGEST_NEAR:
        return []
    colon = path.replace(":", "/")
    table, _, name = colon.rpartition("/")
    name = name.partition("@")[0]
    uris = list(map_.uris())
    found: list[str] = []
    if table in map_.tables:
        names = {other.lower(): other for other in map_.tables[table].variables}
        found += [f"{table}:{names[low]}" for low in _alike(name.lower(), names)]
    found += [f"{uri}:{name}" for uri in uris if uri != table and name in map_.tables[uri].variables]
    if len(found) < NEAR_LIMIT:
        found += _alike(colon, uris)
        if table and table not in map_.tables:
            for uri in _alike(table, uris):
                found.append(f"{uri}:{name}" if name in map_.tables[uri].variables else uri)
    return list(dict.fromkeys(found))[:NEAR_LIMIT]


def _alike(wanted: str, known: Iterable[str]) -> list[str]:
    return get_close_matches(wanted, [one for one in known if len(one) <= LONGEST_NEAR], NEAR_LIMIT, 0.6)
