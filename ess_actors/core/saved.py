"""What an instance keeps over a restart: latched alarms, what they count, and variables with the param `saved`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import orjson

from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.latch import ALARM, FAULT, Told
from ess_actors.core.uri import covers
from ess_actors.core.variables import AlarmEntry, Cell, Value, Variable, kind_of

DEVICES: Final = "/components"
"""What is measured below here is never kept: it comes from the device."""
_VAR: Final = "var "
_COUNT: Final = "count "
_LIST: Final = "list "
_SOURCE: Final = "source "
_TOLD: Final = "told "


class _Held(Cell):
    """The cell of a source while documents are loaded: what they say of devices nobody has read is no news."""

    __slots__ = ()

    def put(self, value: Value, kind: int, now: float) -> bool:
        return False


class Saved:
    """The kept state of one engine as a flat dict of JSON values; `changes` tells what differs from last time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._values: dict[str, Value] = {}
        """Uri -> the value last told of a kept variable."""
        self._alarms: dict[str, object] = {}
        self._version = -1

    def all(self) -> dict[str, object]:
        """Everything that is kept, as it stands; `changes` goes on from here."""
        self._values.clear()
        self._alarms.clear()
        self._version = -1
        return self.changes()

    def changes(self) -> dict[str, object]:
        """What differs from what was told last: key -> value, None = it is no longer there."""
        found: dict[str, object] = {}
        values = self._values
        for var in self._engine.kept:
            value = var.cell.value
            known = values.get(var.uri)
            if (known != value or known.__class__ is not value.__class__) and not covers(DEVICES, var.table):
                values[var.uri] = value
                found[(_VAR if var.params.get("saved") is True else _COUNT) + var.uri] = plain(value)
        if self._version != self._engine.alarms.version:
            self._version = self._engine.alarms.version
            now = dict(self._latched())
            found.update((key, value) for key, value in now.items() if self._alarms.get(key) != value)
            found.update(dict.fromkeys(self._alarms.keys() - now.keys()))
            self._alarms = now
        return found

    def _latched(self) -> Iterator[tuple[str, object]]:
        book = self._engine.alarms
        for uri, target in book.lists.items():
            entries = [[*entry[:3], plain(entry.value), entry.wall] for entry in target.alarms or ()]
            yield _LIST + uri, {"value": plain(target.cell.value), "entries": entries}
        for uri, kind in book.present.items():
            yield _SOURCE + uri, {"kind": kind, **self._source(uri)}
        for key, told in book.told.items():
            yield (
                _TOLD + orjson.dumps(key).decode(),
                {
                    "fields": dict(told.fields),
                    "since": told.since,
                    "count": told.count,
                    "returned": told.returned,
                    "cleared": told.cleared,
                },
            )

    def _source(self, uri: str) -> dict[str, object]:
        """What keeps a source from being raised anew: the flags of a monitor, the text of an alarm text."""
        var = self._find(uri)
        if var is None:
            return {}
        flags = [name for name, value in var.params.items() if name.startswith("seen") and value is True]
        told: dict[str, object] = {"flags": sorted(flags)} if flags else {}
        if uri in self._engine.alarms.texts:
            told["text"] = [plain(var.cell.value), plain(var.cell.previous)]
        return told

    def _find(self, uri: str) -> Variable | None:
        table, _, name = uri.partition(":")
        return self._engine.map.find(table, name)

    # --- after a start ----------------------------------------------------------------------------------------

    @contextmanager
    def texts_of(self, state: Mapping[str, Any]) -> Iterator[None]:
        """While documents are loaded: sources keep the alarm texts they had, or their actions would tell other
        instances that all is normal."""
        texts = {
            key.removeprefix(_SOURCE): told["text"]
            for key, told in state.items()
            if key.startswith(_SOURCE) and isinstance(told, dict) and len(told.get("text", ())) == 2
        }
        before = self._engine.map.on_create
        held: list[Cell] = []

        def created(var: Variable) -> None:
            if var.uri in texts:
                value, _ = texts[var.uri]
                self._begin_with(var, (value, value))  # what was cleared is not raised by a mere start
                var.own.__class__ = _Held
                held.append(var.own)
            if before is not None:
                before(var)

        self._engine.map.on_create = created if texts else before
        try:
            yield
        finally:
            self._engine.map.on_create = before
            for cell in held:
                cell.__class__ = Cell

    def _begin_with(self, var: Variable, text: Any) -> None:
        value, previous = text
        if kind_of(value) == var.cell.kind:
            var.cell.value, var.cell.previous = value, previous
            self._engine.alarms.texts.add(var.uri)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put everything back where it was. No action runs; what does not fit the documents is left out."""
        for key, told in state.items():
            kind, _, rest = key.partition(" ")
            try:
                _RESTORE[kind + " "](self, rest, told)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                self._engine.counters["not_restored"] += 1
                if self._engine.once(("restore", kind)):
                    self._engine.log("warning", f"{key} could not be restored: {error!r}")
        self._engine.alarms.version += 1

    def _variable(self, uri: str, value: Any) -> None:
        var = self._find(uri)
        if var is not None and var in self._engine.kept and kind_of(value) == var.cell.kind:
            var.cell.value = var.cell.previous = value

    def _count(self, uri: str, value: Any) -> None:
        # It is made, and becomes one that is kept, when the first alarm comes; this one has had it.
        table, _, name = uri.partition(":")
        self._engine.kept[self._engine.ensure(table, name, value)] = None
        self._variable(uri, value)

    def _list(self, uri: str, told: Mapping[str, Any]) -> None:
        table, _, name = uri.partition(":")
        target = self._engine.ensure(table, name, 0)
        entries = [
            AlarmEntry(str(text), int(severity), str(source), value, float(wall))
            for text, severity, source, value, wall in told["entries"]
        ]
        target.alarms = entries
        target.cell.value, target.cell.kind = told["value"], kind_of(told["value"])
        self._engine.alarms.lists[uri] = target

    def _present(self, uri: str, told: Mapping[str, Any]) -> None:
        var = self._find(uri)
        if var is None:
            return
        self._engine.alarms.present[uri] = FAULT if told["kind"] == FAULT else ALARM
        var.params.update(dict.fromkeys(map(str, told.get("flags", ())), True))
        if "text" in told:
            self._begin_with(var, told["text"])

    def _entry(self, key: str, told: Mapping[str, Any]) -> None:
        origin, source, kind = map(str, orjson.loads(key))
        self._engine.alarms.watched = self._engine.alarms.watched or "suppressed" in told["fields"]
        # Nobody could ever tell that a source which the documents no longer have is normal again.
        returned = bool(told["returned"]) or self._find(source) is None
        self._engine.alarms.told[origin, source, kind] = Told(
            dict(told["fields"]),
            float(told["since"]),
            int(told["count"]),
            returned,
            told.get("cleared") is True,
        )


_RESTORE: Final = {
    _VAR: Saved._variable,
    _COUNT: Saved._count,
    _LIST: Saved._list,
    _SOURCE: Saved._present,
    _TOLD: Saved._entry,
}
