"""One clear over several instances and devices: who answered, who did not, done once; and the list it empties."""

from typing import Any

import orjson
import pytest

from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.messages import Message

PULSE = "/components/ess_1/bms_ctl/clear_faults"


def says(kind: str, to: str = "/alarm_router/ess_1", command: str = "c1", **body: Any) -> Message:
    return Message("pub", to, orjson.dumps({"kind": kind, **body}), command=command, sender="ess_1")


def cleared(**body: Any) -> Message:
    usual = {"root": True, "asset": "ess", "remaining": [], "instances": ["ess_2"], "devices": []}
    return says("clear", **{**usual, **body})


def outcome(instance: str = "ess_2", **body: Any) -> Message:
    return says("outcome", "/alarm_router/all", instance=instance, **{"remaining": [], "devices": {}, **body})


def result_of(messages: list[Message]) -> str:
    status = next(m for m in messages if m.uri == "/ess_1/status/ess")
    return str(orjson.loads(status.body)["ClearFaultsResult"])


def test_all_answered():
    router = AlarmRouter("ess_1")
    assert router.handle(cleared(), 0.0, 0.0) == []
    out = router.handle(outcome(), 0.1, 0.0)
    assert result_of(out) == "2 of 2"
    assert [m.uri for m in out] == ["/ess_1/status/ess", "/alarm_router/ess_1/result", "/events"]
    assert all(m.command == "c1" for m in out)
    assert router.clears.results == {"complete": 1, "incomplete": 0}


def test_a_silent_instance_is_named():
    router = AlarmRouter("ess_1")
    router.handle(cleared(), 0.0, 0.0)
    assert router.next_due() == 3.0
    assert router.tick(2.9, 0.0) == []
    assert result_of(router.tick(3.0, 0.0)) == "1 of 2; ess_2 did not answer"
    assert router.clears.results == {"complete": 0, "incomplete": 1}
    assert router.handle(outcome(), 3.1, 0.0) == []
    assert router.next_due() is None


def test_a_device_is_waited_for_and_its_refusal_told():
    router = AlarmRouter("ess_1")
    router.handle(cleared(devices=[PULSE], instances=[]), 0.0, 0.0)
    answer = Message(
        "set", "/alarm_router/ess_1/device", b'{"status":"refused","code":3}', command="c1", corr=PULSE
    )
    assert result_of(router.handle(answer, 0.2, 0.0)) == f"1 of 1; {PULSE}: refused"


def test_a_device_that_is_silent_is_told_too():
    router = AlarmRouter("ess_1")
    router.handle(cleared(devices=[PULSE], instances=[]), 0.0, 0.0)
    assert router.next_due() == 1.5
    assert result_of(router.tick(1.5, 0.0)) == f"1 of 1; {PULSE}: no answer"


def test_an_outcome_that_comes_before_the_own_clear_counts():
    router = AlarmRouter("ess_1")
    assert router.handle(outcome(), 0.0, 0.0) == []
    assert result_of(router.handle(cleared(), 0.1, 0.0)) == "2 of 2"


STANDING = "/faults/bms_2:BMS_2_OverTemp"


def test_what_still_stands_when_the_time_is_over_is_named():
    router = AlarmRouter("ess_1")
    router.handle(cleared(), 0.0, 0.0)
    assert router.handle(outcome(remaining=[STANDING]), 0.1, 0.0) == []
    assert router.next_due() == 3.0
    assert result_of(router.tick(3.0, 0.0)) == f"2 of 2; still active: {STANDING}"


def test_a_device_that_obeys_after_a_moment_is_not_named():
    router = AlarmRouter("ess_1")
    router.handle(cleared(remaining=[STANDING]), 0.0, 0.0)
    assert router.handle(outcome(remaining=[STANDING]), 0.1, 0.0) == []
    assert result_of(router.handle(says("normal", source=STANDING), 1.1, 0.0)) == "2 of 2"


def test_a_fault_that_is_latched_anew_is_not_called_cleared():
    router = AlarmRouter("ess_1")
    router.handle(cleared(remaining=[STANDING]), 0.0, 0.0)
    router.handle(outcome(remaining=[STANDING]), 0.1, 0.0)
    router.handle(says("raised", type="fault", instance="ess_2", source=STANDING), 0.2, 0.0)
    out = router.handle(says("normal", source=STANDING), 1.1, 0.0)
    assert [m.uri for m in out] == ["/alarm_router/ess_1"], "a transition, and no result yet"
    assert result_of(router.tick(3.0, 0.0)) == f"2 of 2; still active: {STANDING}"


def test_twice_is_once():
    router = AlarmRouter("ess_1")
    router.handle(cleared(), 0.0, 0.0)
    router.handle(outcome(), 0.1, 0.0)
    assert router.handle(cleared(), 0.2, 0.0) == []
    assert router.clears.results["complete"] == 1


