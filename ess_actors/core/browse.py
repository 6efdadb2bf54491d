"""Answers `get /<instance>/browse...`: which tables and variables there are, and one table in every detail."""

from typing import Final

from ess_actors.core.bodies import naked, plain
from ess_actors.core.engine import Engine
from ess_actors.core.quality import Quality
from ess_actors.core.tables import DataMap
from ess_actors.core.uri import covers
from ess_actors.core.variables import BOOL, NUMBER, Variable

BROWSE: Final = "/browse"
_KINDS: Final = {NUMBER: "number", BOOL: "bool"}


def browse(engine: Engine, path: str) -> dict[str, object] | None:
    """Behind the word, a table's uri gives `{"uri","variables":[...]}`; any other uri, and none, the names of the
    variables of all tables at and below it: `{"tables":{uri:[name]}}`. None when nothing is there.

    A variable: `name`, `value`, `kind` (number, bool, text), `quality`, `previous`, `changed_at` (unix seconds of
    the last other value), `params`; where there are any `alarms`, `options`, `actions`, `vlink`, `locked`, `read_by`.
    """
    uri = path[len(BROWSE) :] or "/"
    table = engine.map.tables.get(uri)
    if table is not None and table.variables:
        return {"uri": uri, "variables": [_detail(engine, var) for _, var in table.ordered()]}
    tables = _names(engine.map, uri)
    return {"tables": tables} if tables or uri == "/" else None


def _names(map_: DataMap, uri: str) -> dict[str, list[str]]:
    return {
        below: [name for name, _ in map_.tables[below].ordered()]
        for below in map_.uris()
        if covers(uri, below) and map_.tables[below].variables
    }


def _detail(engine: Engine, var: Variable) -> dict[str, object]:
    cell = var.cell
    shown: dict[str, object] = {
        "name": var.name,
        "value": naked(var),
        "kind": _KINDS.get(cell.kind, "text"),
        "quality": Quality(cell.quality).name,
        "previous": plain(cell.previous),
        "changed_at": engine.booted + cell.changed_at,
        "params": {name: plain(value) for name, value in sorted(var.params.items())},
    }
    if var.alarms is not None:
        shown["alarms"] = [
            {"message": one.message, "severity": one.severity, "source": one.source, "since": one.wall}
            for one in var.alarms
        ]
    more = {
        "options": var.options,
        "actions": var.actions,
        "vlink": var.link.uri if var.link is not None else None,
        "locked": var.lock is not None or None,
        "read_by": var.writer or None,
    }
    shown.update({name: value for name, value in more.items() if value is not None})
    return shown
