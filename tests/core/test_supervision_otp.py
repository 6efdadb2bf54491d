"""The cases of OTP's documentation of `supervisor`, as a table of what happens and what is ordered.

`a b:transient c` are children in start order; all run at time 0. A line of a case is `what -> orders`: `fail a`
(it ends with an error), `end a` (it ends in order), `gone a` (the process that was told to stop is gone), `look T`
(the clock is T), `operator stop a`. Orders are `start a`, `stop a`, `kill a`, `escalate a`; a pause is 1 s.

Where this differs from OTP on purpose the case says so in its name.
"""

from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.errors import RequestError
from ess_actors.core.supervision import (
    ChildSpec,
    Escalate,
    Kill,
    Restart,
    Start,
    Stop,
    Strategy,
    Supervision,
    Terminate,
)

CASES: dict[str, tuple[str, str, str]] = {
    # --- restart types
    "a permanent child is always restarted, after an error": ("one_for_one", "a", "fail a; look 1 -> start a"),
    "a permanent child is always restarted, after a normal end": (
        "one_for_one", "a", "end a; look 1 -> start a",
    ),
    "a transient child is restarted after an error": (
        "one_for_one", "a:transient", "fail a; look 1 -> start a",
    ),
    "a transient child is not restarted after a normal end": (
        "one_for_one", "a:transient", "end a; look 9; is a STOPPED",
    ),
    "a temporary child is never restarted, not after an error": (
        "one_for_one", "a:temporary", "fail a; look 9; is a STOPPED",
    ),
    "a temporary child is never restarted, not after a normal end": (
        "one_for_one", "a:temporary", "end a; look 9; is a STOPPED",
    ),
    # --- strategies
    "one_for_one: only that child is restarted": ("one_for_one", "a b c", "fail b; look 1 -> start b"),
    "one_for_all: all others are ended, the last first, and all are started in order": (
        "one_for_all", "a b c",
        "fail b -> stop c; gone c -> stop a; gone a; look 1 -> start a, start b, start c",
    ),
    "one_for_all: nobody starts before the last one is gone": (
        "one_for_all", "a b", "fail a -> stop b; look 1; gone b; look 1.5 -> start a, start b",
    ),
    "rest_for_one: those after it are ended, the last first, and started in order": (
        "rest_for_one", "a b c d", "fail b -> stop d; gone d -> stop c; gone c; look 1 -> start b, start c, start d",
    ),
    "rest_for_one: the last child is alone": ("rest_for_one", "a b", "fail b; look 1 -> start b"),
    "rest_for_one: the first child takes all": (
        "rest_for_one", "a b", "fail a -> stop b; gone b; look 1 -> start a, start b",
    ),
    "a temporary child that is ended for a sibling is not restarted": (
        "one_for_all", "a b:temporary", "fail a -> stop b; gone b; look 1 -> start a; is b STOPPED",
    ),
    "a transient child that is ended for a sibling is restarted": (
        "one_for_all", "a b:transient", "fail a -> stop b; gone b; look 1 -> start a, start b",
    ),
    "a transient child that had ended is started with all others": (
        "one_for_all", "a b:transient", "end b; fail a; look 1 -> start a, start b",
    ),
    "a normal end of a transient child disturbs nobody": (
        "one_for_all", "a b:transient", "end b; look 9; is a RUNNING",
    ),
    "the end of a temporary child disturbs nobody": (
        "one_for_all", "a b:temporary", "fail b; look 9; is a RUNNING",
    ),
    "a sibling that dies of itself while others are ended is one of them": (
        "one_for_all", "a b c", "fail a -> stop c; fail b; gone c; look 1 -> start a, start b, start c",
    ),
    "a second failure while others are ended takes its own rest along": (
        "rest_for_one", "a b c d",
        "fail c -> stop d; fail a; gone d -> stop b; gone b; look 2 -> start a, start b, start c, start d",
    ),
    # --- shutdown
    "a child that does not end in its time is killed": (
        "one_for_all", "a b", "fail a -> stop b; look 2 -> kill b; gone b; look 3 -> start a, start b",
    ),
    "brutal kill: a child with no time is not asked": (
        "one_for_all", "a b:brutal", "fail a -> kill b; gone b; look 1 -> start a, start b",
    ),
    # --- an operator
    "a child that was stopped stays stopped": (
        "one_for_one", "a", "operator stop a -> stop a; gone a; look 99; is a STOPPED",
    ),
    "unlike OTP: what an operator stopped is not started with all others": (
        "one_for_all", "a b", "operator stop b -> stop b; gone b; fail a; look 1 -> start a; is b STOPPED",
    ),
    "a stopped child is started by order": (
        "one_for_one", "a", "operator stop a -> stop a; gone a; operator start a -> start a",
    ),
    "a stop while it is ended for a sibling holds": (
        "one_for_all", "a b", "fail a -> stop b; operator stop b; gone b; look 1 -> start a; is b STOPPED",
    ),
    # --- intensity
    "too many failures end it": (
        "one_for_one", "a:twice b", "fail a; look 1 -> start a; fail a; look 99; is a FAILED; is b RUNNING",
    ),
    "unlike OTP: intensity is counted for each child": (
        "one_for_one", "a:twice b:twice",
        "fail a; look 1 -> start a; fail b; look 3 -> start b; is a RUNNING; is b RUNNING",
    ),
    "a significant child that is given up escalates": (
        "one_for_one", "a:vital b", "fail a -> escalate a; is a FAILED",
    ),
    "siblings are left alone by one that is given up": (
        "one_for_all", "a:once b", "fail a; look 99; is a FAILED; is b RUNNING",
    ),
    "one that was given up is not started with all others": (
        "one_for_all", "a:once b", "fail a; fail b; look 1 -> start b; is a FAILED",
    ),
}  # fmt: skip

