"""Carries out a loading plan on an engine: owners, tables, marks, links; and takes pushed documents."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import orjson

from ess_actors.core.applying import Applier
from ess_actors.core.engine import Engine
from ess_actors.core.errors import ConfigError
from ess_actors.core.findings import Severity
from ess_actors.core.loader import Load, Loader, Mark, Order, canonical
from ess_actors.core.quality import Quality
from ess_actors.core.remarks import Remark, Remarks

Tree = Mapping[str, object]


class Loading:
    """The documents of one instance and their application. Raises ConfigError (args: the FATAL remarks)."""

    def __init__(
        self,
        engine: Engine,
        applier: Applier,
        remarks: Remarks,
        start: Tree,
        config: str,
        documents: Mapping[str, Tree],
        join: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.applier = applier
        self.remarks = remarks
        self.start = start
        self.config = config
        self.documents = dict(documents)
        self.join = join
        self.roots: list[str] = [config]
        """The first document and what was pushed since."""
        self.applied: set[str] = set()
        self.loader = Loader(self.documents, remarks)
        self.orders = self.loader.plan(start, config)
        if fatal := remarks.fatal():
            raise ConfigError(*fatal)

    def run(self) -> None:
        """The whole load phase."""
        self._carry_out(self.orders)
        for slot, document, path in self.applier.compiler.wanted:
            if slot.var is None:
                text = f"{slot.table}:{slot.name} does not exist, the comparison counts as not given"
                self.remarks.found.append(
                    Remark(
                        document,
                        path,
                        Severity.WARNING,
                        "missing-variable",
                        text,
                        "create it or correct the name",
                    )
                )
        self.applier.compiler.wanted.clear()

    def _carry_out(self, orders: Sequence[Order], checksums: Mapping[str, str] | None = None) -> None:
        for order in orders:
            if isinstance(order, Load):
                self._own(order)
                self.remarks.document = order.document
                self.applier.document(order.tree, order.names)
                self.remarks.document = ""
                self.applied.add(order.document)
                if order.document:
                    self.engine.counters[f"config_applied{{{order.document}}}"] += 1
            elif isinstance(order, Mark):
                self._mark(order, (checksums or {}).get(order.document, ""))
            else:
                self.join()

    def _own(self, order: Load) -> None:
        manager, instance, parent = order.owner
        if manager:
            self.engine.assets.manager(manager, parent)
        if instance:
            self.engine.assets.instance(instance, manager or parent)

    def _mark(self, order: Mark, checksum: str) -> None:
        engine = self.engine
        var = engine.ensure(f"/config/{order.kind}", order.name, False)
        if order.kind == "load":
            var.params["configDone"] = True
            var.params["loadComplete"] = True
        else:
            var.params["md5sum"] = checksum or md5(canonical(self.documents[order.document]))
            var.params["reqResp"] = datetime.fromtimestamp(engine.wall).strftime("%m/%d/%Y %H:%M:%S")
        engine.write(var, True, Quality.GOOD)

    def push(self, template: bool, name: str, body: bytes, owner: str) -> list[Remark]:
        """A document pushed at run time: applied (a template: the loaders that use it expand again), or
        refused as a whole with the FATAL remarks, and then nothing changed."""
        try:
            tree = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return [
                Remark(name, "$", Severity.FATAL, "not-json", f"not JSON: {error}", "correct the document")
            ]
        if not isinstance(tree, dict):
            return [
                Remark(
                    name, "$", Severity.FATAL, "not-json", "a document is an object of tables", "write {...}"
                )
            ]
        trial = Remarks()
        documents = {**self.documents, name: tree}
        roots = [*self.roots, name] if not template and name not in self.roots else self.roots
        loaders = []
        for root in roots:
            loaders.append(Loader(documents, trial))
            loaders[-1].plan(self.start if root == self.config else {}, root)
        if fatal := trial.fatal():
            return fatal
        self.documents, self.roots = documents, roots
        if owner:
            self.engine.assets.manager(owner)
        wanted = _expansions(loaders, name) if template else self._news(loaders[roots.index(name)], name)
        self._carry_out(wanted, {name: md5(body)})
        self.join()
        return []

    def _news(self, loader: Loader, name: str) -> list[Order]:
        """What a pushed document asks for, without the other documents that are in force already."""
        return [
            order
            for order in loader.orders
            if not isinstance(order, Load)
            or order.names
            or order.document == name
            or order.document not in self.applied
        ]


def _expansions(loaders: Sequence[Loader], template: str) -> list[Order]:
    """Everything that is made from a template, and its mark."""
    orders = [order for loader in loaders for order in loader.orders]
    return [
        *(order for order in orders if isinstance(order, Load) and order.document == template),
        Mark("ctmpl", template, template),
    ]


def md5(text: bytes) -> str:
    """Hex checksum of a document's text."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest()
