"""Works out which documents and expanded templates an instance loads, and in which order."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import orjson

from ess_actors.core.findings import Severity
from ess_actors.core.remarks import Remarks
from ess_actors.core.templates import Expansion, Template, TooMany, expand

Tree = Mapping[str, object]

DROPPED: Final = frozenset({"_doc", "_id", "_version"})
OWNERS: Final = frozenset({"amname", "ainame", "pname"})
_TABLES: Final = ("/config/load", "/config/cfile", "/config/range")


class Load(NamedTuple):
    """Apply these tables. `owner` is (manager, instance, parent), each "" when not named."""

    document: str
    tree: Tree
    owner: tuple[str, str, str] = ("", "", "")
    names: Mapping[str, tuple[str, dict[str, str]]] = {}


class Mark(NamedTuple):
    """Set `/config/<kind>:<name>` to true, with params; kind is cfile, ctmpl or load."""

    kind: str
    name: str
    document: str


class Join(NamedTuple):
    """Establish the links and vlinks known so far."""


Order = Load | Mark | Join


class Loader:
    """Plans the load phase of one instance; problems go to `remarks`, those that forbid a start as FATAL."""

    def __init__(self, documents: Mapping[str, Tree], remarks: Remarks) -> None:
        self.documents = documents
        self.remarks = remarks
        self.orders: list[Order] = []
        self.tables: dict[str, dict[str, dict[str, object]]] = {name: {} for name in _TABLES}
        self.done: set[str] = set()
        self.templates: dict[str, set[str]] = {}
        """Loader -> the templates it uses, for a template that is pushed again."""
        self._loaded: set[str] = set()
        self._running: list[str] = []
        self._count = [0]

    def plan(self, start: Tree, config: str) -> list[Order]:
        """Start file, first document, open entries of /config/cfile, loaders with finals, saved registers."""
        self._apply("", start)
        self._need(config, "", ("/sysconfig/default", "Config"))
        self._open_files()
        while waiting := [n for n, m in sorted(self.tables["/config/load"].items()) if self._waits(n, m)]:
            self._loader(waiting[0])
            self._open_files()
        self.orders.append(Join())
        if "saved_registers" in self.documents:
            self._saved(self.documents["saved_registers"])
        return self.orders

    def _waits(self, name: str, members: Mapping[str, object]) -> bool:
        return name not in self.done and members.get("value") is not True

    def _open_files(self) -> None:
        files = self.tables["/config/cfile"]
        while names := [
            n for n, m in sorted(files.items()) if m.get("value") is False and n not in self._loaded
        ]:
            self._need(names[0], "", ("/config/cfile", names[0]))

    def _saved(self, saved: Tree) -> None:
        for family, assets in saved.items():
            if isinstance(assets, dict) and not family.startswith("_"):
                tables = {f"/{family}/{asset}": members for asset, members in assets.items()}
                self.orders.append(Load("saved_registers", tables))

    def _need(self, name: str, asker: str, parts: tuple[str | int, ...]) -> None:
        if name in self._loaded:
            return
        self._loaded.add(name)
        tree = self._document(name, asker, parts)
        if tree is not None:
            self._apply(name, tree)
            self.orders.append(Mark("cfile", name, name))

    def _document(self, name: str, asker: str, parts: tuple[str | int, ...]) -> Tree | None:
        tree = self.documents.get(name)
        if tree is None:
            self._fatal(
                asker, parts, "document-missing", f"document {name} does not exist", f"add {name}.json"
            )
        return tree

    def _fatal(self, document: str, parts: tuple[str | int, ...], code: str, text: str, hint: str) -> None:
        self.remarks.document, self.remarks.parts = document, parts
        self.remarks.add(Severity.FATAL, code, text, hint)
        self.remarks.document, self.remarks.parts = "", ()

    def _apply(self, name: str, tree: Tree, expansion: Expansion | None = None) -> None:
        tables = {k.replace("#", "/"): v for k, v in tree.items() if k not in DROPPED and k not in OWNERS}
        for table in _TABLES:
            members = tables.get(table)
            for member, body in members.items() if isinstance(members, dict) else ():
                self._merge(table, member, body, name)
        if expansion is None:
            owner = (_text(tree, "amname"), _text(tree, "ainame"), _text(tree, "pname"))
            self.orders.append(Load(name, tables, owner))
        else:
            self.orders.append(Load(name, tables, expansion.owner, expansion.names))

    def _merge(self, table: str, member: str, body: object, document: str) -> None:
        known = self.tables[table].setdefault(member, {"_document": document})
        for key, value in (body if isinstance(body, dict) else {"value": body}).items():
            if key in ("options", "functions", "variables") and isinstance(value, list):
                old = known.get("options")
                known["options"] = [*old, *value] if isinstance(old, list) else value
            elif key == "new_options":
                known["options"] = value
            else:
                known[key] = value

    # --- loaders ------------------------------------------------------------------------------------------

    def _loader(self, name: str, asker: str = "", parts: tuple[str | int, ...] = ()) -> None:
        settings = self.tables["/config/load"].get(name)
        if name in self._running:
            circle = " -> ".join([*self._running, name])
            self._fatal(asker, parts, "loader-cycle", f"loaders need each other: {circle}", "cut the circle")
            return
        if settings is None:
            hint = "define it in /config/load"
            self._fatal(asker, parts, "loader-unknown", f"loader {name} does not exist", hint)
            return
        if name in self.done:
            return
        self._running.append(name)
        document, here = str(settings["_document"]), ("/config/load", name)
        self._need(_text(settings, "file") or name, document, (*here, "file"))
        levels: list[Template] = []
        for index, option in enumerate(_options(settings)):
            place = (*here, "new_options", index)
            if "file" in option:
                self._need(_text(option, "file"), document, place)
            elif "load" in option:
                self._loader(_text(option, "load"), document, place)
            elif "site" in option:
                self._site(option, document, place)
            elif "tmpl" in option or "tmpls" in option:
                level = self._template(name, option, document, place)
                levels += [level] if level is not None else []
        self._expand(levels, document, here)
        self._running.pop()
        self.done.add(name)
        self.orders.append(Mark("load", name, document))
        final = _text(settings, "final")
        if final:
            self.orders.append(Join())
            self._need(final, document, (*here, "final"))

    def _template(
        self, loader: str, option: Mapping[str, object], document: str, parts: tuple[str | int, ...]
    ) -> Template | None:
        names = option.get("tmpls") or [option.get("tmpl")]
        trees = []
        for name in names if isinstance(names, list) else [names]:
            tree = self._document(str(name), document, parts)
            if tree is None:
                return None
            self.templates.setdefault(loader, set()).add(str(name))
            trees.append((str(name), tree))
            self.orders.append(Mark("ctmpl", str(name), str(name)))
        ranges = (
            self.tables["/config/range"].get(str(option.get("rangevar")), {})
            if "rangevar" in option
            else option
        )
        if "from" not in ranges or "to" not in ranges:
            self.remarks.document, self.remarks.parts = document, parts
            text = "`from` or `to` is left out: 1 to 4 is taken"
            self.remarks.add(Severity.WARNING, "range-default", text, "write both")
            self.remarks.document, self.remarks.parts = "", ()
        try:
            return Template(trees, option, ranges)
        except ValueError as error:
            self._fatal(
                document, parts, "bad-template", str(error), "correct the numbers and `reps` of the option"
            )
            return None

    def _expand(self, levels: list[Template], document: str, parts: tuple[str | int, ...]) -> None:
        try:
            for expansion in expand(levels, self._count):
                self._apply(expansion.document, expansion.tree, expansion)
        except TooMany as error:
            self._fatal(document, parts, "template-limit", str(error), "reduce the ranges of its templates")
        except (ValueError, IndexError, KeyError) as error:
            self._fatal(
                document, parts, "bad-template", f"a template does not expand: {error}", "check its `reps`"
            )

    def _site(self, option: Mapping[str, object], document: str, parts: tuple[str | int, ...]) -> None:
        name = _text(option, "site")
        tree = self._document(name, document, parts)
        if tree is not None:
            self.orders.append(Load(name, site_tables(tree)))
            self.orders.append(Mark("ctmpl", name, name))


def site_tables(tree: Tree) -> dict[str, dict[str, object]]:
    """The variables of a site register document: `<uri>:<id>` = 0 for every input and holding register that
    does not exist yet ("$$" keeps the value of one that does)."""
    tables: dict[str, dict[str, object]] = {}
    registers = tree.get("registers")
    for kind in ("input_registers", "holding_registers"):
        entries = registers.get(kind) if isinstance(registers, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if (
                isinstance(entry, dict)
                and isinstance(entry.get("uri"), str)
                and isinstance(entry.get("id"), str)
            ):
                tables.setdefault(entry["uri"], {})[entry["id"]] = NEW_ZERO
    return tables


NEW_ZERO: Final = {"value": "$$", "$$new": 0}
"""As a member: number 0 for a variable that does not exist, otherwise nothing."""


def _text(members: Mapping[str, object], key: str) -> str:
    value = members.get(key)
    return value if isinstance(value, str) else ""


def _options(settings: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    options = settings.get("options")
    for option in options if isinstance(options, list) else ():
        if isinstance(option, dict):
            yield option


def canonical(tree: Tree) -> bytes:
    """The text of a document as JSON, for its checksum."""
    return orjson.dumps(tree)
