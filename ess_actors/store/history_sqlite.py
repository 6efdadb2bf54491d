"""History in one SQLite file: batches are appended as they come, and sorted into blocks by point later."""

import math
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from ess_actors.core.history_intake import Period, Reading
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.history_series import HOURS, LOOK_BACK_S, MINUTES, RAW
from ess_actors.store import history_blocks, history_minutes, schema
from ess_actors.store.history import BrokenHistory, HistoryProblem
from ess_actors.store.history_blocks import Sample
from ess_actors.store.history_schema import prepare
from ess_actors.store.history_upkeep import Upkeep

BLOCK_S: Final = 3600
"""A block spans no more than this."""
_READ_TIMEOUT_S: Final = 2.0
_HOUR: Final = "INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
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
        blocks, tail = self._bodies(RAW, number, first, end)
        for body in blocks:
            samples += history_blocks.unpack(body)
        for start, body in tail:
            samples += history_blocks.of_point(start, body, number)
        samples.sort(key=lambda sample: sample[0])
        before = [sample for sample in samples if first <= sample[0] < begin][-1:]
        inside = [sample for sample in samples if begin <= sample[0] < end]
        return [Reading(point, at / 1000, value, quality) for at, value, quality in [*before, *inside]]

    @telling
    def periods(self, level: str, point: str, since: float, until: float) -> list[Period]:
        number = self._id(point)
        if number is None:
            return []
        if level == HOURS:
            rows = self._database.execute(
                "SELECT start, low, mean, high, last, seconds, kept, quality, last_quality FROM hour"
                " WHERE point = ? AND start >= ? AND start < ? ORDER BY start",
                (number, math.ceil(since), math.ceil(until)),
            )
            return [Period(point, *row) for row in rows]
        found: list[Period] = []
        blocks, tail = self._bodies(MINUTES, number, int(1000 * since), math.ceil(1000 * until))
        for body in blocks:
            found += (row for _, row in history_minutes.unpack(body, point))
        for _, body in tail:
            found += history_minutes.of_point(body, number, point)
        return history_minutes.merged(row for row in found if since <= row.start < until)

    def _bodies(
        self, level: str, number: int, first: int, end: int
    ) -> tuple[list[bytes], list[tuple[int, bytes]]]:
        """Blocks of a point and batches of all, of one moment: what is in the one is no more in the other."""
        self._database.execute("BEGIN")
        try:
            blocks = self._database.execute(
                f"SELECT body FROM {level}_block WHERE point = ? AND start >= ? AND start < ? ORDER BY start",  # noqa: S608
                (number, first - 1000 * BLOCK_S, end),
            ).fetchall()
            tail = self._database.execute(
                f"SELECT start, body FROM {level}_tail WHERE last >= ? AND start < ? ORDER BY id",  # noqa: S608
                (first, end),
            ).fetchall()
        finally:
            self._database.execute("ROLLBACK")
        return [body for (body,) in blocks], tail

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
            if minutes:
                starts = [1000 * row.start for row in minutes]
                body = history_minutes.pack([self._ids[row.point] for row in minutes], minutes, fast=True)
                self._tail(MINUTES, min(starts), max(starts), len(minutes), body)
            self._database.executemany(_HOUR, ((self._ids[row.point], *row[1:]) for row in hours))
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
        start, body = history_blocks.pack_batch([self._ids[one.point] for one in readings], samples)
        last = max(at for at, _, _ in samples)
        self._tail(RAW, start, last, len(samples), body)
        self._note("seen", last)

    def _tail(self, level: str, start: int, last: int, count: int, body: bytes) -> None:
        self._database.execute(
            f"INSERT INTO {level}_tail (start, last, count, body) VALUES (?, ?, ?, ?)",  # noqa: S608
            (start, last, count, body),
        )

    def _note(self, name: str, value: int) -> None:
        self._database.execute(
            "INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value)
        )

    def _sort_in(self, level: str, last: int) -> None:
        """Batches up to this one become blocks, in the transaction of the caller."""
        batches = self._database.execute(
            f"SELECT start, body FROM {level}_tail WHERE id <= ? ORDER BY id",  # noqa: S608
            (last,),
        )
        for point, start, body in _samples(batches) if level == RAW else _minutes(batches):
            # Another block may begin at this very moment; they are told apart by a millisecond that is not shown.
            begin = start
            while not self._database.execute(
                f"INSERT INTO {level}_block VALUES (?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608
                (point, begin, body),
            ).rowcount:
                begin += 1
        self._database.execute(f"DELETE FROM {level}_tail WHERE id <= ?", (last,))  # noqa: S608


def _samples(batches: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, int, bytes]]:
    """(point, start, body) of the blocks of all these readings."""
    found: dict[int, list[Sample]] = {}
    for start, body in batches:
        for point, *sample in history_blocks.unpack_batch(start, body):
            found.setdefault(point, []).append(tuple(sample))  # type: ignore[arg-type]
    for point in sorted(found):
        samples = sorted(found[point], key=lambda sample: sample[0])
        for part in _parts(samples, lambda sample: sample[0]):
            yield point, part[0][0], history_blocks.pack(part)


def _minutes(batches: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, int, bytes]]:
    """The same of minutes."""
    found: dict[int, list[Period]] = {}
    for _, body in batches:
        for point, row in history_minutes.unpack(body):
            found.setdefault(point, []).append(row)
    for point in sorted(found):
        for part in _parts(history_minutes.merged(found[point]), lambda row: 1000 * row.start):
            yield point, 1000 * part[0].start, history_minutes.pack([point] * len(part), part)


def _parts(rows: list[T], at: Callable[[T], int]) -> Iterator[list[T]]:
    first = 0
    for index, row in enumerate(rows):
        if at(row) - at(rows[first]) >= 1000 * BLOCK_S:
            yield rows[first:index]
            first = index
    yield rows[first:]


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
