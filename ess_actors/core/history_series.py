"""Trends out of what was kept: readings, minutes or hours as pieces of time, and those as so many rows as are asked."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ess_actors.core.history_intake import HOUR, MINUTE, Period, Reading

RAW, MINUTES, HOURS = "raw", "minute", "hour"
LEVELS: Final = {RAW: 0, MINUTES: MINUTE, HOURS: HOUR}
"""Level -> the seconds of one of its rows."""
LOOK_BACK_S: Final = 2 * HOUR
"""Every point is told anew in every hour: what is older than this says nothing of now."""
_MOST_RAW_S: Final = 6 * HOUR
_MOST_MINUTES_S: Final = 62 * 24 * HOUR


class Piece(NamedTuple):
    """A span of time with what a point had in it; unix seconds. `low`, `mean`, `high` None = no value."""

    start: float
    end: float
    low: float | None
    mean: float | None
    high: float | None
    quality: int
    weight: float
    """Seconds in which it had a value."""


Row = tuple[float, float | None, float | None, float | None, int]
"""Unix seconds, min, mean, max, quality."""


def level_for(since: float, until: float, samples: int) -> str:
    """What a trend is made of: the finest of which not far too much would have to be read."""
    span = until - since
    if span <= _MOST_RAW_S and span / samples < MINUTE / 2:
        return RAW
    return MINUTES if span <= _MOST_MINUTES_S and span / samples < HOUR / 2 else HOURS


def of_readings(readings: Sequence[Reading], until: float) -> Iterator[Piece]:
    """Readings of one point in order of time: each holds until the next one."""
    for index, (_, at, value, quality) in enumerate(readings):
        end = readings[index + 1].at if index + 1 < len(readings) else until
        end = min(end, until, at + LOOK_BACK_S)
        if end > at:
            yield Piece(at, end, value, value, value, quality, 0.0 if value is None else end - at)


def clipped(pieces: Iterable[Piece], start: float) -> Iterator[Piece]:
    """Only what lies behind this time."""
    for one in pieces:
        if one.end > start:
            begin = max(one.start, start)
            weight = one.weight * (one.end - begin) / (one.end - one.start)
            yield one._replace(start=begin, weight=weight)


def of_periods(periods: Sequence[Period], length: int, until: float) -> Iterator[Piece]:
    """Minutes or hours of one point in order of time; between two minutes it has what it had at the end."""
    for index, row in enumerate(periods):
        end = row.start + length
        if row.start >= until:
            return
        yield Piece(row.start, end, row.low, row.mean, row.high, row.quality, row.seconds)
        following = periods[index + 1].start if index + 1 < len(periods) else until
        follows = min(following, until, end + LOOK_BACK_S)
        if length == MINUTE and follows > end:
            weight = 0.0 if row.last is None else follows - end
            yield Piece(end, follows, row.last, row.last, row.last, row.last_quality, weight)


def rows_of(pieces: Iterable[Piece], since: float, step: float) -> list[Row]:
    """One row for each multiple of `step` seconds of which something is known, from `since` on."""
    found: dict[int, list[float]] = {}
    for piece in pieces:
        start = max(piece.start, since)
        if piece.end <= start:
            continue
        share = piece.weight / (piece.end - piece.start)
        for index in range(math.floor(start / step), math.ceil(piece.end / step)):
            lasted = min(piece.end, (index + 1) * step) - max(start, index * step)
            if lasted > 0:
                cell = found.setdefault(index, [math.inf, 0.0, -math.inf, 0.0, 0])
                _add(cell, piece, share * lasted)
    return [_row(index * step, found[index]) for index in sorted(found)]


def _add(cell: list[float], piece: Piece, weight: float) -> None:
    cell[4] = max(cell[4], piece.quality)
    if piece.low is not None and piece.mean is not None and piece.high is not None:
        cell[0], cell[2] = min(cell[0], piece.low), max(cell[2], piece.high)
        # What lasted no time at all counts for the mean where there is nothing else.
        weight = max(weight, 1e-9)
        cell[1] += piece.mean * weight
        cell[3] += weight


def _row(at: float, cell: list[float]) -> Row:
    low, total, high, weight, quality = cell
    if not weight:
        return at, None, None, None, int(quality)
    return at, low, min(max(total / weight, low), high), high, int(quality)


def raw_rows(readings: Sequence[Reading], since: float, until: float) -> list[Row]:
    """A row for each reading; the first one is what the point had when the span began."""
    rows: list[Row] = []
    for piece in of_readings(readings, until):
        if piece.end > since:
            value = piece.mean
            rows.append((max(piece.start, since), value, value, value, piece.quality))
    return rows


def step_for(level: str, since: float, until: float, samples: int) -> float:
    """Seconds of a row, so that there are at most `samples`; whole rows of the level."""
    wanted, own = (until - since) / samples, LEVELS[level]
    return max(0.001, wanted) if not own else own * max(1, math.ceil(wanted / own))


def hour_of(point: str, start: int, minutes: Sequence[Period], until: float) -> Period | None:
    """The hour that begins at `start`, of the minutes of it and of the hours before that; None = nothing was told."""
    end = start + HOUR
    told = [row for row in minutes if start <= row.start < end]
    if not told:
        return None
    known = [row for row in minutes if row.start < end]
    pieces = list(clipped(of_periods(known, MINUTE, min(float(end), until)), start))
    ((_, low, mean, high, quality),) = rows_of(pieces, start, HOUR)
    last = told[-1]
    seconds = math.fsum(one.weight for one in pieces)
    kept = sum(row.kept for row in told)
    return Period(point, start, low, mean, high, last.last, seconds, kept, quality, last.last_quality)
