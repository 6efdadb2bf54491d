"""RunAllLinks, RunLinks, RunAllVLinks, RunVLinks: several names for one variable, and shared values."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset, ensure_end, variable_named
from ess_actors.core.engine import Engine, Function
from ess_actors.core.findings import Severity
from ess_actors.core.remarks import PathPart
from ess_actors.core.uri import Reference
from ess_actors.core.variables import Variable

LINKS: Final = "/links/"
VLINKS: Final = "/vlinks/"


def _named(engine: Engine, uri: object) -> Reference | None:
    """A colon form that names a variable; anything else is logged once."""
    reference = variable_named(uri)
    if reference is None and engine.once(("link", uri)):
        engine.log("warning", f"link to {uri!r} is no /table:name and was not made")
    return reference


def _end(engine: Engine, uri: object, default: object) -> Variable | None:
    """The variable a link names, created with the default (number 0); None when it names none."""
    reference = _named(engine, uri)
    return None if reference is None else ensure_end(engine.map, reference, default, engine.now)


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
            alias = _named(engine, link.params["linkvar"]) if "linkvar" in link.params else None
            if alias is not None:
                _alias(engine, alias, target)


def _alias(engine: Engine, alias: Reference, target: Variable) -> None:
    """Make `alias` another name of the target; what was configured under that name moves over to it."""
    old = engine.map.find(alias.table, alias.name)
    if old is target:
        return
    engine.map.place(alias.table, alias.name, target)
    if old is None or (old.table, old.name) != (alias.table, alias.name):
        return  # a variable that has the name by another link keeps what is its own
    for param, value in old.params.items():
        if param not in target.params:
            engine.set_param(target, param, value)
    if old.steps and not target.steps:
        target.actions, target.steps = old.actions, old.steps
    if target.options is None:
        target.options = old.options
    if target.watch is None:
        target.watch = old.watch
    for other in engine.assets:
        for name, known in other.context.items():
            if known is old:
                other.context[name] = target


def run_vlinks(engine: Engine, asset: Asset, var: Variable) -> None:
    """Build the value links of every `/vlinks/*` table, and of every variable that has a param `vlink`."""
    for uri in engine.map.uris():
        for link in list(engine.map.tables[uri].variables.values()):
            if not uri.startswith(VLINKS):
                if "vlink" in link.params:
                    param = (link.table, link.name, "vlink")
                    _vlink(engine, param, link.uri, link.params["vlink"], link.params.get("default"))
                continue
            place = (uri, link.name)
            _vlink(engine, place, link.cell.value, link.params.get("vlink"), link.params.get("default"))
            for index, entry in enumerate(link.options if isinstance(link.options, list) else ()):
                if isinstance(entry, dict):
                    default = entry.get("default", link.params.get("default"))
                    _vlink(
                        engine, (*place, "options", index), entry.get("value"), entry.get("vlink"), default
                    )
    engine.map.join_cells()


def _vlink(
    engine: Engine, place: tuple[PathPart, ...], source: object, target: object, default: object
) -> None:
    """Let `source` share the value of `target`; `place` is where that is asked for."""
    if source is None or target is None:
        return
    left, right = _end(engine, source, default), _end(engine, target, default)
    if left is None or right is None or left.link is right:
        return
    if not engine.map.vlink(left, right) and engine.once(("vlink", left.uri, right.uri)):
        text = f"vlink {left.uri} -> {right.uri} closes a circle and was not made"
        engine.log("error", text)
        engine.remarks.add(Severity.ERROR, "vlink-circle", text, "remove one of its links", place)


def join_links(engine: Engine) -> None:
    """All links and value links known so far."""
    root = engine.assets.root
    nothing = Variable("", "", 0, 0.0)
    run_links(engine, root, nothing)
    run_vlinks(engine, root, nothing)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "RunAllLinks": run_links,
    "RunLinks": run_links,
    "RunAllVLinks": run_vlinks,
    "RunVLinks": run_vlinks,
}
