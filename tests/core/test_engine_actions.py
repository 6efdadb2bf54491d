"""Actions: what the tables of enum and bitfield do is what their lines say, and how deep runs may go."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.actions.dispatch import REMEMBERED
from ess_actors.core.messages import Message
from tests.bench import engine_set
from tests.core.engine_bench import WALL, Bench, on_set, remap

NAMES = ("a", "b", "c")
OUTPUTS = st.sampled_from((None, 7, 7.5, True, "text"))
NUMBERS = st.one_of(st.integers(-40, 40), st.floats(-40, 40, allow_nan=False), st.booleans(), st.just("no"))


def enum_lines() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"uri": st.sampled_from([f"/o:{name}" for name in NAMES]), "inValue": st.integers(-3, 8)},
        optional={
            "mask": st.sampled_from((1, 3, 6, 15)),
            "shift": st.integers(0, 3),
            "useRange": st.booleans(),
            "inValue+": st.integers(0, 3),
            "inValue-": st.floats(0, 3),
            "outValue": OUTPUTS.filter(lambda output: output is not None),
        },
    )


def bit_lines() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"uri": st.sampled_from([f"/o:{name}" for name in NAMES]), "bit": st.integers(0, 7)},
        optional={"outValue": OUTPUTS.filter(lambda output: output is not None)},
    )


def oracle(kind: str, lines: list[dict[str, Any]], value: Any, targets: dict[str, Any]) -> None:
    """The language's own words for a list of lines without gates."""
    if isinstance(value, str):
        return
    for line in lines:
        number = int(value)
        if kind == "bitfield":
            if not number >> line["bit"] & 1:
                continue
            number = value
        else:
            if line.get("mask", 0) > 0:
                number = (number >> line.get("shift", 0)) & line["mask"]
            low = high = line["inValue"]
            if line.get("useRange"):
                low, high = int(low - line.get("inValue-", 0)), int(high + line.get("inValue+", 0))
            if not low <= number <= high:
                continue
        targets[line["uri"]] = line.get("outValue", number)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.tuples(st.just("enum"), st.lists(enum_lines(), max_size=8)),
        st.tuples(st.just("bitfield"), st.lists(bit_lines(), max_size=8)),
    ),
    st.lists(NUMBERS, max_size=6),
    st.booleans(),
)
def test_a_table_does_what_its_lines_say(
    block: tuple[str, list[dict[str, Any]]], values: list[Any], asked: bool
) -> None:
    kind, lines = block
    spoken = [line | {"ignoreValue": "never"} for line in lines] if asked else lines
    bench = Bench({"/t": {name: {"value": start} for name, start in (("n", 0), ("on", False), ("s", ""))}})
    for name in ("n", "on", "s"):
        bench.set(f"/t/{name}", {"value": "$$", "actions": {"onSet": [{kind: spoken}]}})
    expected: dict[str, Any] = {}
    for value in values:
        name = {bool: "on", str: "s"}.get(type(value), "n")
        if name == "n":
            held = bench.value("/t:n")
            value = value if abs(value - held) > 1e-8 else held
        bench.set(f"/t/{name}", value)
        oracle(kind, lines, value, expected)
        for uri, output in expected.items():
            found = bench.value(uri)
            if type(output) in (bool, str):
                assert (type(found), found) == (type(output), output)
            else:
                assert not isinstance(found, (bool, str))
                assert found == pytest.approx(output, abs=1e-7)


def test_a_table_that_has_seen_many_numbers_begins_anew_and_is_right() -> None:
    bench = Bench(
        {"/t": {"i": on_set({"enum": [{"mask": 1, "inValue": 1, "uri": "/t:o", "outValue": "odd"}]})}}
    )
    for number in range(2 * REMEMBERED + 5):
        bench.set("/t", {"o": "even", "i": number})
        assert bench.value("/t:o") == ("odd" if number % 2 else "even")


def test_a_target_that_comes_back_to_the_variable_changes_what_the_next_lines_see() -> None:
    lines = [
        {"inValue": 1, "uri": "/t:back", "outValue": 2},
        {"inValue": 1, "uri": "/t:first", "outValue": True},
        {"inValue": 2, "uri": "/t:second", "outValue": True},
    ]
    back = on_set(remap(uri="/t:i", useAv=True))
    bench = Bench({"/t": {"first": False, "second": False, "back": back, "i": on_set({"enum": lines})}})
    bench.set("/t/i", 1)
    assert [bench.value(f"/t:{name}") for name in ("i", "first", "second")] == [2, False, True]


