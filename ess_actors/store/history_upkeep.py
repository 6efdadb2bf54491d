"""Keeps history.sqlite within its limits, in steps so small that writing goes on between them."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from ess_actors.core.history_keeping import Keeping
from ess_actors.core.history_series import HOURS, MINUTES, RAW

SORT_READINGS: Final = 500_000
SORT_S: Final = 900.0
"""Batches are sorted into blocks when there are so many readings in them, or the oldest is so old."""
LOOK_S: Final = 600.0
"""So often it is looked what is too old."""
_POINTS: Final = 200
"""Of so many points something is deleted in one step."""
_PAGES: Final = 500
"""So many are given back to the file system in one step."""
_SPARE_PAGES: Final = 2000
"""Free pages that may stay: they are used again soon."""
_MARGIN: Final = 0.05
"""So much of the limit is made free at once."""
_TABLES: Final = {RAW: ("raw_block", 1000), MINUTES: ("minute_block", 1000), HOURS: ("hour", 1)}
"""Level -> its table, and how many of its units of time are a second."""


class Upkeep:
    """`sort_in` makes blocks of the batches of a level up to an id."""

    def __init__(
        self, database: sqlite3.Connection, keeping: Keeping, sort_in: Callable[[str, int], None]
    ) -> None:
        self._database = database
        self._keeping = keeping
        self._sort_in = sort_in
        self._looked = 0.0
        self._deleting: list[tuple[str, float, list[int]]] = []
        """Level, unix seconds before which it goes, points that are left to do."""

    def step(self, now: float) -> bool:
        """One piece of work; True = there is more. Raises sqlite3.Error."""
        if self._sort(RAW, now) or self._sort(MINUTES, now):
            return True
        if self._deleting:
            self._delete()
            return True
        if now - self._looked >= LOOK_S or now < self._looked:
            self._looked = now
            for level in _TABLES:
                self._begin(level, now - self._keeping.kept_s(level))
            return True
        if self._is_too_large():
            return self._shrink(now)
        return self._give_back()

    def _sort(self, level: str, now: float) -> bool:
        first, last, count = self._database.execute(
            f"SELECT min(start), max(id), sum(count) FROM {level}_tail"  # noqa: S608
        ).fetchone()
        if last is None or (count < SORT_READINGS and 0 <= now - first / 1000 < SORT_S):
            return False
        # So many at a time as fit well into memory.
        taken = 0
        for number, rows in self._database.execute(f"SELECT id, count FROM {level}_tail ORDER BY id"):  # noqa: S608
            last, taken = number, taken + rows
            if taken >= SORT_READINGS:
                break
        self._at_once(lambda: self._sort_in(level, last))
        return True

    def _begin(self, level: str, before: float) -> None:
        points = [number for (number,) in self._database.execute("SELECT id FROM point ORDER BY id")]
        self._deleting.append((level, before, points))

    def _delete(self) -> None:
        level, before, points = self._deleting[0]
        table, per_second = _TABLES[level]
        now, points[:] = points[:_POINTS], points[_POINTS:]
        cut = int(before * per_second)

        def delete() -> None:
            self._database.executemany(
                f"DELETE FROM {table} WHERE point = ? AND start < ?",  # noqa: S608
                [(number, cut) for number in now],
            )
            self._database.execute(
                "INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
                (f"{level}_from", int(before)),
            )

        self._at_once(delete)
        if not points:
            self._deleting.pop(0)

    def _is_too_large(self) -> bool:
        return self._used() > self._keeping.max_mb * 1e6

    def _used(self) -> float:
        size, pages, free = (self._pragma(name) for name in ("page_size", "page_count", "freelist_count"))
        return size * (pages - free)

    def _shrink(self, now: float) -> bool:
        """Deletes the oldest part of the finest level that there is something of."""
        share = max(_MARGIN, 1 - self._keeping.max_mb * 1e6 / self._used())
        for level in _TABLES:
            oldest = self._oldest(level)
            if oldest is not None and oldest < now:
                self._begin(level, oldest + max(1.0, share * (now - oldest)))
                return True
        return False

    def _oldest(self, level: str) -> float | None:
        table, per_second = _TABLES[level]
        found: Sequence[tuple[int | None]] = self._database.execute(
            f"SELECT (SELECT min(start) FROM {table} WHERE point = id) FROM point"  # noqa: S608
        ).fetchall()
        starts = [start for (start,) in found if start is not None]
        return min(starts) / per_second if starts else None

    def _give_back(self) -> bool:
        if self._pragma("freelist_count") <= _SPARE_PAGES:
            return False
        # Each row that this gives is a page that was freed.
        self._database.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        return True

    def _pragma(self, name: str) -> int:
        (value,) = self._database.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def _at_once(self, work: Callable[[], None]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            work()
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
