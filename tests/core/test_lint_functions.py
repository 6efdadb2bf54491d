"""What the lint says of the variables that functions are called with."""

from typing import Any

import pytest

from ess_actors.core.findings import Severity
from tests.core.engine_bench import Bench, on_set

CODES = (
    "alarm-rule",
    "monitor-",
    "command-",
    "unknown-operation",
    "operand-",
    "bad-operand",
    "unknown-manager",
    "expression-word",
)


def findings(function: str, **params: Any) -> list[tuple[str, str]]:
    """(code, path) of the findings about one variable that a monitor list names."""
    tables = {
        "amname": "bms",
        "/status/bms": {"X": {"value": 0, **params}},
        "/schedule/wake_monitor/bms": {"/status/bms:X": {"func": function, "amap": "bms"}},
        "/t": {"a": 1},
    }
    bench = Bench(tables)
    return [
        (f.code, f.path) for f in bench.ess.findings if f.code.startswith(CODES) and f.document == "first"
    ]


HERE = "$./status/bms.X"
MAX = {"EnableMaxValCheck": True, "MaxAlarmThreshold": 5, "MaxResetValue": 4}
MIN = {"EnableMinValCheck": True, "MinAlarmThreshold": 5, "MinResetValue": 6}
SUM = {"operation": "+", "numVars": 1, "variable1": "/t:a"}


@pytest.mark.parametrize(
    ("function", "params", "codes"),
    [
        ("CheckMonitorVar", MAX, []),
        ("CheckMonitorVar", {**MAX, **MIN}, []),
        ("CheckMonitorVar", {}, ["monitor-without-mode"]),
        ("CheckMonitorVar", {"EnableStateCheck": True}, []),
        ("CheckMonitorVar", {"EnableMaxValCheck": False}, []),
        ("CheckMonitorVar", {"EnableMaxValCheck": True}, ["monitor-reset", "monitor-threshold"]),
        ("CheckMonitorVar", {**MAX, "MaxAlarmThreshold": 0}, ["monitor-threshold"]),
        ("CheckMonitorVar", {**MAX, "EnableFaultCheck": True}, ["monitor-threshold"]),
        ("CheckMonitorVar", {**MIN, "MinAlarmThreshold": 0}, []),
        ("CheckMonitorVar", {"EnableMinValCheck": True}, ["monitor-reset", "monitor-threshold"]),
        ("HandleCmd", {"checkCmdHoldTimeout": 2}, []),
        ("HandleCmd", {}, ["command-hold"]),
        ("CalculateVar", SUM, []),
        ("CalculateVar", {**SUM, "operation": "plus"}, ["unknown-operation"]),
        ("CalculateVar", {**SUM, "operation": ">"}, ["operand-count"]),
        ("CalculateVar", {**SUM, "operation": ">", "includeCurrVal": True}, []),
        ("CalculateVar", {**SUM, "numVars": 2}, ["bad-operand"]),
        ("CalculateVar", {**SUM, "variable1": "bms:X"}, []),
        ("CalculateVar", {**SUM, "variable1": "nobody:X"}, ["unknown-manager"]),
        ("CalculateVar", {"operation": "+", "variable1": "/t:a"}, ["operand-count"]),
        ("CalculateVar", {"operation": "sqrt"}, []),
        ("CalculateVar", {**SUM, "useExpr": True, "expression": "{1} + 2"}, []),
        ("CalculateVar", {**SUM, "useExpr": True, "expression": "{1} + {2}"}, ["operand-count"]),
        ("CalculateVar", {**SUM, "useExpr": True, "expression": "{1}+2"}, ["expression-word"]),
    ],
)
def test_a_finding(function: str, params: dict[str, Any], codes: list[str]) -> None:
    found = findings(function, **params)
    assert [code for code, _ in found] == codes
    assert all(path.startswith(HERE) for _, path in found)


def test_the_short_hold_is_a_hint_and_what_never_works_a_warning() -> None:
    bench = Bench(
        {
            "/t": {
                "x": {"value": 0, "operation": "plus"},
                "c": 0,
                "go": on_set(
                    {"func": [{"func": "CalculateVar", "var": "/t:x"}, {"func": "HandleCmd", "var": "/t:c"}]}
                ),
                "in": on_set({"remap": [{"uri": "/t:x", "func": "CalculateVar"}]}),
            }
        }
    )
    found = {f.code: (f.severity, f.path) for f in bench.ess.findings}
    assert found["unknown-operation"] == (Severity.WARNING, "$./t.x.operation")
    assert found["command-hold"] == (Severity.NOTE, "$./t.c")
    assert [f.code for f in bench.ess.findings].count("unknown-operation") == 1, (
        "said once, however often it is called"
    )


@pytest.mark.parametrize(
    ("param", "value", "found"),
    [
        ("priority", "urgent", True),
        ("fault_priority", "low", False),
        ("latch", "no", True),
        ("latch", False, False),
        ("on_delay_s", -1, True),
        ("alarm_rearm_s", "5", True),
        ("deadband", 0.5, False),
        ("suppressed_by", "/t:nobody", True),
        ("suppressed_by", "/t:a, /t:nobody", True),
        ("suppressed_by", "/t:a", False),
    ],
)
def test_alarm_rules_of_no_use_are_found(param: str, value: Any, found: bool) -> None:
    codes = [code for code, _ in findings("CheckMonitorVar", **MAX, **{param: value})]
    assert codes == (["alarm-rule"] if found else [])
