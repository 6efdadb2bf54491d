"""The scheduler on a simulated clock: the grid holds for a year, nothing is replayed, every point is accounted for."""

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ess_actors.core.scheduler import SAME_INSTANT, Item, Scheduler, advanced, first_run
from tests.core.engine_bench import Bench, on_set

YEAR = 365 * 86400.0
PERIODS = st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.3, 1 / 3, 0.7, 1.0, 60.0, 3600.0])


def test_no_drift_over_a_simulated_year() -> None:
    """Every minute for a year, on a clock that is always late by up to 40 ms: each run is at its minute."""
    scheduler = Scheduler()
    scheduler.add(Item("/t:x", 60.0, first_run(3.2, 60.0, 0.25), math.inf))
    runs = 0
    while (due := scheduler.next_due()) is not None and due < YEAR:
        assert abs(due - (60.0 * (runs + 1) + 0.25)) < 1e-6
        assert len(scheduler.due(due + (runs % 5) * 0.01)) == 1
        runs += 1
    assert runs == 365 * 24 * 60 - 1
    assert scheduler.skipped == 0


@pytest.mark.parametrize("every", [0.01, 0.1, 0.3])
def test_ten_milliseconds_are_exact_after_a_year(every: float) -> None:
    """A year was slept through: one run, the rest counted; then period by period, as precisely as at the start."""
    scheduler = Scheduler()
    scheduler.add(Item("/t:x", every, 0.0, math.inf))
    assert len(scheduler.due(YEAR)) == 1
    assert scheduler.skipped == round(YEAR / every)
    last = YEAR
    for _ in range(2000):
        due = scheduler.next_due()
        assert due is not None and abs(due - last - every) < 1e-6
        assert abs(due / every - round(due / every)) * every < 1e-6
        assert len(scheduler.due(due)) == 1
        last = due
    assert scheduler.skipped == round(YEAR / every)


def test_a_clock_whose_differences_are_inexact_finds_its_item_due() -> None:
    """A machine that is up for a year: clock readings of that size round the controller time of every run."""
    bench = Bench({"/s": {"x": 0}})
    engine = bench.ess.engine
    engine.started = YEAR + 0.123
    engine.scheduler.add(Item("/s:x", 0.01, 1e7 + 0.07, math.inf))
    for _ in range(500):
        due = bench.ess.next_due()
        assert due is not None
        bench.ess.tick(due, 0.0)
        later = bench.ess.next_due()
        assert later is not None and later > due
    assert engine.scheduler.skipped == 0


@settings(max_examples=200, deadline=None)
@example(0.001, 0.0625, 0.0, None, [0.0005])
@given(
    PERIODS,
    st.one_of(st.none(), st.floats(0, 5)),
    st.floats(0, 1000),
    st.one_of(st.none(), st.floats(0.001, 50)),
    st.lists(st.one_of(st.floats(0.0005, 0.2), st.floats(0.2, 100)), min_size=1, max_size=40),
)
def test_every_grid_point_is_run_or_skipped_and_none_is_replayed(
    every: float, offset: float | None, start: float, lasting: float | None, pauses: list[float]
) -> None:
    scheduler = Scheduler()
    first = first_run(start, every, offset)
    assert start - 2e-6 <= first
    assert first < start + every + 1e-6 if offset is not None else first == start
    end = math.inf if lasting is None else first + lasting
    scheduler.add(Item("/t:x", every, first, end))
    now, runs = start, 0
    for pause in pauses:
        now += pause
        ready = scheduler.due(now)
        assert len(ready) <= 1, "missed periods are never replayed"
        runs += len(ready)
        due = scheduler.next_due()
        if due is not None:
            assert due > now
            assert due <= max(first, now + every) + 1e-6
            assert abs((due - first) / every - round((due - first) / every)) * every < 1e-5
            assert due < end
    if now < first - SAME_INSTANT:
        assert (runs, scheduler.skipped) == (0, 0)
        return
    passed = math.floor((min(now, end) - first) / every + 1e-3) + 1
    assert (
        abs(runs + scheduler.skipped - passed) <= 1
    )  # the last point may lie within a microsecond of now or end


@given(st.floats(0, 100), PERIODS, st.floats(-50, 150))
def test_a_reference_time_is_advanced_by_whole_periods(start: float, every: float, reference: float) -> None:
    first = advanced(reference, every, start)
    assert first >= start - 2e-6
    assert first == reference or first < start + every
    assert abs((first - reference) / every - round((first - reference) / every)) * every < 1e-5
    assert advanced(reference, 0.0, start) == max(reference, start) or abs(reference - start) < 2e-6


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=2, max_size=8), st.integers(1, 60))
def test_items_of_one_instant_run_in_order_of_registration(periods: list[float], steps: int) -> None:
    scheduler = Scheduler()
    for number, every in enumerate(periods):
        scheduler.add(Item(str(number), every, every, math.inf))
    for _ in range(steps):
        due = scheduler.next_due()
        assert due is not None
        order = [int(item.target) for item in scheduler.due(due)]
        assert order == sorted(order)


