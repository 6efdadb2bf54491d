"""Several routers make one list: orders done everywhere once, silent peers, first-out and consequences, texts."""

from typing import Any

import orjson
import pytest

from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.messages import Message

WALL = 1_763_800_000.0
NAMES = ("ess_1", "ess_2")
HOT = "/faults/bms_2:BMS_2_OverTemp"
LOST = "/status/bms_2:Timestamp"


class Routers:
    """Routers of one site on one clock; `cut` = who is not heard."""

    def __init__(self, *names: str) -> None:
        self.now = 0.0
        self.routers = {name: AlarmRouter(name, names) for name in names}
        self.cut: set[str] = set()
        self.sent: list[Message] = []
        for router in self.routers.values():
            router.begin({}, 0.0, WALL)
            router.running([f"{name}{child}" for name in names for child in ("", "/alarms")], 0.0)
        self.run(0.5)

    def say(self, name: str, kind: str, command: str = "", **body: Any) -> None:
        told = orjson.dumps({"kind": kind, **body})
        self.pass_on([Message("pub", f"/alarm_router/{name}", told, command=command, sender=name)])

    def raised(self, name: str, source: str = HOT, kind: str = "fault", **more: Any) -> None:
        body = {"type": kind, "instance": "ess_2", "source": source, "asset": "bms_2", "severity": 4}
        self.say(name, "raised", **{**body, **more})

    def order(self, name: str, verb: str, command: str = "c1", **body: Any) -> dict[str, Any] | None:
        """The answer, as soon as it is there; None when it takes too long."""
        uri = f"/alarm_router/{name}/order"
        told = orjson.dumps({"verb": verb, "by": "eve", "origin": "::1", **body})
        before = len(self.sent)
        self.pass_on([Message("set", uri, told, replyto="/me", command=command, explain=True, sender="web")])
        self.run(2.0)
        answers = [m for m in self.sent[before:] if m.uri == "/me"]
        return orjson.loads(answers[0].body) if answers else None

    def pass_on(self, messages: list[Message]) -> None:
        queue = list(messages)
        while queue:
            message = queue.pop(0)
            self.sent.append(message)
            for name, router in self.routers.items():
                heard = message.uri == "/alarm_router/all" or message.uri.startswith(router.uri)
                if heard and message.sender != f"{name}/alarms" and not self._cut(name, message):
                    out = router.handle(message, self.now, WALL + self.now)
                    queue += [m._replace(sender=f"{name}/alarms") for m in out]

    def _cut(self, name: str, message: Message) -> bool:
        return name in self.cut or message.sender.split("/")[0] in self.cut

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = min((t for r in self.routers.values() if (t := r.next_due()) is not None), default=end + 1)
            if due > end:
                break
            self.now = max(due, self.now)
            for name, router in self.routers.items():
                out = router.tick(self.now, WALL + self.now)
                self.pass_on([m._replace(sender=f"{name}/alarms") for m in out])
        self.now = end

    def shown(self, name: str) -> list[dict[str, Any]]:
        return self.routers[name].alarms(self.now)

    def states(self) -> list[dict[str, str]]:
        return [{a["source"]: a["state"] for a in self.shown(name)} for name in self.routers]

    def transitions(self) -> list[tuple[str, str, str]]:
        """Router, from, to of every transition that was published."""
        bodies = [
            (m.uri, orjson.loads(m.body))
            for m in self.sent
            if m.method == "pub" and m.sender.endswith("alarms")
        ]
        return [
            (u.rpartition("/")[2], b["from"], b["to"]) for u, b in bodies if b.get("kind") == "transition"
        ]


@pytest.fixture
def site() -> Routers:
    return Routers(*NAMES)


def test_every_router_has_the_list_of_the_whole_site(site: Routers) -> None:
    site.raised("ess_2")
    site.raised("ess_1", "/faults/pcs:X", instance="ess_1", asset="pcs")
    site.run(1.0)
    assert site.shown("ess_1") == site.shown("ess_2")
    assert {a["id"] for a in site.shown("ess_1")} == {f"ess_2:fault:{HOT}", "ess_1:fault:/faults/pcs:X"}


def test_of_an_alarm_that_two_instances_know_one_tells(site: Routers) -> None:
    site.raised("ess_2")
    site.raised("ess_1")
    site.run(3.0)
    site.say("ess_2", "normal", source=HOT)
    site.say("ess_1", "normal", source=HOT)
    site.run(3.0)
    assert site.transitions() == [
        ("ess_2", "normal", "unacknowledged_active"),
        ("ess_2", "unacknowledged_active", "returned_unacknowledged"),
    ]


