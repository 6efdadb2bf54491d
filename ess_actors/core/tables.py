"""The process image of one instance: tables of variables, each of which may be bound to before it exists."""

from collections.abc import Callable, Iterable

from ess_actors.core.variables import Slot, Value, Variable


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
        self._slots: dict[tuple[str, str], Slot] = {}
        self._linked: dict[Variable, None] = {}
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
        self._linked[source] = None
        for var in self._linked:
            end = var
            while end.link is not None:
                end = end.link
            var.cell = end.own
        return True
