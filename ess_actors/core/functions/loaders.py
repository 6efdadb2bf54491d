"""LoadServer, LoadClient: create the variables that a register document names."""

from collections.abc import Callable, Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.register_documents import Tables, Tree, client_tables, site_tables
from ess_actors.core.variables import Variable


def _load(param: str, tables: Callable[[Tree], Tables]) -> Function:
    def load(engine: Engine, asset: Asset, var: Variable) -> None:
        named = var.cell.value
        tree = engine.documents.get(named) if isinstance(named, str) else None
        if tree is None:
            tree = engine.documents.get(var.text(param))
        if tree is None:
            engine.counters["document_missing"] += 1
            if engine.once(("document", var)):
                text = f"{var.uri} loads nothing: neither its value nor its param `{param}` names a document"
                engine.log("warning", text)
            return
        for table, members in tables(tree).items():
            for name, body in members.items():
                engine.apply(table, name, body)

    load.__doc__ = f"Create the variables of the register document that the value or param `{param}` names."
    return load


FUNCTIONS: Final[Mapping[str, Function]] = {
    "LoadServer": _load("server", site_tables),
    "LoadClient": _load("client", client_tables),
}
