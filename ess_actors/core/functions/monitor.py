"""CheckMonitorVar: watch a value against limits, expected values, or for standing still. To be polled."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.functions.operands import Operand, operand_of, value_of
from ess_actors.core.functions.watch_timers import Level, Watch
from ess_actors.core.latch import ALARM, FAULT, SEVERITY, shown
from ess_actors.core.local_time import local_time
from ess_actors.core.plans import Prepared
from ess_actors.core.variables import Value, Variable

_WHERE: Final = {FAULT: ("/faults", "MonitorVarFault"), ALARM: ("/alarms", "MonitorVarAlarm")}
LIMIT_SIDES: Final[tuple[tuple[str, str], ...]] = (("EnableMaxValCheck", "Max"), ("EnableMinValCheck", "Min"))
"""The switches of limits mode and the side each of them turns on."""


class _Check(Prepared):
    """The prepared state of one monitored variable."""

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.engine = engine
        self.asset = asset
        self.var = var
        self.last_poll = engine.now
        self.last_value: Value | None = None
        params = var.params
        self.mode, switches = "limit", LIMIT_SIDES
        if "EnableStateCheck" in params:
            self.mode, switches = "state", (("EnableStateCheck", ""),)
        elif "EnableConditionCheck" in params:
            self.mode, switches = "cond", (("EnableConditionCheck", ""),)
        faults = var.flag("EnableFaultCheck", self.mode != "limit")
        self.watches = [Watch(var, side, faults, var.flag(switch)) for switch, side in switches]
        self.alert = var.flag("EnableAlert", True)
        self.comms = self.mode == "state" and var.flag("EnableCommsCheck")
        self.kind = var.text("Type", "int")
        self.expected = _listed(var, "numExpectedVals", "expectedVal", self.kind)
        self.conditions = [self._condition(index) for index in var.numbered("numConditionVars", "")]
        self.release = params.get("EnableFaultCheck") is False
        """FaultShutdown is still to be taken back, once."""
        engine.alarms.prepare(asset)

    def follow(self, before: Prepared) -> None:
        """New params do not stop the timers: a message may bring some with every value."""
        if not isinstance(before, _Check) or before.mode != self.mode:
            return
        self.last_poll = before.last_poll
        self.last_value = before.last_value
        self.release = self.release and before.watches[0].faults
        for watch, old in zip(self.watches, before.watches, strict=True):
            watch.follow(old)

    def _condition(self, index: str) -> tuple[Operand | None, str, frozenset[object]]:
        var = self.var
        kind = var.text(f"conditionType{index}", "int")
        listed = _listed(var, f"numConditions{index}", "conditionVal", kind, f"_{index}")
        return operand_of(self.engine, self.asset, var.text(f"conditionVar{index}")), kind, listed

    def poll(self) -> None:
        """One call: the time since the last one counts."""
        elapsed = self.engine.now - self.last_poll
        self.last_poll = self.engine.now
        if self.release:
            self.release = False
            self.engine.alarms.shut_down(self.asset, False)
        value = self.var.cell.value
        for watch in self.watches:
            if not watch.on:
                watch.reset()
            elif self.mode == "limit":
                if not isinstance(value, str):
                    self._tell(watch, watch.limits(float(value), elapsed))
            elif self.mode == "state":
                if self.last_value is not None:
                    still = _as(self.kind, value) == _as(self.kind, self.last_value)
                    self._tell(watch, watch.state(still, elapsed, self.engine.now))
            elif self._conditions_hold():
                self._tell(watch, watch.condition(_as(self.kind, value) in self.expected, elapsed))
        self.last_value = value

    def _conditions_hold(self) -> bool:
        for operand, kind, values in self.conditions:
            value = value_of(operand) if operand is not None else None
            if value is None or _as(kind, value) not in values:
                return False
        return True

    def _tell(self, watch: Watch, levels: list[Level]) -> None:
        for level in levels:
            if level.raised:
                self._raise(watch, level)
            else:
                self._recover(watch)

    def _raise(self, watch: Watch, level: Level) -> None:
        engine, asset, var = self.engine, self.asset, self.var
        kind = level.kind
        var.params[level.flag] = True
        if kind == FAULT:
            engine.alarms.shut_down(asset, True)
        table, name = _WHERE[kind]
        suffix = f"{self.mode}_{watch.side.lower()}" if watch.side else self.mode
        engine.write(engine.ensure(f"{table}/{asset.name}", name, ""), f"{var.name}_{suffix}")
        if self.alert:
            engine.alarms.append(asset, kind, var, self._text(watch, level), SEVERITY[kind])
        if kind == FAULT and self.comms:
            engine.write(engine.context(asset, "CommsOK"), False)

    def _text(self, watch: Watch, level: Level) -> str:
        head = f"[{self.var.name}] value [{shown(self.var.cell.value)}]"
        if self.mode == "limit":
            sign = ">" if watch.side == "Max" else "<"
            head += f" {sign} {watch.side.lower()} {level.kind} threshold [{shown(level.threshold)}]"
        else:
            head += " is not changing" if self.mode == "state" else " != expected value(s)"
        return f"{head} for {shown(level.timeout)} seconds at {local_time(self.engine)}"

    def _recover(self, watch: Watch) -> None:
        engine, asset, params = self.engine, self.asset, self.var.params
        for kind, flag in zip((ALARM, FAULT), watch.flags(), strict=True):
            seen, params[flag] = params.get(flag) is True, False
            if seen and self.alert:
                engine.alarms.add(asset, kind, -1)
        engine.alarms.shut_down(asset, False)
        if self.comms:
            engine.write(engine.context(asset, "CommsOK"), True)
        engine.alarms.back_to_normal(self.var)


def _listed(var: Variable, count: str, name: str, kind: str, suffix: str = "") -> frozenset[object]:
    """The values of the numbered params that are there, in the form in which they are compared."""
    params = var.params
    listed = var.numbered(count, name, suffix)
    return frozenset(_as(kind, params[param]) for param in listed if param in params)


def _as(kind: str, value: object) -> object:
    if kind == "string":
        return shown(value)
    if isinstance(value, (int, float)):
        return int(value) if kind == "int" else float(value)
    return value


def check_monitor_var(engine: Engine, asset: Asset, var: Variable) -> None:
    """Raise and recover alarms and faults of the variable, see its params; must be polled."""
    check = engine.plan("CheckMonitorVar", asset, var, lambda: _Check(engine, asset, var))
    assert isinstance(check, _Check)
    check.poll()


FUNCTIONS: Final[Mapping[str, Function]] = {"CheckMonitorVar": check_monitor_var}
