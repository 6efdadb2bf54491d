"""The table of an alarm, state by state, and what one alarm does with it: delays, latching, shelves, suppression."""

from typing import Any

import orjson
import pytest

from ess_actors.core.alarm_record import Alarm
from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.alarm_rules import in_words, rules_of
from ess_actors.core.alarm_state import TABLE, Event, State, after
from ess_actors.core.functions.watch_timers import Watch
from ess_actors.core.messages import Message
from ess_actors.core.variables import Variable
from tests.core.engine_bench import WALL, Bench
from tests.core.test_engine_alarms import source

# The states with an event, as ISA-18.2 and this plant's latching want them: written down a second time, in words.
# (state, event): next state of (an active alarm, a latching one that returned, another one that returned)
U, A, R, L = State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.RETURNED, State.LATCHED
N, S, D, O = State.NORMAL, State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE  # noqa: E741
MOVES: dict[tuple[State, Event], tuple[State, State, State]] = {
    (N, Event.RAISE): (U, U, U),
    (N, Event.SHELVE): (S, S, S),
    (N, Event.SUPPRESS): (D, D, D),
    (N, Event.OUT_OF_SERVICE): (O, O, O),
    (U, Event.RETURN): (R, R, R),
    (U, Event.ACKNOWLEDGE): (A, A, A),
    (U, Event.CLEAR): (A, A, A),
    (U, Event.SHELVE): (S, S, S),
    (U, Event.SUPPRESS): (D, D, D),
    (U, Event.OUT_OF_SERVICE): (O, O, O),
    (A, Event.RETURN): (L, L, N),
    (A, Event.REALARM): (U, U, U),
    (A, Event.SHELVE): (S, S, S),
    (A, Event.SUPPRESS): (D, D, D),
    (A, Event.OUT_OF_SERVICE): (O, O, O),
    (R, Event.RAISE): (U, U, U),
    (R, Event.ACKNOWLEDGE): (L, L, N),
    (R, Event.CLEAR): (N, N, N),
    (R, Event.SHELVE): (S, S, S),
    (R, Event.SUPPRESS): (D, D, D),
    (R, Event.OUT_OF_SERVICE): (O, O, O),
    (L, Event.RAISE): (U, U, U),
    (L, Event.CLEAR): (N, N, N),
    (L, Event.SHELVE): (S, S, S),
    (L, Event.SUPPRESS): (D, D, D),
    (L, Event.OUT_OF_SERVICE): (O, O, O),
    (S, Event.UNSHELVE): (U, R, N),
    (S, Event.SHELF_ENDS): (U, R, N),
    (S, Event.OUT_OF_SERVICE): (O, O, O),
    (D, Event.UNSUPPRESS): (U, R, N),
    (D, Event.SHELVE): (S, S, S),
    (D, Event.OUT_OF_SERVICE): (O, O, O),
    (O, Event.IN_SERVICE): (U, R, N),
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_cell_of_the_table(state: State, event: Event) -> None:
    expected = MOVES.get((state, event), (state, state, state))
    facts = (
        {"active": True, "owed": True},
        {"active": False, "owed": True},
        {"active": False, "owed": False},
    )
    assert tuple(after(state, event, suppressed=False, **one) for one in facts) == expected


def test_the_table_is_complete() -> None:
    assert len(TABLE) == len(State) * len(Event)


def test_who_is_suppressed_too_is_that_when_its_shelf_ends() -> None:
    assert after(S, Event.SHELF_ENDS, active=True, owed=True, suppressed=True) is D


# --- one alarm ----------------------------------------------------------------------------------------------------


def alarm(**told: Any) -> Alarm:
    return Alarm("ess_1", "fault", "/faults/bms_1:X", told=told)


def test_a_latching_alarm_waits_for_a_clear_and_another_one_does_not() -> None:
    for latch, states in ((True, [U, A, L, L]), (False, [U, A, N, N])):
        one = alarm(latch=latch)
        one.raised(1.0, 1.0)
        seen = [one.state]
        one.acknowledge(2.0, "eve")
        seen.append(one.state)
        one.returned(3.0)
        seen.append(one.state)
        one.acknowledge(4.0, "eve")
        seen.append(one.state)
        assert seen == states
        one.clear(5.0, "eve")
        assert one.state is N


def test_the_on_delay_keeps_a_short_one_away_and_the_off_delay_a_chattering_one_together() -> None:
    one = alarm(on_delay_s=2, off_delay_s=3)
    assert one.raised(10.0, 10.0) == [] and one.due() == 12.0
    assert one.returned(11.0) == [] and one.due() is None
    assert one.raised(20.0, 20.0) == []
    assert [step.after for step in one.tick(22.0)] == [U]
    assert one.returned(23.0) == [] and one.state is U and one.active
    assert one.raised(24.0, 24.0) == [] and one.due() is None, "it was never gone"
    one.returned(25.0)
    assert one.tick(27.9) == []
    assert [step.after for step in one.tick(28.0)] == [R]


def test_it_alarms_again_when_it_stands_acknowledged_for_too_long() -> None:
    one = alarm(rearm_s=60)
    one.raised(0.0, 0.0)
    one.acknowledge(5.0, "eve")
    assert one.due() == 65.0
    assert [(s.event, s.after) for s in one.tick(65.0)] == [(Event.REALARM, U)]
    assert one.acknowledged is None and one.due() is None
    one.acknowledge(70.0, "eve")
    one.returned(71.0)
    assert one.due() is None


def test_a_clear_of_an_active_alarm_leaves_it_standing_until_it_returns() -> None:
    one = alarm()
    one.raised(0.0, 0.0)
    one.clear(1.0, "eve")
    assert one.state is A and one.acknowledged == {"by": "eve", "at": 1.0}
    assert [(step.after, step.why) for step in one.returned(2.0)] == [(N, "cleared by eve")]
    one.raised(3.0, 3.0)
    one.clear(4.0, "eve")
    assert [step.after for step in one.reported(5.0)] == [U], "it is reported anew: the clear did not help"
    assert [(step.after, step.why) for step in one.returned(6.0)] == [(R, "")]


def test_a_shelf_ends_by_itself_and_what_happened_on_it_is_seen() -> None:
    one = alarm()
    one.shelve(0.0, "eve", 60.0, "noise")
    one.raised(10.0, 10.0)
    assert (one.state, one.active, one.due()) == (S, True, 60.0)
    one.returned(20.0)
    assert [step.after for step in one.tick(60.0)] == [R]
    assert one.shelved is None


def test_suppression_ends_when_its_instance_forgets_the_alarm() -> None:
    one = alarm()
    one.suppress(True, 0.0, "")
    one.raised(1.0, 1.0)
    assert one.state is D
    one.returned(2.0)
    one.clear(3.0, "eve")
    assert (one.state, one.suppressed) == (N, False)


def test_everything_survives_json() -> None:
    one = alarm(priority="critical", on_delay_s=1)
    one.raised(0.0, 0.0)
    one.tick(1.0)
    one.shelve(2.0, "eve", 60.0, "noise")
    again = Alarm.restored(orjson.loads(orjson.dumps(one.saved())))
    assert again == one and again.as_json() == one.as_json()
    with pytest.raises((KeyError, TypeError, ValueError)):
        Alarm.restored({**one.saved(), "shelved": None})


@pytest.mark.parametrize(("side", "sign", "recovers"), [("Max", 1, 47.9), ("Min", -1, -47.9)])
def test_a_deadband_says_where_a_limit_recovers(side: str, sign: int, recovers: float) -> None:
    var = Variable("/t", "x", 0.0, 0.0)
    var.params |= {f"{side}AlarmThreshold": sign * 50, f"{side}FaultThreshold": sign * 60, "deadband": 2}
    watch = Watch(var, side, True, True)
    assert [level.raised for level in watch.limits(sign * 51.0, 1.0)] == [True]
    assert watch.limits(sign * 48.1, 1.0) == []
    assert [level.raised for level in watch.limits(recovers, 1.0)] == [False]
    var.params[f"{side}ResetValue"] = sign * 30
    assert Watch(var, side, True, True).reset_value == sign * 30, "what is written counts"


def test_a_suppressing_variable_hides_what_it_names() -> None:
    tables = source()
    tables["/faults/bms_1"]["OverTemp"] |= {"suppressed_by": "/status/bms_1:Maintenance", "name": "BMS 1 hot"}
    tables["/status/bms_1"] = {"Maintenance": False}
    tables["/config/bms_1"] = {"fault_priority": "low", "alarm_priority": "high", "rearm_s": 60}
    bench, router = Bench(tables), AlarmRouter("ess_1")

    def heard(messages: list[Message]) -> list[tuple[str, str]]:
        for message in messages:
            if message.uri == router.uri:
                router.handle(message._replace(sender="ess_1"), 0.0, WALL)
        return [(alarm["name"], alarm["state"]) for alarm in router.alarms(0.0)]

    assert heard(bench.set("/faults/bms_1/OverTemp", "Trip")) == [("BMS 1 hot", "unacknowledged_active")]
    assert heard(bench.set("/status/bms_1/Maintenance", True)) == [("BMS 1 hot", "suppressed")]
    assert heard(bench.set("/status/bms_1/Maintenance", True)) == [("BMS 1 hot", "suppressed")]
    assert heard(bench.set("/status/bms_1/Maintenance", False)) == [("BMS 1 hot", "unacknowledged_active")]
    (alarm,) = router.list.listed()
    assert (alarm.rules.priority, alarm.rules.rearm_s) == ("low", 60.0)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/faults/bms_2:BMS_2_OverTemp", "BMS_2 over temp"),
        ("/alarms/bms_1:BMS_1_SOH", "BMS_1 SOH"),
        ("/faults/pcs:PCS_DCVoltage", "PCS DC voltage"),
        ("/status/ess_2:Heartbeat", "ess_2 heartbeat"),
        ("", ""),
    ],
)
def test_a_source_without_a_name_has_one_in_words(uri: str, name: str) -> None:
    assert in_words(uri) == name


@pytest.mark.parametrize("wrong", [None, 5, "x", [], {"priority": 3, "on_delay_s": "1", "latch": "no"}])
def test_rules_that_are_of_no_use_are_the_defaults(wrong: Any) -> None:
    assert rules_of(wrong, "fault", "/faults/x:y") == rules_of({}, "fault", "/faults/x:y")
    assert rules_of({}, "fault", "/f/x:y").priority == "high"
    assert rules_of({}, "alarm", "/f/x:y").priority == "medium"
