"""Whatever happens to the alarms of one instance: no transition is lost, none vanishes unseen, every shelf ends."""

from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.messages import Message
from tests.storm import Storm

WALL = 1_763_800_000.0
SOURCES = st.sampled_from(["/faults/x:A", "/faults/x:B", "/faults/x:C"])
SECONDS = st.sampled_from([0.1, 1.0, 7.0, 40.0])


def test_after_a_storm_with_kills_everybody_tells_the_same() -> None:
    storm = Storm(3)
    storm.rage(700)
    storm._kill()
    storm.rage(1200)
    storm.calm()
    assert storm.kills > 1 and storm.clears > 5 and storm.orders > 10
    assert storm.differences() == []


class OneRouter(RuleBasedStateMachine):
    """The instance is a dict of what stands in it; the router must not lose sight of any of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.kept: dict[str, bytes] = {}
        self.wrong: dict[str, bool] = {}
        """Sources the instance has told of -> whether they are not normal."""
        self.seen: dict[str, str] = {}
        """Id -> where its last published transition ended."""
        self.cleared: set[str] = set()
        self.holding = False
        self.orders = 0
        self.router = AlarmRouter("ess_1", ("ess_1",))
        self.router.begin({}, 0.0, WALL)

    def take(self, messages: list[Message]) -> None:
        for key, value in self.router.changes().items():
            if value is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = orjson.dumps(value)
        for message in messages:
            body = orjson.loads(message.body)
            if message.method == "pub" and body.get("kind") == "transition":
                assert self.seen.get(body["id"], "normal") == body["from"], "a transition is missing"
                self.seen[body["id"]] = body["to"]

    def say(self, kind: str, **body: Any) -> None:
        told = orjson.dumps({"kind": kind, "instance": "ess_1", "type": "fault", **body})
        message = Message("pub", self.router.uri, told, sender="ess_1", command="c")
        self.take(self.router.handle(message, self.now, WALL + self.now))

    def order(self, verb: str, source: str, **body: Any) -> None:
        self.orders += 1
        told = orjson.dumps({"verb": verb, "ids": [f"ess_1:fault:{source}"], "by": "eve", "why": "x", **body})
        message = Message("set", self.router.uri + "/order", told, sender="web", command=f"o{self.orders}")
        self.take(self.router.handle(message, self.now, WALL + self.now))

    @rule(source=SOURCES, latch=st.booleans(), on=st.sampled_from([0, 0, 5]), off=st.sampled_from([0, 0, 5]))
    def raised(self, source: str, latch: bool, on: float, off: float) -> None:
        self.wrong[source] = True
        self.cleared.discard(source)
        self.say("raised", source=source, rules={"latch": latch, "on_delay_s": on, "off_delay_s": off})

    @rule(source=SOURCES)
    def normal(self, source: str) -> None:
        if self.wrong.get(source):
            self.wrong[source] = False
            self.say("normal", source=source)

    @rule(reason=st.sampled_from(["", "lease", "start"]))
    def held(self, reason: str) -> None:
        told = {"kind": "held", "held": {"ess_1/pcs": reason} if reason else {}}
        message = Message("set", self.router.uri, orjson.dumps(told), sender="ess_1/pcs")
        self.take(self.router.handle(message, self.now, WALL + self.now))
        self.holding = bool(reason)

    @rule()
    def stands(self) -> None:
        rows = [["ess_1", s, "fault", not wrong, s in self.cleared] for s, wrong in self.wrong.items()]
        self.say("stands", told=rows, present=[s for s, wrong in self.wrong.items() if wrong])

    @invariant()
    def a_device_held_at_its_safe_values_is_in_the_list(self) -> None:
        found = self.router.list.alarms.get("ess_1:alarm:/actors/ess_1/pcs:safe_state")
        assert self.holding == (found is not None and found.active and found.listed)

    @rule()
    def clear(self) -> None:
        self.say("cleared", sources=list(self.wrong))
        self.cleared |= self.wrong.keys()

    @rule(source=SOURCES, verb=st.sampled_from(["ack", "unshelve", "out_of_service", "in_service"]))
    def ordered(self, source: str, verb: str) -> None:
        self.order(verb, source)

    @rule(source=SOURCES, minutes=st.sampled_from([0.1, 0.5]))
    def shelved(self, source: str, minutes: float) -> None:
        self.order("shelve", source, minutes=minutes)

    @rule(source=SOURCES, on=st.booleans())
    def suppressed(self, source: str, on: bool) -> None:
        self.say("suppressed", source=source, on=on)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.router.tick(self.now, WALL + self.now))

    @rule()
    def killed(self) -> None:
        self.router = AlarmRouter("ess_1", ("ess_1",))
        kept = {key: orjson.loads(value) for key, value in self.kept.items()}
        assert self.router.begin(kept, self.now, WALL + self.now) == []
        self.take([])

    @invariant()
    def nothing_vanishes_unseen(self) -> None:
        alarms = self.router.list.alarms
        for source, wrong in self.wrong.items():
            alarm = alarms[f"ess_1:fault:{source}"]
            assert alarm.condition == wrong
            waits = alarm.raise_at > 0
            assert alarm.listed or waits or not wrong, "it stands and nobody sees it"
            if alarm.rules.latch and not alarm.listed and not waits:
                assert source in self.cleared or alarm.count == 0 or alarm.rules.on_delay_s, (
                    "gone without a clear"
                )

    @invariant()
    def the_last_transition_tells_where_it_is(self) -> None:
        for alarm in self.router.list.alarms.values():
            assert self.seen.get(alarm.id, "normal") == alarm.state.value

    @invariant()
    def every_shelf_ends(self) -> None:
        self.take(self.router.tick(self.now, WALL + self.now))
        for alarm in self.router.list.alarms.values():
            if alarm.state.value == "shelved":
                due = self.router.next_due()
                assert due is not None and due <= self.now + 31.0


OneRouter.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestOneRouter = OneRouter.TestCase