KINDS: dict[str, dict[str, Any]] = {
    "": {},
    "transient": {"restart": Restart.TRANSIENT},
    "temporary": {"restart": Restart.TEMPORARY},
    "brutal": {"shutdown_s": 0},
    "once": {"intensity": 1},
    "twice": {"intensity": 2},
    "vital": {"intensity": 1, "significant": True},
}


def child(word: str) -> ChildSpec:
    name, _, kind = word.partition(":")
    return ChildSpec(
        name, "case", **{"backoff_min_s": 1.0, "backoff_max_s": 1.0, "period_s": 1e6, **KINDS[kind]}
    )


@pytest.mark.parametrize("name", CASES)
def test_as_otp_says(name: str) -> None:
    strategy, children, story = CASES[name]
    supervision, now = Supervision(map(child, children.split()), Strategy(strategy)), 0.0
    for order in supervision.begin(0.0):
        assert supervision.ready(order.id, 1, 1, 0.0)
    for line in story.split("; "):
        happening, _, expected = line.partition(" -> ")
        orders: list[Any] = []
        match happening.split():
            case ["fail" | "end" | "gone" as how, one]:
                generation = supervision.generation(one)
                orders = supervision.exited(one, generation, "boom", now, normal=how != "fail")
            case ["look", at]:
                now = float(at)
                orders = supervision.due(now)
            case ["operator", verb, one]:
                orders = supervision.order(one, verb, now)
            case ["is", one, state]:
                assert supervision.report(one).state == state, line
        told = [f"{type(order).__name__.lower()} {order.id}" for order in orders]
        assert told == (expected.split(", ") if expected else []), line
        for order in orders:
            if isinstance(order, Start):
                supervision.ready(order.id, order.generation, 1, now)


def test_a_hung_child_is_signalled_then_killed_and_counts_as_failed() -> None:
    supervision = Supervision([ChildSpec("a", "case")])
    supervision.begin(0.0)
    supervision.ready("a", 1, 77, 0.1)
    assert supervision.hung("a", 0, "hung", 0.2) == []  # an earlier process
    assert supervision.hung("a", 1, "hung: no progress", 1.0) == [Terminate("a", 1, 77)]
    assert supervision.hung("a", 1, "hung: no progress", 1.1) == []
    assert supervision.due(1.2) == [Kill("a", 1, 77)]
    assert supervision.exited("a", 1, "killed by SIGKILL", 1.3) == []
    report = supervision.report("a")
    assert (report.state, report.last_error) == ("BACKOFF", "hung: no progress")
    assert report.recent_failures(1.3) == 1 and report.recent_failures(61.4) == 0


def test_a_child_that_hangs_in_its_start_is_not_waited_for() -> None:
    supervision = Supervision([ChildSpec("a", "case")])
    supervision.begin(0.0)
    supervision.born("a", 77)
    assert supervision.hung("a", 1, "hung: halted in its start", 1.3) == [Terminate("a", 1, 77)]
    assert not supervision.ready("a", 1, 77, 1.4), "it is ended all the same"
    assert supervision.due(1.5) == [Kill("a", 1, 77)]
    supervision.exited("a", 1, "killed by SIGKILL", 1.6)
    assert supervision.report("a").last_error == "hung: halted in its start"


def test_a_hung_child_that_an_operator_stops_stays_stopped() -> None:
    supervision = Supervision([ChildSpec("a", "case")])
    supervision.begin(0.0)
    supervision.ready("a", 1, 77, 0.1)
    supervision.hung("a", 1, "hung", 1.0)
    assert supervision.order("a", "stop", 1.1) == []
    assert supervision.due(1.2) == [Kill("a", 1, 77)]
    supervision.exited("a", 1, "killed by SIGKILL", 1.3)
    assert supervision.due(99.0) == [] and supervision.report("a").state == "STOPPED"


