"""CheckMonitorVar: watch a value against limits, expected values, or for standing still. To be polled."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine, Function
from ess_actors.core.functions.watch_timers import Level, Watch
from ess_actors.core.latch import ALARM, FAULT, SEVERITY, local_time
from ess_actors.core.variables import Value, Variable

_WHERE: Final = {FAULT: ("/faults", "MonitorVarFault"), ALARM: ("/alarms", "MonitorVarAlarm")}


class _Check:
    """The prepared state of one monitored variable."""

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.engine = engine
        self.asset = asset
        self.var = var
        self.last_poll = engine.now
        self.last_value: Value | None = None
        self.watches: list[Watch] = []
        params = var.params
        if "EnableStateCheck" in params:
            self.mode, switches = "state", [("EnableStateCheck", "")]
        elif "EnableConditionCheck" in params:
            self.mode, switches = "cond", [("EnableConditionCheck", "")]
        else:
            self.mode, switches = "limit", [("EnableMaxValCheck", "Max"), ("EnableMinValCheck", "Min")]
        faults = var.flag("EnableFaultCheck", self.mode != "limit")
        for switch, side in switches:
            self.watches.append(Watch(var, self.mode, side, faults, var.flag(switch)))
        self.alert = var.flag("EnableAlert", True)
        self.comms = var.flag("EnableCommsCheck")
        self.kind = var.text("Type", "int")
        self.expected = [
            params.get(f"expectedVal{i}") for i in range(1, int(var.number("numExpectedVals")) + 1)
        ]
        self.conditions = [
            (
                var.text(f"conditionVar{i}"),
                var.text(f"conditionType{i}", "int"),
                [
                    params.get(f"conditionVal{j}_{i}")
                    for j in range(1, int(var.number(f"numConditions{i}")) + 1)
                ],
            )
            for i in range(1, int(var.number("numConditionVars")) + 1)
        ]
        engine.alarms.prepare(asset)
        if params.get("EnableFaultCheck") is False:
            engine.alarms.shut_down(asset, False)

    def poll(self) -> None:
        """One call: the time since the last one counts."""
        elapsed = self.engine.now - self.last_poll
        self.last_poll = self.engine.now
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
                met = any(_as(self.kind, value) == _as(self.kind, wanted) for wanted in self.expected)
                self._tell(watch, watch.condition(met, elapsed))
        self.last_value = value

    def _conditions_hold(self) -> bool:
        for uri, kind, values in self.conditions:
            table, _, name = uri.partition(":")
            found = self.engine.map.find(table, name) if name else self.asset.context.get(uri)
            if found is None or all(_as(kind, found.cell.value) != _as(kind, wanted) for wanted in values):
                return False
        return True

    def _tell(self, watch: Watch, levels: list[Level]) -> None:
        for level in levels:
            if level.raised:
                self._raise(watch, level)
            else:
                self._recover(watch, level)

    def _raise(self, watch: Watch, level: Level) -> None:
        engine, asset, var = self.engine, self.asset, self.var
        kind = level.kind
        var.params[level.flag] = True
        table, name = _WHERE[kind]
        suffix = f"{self.mode}_{watch.side.lower()}" if watch.side else self.mode
        target = engine.ensure(f"{table}/{asset.name}", name, "")
        engine.write(target, f"{var.name}_{suffix}")
        if kind == FAULT:
            engine.alarms.shut_down(asset, True)
            if self.comms and self.mode == "state":
                engine.write(engine.context(asset, "CommsOK"), False)
        if self.alert:
            engine.alarms.append(asset, kind, var, self._text(watch, level), SEVERITY[kind])

    def _text(self, watch: Watch, level: Level) -> str:
        head = f"[{self.var.name}] value [{plain(self.var.cell.value)}]"
        if self.mode == "limit":
            sign = ">" if watch.side == "Max" else "<"
            head += f" {sign} {watch.side.lower()} {level.kind} threshold [{plain(level.threshold)}]"
        else:
            head += " is not changing" if self.mode == "state" else " != expected value(s)"
        return f"{head} for {plain(level.timeout)} seconds at {local_time(self.engine.wall)}"

    def _recover(self, watch: Watch, level: Level) -> None:
        engine, asset = self.engine, self.asset
        seen = [flag for flag in watch.flags() if self.var.params.get(flag) is True]
        for flag in watch.flags():
            self.var.params[flag] = False
        for kind, flag in zip((ALARM, FAULT), watch.flags(), strict=True):
            if self.alert and flag in seen:
                engine.alarms.add(asset, kind, -1)
        engine.alarms.shut_down(asset, False)
        if self.comms and self.mode == "state":
            engine.write(engine.context(asset, "CommsOK"), True)
        engine.alarms.back_to_normal(self.var)


def _as(kind: str, value: object) -> object:
    if kind == "string" or isinstance(value, str) or value is None:
        return str(plain(value))
    number = float(value) if isinstance(value, (int, float)) else 0.0
    return int(number) if kind == "int" else number


def check_monitor_var(engine: Engine, asset: Asset, var: Variable) -> None:
    """Raise and recover alarms and faults of the variable, see its params; must be polled."""
    check = engine.plan("CheckMonitorVar", asset, var, lambda: _Check(engine, asset, var))
    assert isinstance(check, _Check)
    check.poll()


FUNCTIONS: Final[Mapping[str, Function]] = {"CheckMonitorVar": check_monitor_var}
