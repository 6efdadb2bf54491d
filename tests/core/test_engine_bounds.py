"""Nothing that a message or a document says makes an instance hang, fill the memory, or unable to answer."""

import gc
import sys
from types import FrameType
from typing import Any

import orjson
import pytest

from ess_actors.core import tables
from ess_actors.core.applying import MOST_OPTIONS
from ess_actors.core.messages import Message
from ess_actors.core.records import MOST_LABELS, MOST_ONCE, Counters, LogBook
from ess_actors.core.runs import MAX_RUNS
from ess_actors.core.uri import MOST_SEGMENTS
from ess_actors.core.variables import Variable
from tests.core.engine_bench import WALL, Bench, on_set, remap


def called(function: str, **params: Any) -> dict[str, Any]:
    return on_set({"func": [{"func": function}]}, **params)


@pytest.mark.parametrize("count", [1e8, 1e308])
def test_a_count_of_params_is_no_count_of_steps(count: float) -> None:
    bench = Bench(
        {
            "/t": {
                "sum": called("CalculateVar", operation="+", numVars=count, variable1="/t:a"),
                "watch": called(
                    "CheckMonitorVar",
                    EnableConditionCheck=True,
                    numExpectedVals=count,
                    expectedVal1=1,
                    numConditionVars=count,
                    conditionVar1="/t:a",
                    numConditions1=count,
                    conditionVal1_1=1,
                ),
                "a": 1,
            },
            "/faults/ess_1": {"clear": called("process_sys_alarm", type="fault", numVars=count)},
        }
    )
    bench.set("/t", {"sum": 1, "watch": 2})
    bench.set("/faults/ess_1/clear", {"value": "Clear"})
    assert bench.count("not_calculated") == 2, "one of so many operands is missing"
    assert (bench.count("function_errors"), bench.value("/status/ess_1:AlarmCnt")) == (0, 0)


@pytest.mark.parametrize(
    ("count", "names"),
    [(2, ["v1", "v2"]), (0, []), (-5, []), (float("nan"), []), (1e308, ["v1", "v2", "v3"]), ("7", [])],
)
def test_the_numbered_params_end_where_the_variable_has_no_more(count: object, names: list[str]) -> None:
    var = Variable("/t", "x", 0, 0.0)
    var.params.update({"many": count, "v1": 1, "v3": 3})
    assert var.numbered("many", "v") == names


def test_variables_that_each_drive_the_next_one_twice_are_cut_off() -> None:
    twice = {f"v{i}": on_set({"remap": [{"uri": f"/t:v{i + 1}"}] * 2}) for i in range(40)}
    bench = Bench({"/t": twice})
    before = bench.count("action_runs")
    bench.set("/t/v0", 1)
    assert bench.count("depth_guard") == 1
    assert bench.count("action_runs") - before == MAX_RUNS
    assert bench.get("/t/v0@enabled") is False
    bench.set("/t/v38", 7)
    assert bench.value("/t:v40") == 7, "the next value has a budget of its own"


BROKEN: list[dict[str, Any]] = [
    {"bitset": [{"uri": "/t:o", "bit": 1e300}]},
    {"bitset": [{"uri": "/t:o", "bit": 33}]},
    {"bitmap": [{"uri": "/t:o", "bit": 1, "mask": 1, "shift": 1e300, "outValue": 1}]},
    {"bitmap": [{"uri": "/t:o", "bit": 1, "mask": 2**32, "outValue": 1}]},
    {"enum": [{"uri": "/t:o", "mask": 1, "shift": 32, "outValue": 1}]},
    {"bitfield": [{"uri": "/t:o", "bit": 1e11, "outValue": 1}]},
]


@pytest.mark.parametrize("block", BROKEN, ids=str)
def test_a_bit_beyond_the_word_is_an_error_and_its_item_does_not_run(block: dict[str, Any]) -> None:
    bench = Bench({"/t": {"x": {"value": 0, "actions": {"onSet": [block]}}, "later": on_set(remap())}})
    assert [(f.code, f.path.partition(".onSet")[0]) for f in bench.ess.findings] == [
        ("bad-number", "$./t.x.actions"),
        ("no-target", "$./t.later.actions"),
    ]
    bench.set("/t/x", 1)
    assert bench.value("/t:o") is None


def test_the_place_of_remarks_is_kept_when_actions_do_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench({})
    applier = bench.ess._applier

    def fail(var: Variable, actions: object) -> None:
        raise OverflowError

    monkeypatch.setattr(applier.compiler, "compile", fail)
    with pytest.raises(OverflowError):
        bench.set("/t/x", {"value": 1, "actions": {}})
    assert applier.remarks.parts == ()


