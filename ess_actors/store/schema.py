"""The store's SQLite file: how it is opened, checked, laid out, and set aside when it is broken."""

import sqlite3
from pathlib import Path
from typing import Final

from ess_actors.store import transitions

VERSION: Final = 2
"""Kept in `user_version` of the file; 0 = a new file."""

BUSY_TIMEOUT_S: Final = 1.0

_TABLES: Final = (
    """CREATE TABLE journal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time REAL NOT NULL,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        uri TEXT NOT NULL,
        command TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX journal_kind ON journal (kind, id)",
)

_SINCE_2: Final = (
    """CREATE TABLE state (
        instance TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (instance, key)
    ) STRICT""",
    """CREATE TABLE commits (
        source TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        last INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        time REAL NOT NULL,
        who TEXT NOT NULL,
        origin TEXT NOT NULL,
        uri TEXT NOT NULL,
        old TEXT NOT NULL,
        new TEXT NOT NULL,
        result TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT""",
)
"""Tables that files of version 1 do not have."""

_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_PLACE: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})


class BrokenFile(Exception):
    """The file is there but is no usable journal of this version; the text says why."""


def connect(path: Path | str) -> sqlite3.Connection:
    """An open, checked journal of the present version, usable in this thread only.

    Raises BrokenFile, or sqlite3.Error / OSError when the place cannot be used at all.
    """
    database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _prepare(database)
    except BaseException as problem:
        database.close()
        if is_broken(problem):
            raise BrokenFile(str(problem)) from None
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    # The version first: nothing is written to a file that may belong to somebody else.
    (found,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if found not in (0, 1, VERSION) or (found == 0 and tables):
        raise BrokenFile(f"it has schema version {found}, this program writes version {VERSION}")
    (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise BrokenFile(str(verdict))
    database.execute("PRAGMA journal_mode = WAL")
    # With WAL a crash of the program loses nothing, a power cut the last transactions, never the file.
    database.execute("PRAGMA synchronous = NORMAL")
    if found < VERSION:
        database.execute("BEGIN IMMEDIATE")
        for statement in (*(_TABLES if found == 0 else ()), *_SINCE_2):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    transitions.prepare(database)


def is_broken(problem: BaseException) -> bool:
    """True when SQLite says that the file's content is at fault, not the place or another process."""
    code = getattr(problem, "sqlite_errorcode", None)
    return isinstance(problem, sqlite3.DatabaseError) and code is not None and code & 0xFF in _BROKEN


def is_place(problem: BaseException) -> bool:
    """True when SQLite says that the place cannot be written now."""
    code = getattr(problem, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _PLACE


def set_aside(path: Path, wall: float) -> Path:
    """Renames the file and its companions out of the way; `wall` = unix seconds. Raises OSError."""
    for attempt in range(100):
        suffix = f".broken-{int(wall)}" + (f"-{attempt}" if attempt else "")
        target = path.with_name(path.name + suffix)
        if not target.exists():
            break
    path.rename(target)
    for companion in ("-wal", "-shm"):
        beside = path.with_name(path.name + companion)
        if beside.exists():
            beside.rename(target.with_name(target.name + companion))
    return target
