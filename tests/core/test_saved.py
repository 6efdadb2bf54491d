"""What an instance keeps over a restart: a second life goes on where the first one ended."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.messages import Message
from tests.core.engine_bench import WALL, Bench, on_set, remap
from tests.core.test_engine_alarms import source, told

MONITORED = {
    "/status/bms_1": {
        "Temp": {
            "value": 20,
            "EnableMaxValCheck": True,
            "EnableFaultCheck": True,
            "MaxAlarmThreshold": 40,
            "MaxFaultThreshold": 50,
            "MaxResetValue": 30,
            "actions": {"onSet": [{"func": [{"func": "CheckMonitorVar", "amap": "bms_1"}]}]},
        }
    }
}
KEPT = {
    "/site": {
        "faults": {"value": 0, "saved": True, **on_set(remap(fims="set", uri="/components/x:y"))},
        "name": {"value": "none", "saved": True},
        "other": 0,
    },
    "/components/x": {"soc": {"value": 0, "saved": True}},
}


def through_json(state: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(orjson.dumps(state))
    return found


def second_life(first: Bench, tables: dict[str, Any]) -> tuple[Bench, list[Message]]:
    bench = Bench(tables, state=through_json(first.ess.saved()))
    return bench, bench.booted


def test_a_latched_alarm_its_counters_and_its_place_in_the_routers_list_survive() -> None:
    first = Bench(source())
    first.set("/faults/bms_1/OverTemp", "Trip")
    second, sent = second_life(first, source())
    assert second.get("/assets/bms_1/summary") == first.get("/assets/bms_1/summary")
    for reference in ("/status/bms_1:FaultCnt", "/status/bms_1:FaultShutdown", "/faults/bms_1:OverTemp"):
        assert second.value(reference) == first.value(reference)
    raised, _ = told(sent)
    assert (raised["kind"], raised["since"], raised["count"]) == ("raised", WALL, 1)
    assert "set" not in {message.method for message in sent}, "nothing is commanded"


def test_other_instances_are_not_told_in_between_that_all_is_normal() -> None:
    normal = remap(uri="/faults/bms_1:OverTemp", inValue=True, outValue="Trip", outNValue="Normal")
    tables = {**source(), "/components/x": {"hot": {**on_set(normal), "value": False}}}
    tables["/faults/bms_1"]["OverTemp"]["actions"]["onSet"].append(remap(fims="set", uri="/ess_2/t:o"))
    first = Bench(tables)
    assert b'{"o":{"value":"Normal"}}' in [m.body for m in first.booted if m.method == "set"]
    first.set("/faults/bms_1/OverTemp", "Trip")
    second, sent = second_life(first, tables)
    told_to_it = [m.body for m in sent if m.method == "set"]
    assert b'{"o":{"value":"Trip"}}' in told_to_it and b"Normal" not in b"".join(told_to_it)
    assert second.value("/status/bms_1:FaultCnt") == 1
    (returned,) = told(second.send("pub", "/components/x", {"hot": False}))
    assert returned["kind"] == "normal", "the first reading counts"


def test_what_stands_is_not_raised_again_and_what_returned_meanwhile_is_seen() -> None:
    first = Bench(source())
    first.set("/faults/bms_1/OverTemp", "Trip")
    second, _ = second_life(first, source())
    assert told(second.set("/faults/bms_1/OverTemp", "Trip")) == []
    assert second.value("/status/bms_1:FaultCnt") == 1
    (normal,) = told(second.set("/faults/bms_1/OverTemp", "Normal"))
    assert normal["kind"] == "normal"
    assert second.value("/assets/bms_1/summary:faults") == 1, "latched until it is cleared"
    second.set("/faults/bms_1/clear_faults", "Clear")
    assert second.ess.engine.alarms.told == {}
    third, sent = second_life(second, source())
    nothing = {"kind": "stands", "told": [], "present": []}
    assert (told(sent), third.value("/assets/bms_1/summary:faults")) == ([nothing], 0)


def test_a_cleared_fault_that_still_stands_is_latched_anew_as_without_the_restart() -> None:
    first = Bench(source())
    first.set("/faults/bms_1/OverTemp", "Trip")
    first.set("/faults/bms_1/clear_faults", "Clear")
    second, _ = second_life(first, source())
    for bench in (first, second):
        (raised,) = told(bench.set("/faults/bms_1/OverTemp", "Trip"))
        assert raised["kind"] == "raised"


def test_a_monitor_that_has_raised_does_not_do_it_again_and_recovers_once() -> None:
    tables = {**source(), **MONITORED}
    first = Bench(tables)
    first.set("/status/bms_1/Temp", 60)
    assert first.value("/status/bms_1:FaultCnt") == 1
    second, _ = second_life(first, tables)
    assert second.value("/status/bms_1:Temp") == 20, "what is measured comes from the device"
    assert told(second.set("/status/bms_1/Temp", 61)) == []
    assert second.value("/status/bms_1:FaultCnt") == 1
    assert [body["kind"] for body in told(second.set("/status/bms_1/Temp", 25))] == ["normal"]
    assert (second.value("/status/bms_1:FaultCnt"), second.value("/status/bms_1:AlarmCnt")) == (0, 0)


def test_saved_variables_are_restored_without_their_actions_and_measured_ones_are_not() -> None:
    first = Bench(KEPT)
    first.set("/site", {"faults": 5, "name": "seven", "other": 9})
    first.send("pub", "/components/x", {"soc": 55})
    second, sent = second_life(first, KEPT)
    assert {message.uri for message in sent if message.method == "set"} <= {"/components/x"}
    assert b"5" not in b"".join(message.body for message in sent if message.method == "set")
    assert [second.value(f"/site:{name}") for name in ("faults", "name", "other")] == [5, "seven", 0]
    assert second.value("/components/x:soc") == 0


def test_what_no_longer_fits_the_documents_is_left_out() -> None:
    first = Bench({**KEPT, **source()})
    first.set("/site", {"faults": 5, "name": "seven"})
    first.set("/faults/bms_1/OverTemp", "Trip")
    changed = {"/site": {"faults": {"value": "text", "saved": True}, "name": "none"}}
    second, sent = second_life(first, changed)
    assert (second.value("/site:faults"), second.value("/site:name")) == ("text", "none")
    assert [body["kind"] for body in told(sent)] == ["raised", "normal", "stands"], (
        "a clear can take it off the list"
    )
    for state in (
        {"source /t:x": 5},
        {"list /t:x": None},
        {"told x": {}},
        {"what": 1},
        {"var /site:name": []},
    ):
        assert Bench(KEPT, state=dict(state)).value("/site:name") == "none"


def test_changes_are_told_once_and_what_is_gone_as_none() -> None:
    bench = Bench({**KEPT, **source()})
    assert {"var /site:faults", "var /site:name"} <= set(bench.ess.changed_state())
    assert bench.ess.changed_state() == {}
    bench.set("/site/faults", 3)
    bench.set("/faults/bms_1/OverTemp", "Trip")
    keys = {"var /site:faults", "source /faults/bms_1:OverTemp", "list /assets/bms_1/summary:faults"}
    counts = {f"count /status/bms_1:{name}" for name in ("FaultCnt", "FaultShutdown")}
    entry = 'told ["ess_1","/faults/bms_1:OverTemp","fault"]'
    assert set(bench.ess.changed_state()) == keys | counts | {entry}
    bench.set("/faults/bms_1/OverTemp", "Normal")
    bench.set("/faults/bms_1/clear_faults", "Clear")
    changes = bench.ess.changed_state()
    assert changes[entry] is None and changes["source /faults/bms_1:OverTemp"] is None


STEPS = st.lists(
    st.sampled_from(
        [
            *(("/faults/bms_1/OverTemp", text) for text in ("Trip", "Normal", "Worse")),
            *(("/faults/bms_1/clear_faults", text) for text in ("Clear", "default")),
            *(("/status/bms_1/Temp", value) for value in (60, 20)),
            *(("/site/faults", value) for value in (0, 1)),
        ]
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_changes_added_up_are_the_whole_state(steps: list[tuple[str, object]]) -> None:
    bench = Bench({**source(), **MONITORED, **KEPT})
    kept = bench.ess.saved()
    for uri, value in steps:
        bench.set(uri, value)
        for key, told_value in bench.ess.changed_state().items():
            kept[key] = told_value
            if told_value is None:
                del kept[key]
    assert through_json(kept) == through_json(bench.ess.saved())
    again = Bench({**source(), **MONITORED, **KEPT}, state=through_json(kept))
    assert through_json(again.ess.saved()) == through_json(kept)
