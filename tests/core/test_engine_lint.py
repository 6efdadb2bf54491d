"""What the lint says of documents: severity, document and place of each finding."""

from typing import Any

import pytest

from ess_actors.core.ess import Ess
from ess_actors.core.findings import Severity
from ess_actors.core.messages import Message
from tests.core.engine_bench import Bench, on_set, remap

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def found(first: dict[str, Any], **documents: Any) -> list[tuple[str, Severity, str, str]]:
    basics = documents.pop("basics", {"Subs": "", "Config": "first", "EssName": "ess_1"})
    start = {"/sysconfig/default": basics}
    remarks = Ess.lint(start, {"first": first, **documents})
    return [(one.code, one.severity, one.document, one.path) for one in remarks]


def load(*options: dict[str, Any]) -> dict[str, Any]:
    return {"/config/load": {"l": {"value": False, "file": "own", "new_options": list(options)}}}


def actions(kind: str, **item: Any) -> dict[str, Any]:
    return {"/t": {"i": on_set({kind: [item]})}}


ITEM = "$./t.i.actions.onSet[0]"


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"/full/t": {"x": 1}}, ("reserved-word", ERROR, "$./full/t")),
        ({"/noid": {"x": 1}}, ("reserved-word", ERROR, "$./noid")),
        ({"/t": [1]}, ("bad-table", ERROR, "$./t")),
        ({"t": {"x": 1}}, ("no-table", WARNING, "$.t")),
        ({"/t": {"x": None}}, ("bad-member", ERROR, "$./t.x")),
        ({"#t": {"x": None}}, ("bad-member", ERROR, "$.#t.x")),
        (
            {"/t": {"a": {"value": 1, "vlink": "/t:b"}, "b": {"value": 1, "vlink": "/t:a"}}},
            ("vlink-circle", ERROR, "$./t.b.vlink"),
        ),
        (
            {"/t": {"i": {"value": 0, "actions": {"onGet": []}}}},
            ("never-runs", WARNING, "$./t.i.actions.onGet"),
        ),
        (actions("odd"), ("unknown-kind", WARNING, f"{ITEM}.odd")),
        (
            {"/t": {"g": 1, "i": on_set(remap(uri="/t:o"), enable="/t:g")}},
            ("gate-kind", WARNING, "$./t.i.enable"),
        ),
        (
            {"/t": {"g": "yes", "i": on_set(remap(uri="/t:o", enable="/t:g"))}},
            ("gate-kind", WARNING, f"{ITEM}.remap[0].enable"),
        ),
        (
            actions("remap", uri="/t:o", inVar="/t:no"),
            ("missing-variable", WARNING, f"{ITEM}.remap[0].inVar"),
        ),
        (actions("remap", uri="/t:o", odd=1), ("unknown-field", NOTE, f"{ITEM}.remap[0].odd")),
        (actions("bitset", uri="/t:o"), ("bit-missing", ERROR, f"{ITEM}.bitset[0].bit")),
        (actions("bitset", uri="/t:o", bit=0), ("bit-missing", ERROR, f"{ITEM}.bitset[0].bit")),
        (actions("bitmap", uri="/t:o"), ("no-output", ERROR, f"{ITEM}.bitmap[0].outValue")),
        (actions("func", func="LogInfo", amap="no"), ("unknown-asset", WARNING, f"{ITEM}.func[0].amap")),
        (actions("func", func="NoSuch"), ("unknown-function", WARNING, f"{ITEM}.func[0].func")),
        (
            {"/schedule/wake_monitor/ess_1": {"/t:x": {"value": 0, "func": "RunPub", "rate": 0.1}}},
            ("monitor-rate", NOTE, "$./schedule/wake_monitor/ess_1./t:x.rate"),
        ),
        (load({"tmpl": "t"}), ("range-default", WARNING, "$./config/load.l.new_options[0]")),
        (
            load({"tmpl": "t", "rangevar": "no"}),
            ("range-default", WARNING, "$./config/load.l.new_options[0]"),
        ),
        (load({"xtmpl": "t"}), ("option-disabled", NOTE, "$./config/load.l.new_options[0]")),
        (load({"file": "t", "odd": 1}), ("unknown-field", NOTE, "$./config/load.l.new_options[0].odd")),
    ],
)
def test_one_finding(tables: dict[str, Any], expected: tuple[str, Severity, str]) -> None:
    code, severity, path = expected
    assert found(tables, own={}, t={"/n": {"v": 1}}) == [(code, severity, "first", path)]


