"""The variables of an instance: named values with params, options and actions."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ess_actors.core.history import History
from ess_actors.core.locks import Lock
from ess_actors.core.quality import Quality

if TYPE_CHECKING:
    from ess_actors.core.reader import Reader

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
        "_history",
        "_lock",
        "_watch",
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
        "special",
        "steps",
        "table",
        "uri",
        "version",
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
        self.enable: Reader | bool | None = None
        self.enabled = True
        self.if_changed = False
        self.gated = False
        self.reset_change = True
        self.version = 0
        self.writer = ""
        self.mismatch_logged = False
        self.special = False
        """It is watched, locked or has a history: the one thing a write asks before it takes the short way."""
        self._watch: Callable[[], None] | None = None
        self._history: History | None = None
        self._lock: Lock | None = None

    @property
    def watch(self) -> Callable[[], None] | None:
        """Called after every change of the value."""
        return self._watch

    @watch.setter
    def watch(self, watch: Callable[[], None] | None) -> None:
        self._watch = watch
        self._look()

    @property
    def history(self) -> History | None:
        """The last values, when they are kept."""
        return self._history

    @history.setter
    def history(self, history: History | None) -> None:
        self._history = history
        self._look()

    @property
    def lock(self) -> Lock | None:
        """What of it may not be written, None = all may."""
        return self._lock

    @lock.setter
    def lock(self, lock: Lock | None) -> None:
        self._lock = lock
        self._look()

    def _look(self) -> None:
        self.special = self._watch is not None or self._history is not None or self._lock is not None

    def note(self, value: Value, changed: bool) -> None:
        """A value was stored (`changed`: another one than before): tell the history and who watches."""
        if self._history is not None:
            self._history.take(value)
        if changed and self._watch is not None:
            self._watch()

    def number(self, param: str, default: float = 0.0) -> float:
        """A param as a number (bool counts 0/1); `default` when absent or text."""
        value = self.params.get(param)
        return float(value) if isinstance(value, (int, float)) else default

    def numbered(self, count: str, name: str, suffix: str = "") -> list[str]:
        """The params `name1`, `name2` ... that the param `count` promises. Not many more than can be there are
        listed, whatever number somebody wrote: of those at least one is missing."""
        promised, most = self.number(count), len(self.params)
        many = int(promised) if 0 <= promised < most else most if promised > 0 else 0
        return [f"{name}{index}{suffix}" for index in range(1, many + 1)]

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

    __slots__ = ("__weakref__", "name", "table", "var")

    def __init__(self, table: str, name: str) -> None:
        self.table = table
        self.name = name
        self.var: Variable | None = None