def test_a_default_comes_also_after_a_table_was_learnt() -> None:
    lines = [{"inValue": 1, "uri": "/t:o", "outValue": "on"}]
    bench = Bench({"/t": {"i": on_set({"enum": lines}, defUri="/t:o", defVal="none"), "o": ""}})
    for number, text in ((1, "on"), (8, "none"), (1, "on"), (8, "none")):
        bench.set("/t/i", number)
        assert bench.value("/t:o") == text


def chain(length: int, call: bool) -> Bench:
    """Variables that set one another, directly or through a function: one run each."""
    tables: dict[str, Any] = {}
    for n in range(length):
        step = (
            {"func": [{"func": "CalculateVar", "var": f"/t:v{n + 1}"}]} if call else remap(uri=f"/t:v{n + 1}")
        )
        tables[f"v{n}"] = on_set(step, operation="+", numVars=1, variable1=f"/t:v{n - 1}")
    tables[f"v{length}"] = {"value": 0, "operation": "+", "numVars": 1, "variable1": f"/t:v{length - 1}"}
    return Bench({"/t": tables})


@pytest.mark.parametrize("call", [False, True])
def test_128_nested_runs_are_done_and_129_are_not(call: bool) -> None:
    bench = chain(128, call)
    bench.set("/t/v0", 7)
    assert (bench.value("/t:v128"), bench.count("depth_guard")) == (7, 0)
    bench = chain(129, call)
    bench.set("/t/v0", 7)
    assert (bench.value("/t:v129"), bench.count("depth_guard")) == (0, 1)
    assert bench.get("/t/v0@enabled") is False
    bench.set("/t", {"v100": 3})
    assert bench.value("/t:v129") == 3, "the others still run, and the depth begins at nothing"


def test_a_run_after_a_cut_off_one_begins_at_nothing() -> None:
    circle = {"a": on_set(remap(uri="/t:b")), "b": on_set(remap(uri="/t:a"))}
    bench = Bench({"/t": {**circle, "c": on_set(remap(uri="/t:d"))}})
    assert bench.count("depth_guard") == 1, "the load of the second one closed the circle"
    bench.set("/t/c", 4)
    assert (bench.value("/t:d"), bench.ess.engine.depth) == (4, 0)


def test_an_asset_may_be_created_after_the_action_that_names_it() -> None:
    action = {"func": [{"func": "process_sys_alarm", "amap": "bms_9"}]}
    first = {
        "/config/cfile": {"second": False},
        "/faults/x": {"Hot": on_set(action, value="Normal", type="fault")},
    }
    bench = Bench(first, second={"amname": "bms_9", "/t": {"x": 1}})
    assert [remark.code for remark in bench.ess.findings if remark.code == "unknown-asset"] == []
    bench.set("/faults/x/Hot", "Trip")
    assert bench.value("/status/bms_9:FaultCnt") == 1


def test_broken_actions_that_come_by_sets_are_no_leak() -> None:
    bench = Bench({"/t": {"i": 0}})
    for number in range(3):
        broken = {"onSet": [remap(uri="nowhere", inVar=f"/t:no{number}"), remap(uri="/t:o", inVar="/t:x")]}
        bench.set("/t/i", {"value": number, "actions": broken})
    compiler = bench.ess._applier.compiler
    assert (bench.count("broken_items"), compiler.late._wanted) == (3, [])


def test_the_large_set_has_its_size_and_loads_without_a_remark() -> None:
    trees = engine_set.documents()
    bench = Bench(trees.pop("first"), **trees)
    tables = bench.ess.engine.map.tables
    variables = [
        var
        for uri, table in tables.items()
        for var in table.variables.values()
        if not uri.startswith(("/reload", "/config/c", "/config/bms_1"))
    ]
    made = [var for var in variables if var.name in ("FaultCnt", "AlarmCnt", "FaultShutdown")]
    assert len(variables) - len(made) == engine_set.VARIABLES
    counts: dict[str, int] = {}
    for var in variables:
        for block in (var.actions or {}).get("onSet", ()):
            for kind, items in block.items():
                counts[kind] = counts.get(kind, 0) + len(items)
    assert counts == engine_set.ITEMS
    assert sum(counts.values()) == 12_000
    assert bench.ess.findings == []
    message = Message("pub", "/components/ess_1/rack_07", b'{"word_01":32,"point_003":5}')
    bench.ess.handle(message, bench.now, WALL)
    assert bench.count("type_mismatch") == 0
