"""The tables of history.sqlite, and how the file is opened and checked."""

import sqlite3
from pathlib import Path
from typing import Final

from ess_actors.store.schema import BUSY_TIMEOUT_S, BrokenFile, is_broken

VERSION: Final = 1
_QUICK_CHECK_BYTES: Final = 200_000_000
"""Up to this size a file is read through at start. Damage in a larger one shows when it is met."""

_TAIL: Final = """CREATE TABLE {name} (
        id INTEGER PRIMARY KEY,
        start INTEGER NOT NULL,
        last INTEGER NOT NULL,
        count INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT"""
_BLOCK: Final = """CREATE TABLE {name} (
        point INTEGER NOT NULL,
        start INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (point, start)
    ) STRICT, WITHOUT ROWID"""
_TABLES: Final = (
    "CREATE TABLE point (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE note (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    # Batches of all points as they come: appended, whatever the number of points is.
    _TAIL.format(name="raw_tail"),
    _TAIL.format(name="minute_tail"),
    # Sorted by point: to write one row of each point is to write one page of each.
    _BLOCK.format(name="raw_block"),
    _BLOCK.format(name="minute_block"),
    """CREATE TABLE hour (
        point INTEGER NOT NULL,
        start INTEGER NOT NULL,
        low REAL,
        mean REAL,
        high REAL,
        last REAL,
        seconds REAL NOT NULL,
        kept INTEGER NOT NULL,
        quality INTEGER NOT NULL,
        last_quality INTEGER NOT NULL,
        PRIMARY KEY (point, start)
    ) STRICT, WITHOUT ROWID""",
)
"""Times are unix milliseconds, those of hours unix seconds."""


def prepare(path: Path) -> sqlite3.Connection:
    """An open, checked file of the present version, usable in this thread only.

    Raises BrokenFile, or sqlite3.Error / OSError when the place cannot be used at all.
    """
    database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _prepare(database, path)
    except BaseException as problem:
        database.close()
        if is_broken(problem):
            raise BrokenFile(str(problem)) from None
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (found,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if found not in (0, VERSION) or (found == 0 and tables):
        raise BrokenFile(f"it has schema version {found}, this program writes version {VERSION}")
    if path.stat().st_size <= _QUICK_CHECK_BYTES:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise BrokenFile(str(verdict))
    if not found:
        # Before the first table: later it would take a vacuum of the whole file.
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA journal_size_limit = 67108864")
    if not found:
        database.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
