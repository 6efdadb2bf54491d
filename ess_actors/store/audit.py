"""The audit table: rows chained by hashes, and the last of them kept in a small file apart."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import orjson

from ess_actors.core.audit import BEGUN_ANEW, Entry, Row, hash_of, verify

_FIELDS: Final = ("seq", "time", "who", "origin", "uri", "old", "new", "result", "previous_hash", "hash")
_SELECT: Final = "SELECT seq, time, who, origin, uri, old, new, result, previous_hash, hash FROM audit"
_INSERT: Final = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def head_file(path: Path) -> Path:
    """Where number and hash of the last row are kept: whoever cuts rows off the table must know of it."""
    return path.with_name("audit.head")


class Chain:
    """Appends to the table of one open database; `path` = its file, None = it is in memory."""

    def __init__(self, database: sqlite3.Connection, path: Path | None) -> None:
        self._database = database
        self._path = path
        self._last: tuple[int, str] | None = None
        self._head = read_head(path) if path is not None else None

    def append(self, entries: Iterable[Entry]) -> None:
        """Adds rows inside the caller's transaction."""
        for entry in entries:
            if self._last is None:
                self._last = self._begin(entry.time)
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        seq, previous = self._last or (0, "")
        seq += 1
        digest = hash_of(seq, entry, previous)
        self._database.execute(_INSERT, (seq, *entry, previous, digest))
        self._last = seq, digest

    def _begin(self, wall: float) -> tuple[int, str]:
        row = self._database.execute(f"{_SELECT} ORDER BY seq DESC LIMIT 1").fetchone()
        if row is not None:
            return row[0], row[-1]
        if self._head is None or self._head[0] == 0:
            return 0, ""
        # The table is new and the chain is not: the numbers go on, and the first row says why.
        self._last = self._head
        text = f"rows 1 to {self._head[0]} are in a file that was set aside"
        self._add(Entry(wall, "store", "", BEGUN_ANEW, "", "", text))
        return self._last

    def forget(self) -> None:
        """The transaction was taken back."""
        self._last = None

    def keep_head(self) -> str:
        """After the commit: the last row into its own file; "" or why not."""
        if self._path is None or self._last is None or self._last == self._head:
            return ""
        file = head_file(self._path)
        fresh = file.with_name(file.name + ".new")
        try:
            fresh.write_bytes(orjson.dumps(self._last))
            fresh.replace(file)
        except OSError as problem:
            return f"{file}: {problem.strerror}; the last audit row is not kept apart"
        self._head = self._last
        return ""


def read_head(path: Path) -> tuple[int, str] | None:
    """Number and hash of the last row as kept apart from the table; None when that is not known."""
    try:
        seq, digest = orjson.loads(head_file(path).read_bytes())
        return int(seq), str(digest)
    except (OSError, ValueError, TypeError):
        return None


def recent(database: sqlite3.Connection, limit: int) -> list[dict[str, object]]:
    """The last rows, newest first."""
    rows = database.execute(f"{_SELECT} ORDER BY seq DESC LIMIT ?", (max(0, limit),)).fetchall()
    return [dict(zip(_FIELDS, row, strict=True)) for row in rows]


def verify_file(path: Path) -> tuple[list[str], int]:
    """What is wrong with the audit rows of a file, and how many there are. Raises sqlite3.Error, OSError."""
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such file", str(path))
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        # The head first: rows that are written meanwhile come after it.
        head = read_head(path)
        return verify(_rows(database), head)


def _rows(database: sqlite3.Connection) -> Iterator[Row]:
    for seq, *entry, previous, digest in database.execute(f"{_SELECT} ORDER BY seq"):
        yield Row(seq, Entry(*entry), previous, digest)
