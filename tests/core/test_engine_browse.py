"""What `browse` tells: the names of what there is, and one table in every detail."""

import orjson

from tests.core.test_engine_trace import Traced

ACTIONS = {"onSet": [{"remap": [{"uri": "/t/b:y"}]}]}


def plant() -> Traced:
    return Traced(
        **{
            "t/a": {"x": {"value": 1, "unit": "A", "actions": ACTIONS}},
            "t/b": {"y": 2, "z": "s"},
            "u": {"v": True},
        }
    )


def test_names_of_all_tables_and_of_those_below() -> None:
    traced = plant()
    tables = traced.send("get", "/ess_1/browse")["tables"]
    assert tables["/t/a"] == ["x"] and tables["/t/b"] == ["y", "z"] and tables["/u"] == ["v"]
    assert traced.send("get", "/ess_1/browse/t")["tables"] == {"/t/a": ["x"], "/t/b": ["y", "z"]}
    assert traced.send("get", "/ess_1/browse/nope")["error"] == "not_found"


def test_a_table_in_every_detail() -> None:
    traced = plant()
    traced.send("set", "/ess_1/t/a/x", 5)
    answer = traced.send("get", "/ess_1/browse/t/a")
    assert answer["uri"] == "/t/a"
    (x,) = answer["variables"]
    assert (x["name"], x["value"], x["previous"], x["kind"], x["quality"]) == ("x", 5, 1, "number", "GOOD")
    assert x["params"] == {"unit": "A"} and x["actions"] == ACTIONS
    assert x["changed_at"] == 1000.0 + traced.clock - 1
    kinds = {one["name"]: one["kind"] for one in traced.send("get", "/ess_1/browse/t/b")["variables"]}
    assert kinds == {"y": "number", "z": "text"}
    assert orjson.dumps(answer)


def test_it_changes_nothing() -> None:
    traced = plant()
    before = traced.send("get", "/ess_1/t")
    traced.send("get", "/ess_1/browse/t/a")
    assert traced.send("get", "/ess_1/t") == before
