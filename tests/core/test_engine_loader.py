"""Documents, loaders and templates: order, replacement, limits, pushes, links."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.errors import ConfigError
from ess_actors.core.ess import Ess
from ess_actors.core.scheduler import Item, Scheduler, first_run
from tests.core.engine_bench import Bench, on_set, remap


def loader(*options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"/config/load": {"racks": {"value": False, "file": "own", "new_options": list(options), **more}}}


BMS = {
    "tmpl": "bms_tmpl",
    "amname": "bms_##B##",
    "from": 1,
    "to": 2,
    "reps": [{"replace": "##B##", "with": "{:d}"}],
}
RACK = {
    "tmpl": "rack_tmpl",
    "ainame": "rack_##R##",
    "from": 1,
    "to": 3,
    "reps": [
        {"replace": "##R##", "with": "{:02d}"},
        {"replace": "##HVAC##", "with": "hvac_{:d}", "mult": 2, "add": 1},
    ],
}
TEMPLATES = {
    "own": {"_id": "x", "/t": {"own": 1}},
    "bms_tmpl": {"/status/bms_##B##": {"Soc": 0}},
    "rack_tmpl": {"#assets#bms_##B###rack_##R##": {"air": {"value": "##HVAC##"}}},
}


def test_nested_templates() -> None:
    bench = Bench(loader(BMS, RACK, final="end"), **TEMPLATES, end={"/t": {"done": True}})
    assert [bench.value(f"/assets/bms_2/rack_0{i}:air") for i in (1, 2, 3)] == ["hvac_3", "hvac_5", "hvac_7"]
    root = bench.ess.engine.assets.root
    assert list(root.managers) == ["bms_1", "bms_2"]
    assert list(root.managers["bms_2"].instances) == ["rack_01", "rack_02", "rack_03"]
    assert (bench.value("/config/load:racks"), bench.value("/t:done")) == (True, True)
    assert bench.value("/config/cfile:own") is True
    assert bench.get("/config/ctmpl/rack_tmpl@md5sum") is not None
    assert bench.count("config_applied{rack_tmpl}") == 6


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([{**RACK, "to": 20_000}], ["template-limit"]),
        (
            [{"tmpl": "gone"}, {"load": "gone"}, {"file": "gone_too"}],
            ["document-missing"] * 2 + ["loader-unknown"],
        ),
        ([{"load": "racks"}], ["loader-cycle"]),
        ([{**RACK, "reps": [{"replace": "##R##", "withIds": ["a"]}]}], ["bad-template"]),
        ([{**RACK, "from": "one"}], ["bad-template"]),
        ([{**RACK, "reps": [{"replace": "##R##", "with": "{:z}"}]}], ["bad-template"]),
    ],
)
def test_what_forbids_a_start(options: list[dict[str, Any]], codes: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        Bench(loader(*options), **TEMPLATES)
    assert sorted(remark.code for remark in error.value.args) == codes
    assert {remark.document for remark in error.value.args} == {"first"}


def test_with_ids_ranges_and_site_documents() -> None:
    site = {
        "registers": {"input_registers": [{"id": "soc", "uri": "/site/x"}, {"id": "kept", "uri": "/site/x"}]}
    }
    names = {**RACK, "from": 0, "to": 1, "reps": [{"replace": "##R##", "withIds": ["east", "west"]}]}
    tables = {"/site/x": {"kept": "text"}, **loader(names, {"site": "registers"})}
    bench = Bench(tables, own={}, rack_tmpl={"#assets#x": {"rack_##R##": 1}}, registers=site)
    assert (bench.value("/assets/x:rack_east"), bench.value("/assets/x:rack_west")) == (1, 1)
    assert (bench.value("/site/x:soc"), bench.value("/site/x:kept")) == (0, "text")


def test_sends_of_the_load_phase_come_in_order() -> None:
    bench = Bench(
        {
            "/t": {
                "a": on_set(remap(fims="set", uri="/ess_2/t:a")),
                "b": on_set(remap(fims="set", uri="/ess_2/t:b")),
            }
        }
    )
    assert [(m.uri, orjson.loads(m.body)) for m in bench.booted if m.method == "set"] == [
        ("/ess_2/t", {"a": {"value": 0}}),
        ("/ess_2/t", {"b": {"value": 0}}),
    ]


def test_links_are_names_of_one_variable() -> None:
    link = {"Soc": {"value": "/components/x:soc", "linkvar": "/status/bms_1:Soc"}}
    tables = {"amname": "bms_1", "/links/bms_1": link, "/status/bms_1": {"Soc": on_set(remap(uri="/t:o"))}}
    bench = Bench(tables)
    bench.send("pub", "/components/x", {"soc": 44})
    assert (bench.value("/status/bms_1:Soc"), bench.value("/t:o")) == (44, 44)
    assert bench.get("/amap/bms_1")["Soc"] == "/components/x:soc"


def test_a_vlink_circle_is_not_made() -> None:
    tables = {"/t": {"a": {"value": 1, "vlink": "/t:b"}, "b": {"value": 2, "vlink": "/t:a"}}}
    bench = Bench(tables)
    assert bench.value("/t:a") == 2
    bench.set("/t/b", 5)
    assert bench.value("/t:a") == 5
    assert [(r.code, r.path) for r in bench.ess.findings] == [("vlink-circle", "$./t.b.vlink")]


def test_a_pushed_document_is_applied_or_refused_as_a_whole() -> None:
    bench = Bench(loader(RACK), **TEMPLATES)
    bench.set("/cfg/cfile/ess_1/extra", {"/t": {"pushed": 3}})
    assert (bench.value("/t:pushed"), bench.value("/config/cfile:extra")) == (3, True)
    bench.set("/cfg/ctmpl/ess_1/rack_tmpl", {"/assets/new/rack_##R##": {"volt": 1}})
    assert bench.value("/assets/new/rack_03:volt") == 1
    bad = {"/t": {"pushed": 4}, "/config/load": {"again": {"value": False, "file": "gone"}}}
    more = {"/config/load": {"late": {"value": False, "file": "own", "options": [RACK]}}}
    bench.set("/cfg/cfile/ess_1/extra", more)
    assert bench.value("/config/load:late") is True
    (answer,) = bench.send("set", "/ess_1/cfg/cfile/ess_1/extra", bad, explain=True)
    assert (answer.status, bench.value("/t:pushed")) == ("bad_document", 3)
    assert orjson.loads(answer.body)["findings"][0]["code"] == "document-missing"


def test_lint_finds_and_names_places() -> None:
    items: list[Any] = [
        {"uri": "/t:o", "odd": 1},
        {"inValue": 3},
        {"uri": "/t:o[40]"},
        {"uri": "/t:o", "inVar": "/t:missing"},
        "text",
    ]
    blocks = [{"remap": items}, {"bitset": [{"uri": "/t:w"}]}, {"bitmap": [{"uri": "/t:w"}]}, {"odd": []}]
    documents = {
        "first": {
            "/t": {"i": on_set(*blocks)},
            "/e": {"x": {"value": 1, "useExpr": True, "expression": "1 +"}},
        }
    }
    start = {"/sysconfig/default": {"Subs": "", "Config": "first", "EssName": "ess_1"}}
    assert [r.path for r in Ess.lint(start, documents) if r.code == "bad-expression"] == ["$./e.x.expression"]
    documents["first"].pop("/e")
    found = sorted((r.path.removeprefix("$./t.i.actions.onSet"), r.code) for r in Ess.lint(start, documents))
    assert found == [
        ("[0].remap[0].odd", "unknown-field"),
        ("[0].remap[1]", "no-target"),
        ("[0].remap[2].uri", "bad-uri"),
        ("[0].remap[3].inVar", "missing-variable"),
        ("[0].remap[4]", "bad-item"),
        ("[1].bitset[0].bit", "bit-missing"),
        ("[2].bitmap[0].outValue", "no-output"),
        ("[3].odd", "unknown-kind"),
    ]
    assert [r.code for r in Ess.lint({}, {})] == ["start-incomplete"] * 3


WORDS = st.sampled_from(
    ["", "own", "racks", "t", "gone", "##N##", "{:d}", "{:9", "{.x}", "{[a]}", "{:s}", "/x:y"]
)
THINGS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 30), st.floats(-1, 5), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["replace", "with", "withIds", "mult", "value", "t"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
KEYS = [
    "file",
    "load",
    "tmpl",
    "tmpls",
    "site",
    "uri",
    "from",
    "to",
    "step",
    "mult",
    "add",
    "rangevar",
    "reps",
]
OPTIONS = st.dictionaries(st.sampled_from([*KEYS, "amname", "ainame", "pname", "odd"]), THINGS, max_size=5)
ENTRY = st.one_of(
    THINGS,
    st.fixed_dictionaries(
        {"value": THINGS},
        optional={"file": THINGS, "final": THINGS, "new_options": st.lists(OPTIONS, max_size=3)},
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(WORDS, ENTRY, max_size=3), st.dictionaries(WORDS, THINGS, max_size=2), THINGS)
def test_whatever_a_document_says_is_a_finding_and_no_crash(
    load: dict[str, Any], files: dict[str, Any], thing: Any
) -> None:
    said = {"/config/load": load, "/config/cfile": files, "/config/range": {"own": thing}, "amname": thing}
    documents = {
        "own": {"/t": {"own": 1}},
        "t": {"/n": {"v##N##": thing}, "registers": {"input_registers": [thing]}},
    }
    start = {"/sysconfig/default": {"Subs": "", "Config": "first", "EssName": "ess_1"}}
    Ess.lint(start, {**documents, "first": said})
    bench = Bench({}, **documents)
    bench.set("/cfg/cfile/x/racks", said)
    bench.set("/cfg/ctmpl/x/t", {"/n": {"w##N##": thing}})
    bench.set("/cfg/crun", True)
    assert bench.value("/t:own") in (None, 1)


@settings(max_examples=150, deadline=None)
@given(
    st.floats(0, 100),
    st.sampled_from([0.05, 0.1, 0.2, 0.25, 1.0, 3.0]),
    st.one_of(st.none(), st.floats(0, 2)),
    st.lists(st.floats(0.001, 2.5), min_size=1, max_size=25),
)
def test_runs_stay_on_the_grid_and_none_is_lost(
    start: float, every: float, offset: float | None, pauses: list[float]
) -> None:
    scheduler = Scheduler()
    first = first_run(start, every, offset)
    assert start - 1e-6 <= first < start + every + 1e-6 or (offset is None and first == start)
    scheduler.add(Item("/t:x", every, first, float("inf")))
    now, runs = start, 0
    for pause in pauses:
        now += pause
        runs += len(scheduler.due(now))
        due = scheduler.next_due()
        assert (due is not None and now < due <= now + every + 1e-6) or due == first
        phase = (due - first) / every
        assert abs(phase - round(phase)) < 1e-6
    passed = 0 if now < first - 1e-9 else round((scheduler.next_due() or 0.0) / every - first / every)
    assert runs + scheduler.skipped == passed
