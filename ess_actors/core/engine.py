"""One instance's state and what actions and functions work with: write, fire, send, count, log."""

from collections.abc import Callable, Mapping, Set
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from ess_actors.core.assets import Asset, Assets
from ess_actors.core.bodies import plain
from ess_actors.core.messages import MAX_HOPS, Message
from ess_actors.core.quality import Quality
from ess_actors.core.records import Counters, LogBook
from ess_actors.core.remarks import Remarks
from ess_actors.core.scheduler import Scheduler
from ess_actors.core.variables import LARGEST, NUMBER, DataMap, Value, Variable, kind_of

if TYPE_CHECKING:
    from ess_actors.core.functions.publish import UiListeners
    from ess_actors.core.latch import AlarmBook

MAX_DEPTH: Final = 128
"""Action runs nested in one another; deeper means that variables drive each other in a circle."""

Function: TypeAlias = Callable[["Engine", Asset, Variable], None]


class CutOff(Exception):
    """The depth guard ends the whole run."""


class Engine(LogBook):
    """One instance. All times passed in are monotonic seconds (`now`) and unix seconds (`wall`)."""

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Function],
        calculations: Set[str],
        remarks: Remarks,
        now: float,
        wall: float,
    ) -> None:
        super().__init__(wall)
        self.name = name
        self.functions = functions
        self.calculations = calculations
        """Functions that only calculate: what a quality run may call."""
        self.map = DataMap()
        self.assets = Assets(name)
        self.counters = Counters()
        self.scheduler = Scheduler()
        self.alarms: AlarmBook
        self.listeners: UiListeners
        self.apply: Callable[[str, str, object], None]
        """(table, name, body): one clothed member as a set, set by the owner of the engine."""
        self.remarks = remarks
        self.at_run_end: Callable[[], None] | None = None
        self.outbox: list[Message] = []
        self.started = now
        self.booted = wall
        """Unix seconds of the start; part of the command ids made here, which so never come twice."""
        self.now = 0.0
        self.hops = 0
        self.command = ""
        self.origin = name
        self.depth = 0
        self.run_start = 0
        self.quality_run = False
        """A quality changed and no value came: nothing is commanded, see set_quality."""
        self.marking = False
        """In a quality run: the value of the variable whose actions run did not change either."""
        self.clears: list[str] = []
        """Types (fault, alarm) of the clears that ran in the present run."""
        self.monitor_lists: dict[str, tuple[object, object]] = {}
        """Prepared lists of RunMonitor, by table."""
        self._plans: dict[Variable, dict[tuple[Asset, Variable], tuple[int, object]]] = {}

    def ambient(self, now: float, wall: float, hops: int = 0, command: str = "", origin: str = "") -> None:
        """What the following run happens in; `origin` is the instance it began in (default: this one)."""
        self.now = now - self.started
        self.wall = wall
        self.hops = hops
        self.command = command
        self.origin = origin or self.name

    def write(self, var: Variable, value: Value, quality: Quality = Quality.GOOD, fire: bool = True) -> None:
        """A write by the engine itself: its kind is forced on the variable, then the actions run."""
        cell = var.cell
        kind = kind_of(value)
        if kind == NUMBER and not -LARGEST <= value <= LARGEST:  # type: ignore[operator]
            self.counters["not_finite"] += 1
            return
        changed = cell.put(value, kind, self.now)
        if changed and var.watch is not None:
            var.watch()
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
        cell = var.cell
        kind = kind_of(value)
        if kind != cell.kind:
            self.counters["type_mismatch"] += 1
            if not var.mismatch_logged:
                var.mismatch_logged = True
                self.log("warning", f"{var.uri} keeps its value: {value!r} is of another kind")
        elif cell.put(value, kind, self.now) and var.watch is not None:
            var.watch()
        if quality is not cell.quality:
            cell.quality = quality
        var.writer = sender
        if var.steps:
            self.launch(var)

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
        var.params[param] = value
        var.version += 1
        if param == "enable":
            if isinstance(value, bool):
                var.enable = value
            else:
                table, _, name = str(value).partition(":")
                var.enable = self.map.slot(table, name) if name else None
        elif param == "enabled":
            var.enabled = value is not False
        elif param == "ifChanged":
            var.if_changed = value is True
        elif param == "resetChange":
            var.reset_change = value is not False
        elif param == "deadband" and isinstance(value, (int, float)):
            var.own.deadband = float(value)
        else:
            return
        var.gated = var.enable is not None or not var.enabled or var.if_changed

    def set_bit(self, var: Variable, bit: int, up: bool) -> None:
        """Set or clear bit 0..31 of a number; no actions, no changed flag."""
        cell = var.cell
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
        return var.enabled if enable.var is None else enable.var.cell.value is True

    def fire(self, var: Variable) -> None:
        """Run the variable's actions inside the present run. Raises CutOff past MAX_DEPTH."""
        if var.gated and not self.gate_open(var):
            return
        depth = self.depth
        if depth >= MAX_DEPTH:
            raise CutOff
        self.depth = depth + 1
        self.counters["action_runs"] += 1
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
        self.run_start = len(self.outbox)
        try:
            self.fire(var)
        except (CutOff, RecursionError):
            self._cut_off(var)
        if self.clears and self.at_run_end is not None:
            self.at_run_end()

    def _cut_off(self, var: Variable) -> None:
        self.depth = 0
        self.counters["depth_guard"] += 1
        self.set_param(var, "enabled", False)
        self.log("error", f"{var.uri} started more than {MAX_DEPTH} nested action runs and was disabled")
        self.event(self.name, f"[{var.uri}] disabled: its actions drive each other in a circle", 4)

    def call(self, name: str, asset: Asset, var: Variable) -> None:
        """Call a function by name; an unknown or failing one is counted, never raised."""
        if self.quality_run and name not in self.calculations:
            return
        function = self.functions.get(name)
        if function is None:
            self.counters[f"unknown_function{{{name}}}"] += 1
            if self.once(("function", name)):
                self.log("warning", f"function {name} (on {var.uri}) is not known")
            return
        depth = self.depth
        try:
            function(self, asset, var)
        except (CutOff, RecursionError):
            raise
        except Exception as error:
            self.depth = depth
            self.counters["function_errors"] += 1
            if self.once(("function-error", name, var)):
                self.log("error", f"function {name} on {var.uri} failed: {error!r}")

    def plan(self, function: str, asset: Asset, var: Variable, build: Callable[[], object]) -> object:
        """What a function prepared on its first call; built again after a change of the variable's params
        from outside, or when `/reload/<asset>:<function>_<variable>` is written to 0 or 1."""
        reload = self.map.find(f"/reload/{asset.name}", f"{function}_{var.name}")
        if reload is None:
            reload = self.ensure(f"/reload/{asset.name}", f"{function}_{var.name}", 0)
        kept = self._plans.setdefault(reload, {})
        if reload.cell.value != 2:
            kept.clear()
            reload.cell.put(2, NUMBER, self.now)
        found = kept.get((asset, var))
        if found is None or found[0] != var.version:
            plan = build()
            kept[asset, var] = found = (var.version, plan)
        return found[1]

    def context(self, asset: Asset, name: str) -> Variable:
        """The variable a bare name means in an asset context; `/status/<asset>:<name>` = 0 when new."""
        found = asset.context.get(name)
        if found is None:
            found = asset.context[name] = self.ensure(f"/status/{asset.name}", name, 0)
        return found

    def send(
        self,
        method: str,
        uri: str,
        body: bytes,
        replyto: str = "",
        quality: Mapping[str, int] | None = None,
        item: object = None,
    ) -> bool:
        """Put a message caused by this run into the outbox, unless it went through too many instances."""
        hops = self.hops + 1
        if hops > MAX_HOPS:
            self.counters["hop_dropped"] += 1
            if self.once(("hops", item or uri)):
                self.log(
                    "warning", f"{method} {uri} was not sent: it already went through {MAX_HOPS} instances"
                )
            return False
        self.outbox.append(Message(method, uri, body, replyto, hops, self.command, quality))
        return True

    def event(self, asset: str, message: str, severity: int) -> None:
        """Post an event (severity 1 info, 2 status, 3 alarm, 4 fault)."""
        form = self.map.find(f"/config/{self.name}", "EventSourceFormat")
        style = form.cell.value if form is not None else "full"
        sep = form.text("sep", "->") if form is not None else "->"
        source = {"essName": self.name, "assetName": asset}.get(str(style), f"{self.name}{sep}{asset}")
        body = orjson.dumps({"source": source, "message": message, "severity": severity})
        self.send("post", "/events", body)

    def note(self, kind: str, **fields: object) -> None:
        """Tell the alarm router what happened here."""
        self.send("pub", f"/alarm_router/{self.name}", orjson.dumps({"kind": kind, **fields}, default=plain))
