"""HandleCmd: send a command, see that the device took it, try again. To be polled."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

import orjson

from ess_actors.core.actions.item import same
from ess_actors.core.assets import Asset
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine, Function
from ess_actors.core.events import ALARM, INFO
from ess_actors.core.functions.formula import Formula, formula_of, result_of
from ess_actors.core.functions.operands import Operands, operand_of, resolve, values_of
from ess_actors.core.functions.watch_timers import FUZZ
from ess_actors.core.latch import shown
from ess_actors.core.plans import Prepared
from ess_actors.core.reader import scalar
from ess_actors.core.variables import Slot, Value, Variable


class _State(Enum):
    IDLE = auto()
    HOLD = auto()
    CONDITION = auto()
    CHECK_HOLD = auto()
    CHECK = auto()


class _Command(Prepared):
    """One command variable: its settings, and how far the handshake has come."""

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.engine = engine
        self.asset = asset
        self.var = var
        self.state = _State.IDLE
        self.since = 0.0
        """Controller time at which the state began."""
        self.tries = 0
        """Sends that were not obeyed in time."""
        self.hold = var.number("sendCmdHoldTimeout")
        self.condition_timeout = var.number("sendCmdTimeout")
        self.check_hold = var.number("checkCmdHoldTimeout")
        self.check_timeout = var.number("checkCmdTimeout", 10.0)
        self.max_tries = var.number("maxCmdTries")
        self.alert = var.flag("enableAlert", True)
        self.formula: Formula | None = formula_of(var) if var.flag("useExpr") else None
        self.operands: Operands | None = resolve(engine, asset, var) if self.formula else None
        self.register = self._register()
        name = f"{var.name}Success"
        self.success = asset.context.get(name) or engine.ensure(f"/status/{asset.name}", name, False)
        var.params.setdefault("triggerCmd", False)
        var.params["cmdSent"] = False

    def _register(self) -> Slot | None:
        """Where the command goes; the variable itself when nothing is named."""
        named = self.var.text("cmdVar") or self.var.uri
        operand = operand_of(self.engine, self.asset, named)
        if operand is None or operand.param:
            if self.engine.once(("command", self.var)):
                self.engine.log("warning", f"{self.var.uri}: cmdVar {named!r} names no variable")
            return None
        self.engine.ensure(operand.slot.table, operand.slot.name, 0)
        return operand.slot

    def follow(self, before: Prepared) -> None:
        """`triggerCmd` is a param: setting one must not end what is under way."""
        if isinstance(before, _Command):
            self.state, self.since, self.tries = before.state, before.since, before.tries
            self.var.params["cmdSent"] = self.state in (_State.CHECK_HOLD, _State.CHECK)

    def poll(self) -> None:
        """One call; states that last no time are passed at once, the check begins with the next call."""
        if self.state is _State.IDLE:
            if self.var.params.get("triggerCmd") is not True:
                return
            self.tries = 0
            self._enter(_State.HOLD)
        if self.state in (_State.HOLD, _State.CONDITION):
            if self.var.params.get("triggerCmd") is not True:
                self._enter(_State.IDLE)
            else:
                self._prepare()
        elif self.state in (_State.CHECK_HOLD, _State.CHECK):
            self._check()

    def _enter(self, state: _State) -> None:
        self.state = state
        self.since = self.engine.now

    def _lasted(self, seconds: float) -> bool:
        return self.engine.now - self.since >= seconds - FUZZ

    def _prepare(self) -> None:
        if self.state is _State.HOLD:
            if not self._lasted(self.hold):
                return
            self._enter(_State.CONDITION)
        if self.register is not None and self._condition_met():
            self._send(self.var.cell.value)
        elif self._lasted(self.condition_timeout):
            text = f"cannot send [{shown(self.var.cell.value)}]: its condition was not met"
            self.var.params["triggerCmd"] = False
            self._end(False, f"{text} for {shown(self.condition_timeout)} seconds")

    def _condition_met(self) -> bool:
        """Only a bool true lets the command go."""
        if self.formula is None or self.operands is None:
            return True
        if self.operands.stale():
            self.operands = resolve(self.engine, self.asset, self.var)
        values = None if self.operands.problem else values_of(self.operands)
        if values is None:
            self.engine.counters["not_calculated"] += 1
            return False
        if self.var.flag("includeCurrVal"):
            values.insert(0, self.var.cell.value)
        return result_of(self.engine, self.var, self.formula, values) is True

    def _send(self, value: Value) -> None:
        engine, params, slot = self.engine, self.var.params, self.register
        if slot is None or slot.var is None:
            return
        params["lastCmdVal"] = value
        params["cmdSent"] = True
        params["triggerCmd"] = False
        engine.write(slot.var, value, fire=False)
        body = orjson.dumps({slot.name: {"value": value}}, default=plain)
        engine.send("set", slot.table, body, item=self.var)
        self._alert(f"sent [{shown(value)}] to {slot.table}:{slot.name}", INFO)
        self._enter(_State.CHECK_HOLD)

    def _check(self) -> None:
        if self.state is _State.CHECK_HOLD:
            if not self._lasted(self.check_hold):
                return
            self.since += self.check_hold
            self.state = _State.CHECK
        wanted = scalar(self.var.params.get("lastCmdVal"))
        found = self.register.var.cell.value if self.register is not None and self.register.var else None
        if found is not None and wanted is not None and same(found, wanted):
            self._end(True, "")
        elif self._lasted(self.check_timeout):
            self.tries += 1
            if self.tries < self.max_tries and wanted is not None:
                self._send(wanted)
            else:
                text = f"[{shown(wanted)}] was not taken, the value is [{shown(found)}]"
                self._end(False, f"{text} after {shown(self.check_timeout)} seconds")

    def _end(self, success: bool, problem: str) -> None:
        self.var.params["cmdSent"] = False
        self._enter(_State.IDLE)
        self.engine.write(self.success, success)
        if problem:
            self._alert(problem, ALARM)

    def _alert(self, text: str, severity: int) -> None:
        if self.alert:
            self.engine.event(self.asset.name, f"[{self.var.name}] {text}", severity)


def handle_cmd(engine: Engine, asset: Asset, var: Variable) -> None:
    """Send the value as a command when `triggerCmd` is true, and check that it was taken; must be polled."""
    command = engine.plan("HandleCmd", asset, var, lambda: _Command(engine, asset, var))
    assert isinstance(command, _Command)
    command.poll()


FUNCTIONS: Final[Mapping[str, Function]] = {"HandleCmd": handle_cmd}
