"""Alarms and faults: latching, clearing, the monitors, and what the alarm router is told."""

from typing import Any

import orjson

from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.messages import Message
from tests.core.engine_bench import WALL, Bench, on_set, remap


def source(manager: str = "bms_1", **more: Any) -> dict[str, Any]:
    def alarmed(amap: str) -> list[dict[str, Any]]:
        return [{"func": [{"func": "process_sys_alarm", "amap": amap}]}]

    return {
        "amname": manager,
        f"/faults/{manager}": {
            "clear_faults": {"value": "default", "type": "fault", "actions": {"onSet": alarmed(manager)}},
            "OverTemp": {"value": "Normal", "type": "fault", "actions": {"onSet": alarmed(manager)}},
        },
        **more,
    }


def test_22_a_fault_is_latched_until_clear() -> None:
    bench = Bench(source())
    faults = bench.ess.engine.map.find
    bench.set("/faults/bms_1/OverTemp", "Trip")
    bench.set("/faults/bms_1/OverTemp", "Normal")
    listed = faults("/assets/bms_1/summary", "faults")
    assert listed is not None and listed.alarms is not None and len(listed.alarms) == 1
    assert (bench.value("/status/bms_1:FaultCnt"), bench.value("/status/bms_1:FaultShutdown")) == (1, True)
    assert bench.get("/assets/bms_1/summary/faults") == 1
    shown = bench.get("/assets/bms_1/summary")["faults"]
    assert shown["options"][0]["name"].startswith("[OverTemp] received [Trip] at [")
    bench.set("/faults/bms_1/clear_faults", "Clear")
    assert bench.get("/assets/bms_1/summary")["faults"] == {"value": 0, "options": []}
    assert (bench.value("/status/bms_1:FaultCnt"), bench.value("/status/bms_1:FaultShutdown")) == (0, False)
    bench.set("/faults/bms_1/OverTemp", "Trip")
    assert len(listed.alarms or ()) == 1


def test_numbers_and_bools_are_texts_too() -> None:
    bench = Bench(source())
    bench.set("/faults/bms_1", {"Code": {**source()["/faults/bms_1"]["OverTemp"], "value": 0}})
    bench.set("/faults/bms_1/Code", 5.0)
    bench.set("/config/bms_1/NoFaultMsg", "0")
    bench.set("/faults/bms_1", {"Open": {**source()["/faults/bms_1"]["OverTemp"], "value": False}})
    bench.set("/faults/bms_1/Open", True)
    listed = bench.get("/assets/bms_1/summary")["faults"]["options"]
    assert [entry["name"].partition(" at ")[0] for entry in listed] == [
        "[Code] received [5]",
        "[Open] received [true]",
    ]


def clearing(name: str, peer: str | None) -> dict[str, Any]:
    forward = [remap(fims="set", uri=f"/{peer}/faults/ess:clear_faults", inValue="Clear")] if peer else []
    local = [{"func": [{"func": "process_sys_alarm", "amap": "ess"}]}]
    return {
        "amname": "ess",
        "/faults/ess": {
            "clear_faults": {"value": "default", "type": "fault", "actions": {"onSet": [*forward, *local]}},
            "X": {"value": "Normal", "type": "fault", "actions": {"onSet": local}},
        },
    }


def test_23_clear_travels_to_the_other_instance() -> None:
    one, two = Bench(clearing("ess_1", "ess_2")), Bench(clearing("ess_2", None), "ess_2")
    assert [m for m in one.booted if m.method == "set"] == []
    two.set("/faults/ess/X", "Trip")
    assert two.value("/assets/ess/summary:faults") == 1
    (forwarded,) = [m for m in one.set("/faults/ess/clear_faults", "Clear") if m.method == "set"]
    assert (forwarded.uri, forwarded.hops) == ("/ess_2/faults/ess", 1)
    two.ess.handle(forwarded, two.now, WALL)
    assert two.value("/assets/ess/summary:faults") == 0
    assert [m for m in one.set("/faults/ess/clear_faults", "default") if m.method == "set"] == []


def told(messages: list[Message], uri: str = "/alarm_router/ess_1") -> list[dict[str, Any]]:
    return [orjson.loads(m.body) for m in messages if m.uri == uri]