@pytest.mark.parametrize(
    ("basics", "expected"),
    [
        ({"EssName": "ess-1"}, ("name-unusable", ERROR)),
        ({"Subs": ":/a:b"}, ("subs-no-slash", ERROR)),
        ({"Subs": ":/a:/a"}, ("subs-covered", NOTE)),
        ({"Subs": ":/a:/a/b"}, ("subs-covered", NOTE)),
    ],
)
def test_the_start_file(basics: dict[str, str], expected: tuple[str, Severity]) -> None:
    told = found({}, basics={"Subs": "", "Config": "first", "EssName": "ess_1", **basics})
    assert [(code, severity, document) for code, severity, document, _ in told] == [(*expected, "")]


def test_an_asset_that_a_later_document_creates_is_known() -> None:
    assert (
        found(
            {**actions("func", func="LogInfo", amap="late"), "/config/cfile": {"more": False}},
            more={"amname": "late"},
        )
        == []
    )


def test_a_template_is_blamed_in_its_own_words_and_each_part_of_a_joined_one_in_its_document() -> None:
    option = {"tmpls": ["one", "two"], "from": 1, "to": 2, "reps": [{"replace": "##N##"}]}
    one = {"/r##N##": {"a": on_set(remap(uri="/t:o", odd=1))}}
    two = {"/r##N##": {"b##N##": on_set(remap(uri="/t:o", enable="/t:g"))}}
    tables = {**load(option), "/t": {"g": 1}}
    assert found(tables, own={}, one=one, two=two) == [
        ("unknown-field", NOTE, "one", "$./r##N##.a.actions.onSet[0].remap[0].odd"),
        ("gate-kind", WARNING, "two", "$./r##N##.b##N##.actions.onSet[0].remap[0].enable"),
    ]


def test_findings_are_logged_as_warnings_and_stop_no_start() -> None:
    bench = Bench({"/t": {"x": None, "i": {"value": 1, "actions": {"onPub": []}}}})
    assert [line.level for line in bench.ess.engine.lines] == ["warning", "warning"]
    assert "document first $./t.x:" in bench.ess.engine.lines[0].text
    assert bench.value("/t:i") == 1


def test_a_push_is_judged_like_a_start_and_what_was_mended_is_forgotten() -> None:
    bench = Bench({"/t": {"g": 1, "i": on_set(remap(uri="/t:o"), enable="/t:g")}})
    before = [one.code for one in bench.ess.findings]
    bench.set("/cfg/cfile/ess_1/more", {"/u": {"x": None, "i": on_set(remap(uri="/t:o"), enable="/t:g")}})
    bench.set("/cfg/cfile/ess_1/more", {"/u": {"x": None, "i": on_set(remap(uri="/t:o"), enable="/t:g")}})
    assert sorted((one.code, one.document) for one in bench.ess.findings) == [
        ("bad-member", "more"),
        ("gate-kind", "first"),
        ("gate-kind", "more"),
    ]
    bench.set("/cfg/cfile/ess_1/more", {"/u": {"x": 1, "i": {"value": 0, "enable": True}}})
    assert [one.code for one in bench.ess.findings] == before == ["gate-kind"]


def test_a_key_that_stands_twice_in_a_push_counts_the_last_time() -> None:
    bench = Bench({})
    text = b'{"/t": {"x": 1, "y": 1, "x": 2}}'
    push = Message("set", "/ess_1/cfg/cfile/ess_1/more", text, replyto="/me")
    (answer,) = bench.ess.handle(push, bench.now, 0.0)
    assert (answer.status, bench.value("/t:x")) == ("", 2)
    assert [(one.code, one.severity) for one in bench.ess.findings] == [("key-twice", WARNING)]
