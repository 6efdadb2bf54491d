"""The process image of one instance: tables of variables, each of which may be bound to before it exists."""

from collections.abc import Callable, Iterable
from typing import Final
from weakref import ref

from ess_actors.core.variables import Slot, Value, Variable

SLOTS: Final = 20_000
"""Places known before the first look for those that nobody holds any more."""


class Table:
    """One table: its variables and the order in which they are published."""

    __slots__ = ("_order", "locked", "ui", "uri", "variables")

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.locked = False
        """No variable is added to it by a set or an action."""
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
        self._slots: dict[tuple[str, str], ref[Slot]] = {}
        """Held by those who are bound to them: actions that a message replaced leave nothing behind."""
        self._full = SLOTS
        """So many of them are known that those which nobody holds are to be dropped."""
        self._linked: dict[Variable, None] = {}
        self._further: dict[Variable, Variable] = {}
        """A variable -> another one behind it in its chain of vlinks, so that chains are not walked again."""
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
        known = self._slots.get((table, name))
        slot = None if known is None else known()
        if slot is None:
            if len(self._slots) >= self._full:
                self._slots = {place: one for place, one in self._slots.items() if one() is not None}
                self._full = max(SLOTS, 2 * len(self._slots))
            slot = Slot(table, name)
            self._slots[table, name] = ref(slot)
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
        known = self._slots.get((table, name))
        slot = None if known is None else known()
        if slot is not None:
            slot.var = var

    def vlink(self, source: Variable, target: Variable) -> bool:
        """Let `source` share the cell of the end of `target`'s chain, from `join_cells` on; False for a cycle
        (nothing done)."""
        if source.link is None:
            if self._end(target) is source:
                return False
        else:  # it may stand in the middle of that chain, and its own goes another way from now on
            passed: Variable | None = target
            while passed is not None:
                if passed is source:
                    return False
                passed = passed.link
            self._further.clear()
        source.link = target
        self._linked[source] = None
        return True

    def join_cells(self) -> None:
        """Give every linked variable the cell of the end of its chain."""
        for var in self._linked:
            var.cell = self._end(var).own

    def _end(self, var: Variable) -> Variable:
        passed = []
        while (following := self._further.get(var) or var.link) is not None:
            passed.append(var)
            var = following
        for one in passed:
            self._further[one] = var
        return var
