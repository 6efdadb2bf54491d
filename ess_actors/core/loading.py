"""Carries out the load phase of an instance, and takes documents that are pushed later: whole or not at all."""

import gc
from collections.abc import Callable, Mapping, Sequence

from ess_actors.core.applying import Applier
from ess_actors.core.bodies import too_deep
from ess_actors.core.document_text import checksum, parse
from ess_actors.core.engine import Engine
from ess_actors.core.errors import ConfigError
from ess_actors.core.findings import Severity
from ess_actors.core.json_scanner import MAX_DEPTH
from ess_actors.core.lint_documents import lint_documents
from ess_actors.core.lint_functions import lint_functions
from ess_actors.core.loader import TABLES, Load, Loader, Mark, Members, Order
from ess_actors.core.local_time import local_time
from ess_actors.core.quality import Quality
from ess_actors.core.remark_places import LATE, Places
from ess_actors.core.remarks import Remark, Remarks

Tree = Mapping[str, object]


class Loading:
    """The documents of one instance and their application. Raises ConfigError (args: the FATAL remarks), unless
    it is a `trial` that goes on as far as it can."""

    def __init__(
        self,
        engine: Engine,
        applier: Applier,
        remarks: Remarks,
        start: Tree,
        config: str,
        documents: Mapping[str, Tree],
        join: Callable[[], None],
        trial: bool = False,
    ) -> None:
        self.engine = engine
        self.applier = applier
        self.remarks = remarks
        self.join = join
        engine.documents = dict(documents)
        self._told_by: dict[tuple[str, str], object] = {}
        """Member of a table of the loader -> the document that has its settings."""
        self._waiting: list[tuple[bool, str]] | None = None
        """(is a template, name) of what was pushed while the loader stands still; None while it runs."""
        loader = Loader(engine.documents, remarks)
        self._orders = loader.plan(start, config)
        self._remember(loader)
        if (fatal := remarks.fatal()) and not trial:
            raise ConfigError(*fatal)

    def run(self) -> None:
        """The load phase of a start."""
        orders, self._orders = self._orders, []
        # Nearly all that is made now stays: to search it for garbage again and again costs half the time.
        pausing = gc.isenabled()
        gc.disable()
        try:
            self._carry_out(orders)
            self._judge(orders)
        finally:
            if pausing:
                gc.enable()

    def push(self, template: bool, name: str, body: bytes) -> list[Remark]:
        """A document pushed at run time: applied (a template: the loaders that use it expand it again), or
        refused as a whole, and then nothing changed. What is wrong with it; with a FATAL remark it was refused,
        and the first is one."""
        engine = self.engine
        tree, found = parse(name, body)
        trial = Remarks()
        trial.found = found
        if trial.fatal():
            return _worst_first(found)
        if too_deep(tree, MAX_DEPTH):
            text, hint = f"nested deeper than {MAX_DEPTH}", "flatten the structure"
            return [Remark(name, "$", Severity.FATAL, "not-json", text, hint)]
        documents = {**engine.documents, name: tree}
        loader, orders = self._planned(template, name, documents, trial)
        if trial.fatal():
            return _worst_first(trial.found)
        engine.documents = documents
        if self._waiting is None:
            return _worst_first(self._phase(loader, orders, trial))
        self._waiting.append((template, name))
        return _worst_first(trial.found)

    def stop(self) -> None:
        """From now on what is pushed is checked and kept, not applied."""
        self._waiting = self._waiting or []

    def resume(self) -> list[Remark]:
        """Apply what was kept, then everything in /config/cfile and /config/load that is not true."""
        waiting, self._waiting = self._waiting or [], None
        problems: list[Remark] = []
        for template, name in [*waiting, (False, "")]:
            trial = Remarks()
            loader, orders = self._planned(template, name, self.engine.documents, trial)
            problems += trial.found if trial.fatal() else self._phase(loader, orders, trial)
        return _worst_first(problems)

    def _planned(
        self, template: bool, name: str, documents: Mapping[str, Tree], trial: Remarks
    ) -> tuple[Loader, list[Order]]:
        """The plan for a document or a template; without a name, for everything that waits."""
        loader = Loader(documents, trial, self._tables())
        if not name:
            return loader, loader.rest()
        return loader, loader.template(name) if template else loader.again(name)

    def _tables(self) -> dict[str, Members]:
        """What stands in the tables of the loader now, documents and later sets together."""
        result: dict[str, Members] = {}
        for uri in TABLES:
            table = self.engine.map.tables.get(uri)
            result[uri] = {
                name: {
                    **var.params,
                    "value": var.cell.value,
                    "options": var.options,
                    "_document": self._told_by.get((uri, name), ""),
                }
                for name, var in (table.variables.items() if table is not None else ())
            }
        return result

    def _remember(self, loader: Loader) -> None:
        for uri, members in loader.tables.items():
            self._told_by.update(((uri, name), settings["_document"]) for name, settings in members.items())

    def _phase(self, loader: Loader, orders: Sequence[Order], trial: Remarks) -> list[Remark]:
        """Carry out a plan that nothing forbids; gives what is wrong with what it loaded."""
        found = self.remarks.found
        anew = {order.document for order in orders if isinstance(order, Load)}
        found[:] = [remark for remark in found if remark.document not in anew]
        before = len(found)
        found += trial.found
        self._remember(loader)
        self._carry_out(orders)
        self.engine.plan_again()
        self._judge(orders, before)
        return found[before:]

    # --- carrying out -----------------------------------------------------------------------------------------

    def _carry_out(self, orders: Sequence[Order]) -> None:
        # Assets first: an action may name one that a later document creates.
        for order in orders:
            if isinstance(order, Load):
                self._own(order)
        remarks = self.remarks
        for order in orders:
            if isinstance(order, Load):
                with remarks.at(order.document):
                    self.applier.document(order.tree, order.names)
                if order.document:
                    self.engine.counters.add(f"config_applied{{{order.document}}}")
            elif isinstance(order, Mark):
                self._mark(order)
            else:
                with remarks.at(LATE):
                    self.join()

    def _own(self, order: Load) -> None:
        manager, instance, parent = order.owner
        if manager:
            self.engine.assets.manager(manager, parent)
        if instance:
            self.engine.assets.instance(instance, manager or parent)

    def _mark(self, order: Mark) -> None:
        engine, name = self.engine, order.name
        var = engine.ensure(f"/config/{order.kind}", name, False)
        if order.kind == "load":
            var.params["configDone"] = True
            var.params["loadComplete"] = True
        else:
            var.params["md5sum"] = checksum(engine.documents[name])
            var.params["reqResp"] = local_time(engine)
        engine.write(var, True, Quality.GOOD)

    def _judge(self, orders: Sequence[Order], since: int = 0) -> None:
        """What is wrong with what was loaded, at its place, and in the log."""
        remarks = self.remarks
        found = remarks.found
        self.applier.compiler.late.finish()
        late = len(found) if since else None
        with remarks.at(LATE):
            lint_documents(self.engine, remarks)
            lint_functions(self.engine, remarks)
        if len(found) == since:
            return
        places = Places(orders)
        fresh: dict[Remark, None] = {}
        for index, remark in enumerate(found[since:], since):
            known = places.of(remark)
            if known is not None:
                fresh[known] = None
            elif late is None or index < late:  # what is wrong with other documents was told when they came
                fresh[remark._replace(document="")] = None
        found[since:] = fresh
        for remark in fresh:
            if remark.severity >= Severity.WARNING:
                where = f"document {remark.document}" if remark.document else "start file"
                self.engine.log("warning", f"{where} {remark.path}: {remark.text}; {remark.hint}")


def _worst_first(remarks: list[Remark]) -> list[Remark]:
    return sorted(remarks, key=lambda remark: -remark.severity)
