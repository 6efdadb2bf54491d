"""CalculateVar: every operation, every kind of operand, and when nothing is calculated."""

from typing import Any

import pytest

from tests.core.engine_bench import Bench, on_set

CALL = {"func": [{"func": "CalculateVar", "var": "/status/bms:Result", "amap": "bms"}]}


def calculated(operands: list[Any], start: Any = 0, **params: Any) -> Bench:
    """A result in /status/bms over /t:v1.., calculated once by /go:now."""
    variables = {f"variable{i}": f"/t:v{i}" for i in range(1, len(operands) + 1)}
    result = {"value": start, "numVars": len(operands), **variables, **params}
    bench = Bench(
        {
            "amname": "bms",
            "/t": {f"v{i}": value for i, value in enumerate(operands, 1)},
            "/status/bms": {"Result": result},
            "/go": {"armed": False, "now": on_set({"remap": [{"uri": "/go:n"}]}, CALL, enable="/go:armed")},
        }
    )
    bench.set("/go/armed", True)
    bench.set("/go/now", 1)
    return bench


ROWS: list[tuple[str, list[Any], Any, dict[str, Any]]] = [
    ("+", [1, 2.5, True], 4.5, {}),
    ("-", [10, 3, 2], 5, {}),
    ("*", [2, 3, 4], 24, {}),
    ("/", [100, 5, 2], 10, {}),
    ("/", [100, 0, 2], 0, {}),
    ("%", [-17, 5], -2, {}),
    ("%", [17, 0], 0, {}),
    ("avg", [1, 2, 6], 3, {}),
    ("avg", [], 0, {}),
    ("max", [3, 9, -1], 9, {}),
    ("min", [3, 9, -1], -1, {}),
    ("stddev", [2, 4, 4, 4, 5, 5, 7, 9], 2, {}),
    ("stddev", [], 0, {}),
    ("pctOf", [40, 0.25], 30, {}),
    ("pctOf", [40, 0.75, 0.75], 0, {}),
    ("and", [True, 1, 2], 0, {}),
    ("and", [True, 1, 1.0], 1, {}),
    ("or", [0, 1], 1, {}),
    ("or", [0, 5], 0, {}),
    (">", [3, 5], 1, {}),
    ("<", [3, 5], 0, {}),
    ("+", [20], 200, {"scale": 0.1}),
    ("pctOf", [40, 0.25], 60, {"scale": 0.5}),
    ("stddev", [1, 3], 1, {"scale": 0.5}),
    ("+", [1, 2], 13, {"includeCurrVal": True, "start": 10}),
    ("-", [1, 2], 7, {"includeCurrVal": True, "start": 10}),
    ("sqrt", [], 4, {"start": 16}),
    ("sqrt", [], 8, {"start": 16, "scale": 0.5}),
    ("sqrt", [], 0, {"start": -16}),
    ("scale", [], 8, {"start": 16, "scale": 2}),
]


@pytest.mark.parametrize(("operation", "operands", "result", "more"), ROWS)
def test_an_operation(operation: str, operands: list[Any], result: Any, more: dict[str, Any]) -> None:
    assert calculated(operands, operation=operation, **more).value("/status/bms:Result") == result


def test_logic_gives_a_bool_unless_the_result_is_a_number() -> None:
    assert calculated([True, 1], False, operation="and").value("/status/bms:Result") is True
    found = calculated([3, 5], 0, operation=">").value("/status/bms:Result")
    assert found == 1 and not isinstance(found, bool)


@pytest.mark.parametrize(
    ("operands", "params"),
    [
        ([1, "two"], {"operation": "+"}),
        ([1], {"operation": "+", "numVars": 2, "variable2": "/t:missing"}),
        ([1], {"operation": "+", "numVars": 2, "variable2": "/t:v1[3]"}),
        ([1], {"operation": "+", "numVars": 2, "variable2": "nobody:X"}),
        ([1, 2, 3], {"operation": ">"}),
        ([1, 2], {"operation": "plus"}),
        ([], {"operation": "scale", "scale": 0}),
        ([1], {"operation": "+", "start": "text", "includeCurrVal": True}),
        ([1], {"useExpr": True, "expression": "{1}", "variable1": "/t:missing"}),
    ],
)
def test_what_cannot_be_calculated_is_counted(operands: list[Any], params: dict[str, Any]) -> None:
    start = params.get("start", 7)
    bench = calculated(operands, **{**params, "start": start})
    assert (bench.value("/status/bms:Result"), bench.count("not_calculated")) == (start, 1)


