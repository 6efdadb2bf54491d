"""No number, text or bool that may come over the bus stops an instance, whatever its actions do with it."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.actions.program import KINDS
from ess_actors.core.messages import Message
from tests.core.engine_bench import WALL, Bench, on_set, remap

ITEMS: dict[str, list[dict[str, Any]]] = {
    "remap": [{"uri": "/o:a", "scale": 10}, {"uri": "/o:b", "scale": -1e308, "offset": 1e308}],
    "enum": [
        {"uri": "/o:c", "scale": 10, "mask": 15, "shift": 2, "inValue": 1},
        {"uri": "/o:d", "useRange": True, "inVar": "/t:x", "inValue-": 1e308, "inValue+": 1e308},
    ],
    "bitfield": [{"uri": "/o:e", "bit": 70, "outValue": True}, {"uri": "/o:f", "bit": 0, "inAv": "/o:a"}],
    "bitset": [{"uri": "/o:a", "bit": 60, "inAv": "/t:on"}, {"uri": "/o:n", "bit": 2000, "inAv": "/t:on"}],
    "bitmap": [{"uri": "/o:g", "mask": 3, "bit": 1, "shift": 3, "outValue": 1, "scale": 10}],
    "limits": [{"low": -1e308, "high": 1e308}],
    "limit": [{"lowVar": "/o:a", "highVar": "/o:b"}],
    "func": [
        {"func": name, "var": f"/f:{index}"}
        for index, name in enumerate(("CalculateVar", "CheckMonitorVar", "process_sys_alarm", "RunSched"))
    ],
}
OPERATIONS = ("+", "-", "*", "/", "%", "avg", "max", "min", "pctOf", "stddev", ">", "and", "expression")


def test_every_kind_of_action_is_tried() -> None:
    assert ITEMS.keys() == KINDS.keys()


def everything() -> Bench:
    watch = {"EnableMaxValCheck": True, "MaxAlarmThreshold": 5, "EnableMinValCheck": True}
    operands = {"numVars": 2, "variable1": "/t:x", "variable2": "/t:y"}
    totals = {
        f"r{index}": {
            "value": 0,
            "operation": name,
            "useExpr": name == "expression",
            "scale": 1e-9,
            **operands,
        }
        for index, name in enumerate(OPERATIONS)
    }
    for total in totals.values():
        total["expression"] = "{1} * {2} + ({1} << 3) % {2}"
    calculate = {"func": [{"func": "CalculateVar", "var": f"/r:{name}"} for name in totals]}
    blocks = [{kind: items} for kind, items in ITEMS.items()]
    bits = [remap(uri="/o:a[3]", outValue=True), remap(uri="/o:h", outVar="/t:x[31]"), calculate]
    sends = [
        remap(fims="set", uri="/ess_2/t:x", scale=10),
        remap(fims="pub", uri="/components/c:x", mode="naked"),
    ]
    return Bench(
        {
            "/t": {"x": on_set(*blocks, *bits, *sends), "y": on_set(*blocks, *bits), "on": True},
            "/o": {"a": 0, "b": 0, "n": 0},
            "/f": {
                "0": {"value": 0, "operation": "sqrt"},
                "1": {"value": 0, **watch},
                "2": {"value": 0},
                "3": 0,
            },
            "/r": totals,
        }
    )


VALUES = st.one_of(
    st.sampled_from(
        (1e308, -1e308, 1.7976931348623157e308, 1e-320, 0, -1, 2**63, -(2**63), 2**64 - 1, True, "x", "")
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.text(max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(("x", "y", "on", "x[3]", "x@scale", "deadband")), VALUES), max_size=8)
)
def test_no_value_stops_an_instance(steps: list[tuple[str, Any]]) -> None:
    bench = everything()
    for name, value in steps:
        bench.set("/t", {name: value})
        bench.set("/f", {"1": value, "2": value})
        bench.set("/f/3", {"value": 1, "uri": "/o:a", "every": value, "in": value})
        bench.ess.tick(bench.now + 1, WALL)
        bench.send("get", "/ess_1/o", replyto="/me")
    for table in bench.ess.engine.map.tables.values():
        for var in table.variables.values():
            value = var.cell.value
            assert not isinstance(value, float) or math.isfinite(value), var.uri


@pytest.mark.parametrize(
    "body", [b"1e999", b"-1e999", b"NaN", b'{"value":1e999}', b'{"x":Infinity}', b"1" * 400]
)
def test_what_is_no_number_is_refused(body: bytes) -> None:
    bench = Bench({"/t": {"x": 0}})
    for uri in ("/ess_1/t/x", "/ess_1/t"):
        (answer,) = bench.ess.handle(Message("set", uri, body, explain=True, sender="web"), bench.now, WALL)
        assert answer.status in ("bad_body", "bad_uri")
    assert bench.value("/t:x") == 0


@pytest.mark.parametrize("kind", ["enum", "bitfield", "bitmap"])
def test_a_result_that_is_not_finite_is_counted_and_the_value_kept(kind: str) -> None:
    onward = on_set(
        {kind: [{"uri": "/t:bit", "bit": 0, "mask": 1, "inValue": 1, "outValue": True}]}, deadband=0
    )
    bench = Bench({"/t": {"i": on_set(remap(uri="/t:o", scale=10)), "o": onward}})
    bench.set("/t/i", 4)
    bench.set("/t/i", 1e308)
    assert (bench.value("/t:o"), bench.count("not_finite")) == (40, 1)


def test_a_calculation_that_overflows_keeps_its_value() -> None:
    product = {"value": 3, "operation": "*", "numVars": 2, "variable1": "/t:a", "variable2": "/t:a"}
    run = {"func": [{"func": "CalculateVar", "var": "/t:p"}]}
    bench = Bench({"/t": {"a": on_set(run), "p": product}})
    bench.set("/t/a", 1e200)
    assert (bench.value("/t:p"), bench.count("not_finite")) == (3, 1)
    assert bench.get("/t/p") == 3
