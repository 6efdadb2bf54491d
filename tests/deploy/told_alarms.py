"""Every text of severity ALARM or FAULT that the controller's own code can tell, read off its syntax trees.

A text is what stands in the code, with `…` for what is filled in. Where a text is handed in from elsewhere the place is
named instead; `HANDED_IN` says which texts those are.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import ess_actors

PACKAGE = Path(ess_actors.__file__).parent
SEVERE = {"ALARM", "FAULT"}
NOT_TOLD = {
    "core/latch.py",
    "core/saved.py",
    "core/journaled.py",
    "core/plant_model.py",
    "core/plant_devices.py",
}
"""What calls something else ALARM or FAULT: kinds of list entries (plant.md has those), states of simulated devices."""
FILLED = "…"


def texts() -> set[str]:
    """All of them."""
    found: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        tree = ast.parse(path.read_text())
        if place in NOT_TOLD or place.startswith("chaos/") or not _imports_severities(tree):
            continue
        for function in ast.walk(tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for text in _of_function(function):
                    found |= {text} if text else handed_in(f"{place}:{function.name}")
    ends = _written("actors/launch.py", _end_of_all)()
    return {text.strip() for text in found | ends} - {""}


def handed_in(place: str) -> set[str]:
    """The texts of a place that tells what it was given. KeyError: a new one, of which this list must know."""
    return HANDED_IN[place]()


def _imports_severities(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "ess_actors.core.events"
        and any(name.name in SEVERE for name in node.names)
        for node in ast.walk(tree)
    )


def _of_function(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The text of each place where the function names a severity beside a text; "" when it comes from elsewhere."""
    severe = SEVERE | {
        name
        for assigned in ast.walk(function)
        if isinstance(assigned, ast.Assign) and _is_severe(assigned.value, SEVERE)
        for name in _targets(assigned)
    }
    for node in ast.walk(function):
        match node:
            case ast.Call(args=args) | ast.Tuple(elts=args) if any(_is_severe(one, severe) for one in args):
                yield from _beside(function, args, severe)


def _is_severe(node: ast.expr, severe: set[str]) -> bool:
    """A severity, or a choice between some."""
    match node:
        case ast.Name(id=name):
            return name in severe
        case ast.IfExp(body=one, orelse=other):
            return _is_severe(one, severe) or _is_severe(other, severe)
    return False


def _beside(function: ast.AST, args: list[ast.expr], severe: set[str]) -> Iterator[str]:
    place = next(index for index, one in enumerate(args) if _is_severe(one, severe))
    assert place > 0, ast.unparse(function)
    text = args[place - 1]
    names = {part.id for part in ast.walk(text) if isinstance(part, ast.Name)}
    if isinstance(text, (ast.JoinedStr, ast.Constant)):
        yield _template(text)
        return
    given = [
        assigned.value
        for assigned in ast.walk(function)
        if isinstance(assigned, (ast.Assign, ast.AugAssign))
        for target in _targets(assigned)
        if target in names
    ]
    written = [_template(value) for one in given for value in _alternatives(one)]
    yield from written or [""]


def _targets(assigned: ast.Assign | ast.AugAssign) -> list[str]:
    targets = [assigned.target] if isinstance(assigned, ast.AugAssign) else assigned.targets
    return [part.id for one in targets for part in ast.walk(one) if isinstance(part, ast.Name)]


def _alternatives(value: ast.expr) -> list[ast.expr]:
    if isinstance(value, ast.Tuple):
        return [part for part in value.elts if isinstance(part, (ast.JoinedStr, ast.Constant))]
    return [value] if isinstance(value, (ast.JoinedStr, ast.Constant)) else []


def _template(text: ast.expr) -> str:
    if isinstance(text, ast.Constant):
        return str(text.value)
    assert isinstance(text, ast.JoinedStr)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else FILLED for part in text.values)


def _written(file: str, where: Callable[[ast.AST], list[ast.expr]]) -> Callable[[], set[str]]:
    """The texts at the places that `where` finds in a file."""

    def find() -> set[str]:
        nodes = ast.walk(ast.parse((PACKAGE / file).read_text()))
        found = {
            _template(one)
            for node in nodes
            for one in where(node)
            if isinstance(one, (ast.JoinedStr, ast.Constant))
        }
        assert found, f"{file}: none found any more"
        return found

    return find


def _said(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="say"), args=[text]):
            return [text]
    return []


def _of_the_journal(node: ast.AST) -> list[ast.expr]:
    return [node] if isinstance(node, ast.JoinedStr) and _template(node).startswith("journal …") else []


def _of_the_chain(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Return(value=ast.JoinedStr() as text):
            return [text]
    return []


def _problem(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=ast.Attribute(attr="_end"), args=[ast.Constant(value=False), text]):
            return [text]
    return []


def _end_of_all(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="TreeDied"), args=[text]):
            return [text]
    return []


def _table(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.AnnAssign(target=ast.Name(id="_TEXTS"), value=ast.Dict(values=texts)):
            return texts
    return []


def _blind(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.AnnAssign(target=ast.Name(id="_BLIND"), value=text) if text is not None:
            return [text]
    return []


def _no(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.AnnAssign(target=ast.Name(id="_NO"), value=ast.Dict(values=texts)):
            return texts
    return []


def _of_the_store() -> set[str]:
    return _written("store/journal.py", _of_the_journal)() | _written("store/audit.py", _of_the_chain)()


def _of_history() -> set[str]:
    found = {
        text
        for path in sorted((PACKAGE / "store").glob("history_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr) and (text := _template(node)).startswith("history ")
    }
    assert found, "store/history_*.py: none found any more"
    return found


HANDED_IN: dict[str, Callable[[], set[str]]] = {
    "actors/history.py:_open": _of_history,
    "actors/history.py:_tell": _of_history,
    "actors/lease.py:_tell": _written("actors/lease.py", _table),
    "actors/lease.py:_tell_blind": _written("actors/lease.py", _blind),
    "actors/modbus_client.py:_run": _written("actors/owning.py", _said),
    "actors/modbus_client.py:taken": _written("actors/owning.py", _said),
    "actors/store.py:_tell": _of_the_store,
    "modbus/safe_writes.py:_answered": _written("modbus/safe_writes.py", _no),
    "core/functions/commands.py:_end": _written("core/functions/commands.py", _problem),
}
