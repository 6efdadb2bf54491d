"""What is wrong with the alarm rules in the params of a source."""

from ess_actors.core.alarm_rules import PRIORITIES, listed
from ess_actors.core.engine import Engine
from ess_actors.core.findings import Severity
from ess_actors.core.remarks import Remarks
from ess_actors.core.variables import Variable

_SECONDS = ("on_delay_s", "off_delay_s", "rearm_s", "consequence_window_s", "deadband")


def lint_alarm(engine: Engine, remarks: Remarks, var: Variable) -> None:
    """Rules that cannot be used: the default would be in force in their place, and nobody would know."""
    params = var.params
    for param, value in params.items():
        rule = param.removeprefix("fault_").removeprefix("alarm_")
        if rule == "priority" and value not in PRIORITIES:
            _warn(remarks, param, f"{value!r} is no priority", f"one of {', '.join(PRIORITIES)}")
        elif rule == "latch" and not isinstance(value, bool):
            _warn(
                remarks,
                param,
                f"{value!r} is neither true nor false",
                "false: no clear is needed when it returned",
            )
        elif rule in _SECONDS and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0
        ):
            _warn(remarks, param, f"{value!r} is not a number from 0 on", "write a number without unit")
        elif rule == "suppressed_by":
            for uri in listed(value):
                table, _, name = uri.partition(":")
                if engine.map.find(table, name) is None:
                    hint = "name a variable as /table:variable; it suppresses while it is true"
                    _warn(remarks, param, f"there is no variable {uri}", hint)


def _warn(remarks: Remarks, param: str, text: str, hint: str) -> None:
    remarks.add(Severity.WARNING, "alarm-rule", text, hint, (param,))
