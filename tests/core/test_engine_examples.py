"""The worked examples of the engine language: what is given, what happens, what is then true."""

from typing import Any

import orjson
import pytest

from ess_actors.core.errors import ConfigError
from tests.core.engine_bench import WALL, Bench, on_set, remap
from tests.core.engine_lines import LINES, Line


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_line(line: Line) -> None:
    bench = Bench(line.given)
    for uri, body in line.steps:
        bench.set(uri, body)
    assert {reference: bench.value(reference) for reference in line.then} == line.then
    assert [(name, bench.count(name)) for name, _ in line.counted] == list(line.counted)


def test_1_subscriptions() -> None:
    assert Bench({}, "ess_7", ":/components/ess_7:/shared/ess_7").ess.subscriptions == (
        "/ess_7",
        "/components/ess_7",
        "/shared/ess_7",
    )
    ess = Bench({}, "ess_7", "/a:::b:/c:").ess
    assert ess.subscriptions == ("/ess_7", "/a", "/c")
    assert [(f.code, f.document) for f in ess.findings] == [("subs-no-slash", "")]


def test_2_components_are_asked_with_the_prefix() -> None:
    bench = Bench({})
    bench.send("pub", "/components/ess_1/rack_04", {"volt": 812.5})
    assert bench.get("/components/ess_1/rack_04") == {"volt": {"value": 812.5}}
    assert bench.get("/components/ess_1/rack_04", prefix="") is None
    assert bench.count("blocked{get,builtin}") == 1


def test_3_and_4_the_longest_block_entry_decides_and_can_be_lifted() -> None:
    blocks = {"/blockeduris/pub": {"/components/fan": True, "/components/fan_09": False}}
    bench = Bench({}, start=blocks)
    bench.send("pub", "/components/fan_01", {"rpm": 900})
    bench.send("pub", "/components/fan_09", {"rpm": 700})
    assert bench.value("/components/fan_01:rpm") is None
    assert bench.value("/components/fan_09:rpm") == 700
    assert bench.count("blocked{pub,/components/fan}") == 1
    bench.set("/blockeduris/pub", {"/components/fan": False})
    bench.send("pub", "/components/fan_01", {"rpm": 900})
    assert bench.value("/components/fan_01:rpm") == 900


@pytest.mark.parametrize(
    ("uri", "body", "echo"),
    [
        ("/t/flag", True, {"flag": True}),
        ("/t/n", "abc", {"n": "abc"}),
        ("/t/a", {"value": 3, "unit": "V"}, {"a": {"value": 3, "unit": "V"}}),
        ("/t", {"a": 1, "b": {"value": "$$", "p": 2}}, {"a": 1, "b": {"value": "$$", "p": 2}}),
    ],
)
def test_5_and_6_the_reply_echoes_what_was_sent(uri: str, body: Any, echo: Any) -> None:
    bench = Bench({"/t": {"n": 5}})
    (reply,) = bench.send("set", "/ess_1" + uri, body, replyto="/me", sender="web", corr="7")
    assert (reply.method, reply.uri, reply.to, reply.corr) == ("set", "/me", "", "7")
    assert orjson.loads(reply.body) == echo
    assert bench.get("/t/n") == 5


def test_7_do_not_disturb() -> None:
    bench = Bench({"/t": {"m": {"value": "keep", "p": 1, "actions": {"onSet": [remap(uri="/t:ran")]}}}})
    ran = bench.count("action_runs")
    bench.set("/t", {"m": {"value": "$$", "p": 9}})
    assert bench.get("/full/t/m", "/ess_1")["m"]["p"] == 9
    assert bench.value("/t:m") == "keep"
    assert bench.count("action_runs") == ran


def test_9_if_changed_is_judged_by_the_set_variable() -> None:
    item_a = {"uri": "/t:a", "ifChanged": True}
    bench = Bench({"/t": {"i": on_set({"remap": [item_a, {"uri": "/t:b", "ifChanged": False}]})}})
    bench.set("/t/i", 4)
    bench.set("/t", {"a": 0, "b": 0})
    bench.set("/t/i", 4)
    assert (bench.value("/t:a"), bench.value("/t:b")) == (0, 4)


def test_14_an_enum_without_a_matching_line_writes_nothing() -> None:
    lines = [
        {"inValue": 0, "uri": "/t:door", "outValue": "Closed"},
        {"mask": 2, "inValue": 2, "uri": "/t:door", "outValue": "Open"},
    ]
    bench = Bench({"/t": {"i": on_set({"enum": lines})}})
    doors = []
    for value in (2, 4, 0):
        bench.set("/t/i", value)
        doors.append(bench.value("/t:door"))
    assert doors == ["Open", "Open", "Closed"]


@pytest.mark.parametrize("form", ["table", "param"])
def test_18_vlink(form: str) -> None:
    tables: dict[str, Any] = {"/status/bms": {"Soc": 5}, "/assets/ess/summary": {"soc": {"value": 0}}}
    if form == "table":
        tables["/vlinks/any"] = {"soc": {"value": "/assets/ess/summary:soc", "vlink": "/status/bms:Soc"}}
    else:
        tables["/assets/ess/summary"]["soc"]["vlink"] = "/status/bms:Soc"
    bench = Bench(tables)
    bench.set("/status/bms/Soc", 71)
    assert bench.get("/assets/ess/summary/soc") == 71
    bench.set("/assets/ess/summary/soc", 70)
    assert bench.get("/status/bms/Soc") == 70