def test_a_member_reports_its_outcome_to_the_other_routers():
    router = AlarmRouter("ess_2")
    out = router.handle(
        says("clear", "/alarm_router/ess_2", root=False, remaining=["/faults/x:y"], instances=[], devices=[]),
        0.0,
        0.0,
    )
    assert [m.uri for m in out] == ["/alarm_router/all"]
    body = orjson.loads(out[0].body)
    assert body["instance"] == "ess_2" and body["remaining"] == ["/faults/x:y"]
    assert router.next_due() is None


def test_every_router_writes_down_who_ordered_the_clear():
    """The order is announced to one router; the clear itself reaches the others from instance to instance."""
    root, member = AlarmRouter("ess_1"), AlarmRouter("ess_2")
    order = orjson.dumps({"verb": "clear", "by": "anna", "origin": "10.0.0.7"})
    told = root.handle(
        Message("set", "/alarm_router/ess_1/order", order, command="c1", sender="web"), 0.0, 100.0
    )
    (announced,) = [m._replace(sender="ess_1/alarms") for m in told if m.uri == "/alarm_router/all"]
    member.handle(announced, 0.0, 100.0)
    source = "/faults/bms_2:BMS_2_OverTemp"
    own = "/alarm_router/ess_2"
    member.handle(says("raised", own, type="fault", instance="ess_2", source=source, severity=4), 0.1, 100.1)
    member.handle(says("normal", own, source=source), 0.2, 100.2)
    out = member.handle(says("cleared", own, type="fault", sources=[source], by="ess_1"), 0.3, 100.3)
    (step,) = [body for m in out if (body := orjson.loads(m.body)).get("kind") == "transition"]
    assert (step["to"], step["by"]) == ("normal", "anna")


def test_the_list_follows_raise_return_and_clear():
    router = AlarmRouter("ess_1")
    source = "/faults/bms_2:BMS_2_OverTemp"
    raised = says("raised", type="fault", instance="ess_2", source=source, message="m", severity=4)
    router.handle(raised, 0.0, 100.0)
    assert router.active_by_severity() == {"fault": 1, "alarm": 0}
    router.handle(says("normal", source=source), 1.0, 101.0)
    (alarm,) = router.alarms(1.0)
    assert (alarm["instance"], alarm["state"], alarm["since"]) == ("ess_2", "returned_unacknowledged", 100.0)
    router.handle(says("cleared", type="alarm", sources=[source]), 2.0, 102.0)
    assert len(router.alarms(0.0)) == 1
    router.handle(says("cleared", type="fault", sources=[source]), 2.0, 102.0)
    assert router.alarms(0.0) == []


def test_the_list_is_told_to_who_asks():
    router = AlarmRouter("ess_1")
    asked = Message("get", "/alarm_router/ess_1", replyto="/me", corr="7", sender="web", explain=True)
    (answer,) = router.handle(asked, 0.0, 0.0)
    assert (answer.method, answer.uri, answer.corr, answer.to) == ("set", "/me", "7", "web")
    body = {"instance": "ess_1", "alarms": [], "last_clear": None, "last_orders": [], "silent": []}
    assert orjson.loads(answer.body) == body


@pytest.mark.parametrize("kind", ["raised", "normal", "cleared", "clear", "outcome"])
@pytest.mark.parametrize("wrong", [5, "text", None, {"a": 1}, [1, None, ["x"]], True])
def test_members_of_another_type_harm_nobody(kind, wrong):
    router = AlarmRouter("ess_1")
    names = ("sources", "source", "instances", "instance", "remaining", "devices", "type", "value")
    fields = dict.fromkeys(names, wrong)
    router.handle(says(kind, **fields), 0.0, 0.0)
    router.tick(99.0, 0.0)
    asked = Message("get", "/alarm_router/ess_1", replyto="/me", sender="web")
    assert router.handle(asked, 0.0, 0.0)


def test_only_instances_speak_of_alarms():
    router = AlarmRouter("ess_1")
    raised = says("raised", type="fault", source="/faults/x:y")
    router.handle(raised._replace(sender="web"), 0.0, 0.0)
    assert router.alarms(0.0) == []
    router.handle(raised, 0.0, 0.0)
    assert len(router.alarms(0.0)) == 1


def test_what_is_not_json_or_not_known_is_ignored():
    router = AlarmRouter("ess_1")
    assert router.handle(Message("pub", "/alarm_router/ess_1", b"{"), 0.0, 0.0) == []
    assert router.handle(Message("pub", "/alarm_router/ess_1", b"[1]"), 0.0, 0.0) == []
    assert router.handle(says("dance"), 0.0, 0.0) == []