def test_the_router_hears_of_every_step() -> None:
    bench = Bench(source())
    out = bench.send("set", "/ess_1/faults/bms_1/OverTemp", "Trip", sender="ess_2")
    (raised,) = told(out)
    assert raised["message"].startswith("[OverTemp] received [Trip]")
    assert raised | {"message": ""} == {
        "kind": "raised",
        "type": "fault",
        "instance": "ess_2",
        "asset": "bms_1",
        "source": "/faults/bms_1:OverTemp",
        "message": "",
        "value": "Trip",
        "severity": 4,
        "list": "/assets/bms_1/summary:faults",
    }
    assert told(out, "/events")[0] == {"source": "ess_1->bms_1", "message": raised["message"], "severity": 4}
    assert told(bench.set("/faults/bms_1/OverTemp", "Trip")) == [], "the same text again says nothing new"
    out = bench.set("/faults/bms_1/clear_faults", "Clear")
    assert told(out) == [
        {
            "kind": "cleared",
            "type": "fault",
            "asset": "bms_1",
            "list": "/assets/bms_1/summary:faults",
            "sources": ["/faults/bms_1:OverTemp"],
        },
        {
            "kind": "clear",
            "asset": "bms_1",
            "type": "fault",
            "root": True,
            "remaining": ["/faults/bms_1:OverTemp"],
            "instances": [],
            "devices": [],
        },
    ]
    assert {m.command for m in out} == {f"ess_1-clear-{int(WALL * 1000):x}-1"}
    (again,) = told(bench.set("/faults/bms_1/OverTemp", "Trip"))
    assert again["kind"] == "raised", "what persists is reported again after a clear"
    assert told(bench.set("/faults/bms_1/OverTemp", "Normal")) == [
        {"kind": "normal", "source": "/faults/bms_1:OverTemp"}
    ]


def test_a_clear_names_members_and_asks_devices_for_answers() -> None:
    tables = clearing("ess_1", "ess_2")
    pulse = remap(
        fims="set", uri="/components/ess_1/bms_ctl:clear_faults", mode="naked", inValue="Clear", outValue=1
    )
    tables["/faults/ess"]["clear_faults"]["actions"]["onSet"].insert(0, pulse)
    bench = Bench(tables)
    out = bench.send("set", "/ess_1/faults/ess/clear_faults", "Clear", command="op-7", sender="web")
    assert [(m.method, m.uri, m.replyto, m.corr, m.command) for m in out if m.method == "set"] == [
        (
            "set",
            "/components/ess_1/bms_ctl/clear_faults",
            "/alarm_router/ess_1/device",
            "/components/ess_1/bms_ctl/clear_faults",
            "op-7",
        ),
        ("set", "/ess_2/faults/ess", "", "", "op-7"),
    ]
    clear = told(out)[-1]
    assert (clear["root"], clear["instances"]) == (True, ["ess_2"])
    assert clear["devices"] == ["/components/ess_1/bms_ctl/clear_faults"]
    peer = bench.send("set", "/ess_1/faults/ess/clear_faults", "Clear", command="op-8", hops=1)
    assert told(peer)[-1]["root"] is False


def test_a_clear_ordered_through_options_is_one_run() -> None:
    tables = clearing("ess_1", "ess_2")
    pulse = remap(fims="set", uri="/components/ess_1/bms_ctl:clear_faults", mode="naked", inValue=1)
    entries = {"options": [{"value": "Clear"}], "targav": "/faults/ess:clear_faults", "enable": "/t:armed"}
    tables["/t"] = {"armed": False, "all": on_set(pulse, {"func": [{"func": "SchedItemOpts"}]}, **entries)}
    bench = Bench(tables)
    bench.set("/t/armed", True)
    out = bench.set("/t/all", 1)
    assert {m.command for m in out} == {f"ess_1-clear-{int(WALL * 1000):x}-1"}
    assert told(out)[-1]["devices"] == ["/components/ess_1/bms_ctl/clear_faults"]


def test_clear_goes_down_the_tree_to_those_that_have_the_variable() -> None:
    tables = clearing("ess_1", None)
    below = {
        name: {
            "amname": name,
            "pname": "ess",
            f"/faults/{name}": {
                **trigger,
                "X": {
                    "value": "Normal",
                    "actions": {"onSet": [{"func": [{"func": "process_sys_alarm", "amap": name}]}]},
                },
            },
        }
        for name, trigger in (("bms_1", {"clear_faults": {"value": "default", "type": "fault"}}), ("pcs", {}))
    }
    bench = Bench(tables, **below, start={"/config/cfile": dict.fromkeys(below, False)})
    for name in below:
        bench.set(f"/faults/{name}/X", "Trip")
    bench.set("/faults/ess/clear_faults", "Clear")
    assert bench.value("/assets/bms_1/summary:faults") == 0
    assert bench.value("/assets/pcs/summary:faults") == 1, "pcs has no clear_faults, so the clear stops there"


