"""RunAllLinks, RunLinks, RunAllVLinks, RunVLinks: several names for one variable, and shared values."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.findings import Severity
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Value, Variable, kind_of

LINKS: Final = "/links/"
VLINKS: Final = "/vlinks/"


def _end(engine: Engine, uri: object, default: object) -> Variable | None:
    """The variable a link names, created with the default (number 0); None for a bad uri (logged once)."""
    try:
        reference = parse_reference(str(uri))
    except ValueError:
        reference = None
    if reference is None or not reference.table.startswith("/") or not reference.name:
        if engine.once(("link", uri)):
            engine.log("warning", f"link to {uri!r} is no /table:name and was not made")
        return None
    value: Value = default if kind_of(default) >= 0 else 0  # type: ignore[assignment]
    return engine.ensure(reference.table, reference.name, value)


def run_links(engine: Engine, asset: Asset, var: Variable) -> None:
    """Build the links of every `/links/<asset>` table."""
    for uri in [u for u in engine.map.uris() if u.startswith(LINKS)]:
        owner = engine.assets.find(uri[len(LINKS) :])
        for name, link in list(engine.map.tables[uri].variables.items()):
            target = _end(engine, link.cell.value, link.params.get("default"))
            if target is None:
                continue
            if owner is not None:
                owner.context[name] = target
            if link.text("linkvar"):
                _alias(engine, link.text("linkvar"), target)


def _alias(engine: Engine, uri: str, target: Variable) -> None:
    """Make uri another name of the target; what was configured under that name moves over to it."""
    try:
        reference = parse_reference(uri)
    except ValueError:
        return
    old = engine.map.find(reference.table, reference.name)
    if old is target:
        return
    if old is not None:
        for param, value in old.params.items():
            if param not in target.params:
                engine.set_param(target, param, value)
        if old.steps and not target.steps:
            target.actions, target.steps = old.actions, old.steps
        if target.options is None:
            target.options = old.options
    engine.map.place(reference.table, reference.name, target)


def run_vlinks(engine: Engine, asset: Asset, var: Variable) -> None:
    """Build the value links of every `/vlinks/*` table."""
    for uri in [u for u in engine.map.uris() if u.startswith(VLINKS)]:
        for link in list(engine.map.tables[uri].variables.values()):
            _vlink(engine, link.cell.value, link.params.get("vlink"), link.params.get("default"))
            for entry in link.options if isinstance(link.options, list) else ():
                if isinstance(entry, dict):
                    default = entry.get("default", link.params.get("default"))
                    _vlink(engine, entry.get("value"), entry.get("vlink"), default)


def _vlink(engine: Engine, source: object, target: object, default: object) -> None:
    if source is None or target is None:
        return
    left, right = _end(engine, source, default), _end(engine, target, default)
    if left is None or right is None or left.link is right:
        return
    if not engine.map.vlink(left, right) and engine.once(("vlink", left.uri)):
        text = f"vlink {left.uri} -> {right.uri} closes a circle and was not made"
        engine.log("error", text)
        engine.remarks.add(
            Severity.ERROR, "vlink-circle", text, "remove one of them", (left.table, left.name)
        )


def join_links(engine: Engine) -> None:
    """All links and value links known so far, those of a variable's own param `vlink` included."""
    root = engine.assets.root
    nothing = Variable("", "", 0, 0.0)
    run_links(engine, root, nothing)
    run_vlinks(engine, root, nothing)
    for uri in engine.map.uris():
        if not uri.startswith(VLINKS):
            for var in list(engine.map.tables[uri].variables.values()):
                if "vlink" in var.params:
                    _vlink(engine, var.uri, var.params["vlink"], var.params.get("default"))


FUNCTIONS: Final[Mapping[str, Function]] = {
    "RunAllLinks": run_links,
    "RunLinks": run_links,
    "RunAllVLinks": run_vlinks,
    "RunVLinks": run_vlinks,
}
