"""What of the publications is kept: a reading when value or quality changes, and the minutes made of them.

A point holds a value until its next reading. So a minute in which nothing changed needs no row: it is the last value
of the row before. That only what changes is kept must not hide silence, so a table that is published no more gets
readings without a value; and each point is told anew in every hour, so that nobody has to look back further.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from ess_actors.core.quality import EVERY_MEMBER, Marks, Quality
from ess_actors.core.uri import covers

MINUTE: Final = 60
HOUR: Final = 3600
MOST_POINTS: Final = 50_000
"""Names come from outside too."""
SUBSCRIPTIONS: Final = ("pub:/components", "pub:/site", "pub:/status", "pub:/assets")
_SILENT_S: Final = 30.0
_SILENT_PERIODS: Final = 4.0
_CLOCK_SET_BACK_S: Final = 1.0
_BAD: Final = int(Quality.BAD)


class Reading(NamedTuple):
    """From `at` (unix seconds) on the point has this value; None = unknown."""

    point: str
    at: float
    value: float | None
    quality: int


class Period(NamedTuple):
    """A minute or an hour of one point; `low`, `mean`, `high` are None when it had no value in it."""

    point: str
    start: int
    """Unix seconds."""
    low: float | None
    mean: float | None
    """By time."""
    high: float | None
    last: float | None
    """What it had at the end."""
    seconds: float
    """So long it had a value."""
    kept: int
    """Readings in it."""
    quality: int
    """The worst."""
    last_quality: int


class _Point:
    """What a point has now, and its open minute."""

    __slots__ = (
        "count",
        "high",
        "hour",
        "low",
        "minute",
        "quality",
        "seconds",
        "since",
        "sum",
        "uri",
        "value",
        "worst",
    )

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.value: float | None = None
        self.quality = -1
        """-1 = nothing was ever heard of it."""
        self.hour = self.minute = -1
        self.since = 0.0
        """Up to here the open minute is counted; outside one, when it changed last."""
        self.low: float | None = None
        self.high: float | None = None
        self.sum = self.seconds = 0.0
        self.count = self.worst = 0

    def open(self, minute: int) -> None:
        self.minute, self.since = minute, float(minute * MINUTE)
        self.low = self.high = None
        self.sum = self.seconds = 0.0
        self.count = self.worst = 0

    def spend(self, until: float) -> None:
        """Counts what it has up to this time."""
        value, lasted = self.value, until - self.since
        if lasted > 0:
            if value is not None:
                self.sum += value * lasted
                self.seconds += lasted
                self._widen(value)
            self.worst = max(self.worst, self.quality)
            self.since = until

    def take(self, at: float, value: float | None, quality: int) -> None:
        self.spend(at)
        self.value, self.quality = value, quality
        self.count += 1
        self.worst = max(self.worst, quality)
        if value is not None:
            self._widen(value)

    def _widen(self, value: float) -> None:
        if self.low is None or value < self.low:
            self.low = value
        if self.high is None or value > self.high:
            self.high = value

    def closed(self, until: float) -> Period:
        start = self.minute * MINUTE
        self.spend(min(until, start + MINUTE))
        self.minute = -1
        mean = self.sum / self.seconds if self.seconds > 0 else self.low
        if mean is not None and self.low is not None and self.high is not None:
            mean = min(max(mean, self.low), self.high)  # the sum is rounded
        return Period(
            self.uri, start, self.low, mean, self.high, self.value, self.seconds, self.count, self.worst,
            self.quality,
        )  # fmt: skip


class _Table:
    """The points of one uri, by name, and how often it is published."""

    __slots__ = ("heard", "period", "points")

    def __init__(self, now: float) -> None:
        self.points: dict[str, _Point] = {}
        self.heard, self.period = now, 0.0


class Intake:
    """Times are unix seconds. What is to be written is collected in `readings` and `minutes`, for its owner to take."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.minutes: list[Period] = []
        self.refused = 0
        """Readings of points beyond MOST_POINTS."""
        self._points: dict[str, _Point] = {}
        self._tables: dict[str, _Table] = {}
        self._touched: list[_Point] = []
        self._now = 0.0

    def ended_before(self, points: list[str], seen: float) -> None:
        """Of the time since `seen`, when history was last written, nothing is known."""
        at = seen + 0.001  # behind what was written last
        minute = int(at) // MINUTE * MINUTE
        for uri in points:
            self.readings.append(Reading(uri, at, None, _BAD))
            self.minutes.append(Period(uri, minute, None, None, None, None, 0.0, 0, _BAD, _BAD))

    def take(self, uri: str, body: bytes, marks: Marks | None, now: float) -> None:
        """A publication. What is no number or truth value, or no table, is left out."""
        now = self.tick(now)
        if not _is_kept(uri):
            return
        try:
            tree = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        if not isinstance(tree, dict):
            return
        table = self._tables.get(uri)
        if table is None:
            if len(self._tables) >= MOST_POINTS:
                self.refused += len(tree)
                return
            table = self._tables[uri] = _Table(now)
        table.period, table.heard = now - table.heard, now
        hour = int(now) // HOUR
        for name, value in tree.items():
            if type(value) is dict:
                value = value.get("value")
            if type(value) is not float and type(value) is not int and type(value) is not bool:
                continue
            point = table.points.get(name)
            if point is None and (point := self._new(table, uri, name)) is None:
                continue
            quality = 0 if marks is None else _quality(marks, name)
            if value != point.value or quality != point.quality or hour != point.hour:
                self._keep(point, now, float(value), quality)
        if marks is not None:
            self._left_out(table, tree, marks, now)

    def tick(self, now: float) -> float:
        """Time goes on: closes what is over. Returns the time to use, which never goes back within a life."""
        if now < self._now - _CLOCK_SET_BACK_S:
            # What was kept of a time that is yet to come stays; from here on it is all new.
            self.end(self._now)
        now = max(now, self._now)
        if int(now) // MINUTE != int(self._now) // MINUTE:
            self._sweep(now)
        self._now = now
        return now

    def end(self, now: float) -> None:
        """Nothing more is heard from here on: everything is unknown."""
        for point in self._points.values():
            if point.value is not None:
                self._keep(point, now, None, _BAD)
        self._sweep(now)
        for point in self._points.values():
            point.hour = -1
        self._now = 0.0

    def known(self) -> Mapping[str, tuple[float, float | None, int]]:
        """Point -> (since when, value, quality), as they are now."""
        found = {}
        for table in self._tables.values():
            for point in table.points.values():
                found[point.uri] = (table.heard, point.value, max(0, point.quality))
        return found

    def _new(self, table: _Table, uri: str, name: str) -> _Point | None:
        if len(self._points) >= MOST_POINTS:
            self.refused += 1
            return None
        point = _Point(f"{uri}/{name}")
        table.points[name] = self._points[point.uri] = point
        return point

    def _left_out(self, table: _Table, tree: Mapping[str, object], marks: Marks, now: float) -> None:
        """Members that are marked and not told have no value when they are BAD, and keep the old one else."""
        names = table.points if EVERY_MEMBER in marks else marks
        for name in list(names):
            point = table.points.get(name)
            if point is None or name in tree:
                continue
            quality = _quality(marks, name)
            value = None if quality == _BAD else point.value
            if value != point.value or quality != point.quality:
                self._keep(point, now, value, quality)

    def _keep(self, point: _Point, at: float, value: float | None, quality: int) -> None:
        minute = int(at) // MINUTE
        if point.minute != minute:
            point.open(minute)
            self._touched.append(point)
        point.take(at, value, quality)
        point.hour = int(at) // HOUR
        self.readings.append(Reading(point.uri, at, value, quality))

    def _sweep(self, now: float) -> None:
        """Closes the minutes, and gives up what is silent."""
        touched, self._touched = self._touched, []
        self.minutes += [point.closed(now) for point in touched]
        for table in self._tables.values():
            if now - table.heard > max(_SILENT_S, _SILENT_PERIODS * table.period):
                for point in table.points.values():
                    if point.value is not None:
                        self._keep(point, now, None, _BAD)


def _is_kept(uri: str) -> bool:
    """Not the detail of a component's quality, and of an asset its summary only: the rest repeats its components."""
    last = uri.rpartition("/")[2]
    if not uri.isprintable():
        return False  # half a letter cannot be written anywhere
    return not last.startswith("_") and (last == "summary" or not covers("/assets", uri))


def _quality(marks: Marks, name: str) -> int:
    quality = marks.get(name)
    quality = marks.get(EVERY_MEMBER, 0) if quality is None else quality
    return min(max(int(quality), 0), _BAD)