def test_a_list_holds_at_most_32_entries() -> None:
    bench = Bench(source())
    for index in range(40):
        bench.set("/faults/bms_1/OverTemp", f"Trip {index}")
    options = bench.get("/assets/bms_1/summary")["faults"]["options"]
    assert len(options) == 32 and "Trip 39" in options[-1]["name"]


def heard(router: AlarmRouter, messages: list[Message]) -> None:
    for message in messages:
        if message.uri == router.uri:
            router.handle(message._replace(sender="ess_1"), 0.0, WALL)


def listed(router: AlarmRouter) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in a.items() if k not in ("since", "count", "changed")} for a in router.alarms(0.0)
    ]


def test_a_restarted_router_gets_its_list_back() -> None:
    tables = source()
    alarmed = [{"func": [{"func": "process_sys_alarm", "amap": "bms_1"}]}]
    tables["/faults/bms_1"] |= {
        name: {"value": "Normal", "type": kind, "actions": {"onSet": alarmed}}
        for name, kind in (("Fuse", "fault"), ("Soh", "alarm"), ("Door", "alarm"))
    }
    tables["/faults/bms_1"]["clear_alarms"] = {
        "value": "default",
        "type": "alarm",
        "actions": {"onSet": alarmed},
    }
    bench, first = Bench(tables), AlarmRouter("ess_1")
    steps = [
        ("OverTemp", "Trip", "ess_2"),
        ("Door", "Open", ""),
        ("clear_alarms", "Clear", ""),
        ("Soh", "Low", "ess_2/bms_2"),
        ("Fuse", "Blown", ""),
        ("Soh", "Lower", ""),
        ("Fuse", "Normal", ""),
        *(("OverTemp", f"Trip {n}", "ess_2") for n in range(40)),
    ]
    for name, text, sender in steps:
        heard(first, bench.send("set", f"/ess_1/faults/bms_1/{name}", text, sender=sender))
    again = AlarmRouter("ess_1")
    assert again.begin(orjson.loads(orjson.dumps(first.state())), 0.0, WALL) == []
    told_again = bench.ess.retell_alarms(bench.now + 50, WALL + 50)
    heard(again, told_again)
    assert listed(again) == listed(first)
    assert {(a["instance"], a["source"], a["state"]) for a in listed(again)} == {
        ("ess_2", "/faults/bms_1:OverTemp", "unacknowledged_active"),
        ("ess_1", "/faults/bms_1:Door", "acknowledged_active"),
        ("ess_2", "/faults/bms_1:Soh", "unacknowledged_active"),
        ("ess_1", "/faults/bms_1:Soh", "unacknowledged_active"),
        ("ess_1", "/faults/bms_1:Fuse", "returned_unacknowledged"),
    }
    raised = [b for b in told(told_again) if b["kind"] == "raised"]
    assert sorted((b["since"], b["count"]) for b in raised) == sorted(
        (a["since"], a["count"]) for a in first.alarms(0.0)
    )
    heard(first, bench.set("/faults/bms_1/clear_faults", "Clear"))
    heard(first, bench.set("/faults/bms_1/clear_alarms", "Clear"))
    assert {(a["source"], a["state"]) for a in listed(first)} == {
        ("/faults/bms_1:OverTemp", "acknowledged_active"),
        ("/faults/bms_1:Door", "acknowledged_active"),
        ("/faults/bms_1:Soh", "acknowledged_active"),
    }, "what is still active stays, what had returned is gone"
    for name in ("OverTemp", "Door", "Soh"):
        heard(first, bench.set(f"/faults/bms_1/{name}", "Normal"))
    assert listed(first) == [], "also what the full list had dropped already"
    nothing = {"kind": "stands", "told": [], "present": []}
    assert told(bench.ess.retell_alarms(bench.now, WALL)) == [nothing]


def test_the_outcome_of_a_member_names_faults_and_alarms() -> None:
    tables = source()
    tables["/alarms/bms_1"] = {
        "Soh": {
            "value": "Normal",
            "actions": {"onSet": [{"func": [{"func": "process_sys_alarm", "amap": "bms_1"}]}]},
        }
    }
    bench = Bench(tables)
    bench.set("/faults/bms_1/OverTemp", "Trip")
    bench.set("/alarms/bms_1/Soh", "Low")
    both = ["/alarms/bms_1:Soh", "/faults/bms_1:OverTemp"]
    for hops, remaining in ((1, both), (0, both[1:])):
        out = bench.send("set", "/ess_1/faults/bms_1/clear_faults", "Clear", hops=hops, command="c-1")
        assert told(out)[-1]["remaining"] == remaining
