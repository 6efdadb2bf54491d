"""What can be said about the documents only when all of them are loaded: gates that never open, monitor lists."""

from collections.abc import Iterator
from typing import Final

from ess_actors.core.engine import Engine
from ess_actors.core.findings import Severity
from ess_actors.core.reader import Reader
from ess_actors.core.remarks import PathPart, Remarks
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import BOOL, Variable

MONITORED: Final = "/schedule/"
_IGNORED: Final = ("enable", "rate")


def lint_documents(engine: Engine, remarks: Remarks) -> None:
    """Go over all variables once; remarks name table and variable."""
    for uri in engine.map.uris():
        monitored = uri.startswith(MONITORED)
        for name, var in engine.map.tables[uri].ordered():
            remarks.parts = (uri, name)
            if monitored:
                _monitored(engine, remarks, var)
            elif isinstance(var.enable, Reader) and not var.enable.param and var.enable.bit < 0:
                _gate(remarks, var.enable.slot.var, ("enable",))
            if var.actions:
                for text, place in _gates(var.actions, ("actions",)):
                    _gate(remarks, _variable(engine, text), place)
    remarks.parts = ()


def _gate(remarks: Remarks, gate: Variable | None, place: tuple[PathPart, ...]) -> None:
    if gate is not None and gate.cell.kind != BOOL:
        text = (
            f"the gate {gate.uri} holds {gate.cell.value!r}, which is neither true nor false: it never opens"
        )
        remarks.add(Severity.WARNING, "gate-kind", text, "a gate opens for true only", place)


def _gates(actions: object, place: tuple[PathPart, ...]) -> Iterator[tuple[str, tuple[PathPart, ...]]]:
    """The `enable` texts of all items of an actions object."""
    for trigger, blocks in actions.items() if isinstance(actions, dict) else ():
        listed = isinstance(blocks, list)
        for number, block in enumerate(blocks if listed else [blocks]):
            for kind, items in block.items() if isinstance(block, dict) else ():
                for index, item in enumerate(items if isinstance(items, list) else [items]):
                    if isinstance(item, dict) and isinstance(item.get("enable"), str):
                        at = (number,) if listed else ()
                        yield item["enable"], (*place, trigger, *at, kind, index, "enable")


def _variable(engine: Engine, uri: str) -> Variable | None:
    try:
        reference = parse_reference(uri)
    except ValueError:
        return None
    plain = not reference.param and reference.bit < 0
    return engine.map.find(reference.table, reference.name) if plain else None


def _monitored(engine: Engine, remarks: Remarks, entry: Variable) -> None:
    """One line of a RunMonitor list."""
    function = entry.text("func")
    if function and function not in engine.functions:
        text, hint = f"function {function} is not known", "see `ess-actors functions`"
        remarks.add(Severity.WARNING, "unknown-function", text, hint, ("func",))
    for param in _IGNORED:
        if param in entry.params:
            text = f"`{param}` of a monitor list does nothing: the caller sets the pace"
            remarks.add(Severity.NOTE, "monitor-rate", text, "leave it out", (param,))