def test_a_closed_gate_calculates_nothing() -> None:
    assert calculated([1], 5, operation="+", enabled=False).value("/status/bms:Result") == 5
    assert calculated([1], 5, operation="+", enable="/go:n").value("/status/bms:Result") == 5


def test_operands_are_context_names_and_params() -> None:
    bench = calculated([4], operation="+", numVars=3, variable2="Own", variable3="/t:v1@p")
    assert bench.value("/status/bms:Own") == 0, "a bare name is created"
    assert bench.value("/status/bms:Result") == 8, "a missing param reads as the value"
    bench.set("/t/v1@p", 10)
    bench.set("/status/bms/Own", 100)
    bench.set("/go/now", 2)
    assert bench.value("/status/bms:Result") == 114


def tree(**params: Any) -> Bench:
    """bms with two racks; the result stands in /assets/bms."""
    result = {"value": 0, "numVars": 1, "variable1": "bms:F", "operation": "+", **params}
    racks = {f"rack_{n}": {"ainame": f"rack_{n}", "pname": "bms"} for n in (1, 2)}
    call = {"func": [{"func": "CalculateVar", "var": "/assets/bms:Result", "amap": "bms"}]}
    return Bench(
        {"amname": "bms", "/assets/bms": {"Result": result}, "/assets/rack_1": {"F": 4}},
        start={"/config/cfile": dict.fromkeys([*racks, "go"], False)},
        go={"/go": {"now": on_set(call)}},
        **racks,
    )


def test_an_aggregation_takes_what_each_child_has() -> None:
    bench = tree()
    bench.set("/go/now", 1)
    assert bench.value("/assets/bms:Result") == 4, "the table family of the result"
    assert bench.value("/status/rack_2:F") == 0, "created where no child table has it"
    bench.set("/status/rack_2/F", 3)
    bench.set("/go/now", 2)
    assert bench.value("/assets/bms:Result") == 7


def test_a_manager_that_comes_later_is_found() -> None:
    bench = tree(variable1="late:F")
    bench.set("/go/now", 1)
    bench.set("/cfg/cfile/late/one", {"ainame": "l_1", "pname": "late", "/status/l_1": {"F": 5}})
    bench.set("/go/now", 2)
    assert bench.value("/assets/bms:Result") == 5


@pytest.mark.parametrize(("operation", "after_one"), [("valChangedAny", True), ("valChangedAll", False)])
def test_changed_flags_of_the_operands(operation: str, after_one: bool) -> None:
    bench = calculated([1, 2], False, operation=operation)
    seen = []
    for call, (name, value) in enumerate([("v1", 5), ("v1", 5), ("v2", 6), ("v2", 6)], 2):
        bench.set(f"/t/{name}", value)
        bench.set("/go/now", call)
        seen.append(bench.value("/status/bms:Result"))
    assert seen == [after_one, False, True, False], "a change of the result lowers the flags"


def test_only_a_true_change_fires() -> None:
    bench = calculated(
        [1], False, operation="valChangedAny", actions={"onSet": [{"remap": [{"uri": "/t:fired"}]}]}
    )
    bench.set("/t/v1", 5)
    bench.set("/go/now", 2)
    assert bench.value("/t:fired") is True
    bench.set("/t/fired", False)
    bench.set("/go/now", 3)
    assert (bench.value("/status/bms:Result"), bench.value("/t:fired")) == (False, False)


def test_an_unchanged_result_fires_nothing() -> None:
    bench = calculated([1, 2], operation="+", actions={"onSet": [{"remap": [{"uri": "/t:fired"}]}]})
    assert bench.value("/t:fired") == 3
    bench.set("/t/fired", 0)
    bench.set("/go/now", 2)
    assert bench.value("/t:fired") == 0
