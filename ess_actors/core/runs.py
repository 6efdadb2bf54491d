"""Values, params and bits written to variables, and the runs of actions that follow from them."""

import sys
from collections.abc import Callable
from typing import Final

from ess_actors.core.history import remember
from ess_actors.core.messages import Message
from ess_actors.core.quality import Quality
from ess_actors.core.reader import Reader
from ess_actors.core.records import Counters, LogBook
from ess_actors.core.remarks import Remarks
from ess_actors.core.tables import DataMap
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import LARGEST, NUMBER, Value, Variable, kind_of

MAX_DEPTH: Final = 128
"""Action runs nested in one another; deeper means that variables drive each other in a circle."""

MAX_RUNS: Final = 100_000
"""Action runs that one value may cause; more means that every variable drives the next one several times."""

FRAMES: Final = 30
"""Python calls that one such run may take, through a function that applies a body and an action that follows."""
sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000 + MAX_DEPTH * FRAMES))
"""Otherwise Python would end some runs before the depth guard does."""


_ABSENT: Final = object()


class CutOff(Exception):
    """The depth guard ends the whole run."""


class Runs(LogBook):
    """The tables of one instance and what setting them does."""

    def __init__(self, name: str, remarks: Remarks, now: float, wall: float) -> None:
        super().__init__(wall)
        self.name = name
        self.map = DataMap()
        self.counters = Counters()
        self.remarks = remarks
        self.at_run_end: Callable[[], None] | None = None
        self.outbox: list[Message] = []
        self.started = now
        self.now = 0.0
        self.depth = 0
        self.action_runs = 0
        self.last_run = 0
        """Number of the last action run that the present launch may make."""
        self.run_start = 0
        self.quality_run = False
        """A quality changed and no value came: nothing is commanded, see set_quality."""
        self.marking = False
        """In a quality run: the value of the variable whose actions run did not change either."""
        self.kept: dict[Variable, None] = {}
        """Variables that are restored when the instance starts again, see core.saved."""
        self.clears: list[str] = []
        """Types (fault, alarm) of the clears that ran in the present run."""

    def event(self, asset: str, message: str, severity: int) -> None:
        """Post an event (severity 1 info, 2 status, 3 alarm, 4 fault)."""
        raise NotImplementedError

    def write(self, var: Variable, value: Value, quality: Quality = Quality.GOOD, fire: bool = True) -> None:
        """A write by the engine itself: its kind is forced on the variable, then the actions run."""
        cell = var.cell
        kind = kind_of(value)
        if kind == NUMBER and not -LARGEST <= value <= LARGEST:  # type: ignore[operator]
            self.counters["not_finite"] += 1
            return
        if var.special and self.refused(var):
            return
        changed = cell.put(value, kind, self.now)
        if var.special:
            var.note(value, changed)
        if quality is not cell.quality:
            cell.quality = quality
        if fire and var.steps:
            if self.quality_run:
                self._follow(var, not changed)
            elif self.depth:
                self.fire(var)
            else:
                self.launch(var)

    def set_value(self, var: Variable, value: Value, quality: Quality, sender: str) -> None:
        """A value from outside: another kind is counted and not stored; the actions run in any case."""
        if var.special and self.refused(var):
            return
        cell = var.cell
        kind = kind_of(value)
        if kind != cell.kind:
            self.counters["type_mismatch"] += 1
            if not var.mismatch_logged:
                var.mismatch_logged = True
                self.log("warning", f"{var.uri} keeps its value: {value!r} is of another kind")
        else:
            changed = cell.put(value, kind, self.now)
            if var.special:
                var.note(value, changed)
        if quality is not cell.quality:
            cell.quality = quality
        var.writer = sender
        if var.steps:
            self.launch(var)

    def refused(self, var: Variable, param: str = "") -> bool:
        """Whether the variable (or one param of it) is locked, which is counted."""
        if var.lock is None or not var.lock.holds(param):
            return False
        self.counters["locked_ignored"] += 1
        return True

    def set_quality(self, var: Variable, quality: Quality) -> None:
        """A quality without a value: on a change it travels where the value went, in a quality run.

        Targets are marked; only what is read from `@quality`, and calculations, write values. Nothing is
        raised, cleared, scheduled, published or commanded, and other instances are sent the marks alone.
        """
        if var.cell.quality is not quality:
            var.cell.quality = quality
            if var.steps:
                self._follow(var, True)

    def _follow(self, var: Variable, marking: bool) -> None:
        before = self.quality_run, self.marking
        self.quality_run, self.marking = True, marking
        try:
            self.launch(var)
        finally:
            self.quality_run, self.marking = before

    def set_param(self, var: Variable, param: str, value: object) -> None:
        """Set one param; those that gate actions take effect at once. Never fires actions."""
        if not (var.special and self.refused(var, param)):
            self._keep(var, param, value)

    def clamp(self, var: Variable, value: Value, quality: Quality) -> None:
        """Store a bound without actions: whatever the deadband, what is beyond it must not stay."""
        cell = var.cell
        deadband, cell.deadband = cell.deadband, 0.0
        try:
            self.write(var, value, quality, fire=False)
        finally:
            cell.deadband = deadband

    def _keep(self, var: Variable, param: str, value: object) -> None:
        known = var.params.get(param, _ABSENT)
        var.params[param] = value
        if known.__class__ is value.__class__ and known == value:
            return  # a clothed set repeats its params with every value: nothing is to be prepared again
        var.version += 1
        if param == "enable":
            var.enable = value if isinstance(value, bool) else self._gate(value)
        elif param == "saved":
            self.kept[var] = None
            if value is not True:
                del self.kept[var]
        elif param == "enabled":
            var.enabled = value is not False
        elif param == "ifChanged":
            var.if_changed = value is True
        elif param == "resetChange":
            var.reset_change = value is not False
        elif param in ("depth", "hold"):
            remember(var)
        elif param == "deadband" and kind_of(value) == NUMBER:
            var.own.deadband = float(value)  # type: ignore[arg-type]
        else:
            return
        var.gated = var.enable is not None or not var.enabled or var.if_changed

    def _gate(self, uri: object) -> Reader | None:
        try:
            reference = parse_reference(str(uri))
        except ValueError:
            return None
        return Reader(self.map, reference) if reference.table.startswith("/") and reference.name else None

    def set_bit(self, var: Variable, bit: int, up: bool, force: bool = False) -> None:
        """Set or clear bit 0..31 of a number; no actions, no changed flag. A text or bool has no bits: with
        `force` it becomes a number."""
        if var.special and self.refused(var):
            return
        cell = var.cell
        if cell.kind != NUMBER and not force:
            self.counters["type_mismatch"] += 1
            return
        word = int(cell.value) if cell.kind == NUMBER else 0
        cell.value = word | 1 << bit if up else word & ~(1 << bit)
        cell.kind = NUMBER

    def ensure(self, table: str, name: str, value: Value) -> Variable:
        """The variable, created with `value` when missing."""
        return self.map.ensure(table, name, value, self.now)

    def gate_open(self, var: Variable) -> bool:
        """Whether the gates of the variable let its actions run now."""
        return (var.cell.changed or self.marking or not var.if_changed) and self.enabled(var)

    def enabled(self, var: Variable) -> bool:
        """The `enable` and `enabled` gates alone."""
        enable = var.enable
        if enable is None:
            return var.enabled
        if isinstance(enable, bool):
            return enable
        state = enable.read()
        return var.enabled if state is None else state is True

    def fire(self, var: Variable) -> None:
        """Run the variable's actions inside the present run. Raises CutOff past MAX_DEPTH or MAX_RUNS."""
        if var.gated and not self.gate_open(var):
            return
        depth = self.depth
        if depth >= MAX_DEPTH or self.action_runs >= self.last_run:
            raise CutOff
        self.depth = depth + 1
        self.action_runs += 1
        for step in var.steps:
            step(var)
        self.depth = depth
        if var.reset_change and not self.quality_run:  # what a quality run held back is still to be sent
            var.cell.changed = False

    def launch(self, var: Variable) -> None:
        """Begin a run with this variable (a member, a scheduler item), or go on with the present run."""
        if self.depth:
            self.fire(var)
            return
        if var.gated and not self.gate_open(var):
            return
        self.run_start = len(self.outbox)
        self.depth = 1
        self.last_run = self.action_runs + MAX_RUNS
        self.action_runs += 1
        try:
            for step in var.steps:
                step(var)
            if var.reset_change and not self.quality_run:
                var.cell.changed = False
        except (CutOff, RecursionError):
            self._cut_off(var)
        finally:
            self.depth = 0
        if self.clears and self.at_run_end is not None:
            self.at_run_end()

    def _cut_off(self, var: Variable) -> None:
        self.counters["depth_guard"] += 1
        self._keep(var, "enabled", False)
        limits = f"{MAX_DEPTH} nested action runs, or {MAX_RUNS} in all,"
        self.log("error", f"{var.uri} started more than {limits} and was disabled")
        self.event(self.name, f"[{var.uri}] disabled: its actions drive each other in a circle", 4)
