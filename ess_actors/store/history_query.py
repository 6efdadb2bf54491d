"""Answers to questions for trends, out of any kind of database."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ess_actors.core.history_series import (
    HOURS,
    LEVELS,
    LOOK_BACK_S,
    MINUTES,
    RAW,
    Piece,
    Row,
    clipped,
    level_for,
    of_periods,
    of_readings,
    raw_rows,
    rows_of,
    step_for,
)
from ess_actors.store.history import Reads

MOST_ROWS: Final = 40_000
"""Rows in one answer, all points together: it travels in one message."""


class Trend(NamedTuple):
    """What is asked for; unix seconds."""

    points: Sequence[str]
    since: float
    until: float
    """Not in the future: what a point has is taken to last until then."""
    samples: int
    """Rows of one point, at most."""


def series_of(reads: Reads, trend: Trend) -> list[dict[str, object]]:
    """`{"point", "resolution_s", "rows"}` of each point; resolution 0 = readings as they came.

    Raises HistoryProblem.
    """
    level = level_for(trend.since, trend.until, trend.samples)
    for coarser in (MINUTES, HOURS):
        # What is deleted already is still there in a coarser form.
        if LEVELS[level] < LEVELS[coarser] and reads.kept_from(level) > trend.since:
            level = coarser
    found: list[dict[str, object]] = []
    for point in trend.points:
        step, rows = _rows(reads, point, level, trend)
        found.append({"point": point, "resolution_s": step, "rows": rows})
    return found


def _rows(reads: Reads, point: str, level: str, trend: Trend) -> tuple[float, list[Row]]:
    until = trend.until
    step = step_for(level, trend.since, trend.until, trend.samples)
    if until <= trend.since:
        return step, []
    pieces: list[Piece]
    if level == RAW:
        readings = reads.readings(point, trend.since, until)
        # One more than was asked for, because the first row is what the point had before.
        if len(readings) <= trend.samples:
            return 0, raw_rows(readings, trend.since, until)
        pieces = list(of_readings(readings, until))
    elif level == MINUTES:
        pieces = _minutes(reads, point, trend.since, until)
    else:
        hours = reads.periods(HOURS, point, trend.since // LEVELS[HOURS] * LEVELS[HOURS], until)
        # The present hour, and what of the past could not be made into hours yet, is there in minutes only.
        begins = max(trend.since, float(reads.rolled()))
        pieces = [one for one in of_periods(hours, LEVELS[HOURS], until) if one.start < begins]
        pieces += clipped(_minutes(reads, point, begins, until), begins)
    # Whole rows, also the first one: a trend that moves on shows the same for the same time.
    begin = trend.since // step * step
    return step, rows_of(pieces, begin, step)[-trend.samples :]


def _minutes(reads: Reads, point: str, since: float, until: float) -> list[Piece]:
    """The present minute is not over: it is there as readings only."""
    present = until // LEVELS[MINUTES] * LEVELS[MINUTES]
    rows = reads.periods(MINUTES, point, since - LOOK_BACK_S, present)
    latest = of_readings(reads.readings(point, present, until), until)
    return [*of_periods(rows, LEVELS[MINUTES], present), *clipped(latest, present)]