def test_what_only_the_other_instance_knows_is_told_by_that_one_also_after_its_restart(site: Routers) -> None:
    site.raised("ess_1")
    assert site.transitions() == []
    kept = orjson.loads(orjson.dumps(site.routers["ess_1"].state()))
    site.routers["ess_1"] = AlarmRouter("ess_1", NAMES)
    assert site.routers["ess_1"].begin(kept, site.now, WALL + site.now) == []
    site.run(3.0)
    assert site.transitions() == [("ess_1", "normal", "unacknowledged_active")]


def test_the_alarms_of_a_silent_instance_are_uncertain_and_not_gone(site: Routers) -> None:
    site.raised("ess_2")
    site.run(1.0)
    site.cut.add("ess_2")
    site.run(5.0)
    (alarm,) = site.shown("ess_1")
    assert (alarm["quality"], alarm["state"]) == ("UNCERTAIN", "unacknowledged_active")
    kept = orjson.loads(orjson.dumps(site.routers["ess_1"].state()))
    site.routers["ess_1"] = again = AlarmRouter("ess_1", NAMES)
    again.begin(kept, site.now, WALL + site.now)
    site.run(5.0)
    assert [a["quality"] for a in site.shown("ess_1")] == ["UNCERTAIN"], "also over a restart of who heard it"
    site.cut.clear()
    site.run(2.0)
    assert [a["quality"] for a in site.shown("ess_1")] == ["GOOD"]


def test_what_a_router_remembers_of_others_is_uncertain_until_it_has_heard_them(site: Routers) -> None:
    site.raised("ess_2")
    site.run(1.0)
    kept = orjson.loads(orjson.dumps(site.routers["ess_1"].state()))
    site.say("ess_2", "normal", source=HOT)
    site.routers["ess_1"] = again = AlarmRouter("ess_1", NAMES)
    again.begin(kept, site.now, WALL + site.now)
    again.running(["ess_1", "ess_1/alarms", "ess_2", "ess_2/alarms"], site.now)
    (alarm,) = site.shown("ess_1")
    assert (alarm["state"], alarm["quality"]) == ("unacknowledged_active", "UNCERTAIN")
    site.run(0.5)
    (alarm,) = site.shown("ess_1")
    assert (alarm["state"], alarm["quality"]) == ("returned_unacknowledged", "GOOD"), "it asks by itself"


def test_one_that_does_not_run_is_silent_at_once(site: Routers) -> None:
    site.raised("ess_2")
    site.run(1.0)
    site.routers["ess_1"].running(["ess_1", "ess_1/alarms"], site.now)
    assert [a["quality"] for a in site.shown("ess_1")] == ["UNCERTAIN"]


def test_an_acknowledgement_holds_wherever_the_alarm_is_known(site: Routers) -> None:
    site.raised("ess_2")
    site.raised("ess_1")
    site.raised("ess_2", "/faults/bms_2:Only", asset="bms_2")
    site.run(1.0)
    answer = site.order("ess_1", "ack", all=True)
    assert answer is not None
    assert (answer["status"], answer["text"]) == ("ok", "2 of 2 acknowledged")
    states = {HOT: "acknowledged_active", "/faults/bms_2:Only": "acknowledged_active"}
    assert site.states() == [states, states]
    assert site.shown("ess_1")[0]["acknowledged"]["by"] == "eve"


def test_twice_is_once_and_answered_twice(site: Routers) -> None:
    site.raised("ess_2")
    site.run(1.0)
    first, before = site.order("ess_1", "ack", all=True), len(site.transitions())
    assert site.order("ess_1", "ack", all=True) == first
    assert len(site.transitions()) == before
    again = site.order("ess_1", "ack", "c2", ids=[f"ess_2:fault:{HOT}", "ess_1:fault:/no:one"])
    assert again is not None
    assert again["results"] == {
        f"ess_2:fault:{HOT}": "already acknowledged",
        "ess_1:fault:/no:one": "not found",
    }
    assert (again["status"], again["text"]) == ("partly", "1 of 2 acknowledged; 1 not found")
    assert [kept["command"] for kept in site.routers["ess_1"].orders.last] == ["c2", "c1"]


def test_an_order_is_answered_without_a_router_that_is_silent_or_falls_silent(site: Routers) -> None:
    site.raised("ess_1", "/faults/pcs:X", instance="ess_1")
    site.run(1.0)
    site.cut.add("ess_2")
    answer = site.order("ess_1", "ack", all=True)
    assert answer is not None
    assert (answer["status"], answer["text"]) == ("partly", "1 of 1 acknowledged; ess_2 did not answer")
    site.run(5.0)
    answer = site.order("ess_1", "shelve", "c2", ids=["ess_1:fault:/faults/pcs:X"], minutes=1, why="noise")
    assert answer is not None and answer["status"] == "ok"


