"""Where a clear of faults is ordered in one instance: of each asset whose documents carry it out. Pure."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from ess_actors.core.engine import Engine
from ess_actors.core.trace_edges import edges_of, resolved
from ess_actors.core.variables import Variable

_CLEAR_FAULTS: Final = "clear_faults"
_DOES_IT: Final = "process_sys_alarm"
_CLEAR: Final = "Clear"


class ClearPlace(NamedTuple):
    """Setting `uri` to `value` clears the faults of `asset`."""

    asset: str
    uri: str
    """/<instance>/<table>/<variable>"""
    value: object


def clear_places(engine: Engine) -> tuple[ClearPlace, ...]:
    """One place an asset: the button that operators have (`/assets/<asset>/summary`), else the list itself
    (`/faults/<asset>`). A clear_faults that empties no list is none, whatever its name says: no result would come."""
    found: dict[str, ClearPlace] = {}
    for asset, table, value in (
        *_tables(engine, "/assets/", "/summary", 1),
        *_tables(engine, "/faults/", "", _CLEAR),
    ):
        var = engine.map.tables[table].variables.get(_CLEAR_FAULTS)
        if var is not None and asset not in found and _carried_out(engine, var):
            found[asset] = ClearPlace(asset, f"/{engine.name}{table}/{_CLEAR_FAULTS}", value)
    root = engine.assets.root.name
    return tuple(sorted(found.values(), key=lambda place: place.asset != root))  # of all the widest first


def _tables(engine: Engine, begin: str, end: str, value: object) -> Iterator[tuple[str, str, object]]:
    for uri in engine.map.uris():
        asset = uri.removeprefix(begin).removesuffix(end)
        if uri == f"{begin}{asset}{end}" and asset and "/" not in asset:
            yield asset, uri, value


def _carried_out(engine: Engine, first: Variable) -> bool:
    """Whether a set of it comes to the function that empties a list, inside this instance."""
    seen, waiting = {first.uri}, [first]
    while waiting:
        for edge in edges_of(engine, waiting.pop()):
            if edge.kind == _DOES_IT and edge.item.get("inValue", _CLEAR) == _CLEAR:
                return True
            _, target = resolved(engine, edge.target)
            if not edge.bus and target is not None and target.uri not in seen:
                seen.add(target.uri)
                waiting.append(target)
    return False