def test_children_stopped_in_an_earlier_life_wait_for_their_order() -> None:
    supervision = Supervision([ChildSpec("a", "case"), ChildSpec("b", "case")], stopped=["b", "unknown"])
    assert supervision.begin(0.0) == [Start("a", 1)]
    assert (supervision.report("b").state, supervision.report("b").stopped_by) == ("STOPPED", "operator")
    assert supervision.order("b", "start", 1.0) == [Start("b", 1)]


@given(st.floats(0, 1), st.integers(1, 20))
def test_a_pause_is_longer_by_the_jitter_at_most(draw: float, failures: int) -> None:
    spec = ChildSpec("a", "case", intensity=100, backoff_min_s=0.05, backoff_max_s=5.0, jitter=0.2)
    supervision, now = Supervision([spec]), 0.0
    supervision.begin(now)
    for number in range(failures):
        generation = supervision.generation("a")
        supervision.ready("a", generation, 1, now)
        supervision.exited("a", generation, "boom", now, draw=draw)
        next_try = supervision.report("a").next_try
        assert next_try is not None
        plain = min(5.0, 0.05 * 4**number)
        assert plain * 0.999 <= next_try - now <= plain * 1.2001
        now = next_try
        supervision.due(now)


def test_a_child_that_ran_well_is_back_after_the_shortest_pause() -> None:
    supervision, now, pauses = Supervision([ChildSpec("a", "case", intensity=100, steady_s=5.0)]), 0.0, []
    supervision.begin(now)
    for ran in (1.0, 1.0, 5.0, 6.0, 1.0):
        generation = supervision.generation("a")
        supervision.ready("a", generation, 1, now)
        now += ran
        supervision.exited("a", generation, "boom", now)
        next_try = supervision.report("a").next_try
        assert next_try is not None
        pauses.append(round(next_try - now, 6))
        now = next_try
        supervision.due(now)
    assert pauses == [0.05, 0.2, 0.05, 0.05, 0.2]


WORDS = st.sampled_from(["fail", "end", "look", "stop", "start", "restart", "hung", "stale", "twice"])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(list(Strategy)),
    st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=4),
    st.lists(st.tuples(WORDS, st.integers(0, 3), st.floats(0.0, 3.0)), max_size=40),
)
def test_whatever_happens_no_child_has_two_processes_and_nobody_waits_for_ever(strategy, kinds, events):
    """Stops may be carried out late or never: a kill ends them. Stale and doubled notices are thrown in."""
    specs = [child(f"{name}:{kind}") for name, kind in zip("abcd", kinds, strict=False)]
    supervision, now, alive = Supervision(specs, strategy), 0.0, dict[str, int]()

    def obey(orders):
        pending = deque(
            orders
        )  # what an exit leads to comes after what was ordered before it, as in a message loop
        while pending:
            order = pending.popleft()
            match order:
                case Start():
                    assert order.id not in alive, "started while the last one lives"
                    alive[order.id] = order.generation
                    supervision.ready(order.id, order.generation, 1, now)
                case Stop() | Terminate():
                    assert alive[order.id] == order.generation
                case Kill():
                    assert alive.pop(order.id) == order.generation
                    pending.extend(supervision.exited(order.id, order.generation, "killed", now))
                case Escalate():
                    assert supervision.report(order.id).state == "FAILED"

    obey(supervision.begin(now))
    for word, number, pause in events:
        now += pause
        name = specs[number % len(specs)].id
        generation = supervision.generation(name)
        if word in ("fail", "end") and name in alive:
            del alive[name]
            obey(supervision.exited(name, generation, "boom", now, normal=word == "end"))
        elif word == "twice" and name not in alive:
            assert supervision.exited(name, generation, "again", now) == []
        elif word == "stale":
            assert supervision.exited(name, generation - 1, "late", now) == []
            assert not supervision.ready(name, generation - 1, 1, now)
        elif word == "hung":
            obey(supervision.hung(name, generation, "hung", now))
        elif word == "look":
            obey(supervision.due(now))
        elif word in ("stop", "start", "restart"):
            try:
                orders = supervision.order(name, word, now)
            except RequestError:
                continue
            obey(orders)
    for _ in range(20):  # nothing more happens but time: everybody arrives somewhere
        due = supervision.next_due()
        if due is None:
            break
        now = max(now, due)
        obey(supervision.due(now))
    assert supervision.next_due() is None
    for report in supervision.reports():
        assert report.state in ("RUNNING", "FAILED", "STOPPED")
        assert (report.id in alive) == (report.state == "RUNNING")
