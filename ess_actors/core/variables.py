"""The process image of one instance: tables of named values with params, options and actions."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from ess_actors.core.quality import Quality

Value: TypeAlias = bool | int | float | str
Step: TypeAlias = Callable[["Variable"], None]

NUMBER: Final = 0
BOOL: Final = 1
TEXT: Final = 2
NO_KIND: Final = -1
LARGEST: Final = 1.7976931348623157e308
"""A number beyond this, an infinity or a NaN is no value: nothing could be calculated or sent with it."""
DEADBAND: Final = 1e-8
"""Two numbers closer than this are the same value, unless the variable has a param `deadband`."""

_KINDS: Final[Mapping[type, int]] = {int: NUMBER, float: NUMBER, bool: BOOL, str: TEXT}


def kind_of(value: object) -> int:
    """NUMBER, BOOL, TEXT, or NO_KIND for what cannot be a value."""
    return _KINDS.get(value.__class__, NO_KIND)


def finite(number: float) -> bool:
    """False for infinities, NaN, and whole numbers no float can hold."""
    return -LARGEST <= number <= LARGEST


class AlarmEntry(NamedTuple):
    """One latched line of an alarm list. `wall` is unix seconds; `value` that of the source then."""

    message: str
    severity: int
    source: str
    value: Value
    wall: float


class Cell:
    """The part of a variable that a vlink shares: value, previous value, changed flag, quality."""

    __slots__ = ("changed", "changed_at", "deadband", "kind", "previous", "quality", "value")

    def __init__(self, value: Value, now: float) -> None:
        self.value: Value = value
        self.previous: Value = value
        self.kind = kind_of(value)
        self.changed = False
        self.changed_at = now
        self.quality = Quality.GOOD
        self.deadband = DEADBAND

    def put(self, value: Value, kind: int, now: float) -> bool:
        """Store a value, forcing the kind; False when it does not differ from the stored one."""
        old = self.value
        if kind == self.kind:
            if kind == NUMBER:
                if abs(value - old) <= self.deadband:  # type: ignore[operator]
                    return False
            elif value == old:
                return False
        self.previous = old
        self.value = value
        self.kind = kind
        self.changed = True
        self.changed_at = now
        return True


class Variable:
    """A named value of a table. `cell` is its own, or that of the end of a vlink chain."""

    __slots__ = (
        "actions",
        "alarms",
        "cell",
        "enable",
        "enabled",
        "gated",
        "if_changed",
        "link",
        "mismatch_logged",
        "name",
        "options",
        "own",
        "params",
        "reset_change",
        "steps",
        "table",
        "uri",
        "version",
        "watch",
        "writer",
    )

    def __init__(self, table: str, name: str, value: Value, now: float) -> None:
        self.table = table
        self.name = name
        self.uri = f"{table}:{name}"
        self.own = self.cell = Cell(value, now)
        self.link: Variable | None = None
        self.params: dict[str, object] = {}
        self.options: object = None
        self.actions: object = None
        self.steps: tuple[Step, ...] = ()
        self.alarms: list[AlarmEntry] | None = None
        self.enable: Slot | bool | None = None
        self.enabled = True
        self.if_changed = False
        self.gated = False
        self.reset_change = True
        self.version = 0
        self.watch: Callable[[], None] | None = None
        self.writer = ""
        self.mismatch_logged = False

    def number(self, param: str, default: float = 0.0) -> float:
        """A param as a number (bool counts 0/1); `default` when absent or text."""
        value = self.params.get(param)
        return float(value) if isinstance(value, (int, float)) else default

    def text(self, param: str, default: str = "") -> str:
        """A param as text; `default` when absent or of another kind."""
        value = self.params.get(param)
        return value if isinstance(value, str) else default

    def flag(self, param: str, default: bool = False) -> bool:
        """A param as a bool; `default` when absent or of another kind."""
        value = self.params.get(param)
        return value if isinstance(value, bool) else default


class Slot:
    """A place in the process image that may be empty yet: what actions and gates are bound to at load."""

    __slots__ = ("name", "table", "var")

    def __init__(self, table: str, name: str) -> None:
        self.table = table
        self.name = name
        self.var: Variable | None = None


class Table:
    """One table: its variables and the order in which they are published."""

    __slots__ = ("_order", "ui", "uri", "variables")

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.variables: dict[str, Variable] = {}
        self.ui: dict[str, None] | None = None
        """The member order of a UI table (one with a bare member `name`), None for others."""
        self._order: tuple[tuple[str, Variable], ...] | None = None

    def ordered(self) -> tuple[tuple[str, Variable], ...]:
        """(name, variable) pairs: alphabetical; for a UI table in the order received, `name` first."""
        if self._order is None:
            if self.ui is None:
                names = sorted(self.variables)
            else:
                names = [name for name in self.ui if name in self.variables]
                names += [name for name in sorted(self.variables) if name not in self.ui]
            self._order = tuple((name, self.variables[name]) for name in names)
        return self._order

    def keep_order(self, members: Iterable[str]) -> None:
        """Make it a UI table, or add to the order of one."""
        if self.ui is None:
            self.ui = {"name": None}
        if not self.ui.keys() >= set(members):
            self.ui.update(dict.fromkeys(members))
            self._order = None

    def reorder(self) -> None:
        """To be called when a variable was added or replaced."""
        self._order = None


class DataMap:
    """All tables of one instance. Nothing is ever removed from it."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.created = 0
        self.watchers: dict[str, Callable[[], None]] = {}
        self.on_create: Callable[[Variable], None] | None = None
        self._slots: dict[tuple[str, str], Slot] = {}
        self._order: tuple[str, ...] | None = None

    def uris(self) -> tuple[str, ...]:
        """Table uris, alphabetical."""
        if self._order is None:
            self._order = tuple(sorted(self.tables))
        return self._order

    def table(self, uri: str) -> Table:
        """The table, created empty when missing."""
        table = self.tables.get(uri)
        if table is None:
            table = self.tables[uri] = Table(uri)
            self._order = None
        return table

    def find(self, table: str, name: str) -> Variable | None:
        """The variable, None when there is none."""
        found = self.tables.get(table)
        return None if found is None else found.variables.get(name)

    def slot(self, table: str, name: str) -> Slot:
        """The one slot of this place; it follows later creation and linking."""
        slot = self._slots.get((table, name))
        if slot is None:
            slot = self._slots[table, name] = Slot(table, name)
            slot.var = self.find(table, name)
        return slot

    def create(self, table: str, name: str, value: Value, now: float) -> Variable:
        """A new variable; its kind is that of `value`, its changed flag is down."""
        var = Variable(table, name, value, now)
        var.watch = self.watchers.get(table)
        self.place(table, name, var)
        self.created += 1
        if self.on_create is not None:
            self.on_create(var)
        return var

    def ensure(self, table: str, name: str, value: Value, now: float) -> Variable:
        """The variable, created with `value` when missing."""
        return self.find(table, name) or self.create(table, name, value, now)

    def place(self, table: str, name: str, var: Variable) -> None:
        """Make (table, name) a name of this variable object; the slot of the place follows."""
        home = self.table(table)
        home.variables[name] = var
        home.reorder()
        slot = self._slots.get((table, name))
        if slot is not None:
            slot.var = var

    def vlink(self, source: Variable, target: Variable) -> bool:
        """Let `source` share the cell of the end of `target`'s chain; False for a cycle (nothing done)."""
        end: Variable | None = target
        while end is not None:
            if end is source:
                return False
            end = end.link
        source.link = target
        for table in self.tables.values():
            for var in table.variables.values():
                if var.link is not None:
                    end = var
                    while end.link is not None:
                        end = end.link
                    var.cell = end.own
        return True
