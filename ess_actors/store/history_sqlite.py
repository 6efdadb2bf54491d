"""History in one SQLite file: batches are appended as they come, and sorted into blocks by point later."""

import math
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from ess_actors.core.history_intake import Period, Reading
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.history_series import LOOK_BACK_S
from ess_actors.store import schema
from ess_actors.store.history import BrokenHistory, HistoryProblem
from ess_actors.store.history_blocks import Sample, of_point, pack, pack_batch, unpack, unpack_batch
from ess_actors.store.history_schema import prepare
from ess_actors.store.history_upkeep import Upkeep

BLOCK_S: Final = 3600
"""A block spans no more than this."""
_READ_TIMEOUT_S: Final = 2.0
_MERGED: Final = """INSERT INTO minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    low = min(coalesce(low, excluded.low), coalesce(excluded.low, low)),
    high = max(coalesce(high, excluded.high), coalesce(excluded.high, high)),
    mean = CASE WHEN lasted + excluded.lasted > 0
        THEN (coalesce(mean, 0) * lasted + coalesce(excluded.mean, 0) * excluded.lasted)
            / (lasted + excluded.lasted)
        ELSE coalesce(mean, excluded.mean) END,
    last = excluded.last, lasted = lasted + excluded.lasted, count = count + excluded.count,
    quality = max(quality, excluded.quality), last_quality = excluded.last_quality"""
"""A minute may be written twice, by two lives of the writer; an hour is made anew of its minutes."""
_REPLACED: Final = "INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="SqliteReads")