def test_a_late_item_ends_and_counts_only_what_was_before_its_end() -> None:
    scheduler = Scheduler()
    scheduler.add(Item("a", 1.0, 0.0, 3.0))
    assert len(scheduler.due(0.0)) == 1
    assert scheduler.due(10.0) == []
    assert scheduler.skipped == 2, "those at 1 and 2"
    assert scheduler.next_due() is None and not scheduler.items


def test_a_first_run_is_made_however_late() -> None:
    scheduler = Scheduler()
    scheduler.add(Item("a", 0.1, 1.0, 1.25))
    scheduler.add(Item("b", 0.0, 1.0, 1.25))
    assert [item.target for item in scheduler.due(5.0)] == ["a", "b"]
    assert scheduler.skipped == 2
    assert not scheduler.items


def test_what_became_due_together_is_stopped_or_replaced_before_its_turn() -> None:
    scheduler = Scheduler()
    for name, every in (("a", 1.0), ("once", 0.0), ("periodic", 1.0), ("again", 1.0)):
        scheduler.add(Item(name, every, 1.0, math.inf))
    ready = scheduler.due(1.0)
    assert scheduler.stop("once", 1.0) and scheduler.stop("periodic", 1.0)
    assert not scheduler.stop("nobody", 1.0)
    scheduler.add(Item("again", 1.0, 5.0, math.inf))
    assert [item.ended for item in ready] == [False, True, True, True]
    assert {name: item.due for name, item in scheduler.items.items()} == {"a": 2.0, "again": 5.0}


def test_an_item_that_schedules_itself_at_once_does_not_block_the_others() -> None:
    again = {
        "remap": [
            {"uri": "/s:run@uri", "outValue": "/s:again"},
            {"uri": "/s:run", "outValue": 1},
            {"uri": "/s:n", "func": "SendTime"},
        ]
    }
    run = {"value": 0, "actions": {"onSet": [{"func": [{"func": "RunSched"}]}]}}
    bench = Bench({"/s": {"run": run, "n": 0, "again": {"actions": {"onSet": [again]}}}})
    bench.set("/s", {"run": {"value": 1, "uri": "/s:again"}})
    for turn in range(1, 4):
        bench.ess.tick(bench.now, 0.0)
        assert bench.count("sched_runs") == turn


def listed(bench: Bench) -> dict[str, Any]:
    return bench.get("/schlist")  # type: ignore[no-any-return]


def test_what_cannot_be_scheduled_is_counted_and_harms_nothing() -> None:
    funcs = ("RunSched", "StopSched", "HandleSchedLoad", "SchedItemOpts")
    bench = Bench({"/s": {name: on_set({"func": [{"func": name}]}) for name in funcs}})
    for uri in ("plain", "/t", "/t:x[99]", ":x", "none", 5, True):
        for name in funcs:
            bench.set(
                "/s",
                {
                    name: {
                        "value": 1,
                        "uri": uri,
                        "every": "often",
                        "targav": uri,
                        "new_options": [{"uri": uri}],
                    }
                },
            )
    bench.set("/s", {"SchedItemOpts": {"value": 1, "new_options": [None, 4, {"uri": "/t:x", "value": None}]}})
    assert listed(bench) in ({}, None)
    assert bench.count("function_errors") == 0
    assert bench.count("bad_target") > 0


def test_an_item_is_stopped_by_its_id_and_by_any_name_of_its_variable() -> None:
    bench = Bench(
        {
            "/links/ess_1": {"x": {"value": "/components/c:x", "linkvar": "/s:x"}},
            "/s": {
                "run": on_set({"func": [{"func": "RunSched"}]}),
                "load": {"value": "", "actions": {"onSet": [{"func": [{"func": "HandleSchedLoad"}]}]}},
                "stop": on_set({"func": [{"func": "StopSched"}]}),
            },
        }
    )
    bench.set("/s", {"run": {"value": 1, "uri": "/s:x", "every": 1}})
    bench.set("/s", {"load": {"value": "beat", "uri": "/s:y", "repTime": 1}})
    assert set(listed(bench)) == {"/components/c:x", "beat"}
    bench.set("/s", {"stop": {"value": 1, "uri": "/s:x"}})
    bench.set("/s", {"stop": {"value": 1, "uri": "beat"}})
    assert listed(bench) in ({}, None)
