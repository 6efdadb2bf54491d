"""What a trace of a variable tells: writers, targets, gates as the engine sees them, changes with their cause."""

import itertools
from typing import Any

import orjson
import pytest

from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message

START = {"/sysconfig/default": {"EssName": "ess_1", "Subs": ":/components/ess_1:", "Config": "d"}}


class Traced:
    """An instance on a document, a second older with every message."""

    def __init__(self, **tables: Any) -> None:
        document = {f"/{name}": body for name, body in tables.items()}
        self.clock = 0.0
        self.ess = Ess(START, {"d": document}, now=0.0, wall=1000.0)
        self.ess.boot(0.0, 1000.0)

    def send(self, method: str, uri: str, body: object = None, sender: str = "web") -> Any:
        self.clock += 1.0
        message = Message(
            method, uri, orjson.dumps(body), replyto="/me", explain=method == "get", sender=sender
        )
        out = self.ess.handle(message, self.clock, 1000.0 + self.clock)
        answers = [one for one in out if one.uri == "/me"]
        return orjson.loads(answers[-1].body) if answers else None

    def trace(self, path: str) -> Any:
        return self.send("get", f"/ess_1/trace{path}")


def remap(uri: str, **more: object) -> dict[str, object]:
    return {"value": 0, "actions": {"onSet": [{"remap": [{"uri": uri, **more}]}]}}


def ends(edges: list[dict[str, Any]], end: str) -> list[tuple[str, str]]:
    return [(edge[end], edge["kind"]) for edge in edges]


def test_who_writes_it_and_whom_it_writes():
    plant = Traced(
        t={
            "a": remap("/t:b"),
            "b": remap("/t:c@enabled"),
            "c": {"value": 0, "actions": {"onSet": [{"enum": [{"inValue": 1, "uri": "/t:b"}]}]}, "defUri": "/t:b"},
            "d": {"value": 0, "actions": {"onSet": [{"bitset": [{"bit": 1, "uri": "/t", "var": "b"}]}]}},
            "sum": {"value": 0, "operation": "+", "numVars": 1, "variable1": "/t:a"},
            "poll": {"value": 0, "actions": {"onSet": [{"func": [{"func": "RunMonitor"}]}]}},
            "where": "/t",
            "e": {"value": 0, "actions": {"onSet": [{"enum": [{"inValue": 1, "uri": "/t:where", "ruri": "b"}]}]}},
        }
    )  # fmt: skip
    plant.send("set", "/ess_1/schedule/wake_monitor/ess_1", {"/t:sum": {"value": 0, "func": "CalculateVar"}})
    traced = plant.trace("/t/b")
    assert ends(traced["written_by"], "from") == [
        ("/t:a", "remap"), ("/t:c", "enum"), ("/t:c", "enum"), ("/t:d", "bitset"), ("/t:e", "enum")
    ]  # fmt: skip
    assert ends(traced["writes"], "to") == [("/t:c@enabled", "remap")]
    assert traced["written_by"][0]["place"] == "onSet[0].remap[0]"
    assert ends(plant.trace("/t/sum")["written_by"], "from") == [
        ("/schedule/wake_monitor/ess_1:/t:sum", "CalculateVar")
    ]


def test_links_are_further_names_and_vlinks_share_the_value():
    plant = Traced(
        components={"x": 0},
        t={"src": remap("/status/b:Soc"), "far": {"value": 0, "vlink": "/t:near"}, "near": 3},
    )
    plant.send(
        "set", "/ess_1/links/b", {"Soc": {"value": "/components:x", "linkvar": "/status/b:Soc", "default": 0}}
    )
    plant.send(
        "set", "/ess_1/t/go", {"value": 1, "actions": {"onSet": [{"func": [{"func": "RunAllLinks"}]}]}}
    )
    traced = plant.trace("/status/b/Soc")
    assert traced["also"] == ["/components:x"]
    assert ends(traced["written_by"], "from") == [("/t:src", "remap")]
    assert plant.trace("/t/far")["shares_value_with"] == ["/t:near"]
    plant.send("set", "/ess_1/t/near", 8)
    assert [change["value"] for change in plant.trace("/t/far")["changes"]] == [8]


def test_changes_tell_the_message_the_actions_and_the_scheduler():
    plant = Traced(
        t={
            "in": remap("/t:mid"),
            "mid": remap("/t:out", scale=2),
            "out": 0,
            "sched": {
                "value": 0,
                "uri": "none",
                "actions": {"onSet": [{"func": [{"func": "RunSched"}]}]},
            },
        }
    )
    plant.send("set", "/ess_1/t/out", 1)
    first = plant.trace("/t/out")
    assert (first["value"], first["previous"], first["changed_at"], first["changes"]) == (1, 0, 1001.0, [])
    plant.send("set", "/ess_1/t/in", 5, sender="ess_2")
    plant.send("set", "/ess_1/t/in", 5, sender="ess_2")
    plant.send("pub", "/ess_1/t", {"out": 7}, sender="ess_1/bms_1")
    plant.send("set", "/ess_1/t/sched", {"value": 1, "uri": "/t:out", "in": 2.0})
    plant.ess.tick(60.0, 1060.0)
    changes = plant.trace("/t/out")["changes"]
    assert [(one["n"], one["value"], one["by"]) for one in changes] == [
        (1, 10, "actions of /t:mid, after set /ess_1/t/in from ess_2"),
        (2, 7, "pub /ess_1/t from ess_1/bms_1"),
        (3, 60, "the scheduler"),
    ]
    assert plant.trace("/t/out")["read_by"] == "ess_1/bms_1"
    assert plant.trace("/t/out@changes") == {"uri": "/t:out", "changes": changes}


