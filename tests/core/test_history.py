"""What history keeps of publications, and the trends made of it, against the plain reading: a value for each second."""

import math
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core import history_intake
from ess_actors.core.history_intake import HOUR, MINUTE, Intake, Period, Reading
from ess_actors.core.history_queue import Queue
from ess_actors.core.history_series import (
    HOURS,
    MINUTES,
    RAW,
    hour_of,
    level_for,
    of_periods,
    of_readings,
    raw_rows,
    rows_of,
    step_for,
)

URI = "/components/ess_1/bms_info"
POINT = f"{URI}/soc"
START = 1_763_800_000 // HOUR * HOUR

Told = tuple[int, float | None, int]
"""Seconds since the one before, value, quality."""

CHANGES = st.lists(
    st.tuples(
        st.integers(1, 25),
        st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.integers(-3, 3).map(float)),
        st.sampled_from([0, 0, 0, 1, 2]),
    ),
    min_size=1,
    max_size=60,
)


def say(intake: Intake, now: float, value: float | None, quality: int) -> None:
    body = {} if value is None else {"soc": value}
    marks = {"soc": 2 if value is None else quality} if quality or value is None else None
    intake.take(URI, orjson.dumps(body), marks, now)


def told(changes: Sequence[Told], begin: int) -> tuple[Intake, list[tuple[float | None, int]], int]:
    """The intake after all of it, what the point had in each second since `begin`, and when that ended."""
    intake, at = Intake(), begin
    seconds: list[tuple[float | None, int]] = []
    has: tuple[float | None, int] = (None, 0)
    for pause, value, quality in changes:
        seconds += [has] * pause
        at += pause
        say(intake, float(at), value, quality)
        # A point that is only marked is not known before it was told once.
        if value is not None or any(known is not None for known, _ in [*seconds, has]):
            has = (value, 2 if value is None else quality)
    end = (at // MINUTE + 1) * MINUTE
    seconds += [has] * (end - at)
    intake.tick(float(end))
    return intake, seconds, end


@settings(deadline=None, max_examples=150)
@given(CHANGES, st.integers(0, 59))
def test_minutes_and_readings_are_what_a_second_by_second_look_gives(
    changes: list[Told], offset: int
) -> None:
    begin = START + offset
    intake, seconds, end = told(changes, begin)
    pieces = list(of_periods(intake.minutes, MINUTE, end))
    by_readings = rows_of(of_readings(intake.readings, end), begin, MINUTE)
    found = {
        int(at): (low, mean, high, quality) for at, low, mean, high, quality in rows_of(pieces, 0, MINUTE)
    }
    for minute in range(begin // MINUTE * MINUTE, end, MINUTE):
        part = seconds[max(0, minute - begin) : minute + MINUTE - begin]
        known = [value for value, _ in part if value is not None]
        worst = max(quality for _, quality in part)
        if not known:
            assert found.get(minute, (None,) * 3)[0] is None
            continue
        low, mean, high, quality = found[minute]
        assert (low, high, quality) == (min(known), max(known), worst)
        assert mean == pytest.approx(math.fsum(known) / len(known), rel=1e-9, abs=1e-6)
    for at, low, mean, high, quality in by_readings:
        if low is not None:
            same = found[int(at)]
            assert (low, high, quality) == (same[0], same[2], same[3])
            assert mean == pytest.approx(same[1], rel=1e-9, abs=1e-6)
    assert sum(row.kept for row in intake.minutes) == sum(one.at < end for one in intake.readings)


@settings(deadline=None, max_examples=60)
@given(st.lists(CHANGES, min_size=1, max_size=6), st.integers(0, 50))
def test_an_hour_of_its_minutes_is_the_hour_of_its_seconds(parts: list[list[Told]], late: int) -> None:
    changes = [change for part in parts for change in part][:140]
    begin = START - 600 + 10 * late
    intake, seconds, end = told([(1, 5.0, 0), *changes], begin)
    for hour in (START - HOUR, START):
        row = hour_of(POINT, hour, intake.minutes, end)
        part = seconds[max(0, hour - begin) : max(0, hour + HOUR - begin)]
        known = [value for value, _ in part if value is not None]
        if row is None or not known:
            assert row is None or row.low is None
            continue
        assert (row.low, row.high) == (min(known), max(known))
        assert row.mean == pytest.approx(math.fsum(known) / len(known), rel=1e-9, abs=1e-6)
        assert row.seconds == pytest.approx(len(known)) and row.quality == max(q for _, q in part)


def test_only_changes_are_kept_and_every_point_once_an_hour() -> None:
    intake = Intake()
    for second in range(0, 2 * HOUR, 10):
        intake.take(URI, b'{"soc":55.5,"ok":true,"state":"Run","Timestamp":"x"}', None, START + second)
    assert [(one.point, one.at - START, one.value) for one in intake.readings] == [
        (POINT, 0, 55.5), (f"{URI}/ok", 0, 1.0), (POINT, HOUR, 55.5), (f"{URI}/ok", HOUR, 1.0),
    ]  # fmt: skip
    assert [row.start - START for row in intake.minutes] == [0, 0, HOUR, HOUR]


def test_bodies_of_every_shape_and_what_is_not_kept() -> None:
    intake = Intake()
    intake.take("/assets/ess/summary", b'{"soc":{"value":61,"enabled":true},"name":"x"}', None, START)
    intake.take("/site/ess_1/ess_ls", b'{"power":-7}', {"*": 1}, START)
    for uri, body in (
        ("/assets/ess/rack_1", b'{"soc":1}'), (f"{URI}/_quality", b'{"soc":1}'), (URI, b"[1]"), (URI, b"no"),
        ("/components/\ud800", b'{"soc":1}'), (URI, b'{"none":null,"text":"7","list":[1]}'),
    ):  # fmt: skip
        intake.take(uri, body, None, START)
    kept = [(one.point, one.value, one.quality) for one in intake.readings]
    assert kept == [("/assets/ess/summary/soc", 61.0, 0), ("/site/ess_1/ess_ls/power", -7.0, 1)]


def test_marks_take_values_away_and_doubt_them() -> None:
    intake = Intake()
    intake.take(URI, b'{"soc":1,"volts":2,"ok":true}', None, START)
    intake.take(URI, b'{"ok":true}', {"soc": 2, "volts": 1}, START + 1)
    intake.take(URI, b'{"ok":false}', {"*": 2, "ok": 0}, START + 2)
    intake.take(URI, b'{"soc":1}', {"volts": 7}, START + 3)
    told = [(one.point.rpartition("/")[2], one.value, one.quality) for one in intake.readings[3:]]
    assert told == [("soc", None, 2), ("volts", 2.0, 1), ("ok", 0.0, 0), ("volts", None, 2), ("soc", 1.0, 0)]


def test_a_table_that_falls_silent_has_no_value_any_more() -> None:
    intake = Intake()
    for second in range(50):
        intake.take(URI, b'{"soc":1}', None, START + second)
    for second in range(50, 200):
        intake.tick(float(START + second))
    last = intake.readings[-1]
    assert (last.value, last.quality) == (None, 2) and START + 80 <= last.at <= START + 150
    assert intake.known()[POINT][1:] == (None, 2)
    intake.take(URI, b'{"soc":1}', None, START + 300)
    assert intake.readings[-1] == Reading(POINT, START + 300, 1.0, 0)


def test_a_clock_that_is_set_back_begins_anew_and_one_that_trembles_does_not() -> None:
    intake = Intake()
    intake.take(URI, b'{"soc":1}', None, START + 5000.0)
    intake.take(URI, b'{"soc":2}', None, START + 4999.5)
    assert intake.readings[-1].at == START + 5000.0
    intake.take(URI, b'{"soc":2}', None, START + 100.0)
    assert [(one.at - START, one.value) for one in intake.readings[-2:]] == [(5000, None), (100, 2.0)]


def test_the_number_of_points_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_intake, "MOST_POINTS", 3)
    intake = Intake()
    intake.take(URI, b'{"a":1,"b":2,"c":3,"d":4,"e":5}', None, START)
    for number in range(5):
        intake.take(f"{URI}_{number}", b'{"a":1}', None, START)
    assert len(intake.readings) == 3 and intake.refused == 2 + 5


def test_the_queue_drops_the_oldest_and_counts_why() -> None:
    rows = [Reading(POINT, float(n), 1.0, 0) for n in range(30)]
    queue = Queue(10, 2)
    queue.put(rows[:12], [Period(POINT, 60 * n, 1, 1, 1, 1, 60, 1, 0, 0) for n in range(3)])
    assert queue.lost == {"slow": 3} and len(queue) == 12
    batch = queue.take()
    assert [one.at for one in batch.readings] == list(range(2, 12)) and queue.take() is batch
    queue.put(rows[12:16], ())
    assert len(queue) == 16, "what is being written counts, and is not dropped"
    queue.failed()
    assert queue.lost == {"slow": 3, "failed": 4} and queue.take().readings == tuple(rows[6:16])
    queue.written()
    assert len(queue) == 0 and queue.take().readings == ()


@pytest.mark.parametrize(
    ("span", "samples", "level", "step"),
    [
        (600, 600, RAW, 1.0), (3 * HOUR, 600, RAW, 18.0), (24 * HOUR, 600, MINUTES, 180.0),
        (24 * HOUR, 5000, MINUTES, 60.0), (7 * HOUR, 5000, MINUTES, 60.0), (60 * 24 * HOUR, 600, HOURS, 10_800.0),
        (365 * 24 * HOUR, 600, HOURS, 15 * HOUR), (HOUR, 2, HOURS, 3600.0),
    ],
)  # fmt: skip
def test_the_level_is_chosen_by_span_and_samples(span: int, samples: int, level: str, step: float) -> None:
    assert level_for(START, START + span, samples) == level
    assert step_for(level, START, START + span, samples) == step
    assert span / step <= samples


def test_readings_as_they_came_begin_with_what_was_there_before() -> None:
    rows = [
        Reading(POINT, START - 50.0, 1.0, 0),
        Reading(POINT, START + 5.0, None, 2),
        Reading(POINT, START + 9.0, 3.0, 1),
    ]
    assert raw_rows(rows, START, START + 20) == [
        (START, 1.0, 1.0, 1.0, 0), (START + 5.0, None, None, None, 2), (START + 9.0, 3.0, 3.0, 3.0, 1),
    ]  # fmt: skip
