"""Turns the raw items of an actions object into compiled frames and reports what is wrong with them."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ess_actors.core.actions import bus, target
from ess_actors.core.actions.fields import FIELDS, FLAGS, TEXTS, TYPED
from ess_actors.core.actions.item import Item
from ess_actors.core.actions.late import Late
from ess_actors.core.engine import Engine
from ess_actors.core.findings import Severity
from ess_actors.core.near import correction
from ess_actors.core.reader import Reader, scalar
from ess_actors.core.remarks import PathPart, Remarks
from ess_actors.core.uri import Reference, parse_reference
from ess_actors.core.variables import NUMBER, finite, kind_of

Made = TypeVar("Made")

HIGHEST_BIT: Final = 31
LARGEST_MASK: Final = 2**32 - 1


class Builder:
    """Compiles the items of one block of one variable; `parts` is its place below the variable."""

    def __init__(self, engine: Engine, remarks: Remarks, late: Late) -> None:
        self.engine = engine
        self.remarks = remarks
        self.late = late
        self.parts: tuple[PathPart, ...] = ()
        self.index = 0
        self.broken = 0
        """Items with an error: they do not run."""
        self._wrong = False

    def each(self, specs: Sequence[object], make: Callable[[Item, "Builder"], Made | None]) -> list[Made]:
        """What `make` makes of every item. A broken one is reported and left out, like one that is off."""
        result = []
        for index, spec in enumerate(specs):
            self.index = index
            self._wrong = False
            item = self._item(spec)
            made = None if item is None else make(item, self)
            if self._wrong:
                self.broken += 1
            elif made is not None:
                result.append(made)
        return result

    def _item(self, spec: object) -> Item | None:
        if not isinstance(spec, dict):
            self.error("bad-item", "an action item must be an object", "write {...}")
            return None
        if not spec.keys() <= FIELDS:
            for key in sorted(spec.keys() - FIELDS):
                text = f"action field {key!r} is not known"
                self._add(Severity.NOTE, "unknown-field", text, correction(key, FIELDS), (key,))
        for key in spec.keys() & TYPED:
            self._check(key, spec[key])
        item = Item(self.engine, spec)
        if self._wrong or not self._gate(item):
            return None
        item.in_av = self.reader(item, "inAv")
        item.out_var = self.reader(item, "outVar")
        item.expected_var = self.reader(item, "inVar")
        item.ignore_var = self.reader(item, "ignoreVar")
        if item.expected_var is not None:
            self.late.wanted(item.expected_var, self.place("inVar"))
        if "scale" in spec:
            item.scale = self.number(item, "scale")
        if "offset" in spec:
            item.offset = self.number(item, "offset")
        if "outTime" in spec:
            item.out_time = self.number(item, "outTime")
        self._function(item)
        return item.seal()

    def _check(self, key: str, value: object) -> None:
        if key in TEXTS:
            if not isinstance(value, str):
                self.error("bad-item", f"`{key}` must be a text", "write a uri or a name in quotes", key)
        elif key in FLAGS:
            if not isinstance(value, bool):
                self.error("bad-item", f"`{key}` must be true or false", "write it without quotes", key)
        elif scalar(value) is None or (kind_of(value) == NUMBER and not finite(value)):  # type: ignore[arg-type]
            self.error("bad-item", f"`{key}` is no value", "a value is a number, bool or text", key)

    def _gate(self, item: Item) -> bool:
        enable = item.spec.get("enable")
        if isinstance(enable, str):
            item.gate = self.reader(item, "enable")
            return item.gate is not None
        if "enable" in item.spec and not isinstance(enable, bool):
            self.error(
                "bad-item", "`enable` must be true, false or the uri of a gate", "write /table:name", "enable"
            )
        return not item.off

    def _function(self, item: Item) -> None:
        name, amap = item.spec.get("func", ""), item.spec.get("amap", "")
        if isinstance(name, str) and name:
            item.function = name
            if name not in self.engine.functions:
                text = f"function {name} is not known"
                self.warn("unknown-function", text, "see `ess-actors functions`", "func")
        if isinstance(amap, str) and amap and item.function:
            item.asset = amap
            if self.engine.assets.find(amap) is None:
                self.late.asset(amap, self.place("amap"))

    def place(self, field: str) -> tuple[PathPart, ...]:
        """Where a field of the present item stands, below the variable."""
        return (*self.parts, self.index, field)

    def reader(self, item: Item, field: str) -> Reader | None:
        """A reader for a uri field; None when it is absent or wrong (which is reported)."""
        reference = self.reference(item, field)
        return None if reference is None else Reader(self.engine.map, reference)

    def reference(self, item: Item, field: str) -> Reference | None:
        """The parsed colon form of a field."""
        text = item.spec.get(field)
        if not isinstance(text, str):
            return None
        try:
            reference = parse_reference(text)
        except ValueError as error:
            self.error("bad-uri", str(error), "write /table:name", field)
            return None
        if not reference.table.startswith("/") or not reference.name:
            self.error("bad-uri", f"{text!r} names no variable", "write /table:name", field)
            return None
        return reference

    def target(self, item: Item) -> bool:
        """Fill in where the item writes; False (reported) when it names no target."""
        uri, var, ruri = item.spec.get("uri"), item.spec.get("var"), item.spec.get("ruri")
        if not isinstance(uri, str):
            self.error("no-target", "the item has no `uri`", "say where the value goes: /table:name")
            return False
        use_av = item.spec.get("useAv") is True
        if isinstance(var, str) and ":" not in uri:
            reference: Reference | None = Reference(uri, var)
        else:
            reference = self.reference(item, "uri")
        if reference is None:
            return False
        slot = self.engine.map.slot(reference.table, reference.name)
        if isinstance(ruri, str):
            item.put = target.to_named_table(self.engine, slot, ruri, use_av)
            return True
        item.put = target.to_reference(self.engine, reference, use_av)
        item.target = slot
        item.direct = not (use_av or reference.param or reference.bit >= 0)
        return True

    def to_bus(self, item: Item) -> bool:
        """Fill in what message the item sends."""
        uri = item.spec.get("uri")
        problem = "a `fims` item has no `uri`"
        if isinstance(uri, str):
            try:
                item.put = bus.sender(self.engine, item.spec, uri)
                return True
            except ValueError as error:
                problem = str(error)
        self.error("bad-uri", problem, "write /instance/table:name", "uri")
        return False

    def number(self, item: Item, field: str) -> float:
        """A numeric field, 0 when absent; another kind is reported."""
        value = item.spec.get(field, 0)
        if kind_of(value) != NUMBER or not finite(value):  # type: ignore[arg-type]
            self.error("bad-number", f"`{field}` must be a number, not {value!r}", "write a number", field)
            return 0.0
        return value  # type: ignore[return-value]

    def whole(self, item: Item, field: str, most: int) -> int:
        """A whole number field from 0 to `most`, 0 when absent. What is beyond is reported."""
        value = int(self.number(item, field))
        if value > most:
            text = f"`{field}` must not be more than {most}"
            self.error("bad-number", text, "a word has 32 bits", field)
            return most
        if value < 0:
            self.error("bad-number", f"`{field}` must not be negative", "write 0 or more", field)
            return 0
        return value

    def error(self, code: str, text: str, hint: str, field: str = "") -> None:
        """The present item will not run."""
        self._wrong = True
        self._add(Severity.ERROR, code, text, hint, (field,) if field else ())

    def warn(self, code: str, text: str, hint: str, field: str = "") -> None:
        """The present item runs, but hardly as meant."""
        self._add(Severity.WARNING, code, text, hint, (field,) if field else ())

    def _add(self, severity: Severity, code: str, text: str, hint: str, below: tuple[PathPart, ...]) -> None:
        self.remarks.add(severity, code, text, hint, (*self.parts, self.index, *below))