def test_what_was_acknowledged_while_a_router_was_away_is_so_when_it_is_back(site: Routers) -> None:
    site.raised("ess_2")
    site.raised("ess_1")
    site.run(1.0)
    site.cut.add("ess_2")
    site.order("ess_1", "ack", all=True)
    site.cut.clear()
    site.run(3.0)
    assert site.states() == [{HOT: "acknowledged_active"}] * 2


def test_an_acknowledgement_from_before_a_report_anew_does_not_count_for_it(site: Routers) -> None:
    site.raised("ess_2")
    site.raised("ess_1")
    site.run(1.0)
    site.say("ess_2", "cleared", type="fault", sources=[HOT], by="web")
    site.say("ess_1", "cleared", type="fault", sources=[HOT], by="web")
    site.run(0.1)
    site.raised("ess_1")
    site.run(3.0)
    assert site.routers["ess_1"].list.alarms[f"ess_2:fault:{HOT}"].state.value == "unacknowledged_active"
    (alarm,) = site.shown("ess_1")
    assert alarm["acknowledged"]["by"] == "web", "ess_2, in which it began, was not told anew"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"verb": "dance", "all": True}, "the verb must be one of"),
        ({"verb": "ack"}, 'name alarms in "ids"'),
        ({"verb": "shelve", "all": True, "why": "x"}, "a shelf needs an end"),
        ({"verb": "shelve", "all": True, "why": "x", "minutes": 1e9}, "a shelf needs an end"),
        ({"verb": "shelve", "all": True, "minutes": 5}, 'say in "why"'),
        ({"verb": "out_of_service", "all": True, "why": " "}, 'say in "why"'),
    ],
)
def test_an_order_that_lacks_something_is_refused_with_what_to_do(
    site: Routers, body: Any, text: str
) -> None:
    answer = site.order("ess_1", body.pop("verb"), **body)
    assert answer is not None
    assert answer["status"] == "refused" and text in answer["text"]


def test_a_shelved_alarm_comes_back_by_itself(site: Routers) -> None:
    site.raised("ess_2")
    site.run(1.0)
    site.order("ess_1", "shelve", ids=[f"ess_2:fault:{HOT}"], minutes=1, why="noise")
    (alarm,) = site.shown("ess_2")
    assert (alarm["state"], alarm["active"], alarm["shelved"]["why"]) == ("shelved", True, "noise")
    site.run(61.0)
    assert site.states() == [{HOT: "unacknowledged_active"}] * 2


def test_out_of_service_lasts_until_it_is_taken_back_and_what_is_normal_can_be_taken_out(
    site: Routers,
) -> None:
    identity = f"ess_2:fault:{HOT}"
    site.raised("ess_2")
    site.say("ess_2", "normal", source=HOT)
    site.say("ess_2", "cleared", sources=[HOT], type="fault")
    site.run(1.0)
    assert site.states() == [{}, {}]
    site.order("ess_1", "out_of_service", "c1", ids=[identity], why="sensor is replaced")
    site.raised("ess_2")
    site.run(1.0)
    assert site.states() == [{HOT: "out_of_service"}] * 2
    site.order("ess_1", "in_service", "c2", ids=[identity])
    assert site.states() == [{HOT: "unacknowledged_active"}] * 2


# --- first-out ----------------------------------------------------------------------------------------------------


def firsts(site: Routers) -> list[list[str]]:
    return [[a["source"] for a in site.shown(name) if a["first_out"]] for name in site.routers]


def test_the_first_fault_of_a_trip_is_marked_at_every_reader(site: Routers) -> None:
    site.raised("ess_2")
    site.run(0.3)
    site.raised("ess_1", "/faults/pcs:X", instance="ess_1")
    site.raised("ess_1")
    site.run(1.0)
    assert firsts(site) == [[HOT], [HOT]]
    site.say("ess_2", "normal", source=HOT)
    site.run(1.0)
    assert firsts(site) == [[HOT], [HOT]], "it stays the first when it has returned"


def test_who_follows_a_first_that_is_gone_is_not_the_first(site: Routers) -> None:
    site.raised("ess_2", rules={"latch": False})
    site.run(0.3)
    site.raised("ess_1", "/faults/pcs:X", instance="ess_1")
    site.run(0.3)
    site.order("ess_1", "ack", all=True)
    site.say("ess_2", "normal", source=HOT)
    site.run(1.0)
    assert firsts(site) == [[], []]


def test_consequences_are_grouped_under_their_cause_over_instances(site: Routers) -> None:
    rules = {"consequence_of": f"{LOST} /x:y", "consequence_window_s": 5}
    site.raised("ess_2", LOST, "alarm")
    site.run(1.0)
    site.raised("ess_1", "/faults/pcs:X", instance="ess_1", rules=rules)
    site.run(6.0)
    site.raised("ess_1", "/faults/pcs:Late", instance="ess_1", rules=rules)
    site.run(1.0)
    for name in NAMES:
        causes = {a["source"]: a["cause"] for a in site.shown(name)}
        assert causes == {LOST: None, "/faults/pcs:X": f"ess_2:alarm:{LOST}", "/faults/pcs:Late": None}
    assert firsts(site) == [[LOST], [LOST]], "the root of the first fault"


