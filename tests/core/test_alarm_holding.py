"""A device held at its safe values is an alarm that its client tells of: once, till it is over, over all restarts."""

from typing import Any

import orjson
import pytest

from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.messages import Message

WALL = 1_763_800_000.0
PCS, ID = "ess_1/pcs", "ess_1:alarm:/actors/ess_1/pcs:safe_state"
EVERYBODY = ("ess_1", "ess_1/alarms", PCS)


class Bench:
    """One router, and what it published of transitions."""

    def __init__(self) -> None:
        self.router, self.now = AlarmRouter("ess_1"), 0.0
        self.steps: list[tuple[str, str, str]] = []

    def take(self, messages: list[Message]) -> list[Message]:
        told = [orjson.loads(message.body) for message in messages]
        self.steps += [(b["id"], b["from"], b["to"]) for b in told if b.get("kind") == "transition"]
        return messages

    def say(self, sender: str, command: str = "", **body: Any) -> list[Message]:
        self.now += 1.0
        message = Message("set", self.router.uri, orjson.dumps(body), sender=sender, command=command)
        return self.take(self.router.handle(message, self.now, WALL + self.now))

    def held(self, *, sender: str = PCS, **held: str) -> None:
        """What the client says, device by stem."""
        self.say(sender, kind="held", held={f"ess_1/{stem}": reason for stem, reason in held.items()})

    def states(self) -> dict[str, str]:
        return {a["id"]: a["state"] for a in self.router.alarms(self.now)}

    def killed(self, everybody: tuple[str, ...] = EVERYBODY) -> None:
        kept = orjson.loads(orjson.dumps(self.router.state()))
        self.router = AlarmRouter("ess_1")
        assert self.router.begin(kept, self.now, WALL + self.now) == []
        self.take(self.router.belong(everybody, self.now, WALL + self.now))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_is_raised_with_its_reason_and_asks_for_a_person(bench: Bench) -> None:
    bench.held(pcs="lease")
    (alarm,) = bench.router.alarms(bench.now)
    assert (alarm["id"], alarm["state"]) == (ID, "unacknowledged_active")
    assert (alarm["name"], alarm["asset"]) == ("pcs held at safe values", "pcs")
    assert (alarm["priority"], alarm["value"], alarm["since"]) == ("high", "lease", WALL + 1.0)
    assert alarm["message"] == "held at its safe values: lease; a new command ends that"


def test_the_same_said_again_changes_nothing_and_another_reason_is_no_second_alarm(bench: Bench) -> None:
    bench.held(pcs="lease")
    bench.held(pcs="lease")
    bench.held(pcs="emergency_stop")
    (alarm,) = bench.router.alarms(bench.now)
    assert (alarm["count"], alarm["value"], alarm["since"]) == (1, "emergency_stop", WALL + 1.0)
    assert len(bench.steps) == 1


def test_a_fresh_command_returns_it_and_an_acknowledgement_ends_it(bench: Bench) -> None:
    bench.held(pcs="lease")
    bench.held()
    assert bench.states() == {ID: "returned_unacknowledged"}
    order = Message(
        "set",
        bench.router.uri + "/order",
        orjson.dumps({"verb": "ack", "ids": [ID], "by": "eve"}),
        sender="web",
    )
    bench.take(bench.router.handle(order, bench.now, WALL + bench.now))
    assert bench.states() == {}
    bench.held(pcs="lease")
    assert bench.states() == {ID: "unacknowledged_active"}


def test_it_stands_over_restarts_of_the_router_and_what_the_instance_says_stands(bench: Bench) -> None:
    bench.held(pcs="lease")
    bench.killed()
    bench.say("ess_1", kind="stands", told=[], present=[])
    assert bench.states() == {ID: "unacknowledged_active"}
    bench.held(pcs="lease")
    assert len(bench.steps) == 1
    bench.held()
    assert bench.states() == {ID: "returned_unacknowledged"}


def test_a_clear_takes_what_has_returned_and_leaves_what_stands(bench: Bench) -> None:
    bench.held(pcs="lease", pcs_2="lease")
    bench.held(pcs="lease")
    told = {"type": "alarm", "root": True, "asset": "ess", "remaining": [], "instances": [], "devices": []}
    out = bench.say("ess_1", "c1", kind="clear", **told)
    assert bench.states() == {ID: "unacknowledged_active"}
    assert any(b"1 of 1 cleared" in message.body for message in out)


def test_of_a_device_that_is_not_served_yet_nothing_is_known(bench: Bench) -> None:
    bench.held(pcs="lease", pcs_2="lease")
    bench.say(PCS, kind="held", held={"ess_1/pcs_2": "start"}, unknown=["ess_1/pcs"])
    assert set(bench.states().values()) == {"unacknowledged_active"}
    bench.say(PCS, kind="held", held={}, unknown=["ess_1/pcs"])
    assert bench.states()[ID] == "unacknowledged_active"
    bench.held()
    assert bench.states()[ID] == "returned_unacknowledged"


def test_a_device_that_another_client_serves_now_is_that_ones(bench: Bench) -> None:
    bench.held(pcs="lease", sender="ess_1/old")
    bench.held(pcs="lease")
    bench.held(sender="ess_1/old")
    assert bench.states() == {ID: "unacknowledged_active"}


def test_one_client_does_not_speak_for_another(bench: Bench) -> None:
    bench.held(pcs="lease")
    bench.held(sender="ess_1/bms_1")
    assert bench.states() == {ID: "unacknowledged_active"}
    bench.held(sender="ess_2/pcs", bms_9="lease")
    bench.held(sender="web")
    assert bench.states() == {ID: "unacknowledged_active"}


def test_a_device_that_the_site_has_no_longer_is_held_no_longer(bench: Bench) -> None:
    bench.held(pcs="lease")
    bench.killed(everybody=("ess_1", "ess_1/alarms"))
    assert bench.states() == {ID: "returned_unacknowledged"}


@pytest.mark.parametrize("held", [None, 1, [], {"ess_1/pcs": None}, {"ess_1/pcs": {}}])
def test_nonsense_brings_nothing_down(bench: Bench, held: object) -> None:
    bench.say(PCS, kind="held", held=held, unknown=held)
    assert set(bench.states()) <= {ID}
