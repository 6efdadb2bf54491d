"""A quality that changes without a value travels, and commands, raises, clears, schedules and publishes nothing."""

from typing import Any

import orjson
import pytest

from ess_actors.core.messages import Message
from tests.core.engine_bench import WALL, Bench, on_set, remap


def quality(bench: Bench, reference: str) -> str:
    var = bench.ess.engine.map.find(*reference.split(":"))
    assert var is not None
    return str(var.cell.quality.name)


def ordering() -> Bench:
    """One input that reaches everything an action can reach."""
    steps = [
        remap(fims="set", uri="/components/ess_1/ctl:start", mode="naked"),
        remap(fims="get", uri="/ess_2/t:x", replyto="/ess_1/t"),
        remap(fims="set", uri="/ess_2/t:clothed"),
        remap(fims="pub", uri="/ess_2/t:naked", mode="naked"),
        remap(fims="set", uri="/ess_2/t:x@unit", outValue="A"),
        remap(uri="/t:copy"),
        remap(uri="/t:word[2]", inValue=5, outValue=True),
        remap(uri="/t:latch", inValue=5, outValue=0),
        remap(uri="/t:why", inAv="/ess/in:x@quality", inValue="BAD", outValue="lost", outNValue="heard"),
        {"enum": [{"inValue": 5, "uri": "/t:enumerated", "outValue": 9}]},
        {
            "func": [
                {"func": "RunPub", "var": "/t:pub"},
                {"func": "LogWarn"},
                {"func": "SendTrue", "var": "/t:go"},
            ]
        },
        {"func": [{"func": "CalculateVar", "var": "/t:sum"}, {"func": "CalculateVar", "var": "/t:count"}]},
    ]
    total = {"value": 0, "operation": "+", "numVars": 2, "variable1": "/t:copy", "variable2": "/t:other"}
    counting = {"value": 0, "operation": "+", "includeCurrVal": True, "numVars": 1, "variable1": "/t:other"}
    bench = Bench(
        {
            "/t": {"other": 1, "latch": 0, "word": 0, "why": "", "enumerated": 0, "go": False, "sum": total}
            | {"count": counting, "copy": 0, "pub": {"value": 0, "table": "/t", "mode": "naked"}},
            "/ess/in": {"x": on_set(*steps)},
        }
    )
    bench.send("pub", "/ess_1/ess/in", {"x": 5}, sender="ess_2")
    bench.set("/t", {"word": 0, "latch": 3, "enumerated": 4, "go": False})
    bench.ess.drain_log()
    return bench


def test_only_marks_and_calculations_follow() -> None:
    bench = ordering()
    count = bench.value("/t:count")
    sent = bench.ess.source_lost("ess_2", bench.now, WALL)
    assert [(m.method, m.uri, orjson.loads(m.body), m.quality, m.hops) for m in sent] == [
        ("set", "/ess_2/t", {"clothed": {"value": "$$"}}, {"clothed": 2}, 1),
        ("pub", "/ess_2/t", {"naked": {"value": "$$"}}, {"naked": 2}, 1),
    ]
    kept = {"word": 0, "latch": 3, "enumerated": 4, "go": False, "copy": 5, "sum": 6, "count": count}
    assert {name: bench.value(f"/t:{name}") for name in kept} == kept
    assert (bench.value("/t:why"), bench.ess.drain_log()) == ("lost", [])
    assert [quality(bench, f"/t:{name}") for name in ("copy", "sum", "latch", "enumerated")] == [
        "BAD",
        "UNCERTAIN",
        "BAD",
        "BAD",
    ]
    bench.send("pub", "/ess_1/ess/in", {"x": 5}, sender="ess_2")
    assert [quality(bench, f"/t:{name}") for name in ("copy", "sum")] == ["GOOD", "GOOD"]
    assert (bench.value("/t:why"), bench.value("/t:go")) == ("heard", True)


def test_what_a_quality_run_held_back_goes_out_with_the_next_value() -> None:
    derived = remap(uri="/t:ok", inAv="/ess/in:x@quality", inValue="BAD", outValue=False, outNValue=True)
    order = remap(fims="set", uri="/components/c:enable", mode="naked", ifChanged=True)
    bench = Bench(
        {"/ess/in": {"x": on_set(derived)}, "/t": {"ok": {"value": True, "actions": {"onSet": [order]}}}}
    )
    bench.send("pub", "/ess_1/ess/in", {"x": 5}, sender="ess_2")
    assert bench.ess.source_lost("ess_2", bench.now, WALL) == []
    assert [m.body for m in bench.set("/t/ok", False)] == [b"false"]
    assert bench.set("/t/ok", False) == []