def test_a_bit_that_was_set_unseen_is_told_with_the_next_question():
    plant = Traced(t={"word": 0, "in": remap("/t:word[3]", inValue=1, outValue=True)})
    plant.trace("/t/word")
    plant.send("set", "/ess_1/t/in", 1)
    changes = plant.trace("/t/word")["changes"]
    assert [one["value"] for one in changes] == [8] and "a bit of it" in changes[0]["by"]


def test_the_record_of_changes_is_bounded_and_survives_a_run_that_was_cut_off():
    plant = Traced(
        t={"a": remap("/t:b"), "b": remap("/t:c"), "c": remap("/t:a"), "in": remap("/t:d"), "d": 0}
    )
    plant.trace("/t/c")
    plant.trace("/t/d")
    plant.send("set", "/ess_1/t/a", 1)
    for value in range(1, 80):
        plant.send("set", "/ess_1/t/in", value)
    changes = plant.trace("/t/d")["changes"]
    assert len(changes) == 50 and changes[-1]["n"] == 79
    assert changes[-1]["by"] == "actions of /t:in, after set /ess_1/t/in from web"


def test_nothing_is_recorded_nor_wrapped_before_the_first_trace():
    plant = Traced(t={"in": remap("/t:out"), "out": 0})
    source = plant.ess.engine.map.find("/t", "in")
    assert source is not None and len(source.steps) == 1
    assert plant.ess.engine.map.find("/t", "out").watch is None
    plant.trace("/t/out")
    plant.trace("/t/out")
    assert len(source.steps) == 3


def test_of_a_variable_elsewhere_it_tells_who_sends_to_it():
    plant = Traced(
        t={
            "in": remap("/ess_2/t:z", fims="set"),
            "pub": {
                "value": 0,
                "table": "/t",
                "sendas": "/ess_2/t",
                "actions": {"onSet": [{"func": [{"func": "RunPub"}]}]},
            },
        }
    )
    sent = plant.trace("/ess_2/t/z")["sent_by"]
    assert [(edge["from"], edge["bus"]) for edge in sent] == [("/t:in", "set"), ("/t:pub", "pub")]
    assert plant.trace("/ess_2/u/z")["error"] == "not_found"


GATES = [("gate absent", None), ("gate true", True), ("gate false", False), ("gate 1", 1)]


@pytest.mark.parametrize(("gate", "enabled"), list(itertools.product(GATES, (None, True, False))))
@pytest.mark.parametrize("where", ["item", "variable"])
def test_gates_are_told_as_the_engine_takes_them(where, gate, enabled):
    name, value = gate
    members: dict[str, object] = {"enable": "/t:gate"} | ({} if enabled is None else {"enabled": enabled})
    source = remap("/t:out", **(members if where == "item" else {}))
    if where == "variable":
        source |= members
    plant = Traced(t={"in": source, "out": 0, **({} if value is None else {"gate": value})})
    plant.send("set", "/ess_1/t/in", 5)
    ran = plant.send("get", "/ess_1/t/out") == 5
    traced = plant.trace("/t/in")
    assert traced["writes"][0]["open"] is ran, (name, enabled, traced)
    if where == "variable":
        assert traced["gate"]["open"] is ran
    if not ran:
        assert traced["writes"][0]["why"]


@pytest.mark.parametrize(("enable", "enabled"), list(itertools.product((None, True, False), repeat=2)))
@pytest.mark.parametrize("where", ["item", "variable"])
def test_literal_gates_are_told_as_the_engine_takes_them(where, enable, enabled):
    given = {"enable": enable, "enabled": enabled}
    members = {key: value for key, value in given.items() if value is not None}
    source = remap("/t:out", **(members if where == "item" else {}))
    if where == "variable":
        source |= members
    plant = Traced(t={"in": source, "out": 0})
    plant.send("set", "/ess_1/t/in", 5)
    ran = plant.send("get", "/ess_1/t/out") == 5
    assert plant.trace("/t/in")["writes"][0]["open"] is ran


def test_the_last_changes_of_every_variable_can_be_kept_from_the_start():
    plant = Traced(t={"in": remap("/t:out"), "out": 0, "other": 0})
    plant.ess.keep_changes()
    for value in range(1, 9):
        plant.send("set", "/ess_1/t/in", value)
    plant.send("set", "/ess_1/t/fresh", 1)
    plant.send("set", "/ess_1/t/fresh", 2)
    traced = plant.trace("/t/out")
    assert traced["recorded_since"] == 1000.0
    assert [one["value"] for one in traced["changes"]] == [4, 5, 6, 7, 8]
    assert traced["changes"][-1]["by"] == "actions of /t:in, after set /ess_1/t/in from web"
    assert [one["value"] for one in plant.trace("/t/fresh")["changes"]] == [2]
    assert plant.trace("/t/other")["changes"] == []
    for value in range(9, 20):
        plant.send("set", "/ess_1/t/in", value)
    assert len(plant.trace("/t/out")["changes"]) == 16, "of what was asked about more is kept"


def test_kept_changes_know_the_actions_of_documents_that_are_pushed():
    plant = Traced(t={"out": 0})
    plant.ess.keep_changes()
    plant.send("set", "/ess_1/cfg/cfile/ess_1/more", {"/t": {"in": remap("/t:out")}})
    plant.send("set", "/ess_1/t/in", 5)
    assert [one["by"] for one in plant.trace("/t/out")["changes"]] == [
        "actions of /t:in, after set /ess_1/t/in from web"
    ]


def test_a_call_of_a_function_that_is_not_there_is_shown():
    plant = Traced(t={"a": {"value": 0, "actions": {"onSet": [{"func": [{"func": "NoSuch"}]}]}}})
    (edge,) = plant.trace("/t/a")["writes"]
    assert (edge["kind"], edge["open"]) == ("NoSuch", False) and "no function" in edge["why"]