def telling(
    call: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """What SQLite says becomes a HistoryProblem."""

    @wraps(call)
    def told(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(self, *args, **kwargs)
        except (sqlite3.Error, OverflowError, ValueError, zlib.error) as problem:
            broken = isinstance(problem, zlib.error) or schema.is_broken(problem)
            kind = BrokenHistory if broken else HistoryProblem
            raise kind(f"history {self.place}: {problem}") from problem

    return told  # type: ignore[return-value]


class SqliteReads:
    """What both connections can do."""

    def __init__(self, database: sqlite3.Connection, place: Path) -> None:
        self.place = place
        self._database = database
        self._ids: dict[str, int] = {}

    @telling
    def points(self) -> list[str]:
        return [uri for (uri,) in self._database.execute("SELECT uri FROM point ORDER BY uri")]

    @telling
    def seen(self) -> float:
        return self._noted("seen") / 1000

    @telling
    def rolled(self) -> int:
        return self._noted("rolled")

    @telling
    def kept_from(self, level: str) -> float:
        return self._noted(f"{level}_from")

    @telling
    def readings(self, point: str, since: float, until: float) -> list[Reading]:
        number = self._id(point)
        if number is None:
            return []
        first, begin, end = int(1000 * (since - LOOK_BACK_S)), int(since * 1000), math.ceil(until * 1000)
        samples: list[Sample] = []
        with self._snapshot():
            blocks = self._database.execute(
                "SELECT body FROM block WHERE point = ? AND start >= ? AND start < ? ORDER BY start",
                (number, first - 1000 * BLOCK_S, end),
            ).fetchall()
            tail = self._database.execute(
                "SELECT start, body FROM tail WHERE last >= ? AND start < ?", (first, end)
            ).fetchall()
        for (body,) in blocks:
            samples += unpack(body)
        for start, body in tail:
            samples += of_point(start, body, number)
        samples.sort(key=lambda sample: sample[0])
        before = [sample for sample in samples if first <= sample[0] < begin][-1:]
        inside = [sample for sample in samples if begin <= sample[0] < end]
        return [Reading(point, at / 1000, value, quality) for at, value, quality in [*before, *inside]]

    @telling
    def periods(self, level: str, point: str, since: float, until: float) -> list[Period]:
        number = self._id(point)
        if number is None:
            return []
        rows = self._database.execute(
            f"SELECT start, low, mean, high, last, lasted, count, quality, last_quality FROM {level} "  # noqa: S608
            "WHERE point = ? AND start >= ? AND start < ? ORDER BY start",
            (number, math.ceil(since), math.ceil(until)),
        )
        return [
            Period(point, start, low, mean, high, last, lasted / 1000, *rest)
            for start, low, mean, high, last, lasted, *rest in rows
        ]

    def close(self) -> None:
        self._database.close()

    def _noted(self, name: str) -> int:
        row = self._database.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def _id(self, point: str) -> int | None:
        number = self._ids.get(point)
        if number is None:
            row = self._database.execute("SELECT id FROM point WHERE uri = ?", (point,)).fetchone()
            if row is not None:
                number = self._ids[point] = row[0]
        return number

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment: readings move from the tail into blocks."""
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.execute("ROLLBACK")


class SqliteReader(SqliteReads):
    """Reads beside the writer, and never waits for it."""

    def __init__(self, place: Path) -> None:
        try:
            database = sqlite3.connect(
                f"{place.absolute().as_uri()}?mode=ro",
                timeout=_READ_TIMEOUT_S,
                isolation_level=None,
                uri=True,
            )
        except sqlite3.Error as problem:
            raise HistoryProblem(f"history {place}: {problem}") from problem
        super().__init__(database, place)


class SqliteWriter(SqliteReads):
    """One open file; lives in the thread that opened it."""

    def __init__(self, database: sqlite3.Connection, place: Path, keeping: Keeping) -> None:
        super().__init__(database, place)
        self._upkeep = Upkeep(database, keeping, self._sort_in)
        rows = database.execute("SELECT id, uri FROM point")
        self._ids = {uri: number for number, uri in rows}

    @telling
    def write(
        self, readings: Sequence[Reading], minutes: Sequence[Period], hours: Sequence[Period] = ()
    ) -> None:
        known = len(self._ids)
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._number({row.point for rows in (readings, minutes, hours) for row in rows})
            if readings:
                self._append(readings)
            self._database.executemany(_MERGED, map(self._row, minutes))
            self._database.executemany(_REPLACED, map(self._row, hours))
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            for uri in list(self._ids)[known:]:
                del self._ids[uri]
            raise

    @telling
    def set_rolled(self, start: int) -> None:
        self._note("rolled", start)

    @telling
    def upkeep(self, now: float) -> bool:
        return self._upkeep.step(now)

    @telling
    def size(self) -> int:
        beside = (self.place.with_name(self.place.name + end) for end in ("", "-wal"))
        return sum(file.stat().st_size for file in beside if file.exists())

    def _number(self, points: set[str]) -> None:
        for uri in sorted(points - self._ids.keys()):
            cursor = self._database.execute("INSERT INTO point (uri) VALUES (?)", (uri,))
            self._ids[uri] = cursor.lastrowid or 0

    def _append(self, readings: Sequence[Reading]) -> None:
        samples = [(round(1000 * at), value, quality) for _, at, value, quality in readings]
        start, body = pack_batch([self._ids[one.point] for one in readings], samples)
        last = max(at for at, _, _ in samples)
        self._database.execute(
            "INSERT INTO tail (start, last, count, body) VALUES (?, ?, ?, ?)",
            (start, last, len(samples), body),
        )
        self._note("seen", last)

    def _note(self, name: str, value: int) -> None:
        self._database.execute(
            "INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value)
        )

    def _row(self, row: Period) -> tuple[Any, ...]:
        return (self._ids[row.point], row.start, *row[2:6], round(1000 * row.seconds), *row[7:])

    def _sort_in(self, last: int) -> None:
        """Batches up to this one become blocks, in the transaction of the caller."""
        found: dict[int, list[Sample]] = {}
        for start, body in self._database.execute("SELECT start, body FROM tail WHERE id <= ?", (last,)):
            for point, *sample in unpack_batch(start, body):
                found.setdefault(point, []).append(tuple(sample))  # type: ignore[arg-type]
        for point in sorted(found):
            samples = sorted(found[point], key=lambda sample: sample[0])
            for part in _parts(samples):
                start, body = part[0][0], pack(part)
                # Another block may begin at this very moment; they are told apart by a millisecond that is not shown.
                while not self._database.execute(
                    "INSERT INTO block VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (point, start, body)
                ).rowcount:
                    start += 1
        self._database.execute("DELETE FROM tail WHERE id <= ?", (last,))


def _parts(samples: list[Sample]) -> Iterator[list[Sample]]:
    first = 0
    for index, sample in enumerate(samples):
        if sample[0] - samples[first][0] >= 1000 * BLOCK_S:
            yield samples[first:index]
            first = index
    yield samples[first:]


def open_sqlite(path: Path, keeping: Keeping, wall: float, damaged: bool) -> tuple[SqliteWriter, str]:
    """The writer of the file, and "" or what was done to it. A broken one is set aside. Raises HistoryProblem."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if damaged and path.exists():
                raise schema.BrokenFile("it was damaged while it was in use")
            return SqliteWriter(prepare(path), path, keeping), ""
        except schema.BrokenFile as problem:
            aside = schema.set_aside(path, wall)
            notice = f"history {path} was not usable ({problem}); it was moved to {aside}, a new one is begun"
            return SqliteWriter(prepare(path), path, keeping), notice
    except (sqlite3.Error, OSError, schema.BrokenFile) as problem:
        text = (
            f"history {path} cannot be kept ({problem}): make room or the folder writable; it is tried again"
        )
        raise HistoryProblem(text) from problem