def told(bench: Bench, uri: str, body: bytes, method: str = "set") -> Any:
    (answer,) = bench.ess.handle(Message(method, uri, body, explain=True), bench.now, WALL)
    return orjson.loads(answer.body)


@pytest.mark.parametrize("member", ["options", "actions", "params"])
def test_a_body_nested_too_deep_is_refused(member: str) -> None:
    bench = Bench({})
    deep = b'{"value":1,"%b":%b1%b}' % (member.encode(), b'{"a":' * 300, b"}" * 300)
    assert told(bench, "/ess_1/t/x", deep)["error"] == "bad_body"
    assert bench.value("/t:x") is None
    many = {"value": 1, "options": [{"a": [number]} for number in range(100)]}
    bench.set("/t/x", many)
    assert len(bench.get("/full/t/x")["x"]["options"]) == 100, "long is not deep"


def test_a_pushed_document_nested_too_deep_is_refused() -> None:
    bench = Bench({})
    deep = b'{"/t":{"x":{"value":1,"options":%b1%b}}}' % (b"[" * 150, b"]" * 150)
    assert told(bench, "/ess_1/cfg/cfile/ess_1/doc", deep)["error"] == "bad_document"
    assert bench.value("/t:x") is None


def test_a_uri_of_too_many_segments_is_refused_wherever_it_comes_from() -> None:
    long = "/assets" + "/a" * 6000
    bench = Bench(
        {
            "/t": {"x": on_set(remap(uri=f"{long}:x")), "go": called("RunSched", uri="none")},
            "/u": {
                "where": long,
                "in": on_set({"enum": [{"uri": "/u:where", "ruri": "b", "inValue": 1}]}),
            },
            long: {"x": 1},
        }
    )
    assert {f.code for f in bench.ess.findings} == {"bad-uri", "bad-table"}
    assert told(bench, f"/ess_1{long}/x", b"1")["error"] == "bad_uri"
    bench.set("/t/go", {"value": 1, "uri": f"{long}:y"})
    bench.set("/u/in", 1)
    assert (bench.count("bad_uri"), bench.count("bad_target"), bench.count("bad_ruri")) == (1, 1, 1)
    assert not [uri for uri in bench.ess.engine.map.tables if uri.count("/") > MOST_SEGMENTS]
    bench.set("/assets" + "/a" * (MOST_SEGMENTS - 1) + "/x", 5)
    assert '"x":{"value":5}' in orjson.dumps(bench.get("/assets")).decode()


def test_half_a_character_in_a_uri_is_refused_and_told() -> None:
    bench = Bench({})
    assert told(bench, "/ess_1/t\ud800/x", b"1")["error"] == "bad_uri"
    assert told(bench, "/ess_1/t\ud800/x", b"", "get") == {
        "error": "not_found", "uri": "/t?/x", "text": "nothing is there"
    }  # fmt: skip
    assert bench.get("/") is not None


def test_what_cannot_be_written_is_answered_with_a_text() -> None:
    bench = Bench({"/t": {"x": 1}})
    var = bench.ess.engine.map.find("/t", "x")
    assert var is not None
    var.options = [2**70]
    assert bench.get("/full/t").startswith("Fims Error :: Cannot be written")


def test_negative_hops_count_as_none() -> None:
    bench = Bench({"/t": {"x": on_set(remap(fims="set", uri="/ess_2/t:x"))}})
    assert [m.hops for m in bench.send("set", "/ess_1/t/x", 1, hops=-5)] == [1]


# --- memory -----------------------------------------------------------------------------------------------------


def test_what_was_logged_once_does_not_fill_the_memory() -> None:
    book = LogBook(0.0)
    assert all(book.once(number) for number in range(MOST_ONCE))
    assert not book.once(5)
    assert book.once("one more") and book.once(5), "it began anew"


def test_the_labels_of_a_counter_are_bounded() -> None:
    counters = Counters()
    for number in range(MOST_LABELS + 10):
        counters.add(f"unknown_function{{F{number}}}")
    counters.add("unknown_function{F3}")
    counters.add("blocked{set,/a}")
    assert (counters["unknown_function{F3}"], counters["unknown_function{other}"]) == (2, 10)
    assert (len(counters), counters["blocked{set,/a}"]) == (MOST_LABELS + 2, 1)


