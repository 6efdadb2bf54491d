"""Applies bodies of set and pub, and the tables of documents, to the variables."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.access import RESERVED
from ess_actors.core.actions.program import Compiler
from ess_actors.core.engine import Engine
from ess_actors.core.expression import ExpressionError, compile_expression
from ess_actors.core.findings import Severity
from ess_actors.core.locks import Lock
from ess_actors.core.quality import EVERY_MEMBER, Marks, Quality
from ess_actors.core.remarks import Remarks
from ess_actors.core.tables import Table
from ess_actors.core.uri import MOST_SEGMENTS, parse_reference
from ess_actors.core.variables import NO_KIND, NUMBER, Value, Variable, kind_of

MOST_OPTIONS: Final = 10_000
"""Every set appends its options: what is sent again and again must not fill the memory."""
UNTOUCHED: Final = "$$"
"""As a value: leave the value alone, only params, options and actions are meant."""
WHEN_NEW: Final = "$$new"
"""Beside UNTOUCHED: the value a variable gets when it does not exist yet."""
_NO_ATTRIBUTES: Final = frozenset({"value", "quality", "$$action", WHEN_NEW})
_GOOD: Final = Quality.GOOD
_QUALITIES: Final[Mapping[object, Quality]] = {quality.name: quality for quality in Quality}
"""What a body shows for a value that is not good says the same when it is set; documents begin so what nobody read."""
_OPTION_NAMES: Final = frozenset({"options", "functions", "variables"})
_NO_PARAMS: Final = _NO_ATTRIBUTES | _OPTION_NAMES | {"actions", "new_options"}


class Applier:
    """Applies for one engine. `sender` is the actor id that wrote, "" for a document."""

    def __init__(self, engine: Engine, remarks: Remarks) -> None:
        self.engine = engine
        self.remarks = remarks
        self.compiler = Compiler(engine, remarks)

    def table(self, table: Table, body: Mapping[str, object], marks: Marks | None, sender: str) -> None:
        """Every member is one variable; each runs its actions before the next one is applied."""
        # Cell.put is written out here, and for the same reason in remap and dispatch: most of what an instance
        # does is storing plain numbers, and the call alone would cost a third of that.
        if "name" in body and kind_of(body["name"]) != NO_KIND:
            table.keep_order(body)
        if marks:
            self.marked(table, body, marks, sender)
            return
        variables = table.variables
        engine = self.engine
        now = engine.now
        for name, value in body.items():
            var = variables.get(name)
            kind = value.__class__
            if (
                var is not None
                and (kind is float or kind is int)
                and (cell := var.cell).kind == NUMBER
                and not var.special
            ):
                old = cell.value
                if abs(value - old) > cell.deadband:  # type: ignore[operator]
                    cell.previous = old
                    cell.value = value  # type: ignore[assignment]
                    cell.changed = True
                    cell.changed_at = now
                if cell.quality is not _GOOD:
                    cell.quality = _GOOD
                var.writer = sender
                if var.steps:
                    engine.launch(var)
            else:
                self.member(table, name, value, _GOOD, sender)

    def marked(self, table: Table, body: Mapping[str, object], marks: Marks, sender: str) -> None:
        """Members with their qualities; one that is absent or left alone gets its mark without a value."""
        everywhere = marks.get(EVERY_MEMBER, 0)
        alone = set()
        for name, value in body.items():
            if _untouched(value) and (everywhere or name in marks):
                alone.add(name)
            else:
                self.member(table, name, value, Quality(marks.get(name, everywhere)), sender)
        absent = table.variables if everywhere else marks
        for name in list(absent):
            var = table.variables.get(name)
            if var is not None and (name not in body or name in alone):
                var.writer = sender
                self.engine.set_quality(var, Quality(marks.get(name, everywhere)))

    def member(self, table: Table, name: str, body: object, quality: Quality, sender: str) -> bool:
        """One member of a table body, in any of its forms; False when it was refused (and counted)."""
        if isinstance(body, list):
            first = body[0] if len(body) == 1 else None
            body = first.get("string", first.get("value")) if isinstance(first, dict) else None
        if isinstance(body, dict):
            if not _names_a_part(name):
                return self._clothed(table, name, body, quality, sender)
            body = body.get("value")
        if kind_of(body) == NO_KIND:
            self.engine.counters["bad_member"] += 1
            return False
        return self._naked(table, name, body, quality, sender)  # type: ignore[arg-type]

    def _naked(self, table: Table, name: str, value: Value, quality: Quality, sender: str) -> bool:
        if _names_a_part(name):
            return self._part(table, name, value)
        if value == UNTOUCHED:
            return True
        var = table.variables.get(name)
        if var is None:
            var = self._create(table, name, value)
            if var is not None:
                var.cell.quality = quality
                var.writer = sender
            return True
        self.engine.set_value(var, value, quality, sender)
        return True

    def _part(self, table: Table, text: str, value: Value) -> bool:
        """A param or a bit of a variable, which is created when missing. No actions."""
        try:
            reference = parse_reference(f"{table.uri}:{text}")
        except ValueError:
            self.engine.counters["bad_member"] += 1
            return False
        var = table.variables.get(reference.name)
        if reference.bit >= 0 and not isinstance(value, bool):
            self.engine.counters["bad_member"] += 1
            return False
        if reference.param:
            if var is None:
                var = self._create(table, reference.name, False)
            if var is not None:
                if reference.bit >= 0:
                    word, mask = int(var.number(reference.param)), 1 << reference.bit
                    value = word | mask if value else word & ~mask
                self.engine.set_param(var, reference.param, value)
            return True
        if var is None:
            var = self._create(table, reference.name, 0)
        if var is not None:
            self.engine.set_bit(var, reference.bit, value is True)
        return True

    def _clothed(
        self, table: Table, name: str, body: Mapping[str, object], quality: Quality, sender: str
    ) -> bool:
        value = body.get("value", UNTOUCHED)
        if kind_of(value) == NO_KIND:
            self.engine.counters["bad_member"] += 1
            return False
        write = value != UNTOUCHED
        if not quality and (named := body.get("quality")) in _QUALITIES:
            quality = _QUALITIES[str(named)]
        new: Value = False
        if write and isinstance(value, str) and body.get("$$action") is False:
            write, new = False, ""  # a text is to come: a bool would never take it
        var = table.variables.get(name)
        created = var is None
        if var is None:
            first = value if write else body.get(WHEN_NEW, new)
            var = self._create(table, name, first)  # type: ignore[arg-type]
            if var is None:
                return True
        elif var.lock is not None:
            body = self._unlocked(var, var.lock, body)
            write = write and "value" in body
        self._attributes(var, body)
        if body.get("useExpr") is True:
            self._check_expression(body.get("expression"))
        if not write:
            return True
        if created:
            var.cell.quality = quality
            var.writer = sender
            if var.history is not None:
                var.history.take(value)
            if var.steps:
                self.engine.launch(var)
        else:
            self.engine.set_value(var, value, quality, sender)  # type: ignore[arg-type]
        return True

    def _create(self, table: Table, name: str, value: Value) -> Variable | None:
        """A new variable; None in a locked table."""
        if table.locked:
            self.engine.counters["locked_ignored"] += 1
            return None
        return self.engine.map.create(table.uri, name, value, self.engine.now)

    def _unlocked(self, var: Variable, lock: Lock, body: Mapping[str, object]) -> Mapping[str, object]:
        """Those members of a clothed body that may be written."""
        kept = {key: value for key, value in body.items() if not lock.holds("" if key in _NO_PARAMS else key)}
        if len(kept) < len(body):
            self.engine.counters["locked_ignored"] += 1
        return kept

    def _attributes(self, var: Variable, body: Mapping[str, object]) -> None:
        for key, value in body.items():
            if key in _NO_ATTRIBUTES:
                continue
            if key == "actions":
                var.actions = value
                with self.remarks.at(self.remarks.document, (*self.remarks.parts, "actions")):
                    var.steps = self.compiler.compile(var, value)
            elif key == "new_options":
                var.options = list(value) if isinstance(value, list) else value
                var.version += 1
            elif key in _OPTION_NAMES:
                if isinstance(value, list):
                    known = var.options if isinstance(var.options, list) else []
                    if known and len(known) + len(value) > MOST_OPTIONS:
                        self.engine.counters["options_refused"] += 1
                        continue
                    var.options = [*known, *value]
                    var.version += 1
                elif isinstance(value, dict):
                    var.options = value
                    var.version += 1
            elif kind_of(value) != NO_KIND or (key == "params" and isinstance(value, dict)):
                self.engine.set_param(var, key, value)

    def _check_expression(self, text: object) -> None:
        try:
            compile_expression(text if isinstance(text, str) else "")
        except ExpressionError as error:
            text = f"nothing is calculated: the expression: {error}"
            hint = "correct it; operators and words stand between blanks"
            self.remarks.add(Severity.ERROR, "bad-expression", text, hint, ("expression",))

    def document(self, tree: Mapping[str, object], names: Mapping[str, tuple[str, dict[str, str]]]) -> None:
        """The tables of a document in its order. `names` gives, for a template, what a table and its members
        are called in the template itself (for remarks)."""
        self.compiler.late.collecting = True
        for uri, members in tree.items():
            if not uri.startswith("/"):
                continue
            original, member_names = names.get(uri) or (uri, {})
            self.remarks.parts = (original,)
            if not isinstance(members, dict):
                text = f"table {uri} must be an object of variables"
                self.remarks.add(Severity.ERROR, "bad-table", text, "write {name: {...}}")
                continue
            if uri.count("/") > MOST_SEGMENTS:
                text = f"table {uri[:80]}... has more than {MOST_SEGMENTS} segments and is left out"
                self.remarks.add(Severity.ERROR, "bad-table", text, "give it a shorter uri")
                continue
            if uri.split("/", 2)[1] in RESERVED:
                text = f"table {uri} begins with a word of the uri syntax and cannot be reached"
                self.remarks.add(Severity.ERROR, "reserved-word", text, "rename the table")
            table = self.engine.map.table(uri)
            if "name" in members and kind_of(members["name"]) != NO_KIND:
                table.keep_order(members)
            for name, body in members.items():
                self.remarks.parts = (original, str(member_names.get(name, name)))
                if not self.member(table, name, body, _GOOD, ""):
                    text = f"{uri}:{name} has no usable value and is left out"
                    self.remarks.add(Severity.ERROR, "bad-member", text, "a value is a number, bool or text")
        self.remarks.parts = ()
        self.compiler.late.collecting = False


def _names_a_part(name: str) -> bool:
    """Whether a member is a param or a bit of a variable. In block lists and locks, names are whole uris."""
    return not name.startswith("/") and ("@" in name or name.endswith("]"))


def _untouched(body: object) -> bool:
    """Whether a member leaves the variable as it is."""
    return body == UNTOUCHED or body == {"value": UNTOUCHED}
