"""runAllLocks: lock and unlock variables, params and whole tables as a table of uris says."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Variable


def run_all_locks(engine: Engine, asset: Asset, var: Variable) -> None:
    """Every member of the table of param `uri` is the uri of what to lock (true) or to unlock (false).

    Tables come before their variables, and these before their params: the more exact word comes last.
    """
    table = engine.map.tables.get(var.text("uri"))
    if table is None:
        _report(engine, f"{var.uri}: no table {var.text('uri')!r} of locks")
        return
    for uri in sorted(table.variables):
        locked = table.variables[uri].cell.value
        if not isinstance(locked, bool) or not _apply(engine, uri, locked):
            _report(
                engine,
                f"{table.uri}: {uri!r} locks nothing; write a table or a variable that is there: true or false",
            )


def _apply(engine: Engine, uri: str, locked: bool) -> bool:
    try:
        reference = parse_reference(uri)
    except ValueError:
        return False
    if not reference.table.startswith("/") or reference.bit >= 0:
        return False
    if not reference.name:
        engine.lock_table(engine.map.table(reference.table), locked)
        return True
    target = engine.map.find(reference.table, reference.name)
    if target is None:
        return False
    if reference.param:
        engine.lock_param(target, reference.param, locked)
    else:
        engine.lock(target, locked)
    return True


def _report(engine: Engine, text: str) -> None:
    engine.counters["bad_lock"] += 1
    if engine.once(("lock", text)):
        engine.log("warning", text)


FUNCTIONS: Final[Mapping[str, Function]] = {"runAllLocks": run_all_locks}
