"""What an instance hears and answers: prefix, options, blocks, queries, explanations, quality, guards, counters."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.access import Access
from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine
from ess_actors.core.functions import FUNCTIONS
from ess_actors.core.messages import Message
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Variable
from tests.core.engine_bench import Bench, on_set, remap

SEED_2 = dict.fromkeys(["/components/ess_1", "/system/ess_1", "/assets/ess/summary", "/assets/ess_1"], True)


@pytest.mark.parametrize(
    ("name", "blocks", "method", "uri", "blocked"),
    [
        (
            "ess_1",
            {"/assets/ess/summary": False, "/assets/ess/ess_2": True},
            "pub",
            "/assets/ess/summary",
            "",
        ),
        ("ess_1", {"/assets/ess/ess_2": True}, "pub", "/assets/ess/ess_2", "/assets/ess/ess_2"),
        ("ess_2", SEED_2, "set", "/assets/ess_10/summary", "/assets/ess_1"),
        ("ess_2", SEED_2, "set", "/assets/ess/ess_1", ""),
        ("ess_2", SEED_2, "set", "/ess_2/system/ess_1/x", ""),
        ("ess_2", SEED_2, "pub", "/site/ess_1/ess_hs", "builtin"),
        ("ess_2", SEED_2, "pub", "/site2", ""),
        ("ess", {"/ess_2": True}, "set", "/ess_2/x", "/ess_2"),
    ],
)
def test_blocks(name: str, blocks: dict[str, bool], method: str, uri: str, blocked: str) -> None:
    access = Access(name)
    access.block({"pub": blocks, "set": blocks})
    assert access.route(method, uri).blocked == blocked


def test_counters_can_be_asked_for() -> None:
    bench = Bench({"/t": {"x": 1}})
    bench.set("/t/x", 5)
    created = bench.count("vars_created")
    shown = bench.get("/perf/engine")
    assert (shown["msgs_in{set}"], shown["vars_created"]) == ({"value": 1}, {"value": created})


@pytest.mark.parametrize(
    ("method", "uri", "body", "status"),
    [
        ("set", "/ess_1/t:x", b"1", "bad_uri"),
        ("set", "/ess_1", b'{"a":1}', "bad_uri"),
        ("set", "/ess_1/x", b"1", "bad_uri"),
        ("set", "/ess_1/t", b"{}", "bad_body"),
        ("set", "/ess_1/t/x", b"nope", "bad_body"),
        ("set", "/ess_1/t/x", b"[1]", "bad_body"),
        ("del", "/ess_1/t/x", b"", "bad_method"),
        ("pub", "/site/x/y", b"1", "blocked"),
        ("get", "/ess_1/t/zzzzzz", b"", "not_found"),
        ("set", "/ess_1/t/x", b"2", ""),
    ],
)
def test_an_operator_always_gets_an_answer_and_the_bus_none(
    method: str, uri: str, body: bytes, status: str
) -> None:
    bench = Bench({"/t": {"x": 1}})
    (answer,) = bench.ess.handle(Message(method, uri, body, explain=True, corr="9", sender="web"), 101.0, 0.0)
    assert (answer.status, answer.corr, answer.to) == (status, "9", "web")
    assert status == "" or orjson.loads(answer.body)["error"] == status
    assert bench.ess.handle(Message(method, uri, body), 101.0, 0.0) == []


def test_a_long_reply_is_replaced() -> None:
    bench = Bench({"/t": {f"v{i}": "x" * 10_000 for i in range(100)}})
    assert bench.get("/t").startswith("Fims Error :: Message size too large [")
    assert bench.count("reply_oversize") == 1


def test_a_failed_answer_is_counted_and_not_stored() -> None:
    bench = Bench({})
    bench.send("set", "/ess_1/got/x", {"error": "not_found"}, status="not_found")
    assert bench.value("/got/x:error") is None
    assert bench.count("answers_failed{not_found}") == 1


def test_variables_that_drive_each_other_are_cut_off() -> None:
    bench = Bench({"/t": {"a": {"value": 0}, "b": on_set(remap(uri="/t:a"))}})
    bench.set("/t", {"a": {"value": "$$", "actions": {"onSet": [remap(uri="/t:b")]}}})
    out = bench.set("/t/a", 3)
    assert bench.count("depth_guard") == 1
    assert bench.get("/t/a@enabled") is False
    assert [orjson.loads(m.body)["severity"] for m in out if m.uri == "/events"] == [4]
    bench.set("/t/a", 4)
    assert (bench.value("/t:a"), bench.value("/t:b")) == (4, 3)


def broken(engine: Engine, asset: Asset, var: Variable) -> None:
    raise KeyError(var.uri)


def test_an_unknown_and_a_failing_function_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS, "Broken", broken)
    items = [{"func": "Nonsense"}, {"func": "Broken"}]
    bench = Bench({"/t": {"i": on_set({"func": items}, remap(uri="/t:after"), value=3)}})
    assert (bench.value("/t:after"), bench.count("unknown_function{Nonsense}")) == (3, 1)
    assert bench.count("function_errors") == 1
    assert ("unknown-function", "first", "$./t.i.actions.onSet[0].func[0].func") in [
        (f.code, f.document, f.path) for f in bench.ess.findings
    ]


def test_asking_for_counters_creates_nothing() -> None:
    bench = Bench({"/t": {"x": 1}})
    first = bench.get("/perf/engine")
    assert {"replies_out", "hop_dropped", "send_failed", "reply_oversize"} <= set(first)
    assert (bench.get("/perf/engine/vars_created"), list(bench.get("/perf"))) == (0, ["/perf/engine"])


def test_wrong_actions_of_a_message_are_logged_and_not_kept() -> None:
    bench = Bench({"/t": {"x": 1}})
    known = list(bench.ess.findings)
    for _ in range(3):
        bench.set("/t", {"x": {"value": "$$", "actions": {"onSet": [{"nonsense": []}]}}})
    assert bench.ess.findings == known
    assert sum("nonsense" in line.text for line in bench.ess.drain_log()) == 3


def test_hops_in_a_body_never_lower_those_of_the_message() -> None:
    bench = Bench({"/t": {"x": on_set(remap(fims="set", uri="/ess_2/t:x"))}})
    sent = bench.send("set", "/ess_1/t", {"x": 1, "$$hops": -9}, hops=4)
    assert [message.hops for message in sent] == [5]


def forwarding() -> Bench:
    carry = {"soc": on_set(remap(uri="/status/bms:Soc"), remap(fims="set", uri="/ess_2/t:Soc"))}
    total = {
        "value": 0,
        "operation": "avg",
        "numVars": 2,
        "variable1": "/status/bms:Soc",
        "variable2": "/t:other",
    }
    soc = on_set({"func": [{"func": "CalculateVar", "var": "/t:avg"}]})
    return Bench({"/components/x": carry, "/status/bms": {"Soc": soc}, "/t": {"other": 10, "avg": total}})


def qualities(bench: Bench, *references: str) -> list[str]:
    found = [bench.ess.engine.map.find(*reference.split(":")) for reference in references]
    return [var.cell.quality.name for var in found if var is not None]


def test_a_bad_member_makes_the_total_uncertain_and_recovers() -> None:
    bench = forwarding()
    places = ("/components/x:soc", "/status/bms:Soc", "/t:avg", "/t:other")
    bench.send("pub", "/components/x", {"soc": 20}, sender="ess_1/bms_1")
    assert (qualities(bench, *places), bench.value("/t:avg")) == (["GOOD"] * 4, 15)
    (sent,) = bench.send("pub", "/components/x", {"other": 1}, quality={"*": 2}, sender="ess_1/bms_1")
    assert qualities(bench, *places) == ["BAD", "BAD", "UNCERTAIN", "GOOD"]
    assert (orjson.loads(sent.body), sent.quality) == ({"Soc": {"value": "$$"}}, {"Soc": 2})
    assert bench.send("pub", "/components/x", {"other": 1}, quality={"*": 2}) == [], "no change, no action"
    bench.send("pub", "/components/x", {"soc": 20}, sender="ess_1/bms_1")
    assert qualities(bench, *places) == ["GOOD"] * 4


def test_what_a_lost_actor_wrote_is_bad() -> None:
    bench = forwarding()
    bench.send("pub", "/components/x", {"soc": 20}, sender="ess_2/bms_2")
    bench.send("set", "/ess_1/t/other", 3, sender="ess_20")
    bench.ess.source_lost("ess_2", 101.0, 0.0)
    assert qualities(bench, "/components/x:soc", "/status/bms:Soc", "/t:other") == ["BAD", "BAD", "GOOD"]


def test_hops_in_a_body_count() -> None:
    bench = Bench({"/t": {"x": on_set(remap(fims="set", uri="/ess_2/t:x"))}})
    (sent,) = bench.set("/t", {"x": 1, "$$hops": 3})
    assert (sent.hops, bench.value("/t:$$hops")) == (4, None)


def test_time_life_signs_and_log_lines() -> None:
    calls = [{"func": name} for name in ("UpdateSysTime", "LogWarn")]
    bench = Bench(
        {
            "/t": {
                "beat": on_set({"func": calls}),
                "x": on_set({"func": [{"func": "SendTime", "var": "/t:y"}]}),
            }
        }
    )
    bench.set("/t", {"y": 1})
    bench.now = 107.5
    bench.set("/t", {"beat": 3, "x": 1})
    assert (bench.value("/t:y"), bench.value("/status/ess_1:tNow"), bench.value("/status/ess_1:Year")) == (
        7.5,
        7.5,
        2023,
    )
    assert bench.value("/status/ess_1:Heartbeat") == 2
    texts = [(line.level, line.text) for line in bench.ess.drain_log()]
    assert ("warning", "[/t:beat] called [LogWarn] with a value of [3]") in texts
    assert ("info", "/ess_1/t: 1 new variables, written by nobody known") in texts
    assert bench.ess.drain_log() == []


def test_a_stop_order_is_noticed() -> None:
    bench = Bench({})
    out = bench.set("/control/ess/stopTime", 1)
    assert bench.ess.stop_requested
    assert [orjson.loads(m.body)["message"] for m in out] == ["ess_1 stops"]


WORDS = st.text("abcxyz_019", min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), WORDS, st.one_of(st.just(""), WORDS), st.integers(-1, 31))
def test_references_survive_writing_and_parsing(table: list[str], name: str, param: str, bit: int) -> None:
    uri = "/" + "/".join(table)
    text = f"{uri}:{name}" + (f"@{param}" if param else "") + (f"[{bit}]" if bit >= 0 else "")
    assert parse_reference(text) == (uri, name, param, bit)