def test_statuses_and_functions_of_messages_share_that_bound() -> None:
    bench = Bench({"/t": {"s": 0}})
    for number in range(MOST_LABELS + 5):
        bench.send("set", "/ess_1/t/s", 1, status=f"s{number}")
        bench.set("/t/s", {"value": 1, "actions": {"onSet": [{"func": [{"func": f"F{number}"}]}]}})
    assert bench.count("answers_failed{other}") == 5
    assert bench.count("unknown_function{other}") == 5


def test_actions_that_were_replaced_leave_no_places_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench({"/t": {"s": 0, "kept": on_set(remap(uri="/later:x"))}})
    monkeypatch.setattr("ess_actors.core.tables.SLOTS", 50)
    bench.ess.engine.map._full = 50
    for number in range(300):
        bench.set("/t/s", {"value": number, "actions": {"onSet": [remap(uri="/q:x", enable=f"/g:{number}")]}})
        if number % 25 == 0:
            gc.collect()
    assert len(bench.ess.engine.map._slots) <= 100
    bench.set("/later/x", 1)
    bench.set("/t/kept", 5)
    assert bench.value("/later:x") == 5, "a place that is in use follows its variable"


def test_options_are_appended_up_to_a_bound() -> None:
    bench = Bench({"/t": {"s": {"value": 0, "options": [1]}}})
    for _ in range(3):
        bench.set("/t/s", {"value": 1, "options": [0] * (MOST_OPTIONS // 2)})
    assert bench.count("options_refused") == 2
    bench.set("/t/s", {"value": 1, "new_options": [7]})
    assert bench.get("/full/t/s")["s"]["options"] == [7]


def test_the_ways_to_named_tables_and_defaults_are_bounded() -> None:
    bench = Bench(
        {
            "/t": {
                "where": "/a",
                "in": on_set({"remap": [{"uri": "/t:where", "ruri": "b"}]}),
                "def": on_set({"enum": [{"uri": "/t:o", "inValue": 99}]}, defVal=3),
            }
        }
    )
    for number in range(600):
        bench.set("/t", {"where": f"/n{number}", "in": number})
        bench.set("/t/def", {"value": number % 7, "defUri": f"/d:x{number}"})
    assert (bench.value("/n599:b"), bench.value("/d:x599")) == (599, 3)
    gc.collect()
    held = [one for one in bench.ess.engine.map._slots.values() if one() is not None]
    assert len(held) < 2 * 256 + 20


def test_publications_that_wait_for_a_listener_are_bounded() -> None:
    bench = Bench({"/t": {"p": called("RunPub")}, "/control/ui_listeners": {"web": 0}})
    for number in range(1100):
        bench.set("/t/p", {"value": 1, "table": f"/x{number}"})
    assert len(bench.ess.engine.listeners.resting) == 1000


def lines_run(many: int) -> int:
    """Lines of the process image that are run while so many links in a chain are made."""
    links = {f"l{i}": {"value": f"/t:v{i}", "vlink": f"/t:v{i + 1}"} for i in range(many)}
    count = 0

    def follow(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return follow if frame.f_code.co_filename == tables.__file__ else None

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        bench = Bench({"/vlinks/a": links})
    finally:
        sys.settrace(before)
    bench.set("/t/v0", 5)
    assert bench.value(f"/t:v{many}") == 5
    return count


def test_ten_times_the_vlinks_are_ten_times_the_work() -> None:
    assert lines_run(1000) < 12 * lines_run(100)


def test_a_vlink_that_is_changed_moves_what_hangs_on_it() -> None:
    chain = {f"l{i}": {"value": f"/t:v{i}", "vlink": f"/t:v{i + 1}"} for i in range(3)}
    bench = Bench({"/vlinks/a": chain, "/t": {"v3": 3, "other": 8, "go": called("RunAllVLinks")}})
    assert bench.value("/t:v0") == 3
    bench.set("/vlinks/a", {"l1": {"value": "/t:v1", "vlink": "/t:other"}})
    bench.set("/vlinks/a", {"l2": {"value": "/t:v2", "vlink": "/t:v0"}})
    bench.set("/vlinks/b", {"back": {"value": "/t:other", "vlink": "/t:v2"}})
    bench.set("/t/go", 1)
    assert [bench.value(f"/t:{name}") for name in ("v0", "v1", "v2", "v3")] == [8, 8, 8, 3]
    assert "vlink-circle" in {line.code for line in bench.ess.findings} or any(
        "closes a circle" in line.text for line in bench.ess.engine.lines
    )
