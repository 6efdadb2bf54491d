"""Turns the raw items of an actions object into compiled frames and reports what is wrong with them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ess_actors.core.actions import bus, target
from ess_actors.core.actions.item import Item, Reader
from ess_actors.core.engine import Engine
from ess_actors.core.findings import Severity
from ess_actors.core.remarks import PathPart, Remarks, json_path
from ess_actors.core.uri import Reference, parse_reference
from ess_actors.core.variables import NUMBER, Slot, finite, kind_of

FIELDS: Final = frozenset(
    {
        "uri",
        "var",
        "ruri",
        "inAv",
        "inValue",
        "inVar",
        "outValue",
        "outVar",
        "outTime",
        "outNValue",
        "outNVar",
        "ignoreValue",
        "ignoreVar",
        "scale",
        "offset",
        "enable",
        "enabled",
        "ifChanged",
        "useAv",
        "func",
        "amap",
        "fims",
        "replyto",
        "mode",
        "debug",
        "note",
        "bit",
        "mask",
        "shift",
        "useRange",
        "inValue+",
        "inValue-",
        "soloBit",
        "useSet",
        "low",
        "lowVar",
        "high",
        "highVar",
    }
)
_TEXTS: Final = (
    "uri",
    "var",
    "ruri",
    "inAv",
    "inVar",
    "outVar",
    "outNVar",
    "ignoreVar",
    "func",
    "amap",
    "lowVar",
    "highVar",
)

Prepare = Callable[[Item, "Builder"], bool]


class Builder:
    """Compiles the items of one block of one variable; `parts` is its place below the variable."""

    def __init__(self, engine: Engine, remarks: Remarks, wanted: list[tuple[Slot, str, str]]) -> None:
        self.engine = engine
        self.remarks = remarks
        self.wanted = wanted
        """(slot, document, path) of every `inVar`: what is missing after loading gets a warning."""
        self.parts: tuple[PathPart, ...] = ()
        self.index = 0

    def items(self, specs: Sequence[object], prepare: Prepare) -> list[Item]:
        """The usable items of a block. A broken one is reported and left out, like one that is off."""
        result = []
        for index, spec in enumerate(specs):
            self.index = index
            if not isinstance(spec, dict):
                self.error("bad-item", "an action item must be an object", "write {...}")
                continue
            item = self._item(spec)
            if item is not None and prepare(item, self):
                result.append(item.seal())
        return result

    def _item(self, spec: Mapping[str, object]) -> Item | None:
        for key in spec:
            if key not in FIELDS:
                self._add(
                    Severity.NOTE,
                    "unknown-field",
                    f"action field {key!r} is not known",
                    "it is ignored",
                    (key,),
                )
        for key in _TEXTS:
            if key in spec and not isinstance(spec[key], str):
                self.error("bad-item", f"`{key}` must be a text", "write a uri or a name in quotes", key)
                return None
        item = Item(self.engine, spec)
        if not self._gate(item):
            return None
        item.in_av = self.reader(item, "inAv")
        item.out_var = self.reader(item, "outVar")
        item.expected_var = self.reader(item, "inVar")
        item.ignore_var = self.reader(item, "ignoreVar")
        if item.expected_var is not None:
            path = (*self.remarks.parts, *self.parts, self.index, "inVar")
            self.wanted.append((item.expected_var.slot, self.remarks.document, json_path(path)))
        if "scale" in spec:
            item.scale = self.number(item, "scale")
        if "offset" in spec:
            item.offset = self.number(item, "offset")
        if "outTime" in spec:
            item.out_time = self.number(item, "outTime")
        self._function(item)
        return item

    def _gate(self, item: Item) -> bool:
        enable = item.spec.get("enable")
        if isinstance(enable, str):
            item.gate = self.reader(item, "enable")
            return item.gate is not None
        if isinstance(enable, bool):
            return enable or item.forced
        return item.spec.get("enabled") is not False

    def _function(self, item: Item) -> None:
        name, amap = item.spec.get("func", ""), item.spec.get("amap", "")
        if isinstance(name, str) and name:
            item.function = name
            if name not in self.engine.functions:
                self.warn(
                    "unknown-function", f"function {name} is not known", "see `ess-actors functions`", "func"
                )
        if isinstance(amap, str) and amap and item.function:
            asset = self.engine.assets.find(amap)
            if asset is None:
                text = f"asset {amap} does not exist, the root {self.engine.name} is used"
                self.warn(
                    "unknown-asset", text, "name a manager or an instance that a document creates", "amap"
                )
            item.asset = asset or self.engine.assets.root

    def reader(self, item: Item, field: str) -> Reader | None:
        """A reader for a uri field; None when it is absent or wrong (which is reported)."""
        reference = self.reference(item, field)
        return None if reference is None else Reader(self.engine, reference)

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

    def whole(self, item: Item, field: str) -> int:
        """A whole number field >= 0, 0 when absent or negative (which is reported)."""
        value = int(self.number(item, field))
        if value < 0:
            self.error("bad-number", f"`{field}` must not be negative", "write 0 or more", field)
            return 0
        return value

    def error(self, code: str, text: str, hint: str, field: str = "") -> None:
        """The present item will not run as written."""
        self._add(Severity.ERROR, code, text, hint, (field,) if field else ())

    def warn(self, code: str, text: str, hint: str, field: str = "") -> None:
        """The present item runs, but hardly as meant."""
        self._add(Severity.WARNING, code, text, hint, (field,) if field else ())

    def _add(self, severity: Severity, code: str, text: str, hint: str, below: tuple[PathPart, ...]) -> None:
        self.remarks.add(severity, code, text, hint, (*self.parts, self.index, *below))
