"""The transitions of all alarms, in the journal's file: written with it, asked on a connection of their own."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from ess_actors.core.alarm_history import Transition, TransitionFilter, transition_of
from ess_actors.core.journaled import ALARM, Record

KEEP: Final = 500_000
"""Transitions kept: more than a year of ten alarms an hour. The oldest go first."""
SEARCH_S: Final = 2.0
"""So long one search may take."""
_BUSY_S: Final = 0.5
_STEPS: Final = 10_000
"""Steps of SQLite between two looks at the clock."""

_INSERT: Final = (
    "INSERT INTO transitions (time, alarm, instance, source, before, after, who, why, value, priority)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT: Final = (
    "SELECT seq, time, alarm, instance, source, before, after, who, why, value, priority FROM transitions"
)

_SEARCHED: Final = ("alarm", "value", "why", "who")

Found = list[tuple[int, Transition]]
"""Number and transition, newest first."""


def prepare(database: sqlite3.Connection) -> None:
    """Makes the table where there is none. Programs that do not know it leave it alone: the version stays."""
    database.execute(
        """CREATE TABLE IF NOT EXISTS transitions (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            time REAL NOT NULL,
            alarm TEXT NOT NULL,
            instance TEXT NOT NULL,
            source TEXT NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            who TEXT NOT NULL,
            why TEXT NOT NULL,
            value TEXT NOT NULL,
            priority TEXT NOT NULL
        ) STRICT"""
    )
    database.execute("CREATE INDEX IF NOT EXISTS transitions_time ON transitions (time)")


def insert(database: sqlite3.Connection, records: Iterable[Record]) -> None:
    """Adds those of the records that are transitions, inside the caller's transaction."""
    steps = [
        step
        for record in records
        if record.kind == ALARM and (step := transition_of(record.body, record.time)) is not None
    ]
    if steps:
        database.executemany(_INSERT, steps)


def prune(database: sqlite3.Connection, keep: int = KEEP) -> None:
    """Removes the oldest, inside the caller's transaction."""
    database.execute("DELETE FROM transitions WHERE seq <= (SELECT max(seq) FROM transitions) - ?", (keep,))


def select(database: sqlite3.Connection, wanted: TransitionFilter) -> Found:
    """What fits, newest first. Raises sqlite3.Error."""
    conditions: list[str] = []
    values: list[object] = []
    for condition, value in (
        ("time >= ?", wanted.since),
        ("time < ?", wanted.until),
        ("instance = ?", wanted.instance or None),
        ("priority = ?", wanted.priority or None),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.text:
        conditions.append("(" + " OR ".join(f"{name} LIKE ? ESCAPE '\\'" for name in _SEARCHED) + ")")
        escaped = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values += [f"%{escaped}%"] * len(_SEARCHED)
    if wanted.behind is not None:
        conditions.append("(time, seq) < (?, ?)")
        values += wanted.behind
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    # Every index ends with the number of the row: this order needs no sorting.
    query = f"{_SELECT}{where} ORDER BY time DESC, seq DESC LIMIT ?"
    rows: Sequence[tuple[int, *tuple[object, ...]]] = database.execute(
        query, (*values, min(wanted.limit, KEEP))
    ).fetchall()
    return [(seq, Transition(*row)) for seq, *row in rows]  # type: ignore[arg-type]


def search(path: Path, wanted: TransitionFilter) -> tuple[Found, str]:
    """What fits in a file that somebody else writes, and "" or why that is not known. Blocks up to SEARCH_S."""
    until = time.monotonic() + SEARCH_S
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, timeout=_BUSY_S, uri=True)) as database:
            database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            return select(database, wanted), ""
    except (sqlite3.Error, OSError) as problem:
        if getattr(problem, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            text = f"the search took more than {SEARCH_S:g} s; narrow it with since and until"
            return [], text
        return [], f"the alarm history in {path} cannot be read ({problem}); look at the store's log"