def test_a_received_mark_is_a_quality_run_as_well() -> None:
    passing = {"x": on_set(remap(fims="set", uri="/ess_1/t:x"), remap(fims="set", uri="/components/c:x"))}
    bench = Bench({"/t": passing}, name="ess_2")
    bench.send("set", "/ess_2/t", {"x": {"value": 3}}, sender="ess_1")
    mark = {"x": {"value": "$$"}, "unknown": {"value": "$$"}}
    out = bench.send(
        "set", "/ess_2/t", mark, quality={"x": 2, "unknown": 2}, sender="ess_1", hops=2, command="c"
    )
    assert [(m.uri, m.body, m.quality, m.hops, m.command) for m in out] == [
        ("/ess_1/t", b'{"x":{"value":"$$"}}', {"x": 2}, 3, "c")
    ]
    assert (bench.value("/t:x"), quality(bench, "/t:x"), bench.value("/t:unknown")) == (3, "BAD", None)
    out = bench.send("set", "/ess_2/t/x", {"value": "$$"}, quality={"x": 0}, sender="ess_1")
    assert [m.quality for m in out] == [{"x": 0}]
    assert quality(bench, "/t:x") == "GOOD"


@pytest.mark.parametrize(
    ("method", "sender", "command", "lost"),
    [
        ("pub", "ess_2/bms_2", "", True),
        ("set", "ess_2", "", True),
        ("set", "ess_2", "op-1", False),
        ("set", "ess_2/site", "", False),
        ("set", "web", "", False),
        ("set", "", "", False),
    ],
)
def test_only_readings_are_lost_with_their_source(method: str, sender: str, command: str, lost: bool) -> None:
    bench = Bench({"/t": {"x": 1}})
    bench.send("pub", "/ess_1/t", {"x": 2}, sender="web")
    bench.send(method, "/ess_1/t/x", 3, sender=sender, command=command)
    for actor in ("ess_2", "web"):
        bench.ess.source_lost(actor, bench.now, WALL)
    assert quality(bench, "/t:x") == ("BAD" if lost else "GOOD")


def alarmed(**params: Any) -> dict[str, Any]:
    steps = [{"func": [{"func": "process_sys_alarm", "amap": "bms_1"}]}]
    return {"type": "fault", "value": "Normal", **params, "actions": {"onSet": steps}}


def test_no_fault_is_raised_or_cleared() -> None:
    bench = Bench(
        {"amname": "bms_1", "/faults/bms_1": {"Hot": alarmed(), "clear_faults": alarmed(value="no")}}
    )
    bench.send("pub", "/ess_1/faults/bms_1", {"Hot": "Trip"}, sender="ess_2")
    bench.send("pub", "/ess_1/faults/bms_1", {"clear_faults": "Clear"}, sender="ess_2")
    bench.send("pub", "/ess_1/faults/bms_1", {"Hot": "Other"}, sender="ess_2")
    before = bench.get("/assets/bms_1/summary")
    assert bench.ess.source_lost("ess_2", bench.now, WALL) == []
    assert quality(bench, "/faults/bms_1:clear_faults") == "BAD"
    assert bench.get("/assets/bms_1/summary") == before
    assert before["faults"]["value"] == 1


def test_a_command_is_done_once_per_id() -> None:
    bench = Bench({"/t": {"x": on_set(remap(fims="set", uri="/components/c:x", mode="naked"))}})

    def order(body: Any, uri: str = "/ess_1/t/x", **fields: Any) -> list[tuple[str, Any]]:
        out = bench.send("set", uri, body, **{"command": "c-1", "replyto": "/me", **fields})
        return [(m.uri, orjson.loads(m.body)) for m in out]

    first = order({"value": 7})
    assert first == [("/components/c/x", 7), ("/me", {"x": {"value": 7}})]
    assert order({"value": 7}) == first[1:], "it is answered as the first time"
    assert order({"x": 7}, "/ess_1/t") == [("/components/c/x", 7), ("/me", {"x": 7})], "another uri"
    assert len(order({"value": 7}, hops=1)) == 2, "what follows from a command may repeat itself"
    assert len(order({"value": 7}, command="")) == 2
    assert bench.count("repeated_command") == 1
    for number in range(2, 300):
        order({"value": number}, command=f"c-{number}")
    assert len(order({"value": 7})) == 2, "forgotten after 256 others"


def test_a_refused_command_may_be_repeated() -> None:
    bench = Bench({"/t": {"x": 1}})
    for body, status in ((b"nope", "bad_body"), (b"5", "")):
        message = Message("set", "/ess_1/t/x", body, command="c", explain=True, sender="web")
        (answer,) = bench.ess.handle(message, bench.now, WALL)
        assert answer.status == status
    assert (bench.value("/t:x"), bench.count("repeated_command")) == (5, 0)
