"""Locks: what sets, actions and functions may not write, and what stays open."""

from typing import Any

import pytest

from tests.core.engine_bench import Bench, on_set, remap


def bench_with(locks: dict[str, bool], **tables: Any) -> Bench:
    lock = on_set({"func": [{"func": "runAllLocks"}]}, uri="/locks/all", enabled=False)
    bench = Bench(
        {"/locks/all": locks, "/u": {"lock": lock}, **{f"/{name}": t for name, t in tables.items()}}
    )
    bench.set("/u", {"lock@enabled": True})
    bench.set("/u/lock", 1)
    return bench


def test_a_locked_variable_takes_nothing_and_its_actions_rest() -> None:
    x = on_set(remap(uri="/t:copy"), p=1, options=["one"])
    bench = bench_with({"/t:x": True}, t={"x": x, "y": 1})
    body = {"value": 4, "p": 2, "options": ["two"], "actions": {}}
    (answer,) = bench.send("set", "/ess_1/t/x", body, replyto="/me")
    assert answer.body == b'{"x":{"value":4,"p":2,"options":["two"],"actions":{}}}'
    bench.set("/t", {"x": 5, "y": 5, "x@p": 3, "x[2]": True})
    shown = bench.get("/t/x", "/ess_1/full")["x"]
    assert (shown["value"], shown["p"], shown["options"]) == (0, 1, ["one"])
    assert shown["actions"] == x["actions"]
    assert (bench.value("/t:copy"), bench.value("/t:y")) == (0, 5)
    assert bench.count("locked_ignored") == 4


@pytest.mark.parametrize("block", [{"remap": [{}]}, {"enum": [{"inValue": 9}]}, {"bitfield": [{"bit": 0}]}])
def test_actions_do_not_write_to_it_either(block: dict[str, Any]) -> None:
    items = {kind: [{**items[0], "uri": "/t:x", "outValue": 9}] for kind, items in block.items()}
    bench = bench_with({"/t:x": True}, t={"x": 1, "i": on_set(items, enabled=False)})
    bench.set("/t", {"i@enabled": True, "i": 9})
    assert (bench.value("/t:x"), bench.count("locked_ignored")) == (1, 1)
    bench.set("/locks/all", {"/t:x": False})
    bench.set("/u/lock", 2)
    bench.set("/t", {"i": 9})
    assert (bench.value("/t:x"), bench.count("locked_ignored")) == (9, 1)


def test_calculations_and_further_params_leave_it_alone() -> None:
    total = {"value": 0, "operation": "+", "numVars": 1, "variable1": "/t:y"}
    run = {"func": [{"func": "CalculateVar", "var": "/t:x"}]}
    bench = bench_with({"/t:x": True}, t={"x": total, "y": on_set(run, remap(uri="/t:x@p"))})
    bench.set("/t/y", 3)
    assert (bench.value("/t:x"), bench.count("locked_ignored")) == (0, 2)


def test_a_param_may_be_locked_alone() -> None:
    bench = bench_with({"/t:x@p": True}, t={"x": {"value": 1, "p": 1, "q": 1}})
    bench.set("/t/x", {"value": 2, "p": 2, "q": 2})
    assert bench.get("/t/x", "/ess_1/full") == {"x": {"value": 2, "p": 1, "q": 2}}
    assert bench.count("locked_ignored") == 1


def test_a_locked_table_takes_in_no_variable() -> None:
    bench = bench_with({"/t": True}, t={"x": 1}, v={"i": on_set(remap(uri="/t:by_action"), enabled=False)})
    bench.set("/t", {"new": 1, "clothed": {"value": 1}, "part@p": 1, "bit[1]": True})
    bench.set("/v", {"i@enabled": True, "i": 1})
    assert list(bench.ess.engine.map.tables["/t"].variables) == ["x"]
    assert bench.count("locked_ignored") == 5


def test_the_last_word_counts() -> None:
    bench = bench_with({"/t": True, "/t:x": False}, t={"x": 1, "y": 1})
    bench.set("/t", {"x": 2, "y": 2})
    assert (bench.value("/t:x"), bench.value("/t:y")) == (2, 1)
    bench.ess.engine.map.tables["/locks/all"].variables.clear()
    bench.set("/locks/all", {"/t": False})
    bench.set("/u/lock", 2)
    bench.set("/t", {"x": 3, "y": 3, "z": 3})
    assert [bench.value(f"/t:{name}") for name in "xyz"] == [3, 3, 3]


def test_what_locks_nothing_is_told_once() -> None:
    wrong = {"/t:nobody": True, "name": True, "/t:x[99]": True, "/t:x[3]": True, "/t:x": 1}
    bench = bench_with(wrong, t={"x": 1})
    bench.set("/u/lock", 2)
    assert bench.count("bad_lock") == 10
    assert len([line for line in bench.ess.drain_log() if "locks nothing" in line.text]) == 5
    bench.set("/u/lock@uri", "/locks/nowhere")
    bench.set("/u/lock", 3)
    assert bench.count("bad_lock") == 11