@pytest.mark.parametrize(
    ("operation", "operands", "result"),
    [
        ("pctOf", [40, 0.25], 30),
        ("%", [-17, 5], -2),
        ("and", [True, 1, 2], False),
        ("avg", [1, 2, 6], 3),
        ("/", [1, 0], 0),
        (">", [2, 3], True),
        ("<", [2, 3], False),
        ("max", [2, 3], 3),
        ("stddev", [2, 4], 1),
    ],
)
def test_19_operations(operation: str, operands: list[Any], result: Any) -> None:
    names = {f"variable{i}": f"/t:v{i}" for i in range(1, len(operands) + 1)}
    start = False if isinstance(result, bool) else 999
    calculation = {"value": start, "operation": operation, "numVars": len(operands), **names}
    tables = {
        "/t": {f"v{i}": value for i, value in enumerate(operands, 1)},
        "/r": {"r": calculation, "go": on_set({"func": [{"func": "CalculateVar", "var": "/r:r"}]})},
    }
    assert Bench(tables).value("/r:r") == result


def test_20_aggregation() -> None:
    tables = {
        "amname": "bms",
        "/status/rack_01": {"RackFaults": 4},
        "/status/rack_02": {"RackFaults": 3},
        "/status/bms": {
            "RackFaults": {
                "value": 0,
                "operation": "+",
                "scale": 0.5,
                "numVars": 1,
                "variable1": "bms:RackFaults",
            },
            "go": on_set(
                {"func": [{"func": "CalculateVar", "var": "/status/bms:RackFaults", "amap": "bms"}]}
            ),
        },
    }
    racks = {f"rack_{i}": {"amname": "bms", "ainame": f"rack_0{i}"} for i in (1, 2)}
    bench = Bench(tables, **racks, start={"/config/cfile": {"rack_1": False, "rack_2": False}})
    bench.set("/status/bms/go", 1)
    assert bench.value("/status/bms:RackFaults") == 14


def test_24_mirrors_stop_at_the_hop_limit() -> None:
    def mirror(peer: str) -> dict[str, Any]:
        return {
            "/t": {
                "x": {
                    "value": 0,
                    "ifChanged": False,
                    "actions": {"onSet": [remap(fims="set", uri=f"/{peer}/t:x")]},
                }
            }
        }

    benches = {"ess_1": Bench(mirror("ess_2")), "ess_2": Bench(mirror("ess_1"), "ess_2")}
    waiting = benches["ess_1"].set("/t/x", 5)
    sends = 0
    while waiting:
        message = waiting.pop(0)
        sends += 1
        waiting += benches[message.uri.split("/")[1]].ess.handle(message, 101.0, WALL)
    assert sends == 8
    assert sum(bench.count("hop_dropped") for bench in benches.values()) == 1
    assert [bench.value("/t:x") for bench in benches.values()] == [5, 5]


def test_26_not_found_names_what_is_near() -> None:
    bench = Bench({"/t": {"Soc": 1}})
    assert bench.send("get", "/ess_1/t/Sco", replyto="/me") == []
    (answer,) = bench.send("get", "/ess_1/t/Sco", explain=True, sender="web")
    assert (answer.status, answer.to) == ("not_found", "web")
    body = orjson.loads(answer.body)
    assert (body["error"], body["near"]) == ("not_found", ["/t:Soc"])


def test_total_charge_current_follows_both_instances() -> None:
    def carrying(bms: str) -> dict[str, Any]:
        return {
            bms: {"ChargeCurrent": on_set({"func": [{"func": "CalculateVar", "var": "/status/ess_1:Total"}]})}
        }

    total = {
        "value": 0,
        "operation": "+",
        "numVars": 2,
        "variable1": "/status/bms_1:ChargeCurrent",
        "variable2": "/status/bms_2:ChargeCurrent",
    }
    one = Bench({"/status/ess_1": {"Total": total}, **carrying("/status/bms_1"), **carrying("/status/bms_2")})
    two = Bench(
        {
            "/status/bms_2": {
                "ChargeCurrent": on_set(remap(fims="set", uri="/ess_1/status/bms_2:ChargeCurrent"))
            }
        },
        "ess_2",
    )
    totals = []
    one.set("/status/bms_1/ChargeCurrent", 118.5)
    totals.append(one.value("/status/ess_1:Total"))
    for message in two.set("/status/bms_2/ChargeCurrent", 96.25):
        one.ess.handle(message, 101.0, WALL)
    totals.append(one.value("/status/ess_1:Total"))
    one.set("/status/bms_1/ChargeCurrent", -4)
    totals.append(one.value("/status/ess_1:Total"))
    assert totals == [118.5, 214.75, 92.25]


def test_all_fatal_problems_come_together() -> None:
    with pytest.raises(ConfigError) as error:
        Bench(
            {"/config/load": {"a": {"value": False, "options": [{"file": "gone"}, {"load": "b"}]}}},
            a={},
            start={"/config/cfile": {"other": False}},
        )
    assert sorted(finding.code for finding in error.value.args) == [
        "document-missing",
        "document-missing",
        "loader-unknown",
    ]
