"""Works out which documents and expanded templates an instance loads, and in which order."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from ess_actors.core.findings import Severity
from ess_actors.core.loader_options import (
    OWNERS,
    Option,
    Place,
    check_registers,
    open_options,
    say,
    site_of,
    templates_of,
    text_of,
)
from ess_actors.core.register_documents import site_tables
from ess_actors.core.remarks import Remarks
from ess_actors.core.templates import Expansion, Names, Spent, Template, TemplateError, expand

Tree = Mapping[str, object]
Members = dict[str, dict[str, object]]

DROPPED: Final = frozenset({"_doc", "_id", "_version"})
SAVED: Final = "saved_registers"
"""The document that is loaded without being named."""
LOADERS: Final = "/config/load"
FILES: Final = "/config/cfile"
RANGES: Final = "/config/range"
TABLES: Final = (LOADERS, FILES, RANGES)
_SETTINGS: Final = frozenset({"file", "final", "options", "new_options"})


class Load(NamedTuple):
    """Apply these tables. `owner` is (manager, instance, parent), each "" when not named; `names` and `origins`
    as of an Expansion."""

    document: str
    tree: Tree
    owner: tuple[str, str, str] = ("", "", "")
    names: Names = MappingProxyType({})
    origins: Mapping[str, str] = MappingProxyType({})


class Mark(NamedTuple):
    """Set `/config/<kind>:<name>` to true, with params; kind is cfile, ctmpl or load."""

    kind: str
    name: str


class Join(NamedTuple):
    """Establish the links and vlinks known so far."""


Order = Load | Mark | Join


class Loader:
    """Plans one load phase; problems go to `remarks`, those that forbid it as FATAL.

    `tables` is what is in force already of TABLES, each member with its settings and, as `_document`, the
    document it comes from.
    """

    def __init__(
        self, documents: Mapping[str, Tree], remarks: Remarks, tables: dict[str, Members] | None = None
    ) -> None:
        self.documents = documents
        self.remarks = remarks
        self.orders: list[Order] = []
        self.tables = {name: {} for name in TABLES} if tables is None else tables
        self.asked: set[str] = set()
        """Every document and template that was asked for."""
        self._there = {name for name, file in self.tables[FILES].items() if file.get("value") is True}
        self._fresh: set[tuple[str, str]] = set()
        """What this phase itself brought into TABLES: only that is loaded now."""
        self._done: set[str] = set()
        self._running: list[str] = []
        self._spent = Spent()

    def plan(self, start: Tree, config: str) -> list[Order]:
        """Start file, first document, open entries of /config/cfile, loaders with finals, saved registers."""
        self._apply("", start)
        self._need(config, "", ("/sysconfig/default", "Config"))
        self._rest()
        if SAVED in self.documents:
            self._saved(self.documents[SAVED])
        return self.orders

    def again(self, name: str) -> list[Order]:
        """A document that was pushed, and what it asks for."""
        if name == SAVED:
            self._saved(self.documents[name])
        else:
            self._need(name, "", (), again=True)
            self._rest()
        return self.orders

    def template(self, name: str) -> list[Order]:
        """A template that was pushed, for every loader that used it."""
        for loader, settings in sorted(self.tables[LOADERS].items()):
            options = list(open_options(settings, (LOADERS, loader), self.remarks))
            if settings.get("value") is True and any(name in templates_of(option) for option, _ in options):
                levels = [self._template(option, settings, place) for option, place in options]
                self._expand([one for one in levels if one is not None], settings, (LOADERS, loader), name)
            for option, place in options:
                if settings.get("value") is True and site_of(option) == name:
                    self._registers(option, settings, place)
        self.orders = [order for order in self.orders if isinstance(order, Load)]
        self.orders += [Mark("ctmpl", name), Join()]
        return self.orders

    def rest(self) -> list[Order]:
        """Everything that is not loaded yet."""
        self._fresh = {(table, name) for table, members in self.tables.items() for name in members}
        self._rest()
        return self.orders

    def _rest(self) -> None:
        self._open_files()
        while waiting := [name for name in sorted(self.tables[LOADERS]) if self._waits(name)]:
            self._loader(waiting[0])
            self._open_files()
        self.orders.append(Join())

    def _waits(self, name: str) -> bool:
        true = self.tables[LOADERS][name].get("value") is True
        return (LOADERS, name) in self._fresh and name not in self._done and not true

    def _open_files(self) -> None:
        files = self.tables[FILES]
        while names := [
            name
            for name, file in sorted(files.items())
            if file.get("value") is False and (FILES, name) in self._fresh and name not in self._there
        ]:
            self._need(names[0], str(files[names[0]]["_document"]), (FILES, names[0]))

    def _saved(self, saved: Tree) -> None:
        for family, assets in saved.items():
            if isinstance(assets, dict) and not family.startswith("_"):
                tables = {f"/{family}/{asset}": members for asset, members in assets.items()}
                names: Names = {table: (f"{family}.{table.rpartition('/')[2]}", {}) for table in tables}
                self.orders.append(Load(SAVED, tables, names=names))

    def _need(self, name: str, asker: str, place: Place, again: bool = False) -> None:
        if name in self._there and not again:
            return
        self._there.add(name)
        tree = self._document(name, asker, place)
        if tree is not None:
            self._apply(name, tree)
            self.orders.append(Mark("cfile", name))

    def _document(self, name: str, asker: str, place: Place) -> Tree | None:
        self.asked.add(name)
        tree = self.documents.get(name)
        if tree is None:
            text, hint = f"document {name} does not exist", f"add {name}.json"
            self._say(asker, place, Severity.FATAL, "document-missing", text, hint)
        return tree

    def _say(self, document: str, place: Place, severity: Severity, code: str, text: str, hint: str) -> None:
        say(self.remarks, document, place, severity, code, text, hint)

    def _apply(self, name: str, tree: Tree, expansion: Expansion | None = None) -> None:
        tables: dict[str, object] = {}
        for key, members in tree.items():
            if key in DROPPED or key in OWNERS:
                continue
            table = key.replace("#", "/")
            tables[table] = members
            if isinstance(members, dict) and not table.startswith(("/", "_")):
                text, hint = f"{key} is no table and nothing of it is loaded", "a table begins with / or #"
                self._say(name, (key,), Severity.WARNING, "no-table", text, hint)
        for table in TABLES:
            bodies = tables.get(table)
            for member, body in bodies.items() if isinstance(bodies, dict) else ():
                self._merge(table, member, body, name)
        if expansion is None:
            owner = (text_of(tree, "amname"), text_of(tree, "ainame"), text_of(tree, "pname"))
            names: Names = {
                key.replace("#", "/"): (key, {}) for key in tree if "#" in key and key not in DROPPED
            }
            self.orders.append(Load(name, tables, owner, names))
        else:
            self.orders.append(Load(name, tables, expansion.owner, expansion.names, expansion.origins))

    def _merge(self, table: str, member: str, body: object, document: str) -> None:
        known = self.tables[table].setdefault(member, {"_document": document})
        if isinstance(body, dict) and not _SETTINGS.isdisjoint(body):
            known["_document"] = document
        self._fresh.add((table, member))
        for key, value in (body if isinstance(body, dict) else {"value": body}).items():
            if key in ("options", "functions", "variables") and isinstance(value, list):
                old = known.get("options")
                known["options"] = [*old, *value] if isinstance(old, list) else value
                known["_options"] = key
            elif key == "new_options":
                known["options"] = value
                known["_options"] = key
            else:
                known[key] = value

    # --- loaders ------------------------------------------------------------------------------------------

    def _loader(self, name: str, asker: str = "", place: Place = ()) -> None:
        settings = self.tables[LOADERS].get(name)
        if name in self._running:
            circle = " -> ".join([*self._running[self._running.index(name) :], name])
            text = f"loaders need each other: {circle}"
            self._say(asker, place, Severity.FATAL, "loader-cycle", text, "cut the circle")
            return
        if settings is None:
            text, hint = f"loader {name} does not exist", "define it in /config/load"
            self._say(asker, place, Severity.FATAL, "loader-unknown", text, hint)
            return
        if name in self._done or settings.get("value") is True:
            return
        self._running.append(name)
        document, here = str(settings["_document"]), (LOADERS, name)
        self._need(text_of(settings, "file") or name, document, (*here, "file"))
        levels: list[Template] = []
        for option, place in open_options(settings, here, self.remarks):
            if "file" in option:
                self._need(text_of(option, "file"), document, place)
            elif "load" in option:
                self._loader(text_of(option, "load"), document, place)
            elif "site" in option:
                self._registers(option, settings, place)
            else:
                level = self._template(option, settings, place)
                levels += [level] if level is not None else []
        self._expand(levels, settings, here)
        self._running.pop()
        self._done.add(name)
        self.orders.append(Mark("load", name))
        final = text_of(settings, "final")
        if final:
            self.orders.append(Join())
            self._need(final, document, (*here, "final"), again=True)

    def _template(self, option: Option, settings: Option, place: Place) -> Template | None:
        document = str(settings["_document"])
        names = templates_of(option)
        trees = [(name, self._document(name, document, place)) for name in names]
        found = [(name, tree) for name, tree in trees if tree is not None]
        ranges = option
        if "rangevar" in option:
            ranges = self.tables[RANGES].get(str(option["rangevar"]), {})
        if names and ("from" not in ranges or "to" not in ranges):
            text, hint = "`from` or `to` is left out: 1 to 4 is taken", "write both"
            self._say(document, place, Severity.WARNING, "range-default", text, hint)
        if not names or len(found) < len(trees):
            return None
        self.orders += [Mark("ctmpl", name) for name in names]
        try:
            return Template(found, option, ranges)
        except TemplateError as error:
            hint = "correct the numbers, names and `reps` of the option"
            self._say(document, place, Severity.FATAL, error.code, str(error), hint)
            return None

    def _expand(
        self,
        levels: list[Template],
        settings: Option,
        place: Place,
        only: str = "",
    ) -> None:
        """Expand the levels; `only` that one which is made of this template."""
        wanted = {level.documents[0] for level in levels if not only or only in level.documents}
        try:
            for expansion in expand(levels, self._spent):
                if expansion.document in wanted:
                    self._apply(expansion.document, expansion.tree, expansion)
        except TemplateError as error:
            limited = error.code == "template-limit"
            hint = "reduce the ranges or the `reps` of its templates" if limited else "check its `reps`"
            text = str(error) if limited else f"a template does not expand: {error}"
            self._say(str(settings["_document"]), place, Severity.FATAL, error.code, text, hint)

    def _registers(self, option: Option, settings: Option, place: Place) -> None:
        name = site_of(option)
        tree = self._document(name, str(settings["_document"]), place)
        if tree is None:
            return
        check_registers(name, tree, self.remarks)
        self.orders += [Load(name, site_tables(tree)), Mark("ctmpl", name)]
