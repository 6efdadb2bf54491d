"""Restart decisions as a table of times: backoff, intensity per child, operator's stop, stale exits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.errors import RequestError
from ess_actors.core.supervision import ChildSpec, Kill, Start, Stop, Supervision


def running(*ids: str, **limits: float) -> Supervision:
    """Children that have started at time 0."""
    supervision = Supervision(ChildSpec(i, "test", **limits) for i in ids)  # type: ignore[arg-type]
    for order in supervision.begin(0.0):
        supervision.ready(order.id, order.generation, 100, 0.0)
    return supervision


def report(supervision: Supervision, child: str = "a"):
    return next(r for r in supervision.reports() if r.id == child)


def fail(supervision: Supervision, now: float, child: str = "a"):
    return supervision.exited(child, supervision.generation(child), "killed by SIGKILL", now)


def restart_when_due(supervision: Supervision) -> float:
    """Let the pause pass and the child become ready; returns the time."""
    now = supervision.next_due()
    assert now is not None
    (order,) = supervision.due(now)
    assert isinstance(order, Start)
    assert supervision.ready(order.id, order.generation, 101, now)
    return now


def test_children_start_in_order_and_stop_in_reverse():
    supervision = Supervision(ChildSpec(i, "test") for i in "abc")
    assert [order.id for order in supervision.begin(0.0)] == ["a", "b", "c"]
    assert supervision.in_reverse() == ["c", "b", "a"]


def test_a_failure_is_restarted_after_a_pause_that_grows():
    supervision, now, pauses = running("a"), 1.0, []
    for _ in range(4):
        assert fail(supervision, now) == []
        assert report(supervision).state == "BACKOFF"
        pauses.append(round(report(supervision).next_try - now, 6))
        assert supervision.due(report(supervision).next_try - 0.001) == []
        now = restart_when_due(supervision)
    assert pauses == [0.05, 0.2, 0.8, 3.2]
    assert report(supervision).restarts == 4


def test_five_failures_in_sixty_seconds_are_the_end():
    supervision, now = running("a", "b"), 1.0
    for _ in range(4):
        fail(supervision, now)
        now = restart_when_due(supervision)
    assert fail(supervision, now) == []
    assert report(supervision).state == "FAILED"
    assert supervision.next_due() is None
    assert report(supervision, "b").state == "RUNNING"


def test_failures_that_lie_apart_never_end_it():
    supervision, now = running("a"), 0.0
    for _ in range(50):
        now += 15.1
        fail(supervision, now)
        now = restart_when_due(supervision)
    assert report(supervision).state == "RUNNING"


def test_an_operator_brings_a_failed_child_back_with_a_clean_record():
    supervision, now = running("a"), 1.0
    for _ in range(4):
        fail(supervision, now)
        now = restart_when_due(supervision)
    fail(supervision, now)
    (order,) = supervision.order("a", "restart", now)
    assert isinstance(order, Start)
    assert supervision.ready("a", order.generation, 7, now)
    fail(supervision, now)
    assert report(supervision).state == "BACKOFF"


def test_what_the_operator_stopped_stays_stopped():
    supervision = running("a")
    (order,) = supervision.order("a", "stop", 1.0)
    assert order == Stop("a", 1)
    assert supervision.exited("a", 1, "ended", 1.1) == []
    assert report(supervision).state == "STOPPED"
    assert report(supervision).stopped_by == "operator"
    assert supervision.due(1000.0) == []
    (order,) = supervision.order("a", "start", 1000.0)
    assert order == Start("a", 2)


def test_a_start_while_it_stops_brings_it_back_once_it_has_stopped():
    supervision = running("a")
    assert supervision.order("a", "stop", 1.0) == [Stop("a", 1)]
    assert supervision.order("a", "stop", 1.01) == []
    assert supervision.order("a", "start", 1.05) == []
    assert supervision.exited("a", 1, "ended", 1.1) == [Start("a", 2)]


def test_a_restart_of_a_running_child_stops_it_first():
    supervision = running("a")
    assert supervision.order("a", "restart", 1.0) == [Stop("a", 1)]
    assert supervision.exited("a", 1, "ended", 1.1) == [Start("a", 2)]
    assert report(supervision).last_error == ""


def test_a_child_that_does_not_stop_in_time_is_killed():
    supervision = running("a", shutdown_s=2.0)
    supervision.order("a", "stop", 1.0)
    assert supervision.due(2.9) == []
    assert supervision.due(3.0) == [Kill("a", 1, 100)]


def test_a_child_that_is_not_ready_in_time_is_killed_and_counts_as_failed():
    supervision = Supervision([ChildSpec("a", "test", start_limit_s=15.0)])
    supervision.begin(0.0)
    supervision.born("a", 55)
    assert supervision.due(15.0) == [Kill("a", 1, 55)]
    fail(supervision, 15.1)
    assert report(supervision).state == "BACKOFF"
    assert report(supervision).last_error == "not ready within 15 s"


def test_the_second_notice_of_a_death_and_one_of_an_earlier_process_do_nothing():
    supervision = running("a")
    fail(supervision, 1.0)
    assert fail(supervision, 1.0) == []
    assert len([c for c in supervision.reports() if c.state == "BACKOFF"]) == 1
    now = restart_when_due(supervision)
    assert supervision.exited("a", 1, "late", now) == []
    assert report(supervision).state == "RUNNING"


def test_last_words_are_kept_and_beat_the_exit_code():
    supervision = running("a")
    supervision.crashed("a", 1, "ValueError: no")
    supervision.exited("a", 1, "ended with status 0", 1.0)
    assert report(supervision).last_error == "ValueError: no"


def test_a_second_failure_tells_its_own_reason():
    supervision = running("a")
    supervision.crashed("a", 1, "ValueError: no")
    supervision.exited("a", 1, "ended with status 0", 1.0)
    now = restart_when_due(supervision)
    supervision.exited("a", 2, "killed by SIGKILL", now)
    assert report(supervision).last_error == "killed by SIGKILL"


def test_a_child_that_waits_for_its_restart_can_be_stopped():
    supervision = running("a")
    fail(supervision, 1.0)
    assert supervision.order("a", "stop", 1.05) == []
    assert supervision.due(100.0) == []
    assert report(supervision).state == "STOPPED"


@pytest.mark.parametrize(
    ("verb", "child", "status"),
    [
        ("start", "a", "already_running"),
        ("restart", "nobody", "not_found"),
        ("explode", "a", "bad_verb"),
    ],
)
def test_orders_that_make_no_sense_are_refused(verb, child, status):
    with pytest.raises(RequestError) as refused:
        running("a").order(child, verb, 1.0)
    assert refused.value.status == status


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["die", "tick", "stop", "start", "restart"]), st.floats(0.01, 30)),
        max_size=40,
    )
)
def test_whatever_happens_there_is_at_most_one_process_of_a_child(events):
    """The one rule that protects a device from two writers."""
    supervision, now, alive = running("a"), 0.0, {1}
    for what, pause in events:
        now += pause
        try:
            orders = {
                "die": lambda: fail(supervision, now) if alive else [],
                "tick": lambda: supervision.due(now),
            }.get(what, lambda: supervision.order("a", what, now))()
        except RequestError:
            continue
        if what == "die":
            alive.clear()
        for order in orders:
            if isinstance(order, Start):
                assert not alive, "started while the last one lives"
                alive = {order.generation}
            elif isinstance(order, Kill | Stop):
                assert alive == {order.generation}
                alive.clear()
                for after in supervision.exited("a", order.generation, "ended", now):
                    assert isinstance(after, Start)
                    alive = {after.generation}
                    supervision.ready("a", after.generation, 9, now)
        if alive:
            supervision.ready("a", supervision.generation("a"), 9, now)
