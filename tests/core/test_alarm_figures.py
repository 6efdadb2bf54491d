"""Rates, floods, top ten, chattering and stale alarms out of transitions, to the second and in bounded memory."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.alarm_figures import (
    DAY_S,
    FLOOD_BEGINS,
    FLOOD_ENDS,
    HOUR_S,
    MOST_ALARMS,
    WINDOW_S,
    AlarmFigures,
)
from ess_actors.core.alarm_history import Transition

T0 = 1_763_856_000.0
UNACKED = "unacknowledged_active"


def step(at: float, name: str = "hot", after: str = UNACKED, before: str = "normal") -> Transition:
    return Transition(at, f"ess_1:fault:/faults/ess:{name}", "ess_1", f"/faults/ess:{name}", before, after,
                      "", "", "", "high")  # fmt: skip


def fed(times: list[float], names: list[str] | None = None) -> AlarmFigures:
    figures = AlarmFigures()
    for index, at in enumerate(times):
        figures.note(step(at, names[index] if names else f"a{index}"), at)
    return figures


def test_only_what_asks_for_an_operator_is_an_alarm() -> None:
    figures = AlarmFigures()
    for after, before in (
        (UNACKED, "normal"),
        ("acknowledged_active", UNACKED),
        ("normal", "acknowledged_active"),
        ("shelved", UNACKED),
        (UNACKED, UNACKED),
        (UNACKED, "returned_unacknowledged"),
    ):
        figures.note(step(T0, after=after, before=before), T0)
    assert figures.per_10_min(T0) == 2


def test_an_alarm_counts_for_ten_minutes_and_for_an_hour_for_each_operator() -> None:
    figures = AlarmFigures(operators=2)
    for at in (T0, T0 + 1, T0 + 300):
        figures.note(step(at), at)
    assert figures.per_10_min(T0 + 599) == 3
    assert figures.per_10_min(T0 + 600) == 2
    assert figures.per_10_min(T0 + 601) == 1
    assert figures.per_operator_hour(T0 + 601) == 1.5
    assert figures.per_operator_hour(T0 + HOUR_S + 301) == 0


def test_a_flood_begins_over_ten_and_ends_under_five_and_not_before() -> None:
    times = [T0 + 10 * n for n in range(FLOOD_BEGINS)]
    figures = fed(times)
    assert not figures.in_flood(times[-1])
    figures.note(step(T0 + 100, "last"), T0 + 100)
    assert figures.in_flood(T0 + 100)
    # The window loses one alarm each ten seconds from T0 + 600 on; the seventh loss leaves four.
    assert figures.in_flood(T0 + 659)
    told = figures.as_json(T0 + 659)["flood"]
    assert told["now"] and told["since"] == T0 + 100 and told["list"][0]["end"] is None
    assert not figures.in_flood(T0 + 660)
    told = figures.as_json(T0 + 1000)["flood"]
    assert told["list"] == [{"begin": T0 + 100, "end": T0 + 660, "peak": 11}]
    assert (told["now"], told["since"], told["total"]) == (False, None, 1)
    assert told["ratio"] == pytest.approx(0.56)


def test_a_flood_that_nobody_looked_at_has_ended_when_it_did_and_goes_out_of_the_day() -> None:
    figures = fed([T0 + n for n in range(20)])
    late = T0 + 20 + DAY_S
    assert figures.as_json(late)["flood"]["list"] == [{"begin": T0 + 10, "end": T0 + 615, "peak": 20}]
    assert figures.as_json(late + WINDOW_S)["flood"]["total"] == 0


def test_the_top_ten_are_those_of_the_last_day() -> None:
    names = [f"n{n}" for n in range(12) for _ in range(n + 1)]
    figures = fed([T0 + n for n in range(len(names))], names)
    top = figures.as_json(T0 + 100)["top"]
    assert len(top) == 10
    assert top[0] == {"id": "ess_1:fault:/faults/ess:n11", "count": 12}
    assert figures.as_json(T0 + DAY_S + 2 * HOUR_S)["top"] == []


def test_three_times_within_a_minute_is_chattering_and_is_told_for_ten() -> None:
    figures = fed([T0, T0 + 30, T0 + 60, T0, T0 + 31, T0 + 62], ["a", "a", "a", "b", "b", "b"])
    assert figures.chattering(T0 + 62) == ["ess_1:fault:/faults/ess:a"]
    assert figures.chattering(T0 + 62 + WINDOW_S) == []


def test_the_series_has_a_day_of_ten_minutes_the_present_one_last() -> None:
    figures = fed([T0 + 5, T0 + 6, T0 + 700])
    series = figures.as_json(T0 + 701)["series"]
    assert len(series) == 144
    assert series[-2:] == [[T0, 2], [T0 + 600, 1]]
    assert sum(count for _, count in figures.as_json(T0 + 2 * DAY_S)["series"]) == 0


def test_the_standing_list_follows_the_transitions() -> None:
    figures = AlarmFigures()
    for name in ("hot", "cold", "far"):
        figures.note(step(T0, name), T0)
    figures.note(step(T0 + 1, "cold", "acknowledged_active", UNACKED), T0 + 1)
    figures.note(step(T0 + 2, "far", "shelved", UNACKED), T0 + 2)
    told = figures.as_json(T0 + 3)
    assert (told["standing"], told["unacknowledged"], told["shelved"]) == (2, 1, 1)
    figures.note(step(T0 + 4, "hot", "normal", UNACKED), T0 + 4)
    assert figures.presented() == 1
    assert figures.stale(T0 + DAY_S) == []
    assert figures.stale(T0 + DAY_S + 1) == ["ess_1:fault:/faults/ess:cold"]


def test_the_list_of_the_routers_corrects_it_but_not_what_happened_after_they_were_asked() -> None:
    figures = AlarmFigures()
    figures.note(step(T0, "gone"), T0)
    figures.note(step(T0 + 10, "new"), T0 + 10)
    alarm = {"id": "ess_2:alarm:x", "instance": "ess_2", "priority": "low", "state": "latched",
             "since": T0 - 5, "changed": T0 - 1}  # fmt: skip
    figures.told([alarm], T0 + 5)
    assert set(figures.standing) == {"ess_2:alarm:x", "ess_1:fault:/faults/ess:new"}
    figures.told([], T0 + 20, ["ess_2"])
    assert set(figures.standing) == {"ess_2:alarm:x"}
    figures.told([], T0 + 20)
    assert figures.standing == {}


def test_a_clock_that_was_set_back_begins_the_figures_anew() -> None:
    figures = fed([T0 + DAY_S + n for n in range(30)])
    assert figures.in_flood(T0 + DAY_S + 30)
    assert figures.per_10_min(T0) == 0 and not figures.in_flood(T0)
    figures.note(step(T0 + 1), T0 + 1)
    assert figures.per_10_min(T0 + 2) == 1


def test_a_step_from_the_future_happened_now() -> None:
    figures = AlarmFigures()
    figures.note(step(T0 + 5 * DAY_S), T0)
    assert figures.per_10_min(T0) == 1
    assert figures.per_10_min(T0 + WINDOW_S) == 0


def test_what_is_told_late_counts_where_it_belongs() -> None:
    figures = fed([T0 + DAY_S])
    figures.note(step(T0 + DAY_S - HOUR_S, "late"), T0 + DAY_S)
    figures.note(step(T0 - DAY_S, "older"), T0 + DAY_S)
    told = figures.as_json(T0 + DAY_S)
    assert (told["per_10_min"], sum(count for _, count in told["series"]), len(told["top"])) == (1, 2, 2)


def test_a_storm_of_100_000_stays_small() -> None:
    dice = random.Random(6)
    figures = AlarmFigures()
    at = T0
    for number in range(100_000):
        at += dice.random()
        name = f"n{number if number % 2 else number % 300}"
        figures.note(step(at, name, UNACKED, "normal"), at)
        if number % 5000 == 0:
            figures.told([], at)
    assert at > T0 + 10 * HOUR_S
    assert len(figures._last) <= MOST_ALARMS and len(figures._chattering) <= MOST_ALARMS
    assert len(figures._window) <= WINDOW_S and len(figures._hour) <= HOUR_S
    assert len(figures._hours) <= 25 and max(map(len, figures._hours.values())) <= 2 * MOST_ALARMS
    assert figures.as_json(at)["flood"]["now"]


@given(st.lists(st.integers(0, 90), max_size=80), st.integers(0, 700))
def test_floods_are_those_that_counting_each_second_finds(gaps: list[int], rest: int) -> None:
    times, at = [], 0
    for gap in gaps:
        at += gap
        times.append(at)
    figures = fed([T0 + t for t in times])
    begun: list[list[int | None]] = []
    for second in range(at + rest + 1):
        count = sum(second - WINDOW_S < t <= second for t in times)
        lasting = bool(begun) and begun[-1][1] is None
        if lasting and count < FLOOD_ENDS:
            begun[-1][1] = second
        elif not lasting and count > FLOOD_BEGINS:
            begun.append([second, None])
    told = figures.as_json(T0 + at + rest)["flood"]["list"]
    found = [[f["begin"] - T0, None if f["end"] is None else f["end"] - T0] for f in reversed(told)]
    assert found == begun