def test_what_comes_long_after_a_cause_is_over_does_not_follow_from_it(site: Routers) -> None:
    rules = {"consequence_of": LOST, "consequence_window_s": 30}
    site.raised("ess_2", LOST, "alarm")
    site.run(1.0)
    site.say("ess_2", "normal", source=LOST)
    site.run(1.0)
    site.raised("ess_1", "/faults/pcs:Soon", instance="ess_1", rules=rules)
    site.run(4.0)
    site.raised("ess_1", "/faults/pcs:Later", instance="ess_1", rules=rules)
    site.raised("ess_2", "/faults/bms_2:Later", rules=rules)
    site.run(1.0)
    site.order("ess_1", "ack", all=True)
    for name in NAMES:
        causes = {a["source"]: a["cause"] for a in site.shown(name)}
        assert causes == {
            LOST: None,
            "/faults/pcs:Soon": f"ess_2:alarm:{LOST}",
            "/faults/pcs:Later": None,
            "/faults/bms_2:Later": None,
        }


def test_a_fault_with_an_on_delay_is_the_first_from_when_it_stands(site: Routers) -> None:
    site.raised("ess_2", rules={"on_delay_s": 2})
    site.run(1.0)
    assert site.states() == [{}, {}]
    site.run(2.0)
    assert firsts(site) == [[HOT], [HOT]]


# --- clear --------------------------------------------------------------------------------------------------------


def test_the_result_of_a_clear_in_words() -> None:
    site = Routers("ess_1", "ess_2", "ess_3")
    sources = [f"/faults/bms_2:BMS_2_F{n}" for n in range(14)]
    for source in [*sources, HOT]:
        site.raised("ess_2", source)
    for source in sources:
        site.say("ess_2", "normal", source=source)
    site.run(1.0)
    site.order("ess_1", "clear", "k1", origin="10.0.0.7")
    site.say(
        "ess_1",
        "clear",
        "k1",
        type="fault",
        root=True,
        asset="ess",
        remaining=[],
        instances=["ess_2", "ess_3"],
    )
    site.say("ess_2", "cleared", "k1", type="fault", sources=[*sources, HOT])
    site.say("ess_2", "clear", "k1", type="fault", root=False, asset="ess", remaining=[HOT], instances=[])
    site.run(4.0)
    result = site.routers["ess_1"].clears.last
    assert result is not None
    assert result["text"] == "14 of 15 cleared; BMS_2 over temp still active; ess_3 gave no answer in time"
    assert (result["by"], result["asked"], result["answered"]) == ("eve", 3, 2)
    assert [(m["instance"], m["outcome"], m["remaining"]) for m in result["members"]] == [
        ("ess_1", "cleared", []),
        ("ess_2", "still active", [HOT]),
        ("ess_3", "no answer in time", []),
    ]
    assert all(m["because"] or m["outcome"] == "cleared" for m in result["members"])
    assert site.states()[0] == {HOT: "acknowledged_active"}


def test_what_an_instance_says_after_a_restart_counts(site: Routers) -> None:
    for source in ("/faults/x:Gone", "/faults/x:Returned", "/faults/x:Stands"):
        site.raised("ess_1", source, instance="ess_1")
    site.say("ess_1", "normal", source="/faults/x:Gone")
    rows = [
        ["ess_1", "/faults/x:Returned", "fault", True, False],
        ["ess_1", "/faults/x:Stands", "fault", False, False],
    ]
    site.say("ess_1", "stands", told=rows, present=["/faults/x:Stands"])
    assert site.states()[0] == {
        "/faults/x:Returned": "returned_unacknowledged",
        "/faults/x:Stands": "unacknowledged_active",
    }


def test_what_its_design_suppresses_is_listed_apart(site: Routers) -> None:
    site.raised("ess_2", suppressed=True)
    site.run(1.0)
    assert site.states() == [{HOT: "suppressed"}] * 2
    site.say("ess_2", "suppressed", source=HOT, on=False)
    site.run(1.0)
    assert site.states() == [{HOT: "unacknowledged_active"}] * 2


def test_lists_of_another_form_harm_nobody(site: Routers) -> None:
    for alarms in ([5], [{"id": 5}], "x", {"a": 1}, None):
        for version in ([1, 2], "x", [1], None, ["a", "b"]):
            site.say("all", "list", instance="ess_2", version=version, alarms=alarms)
    assert site.shown("ess_1") == []
