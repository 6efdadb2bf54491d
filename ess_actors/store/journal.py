"""The journal of events and commands: append, read back, survive a broken file and a full disk."""

import math
import sqlite3
from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from ess_actors.core.messages import Message
from ess_actors.core.uri import covers
from ess_actors.store import schema

KEEP: Final = 500_000
"""Records kept; the oldest go first."""

WAITING: Final = 10_000
"""Records held in memory while the file cannot be written."""

_PRUNE_EVERY: Final = 1000

_INSERT: Final = "INSERT INTO journal (time, kind, source, uri, command, body) VALUES (?, ?, ?, ?, ?, ?)"
_FIELDS: Final = ("id", "time", "kind", "source", "uri", "command", "body")
_SELECT: Final = "SELECT id, time, kind, source, uri, command, body FROM journal"


class Record(NamedTuple):
    """One line of the journal. `time` = unix seconds, `body` = JSON text."""

    time: float
    kind: str
    """event, alarm, command; free otherwise."""
    source: str
    """Actor id."""
    uri: str
    command: str
    """Id of the command it belongs to, empty when none."""
    body: bytes


def record_of(message: Message, wall: float) -> Record:
    """The record of a message: alarm below /alarm_router, event below /events, everything else command."""
    kind = "command"
    if covers("/alarm_router", message.uri):
        kind = "alarm"
    elif covers("/events", message.uri):
        kind = "event"
    return Record(wall, kind, message.sender, message.uri, message.command, message.body or b"null")


class Journal:
    """One open journal; lives in the thread that opened it. No method raises for what the disk does."""

    def __init__(self, database: sqlite3.Connection, place: str, keep: int = KEEP) -> None:
        self.place = place
        """Path of the file, ":memory:" when there is none."""
        self.lost = 0
        """Records given up because the file could not be written for too long."""
        self._database = database
        self._keep = keep
        self._waiting: deque[Record] = deque()
        self._since_prune = 0

    @property
    def waiting(self) -> int:
        """Records not yet in the file."""
        return len(self._waiting)

    def append(self, batch: Sequence[Record]) -> str:
        """Writes the batch and what still waits in one transaction: "" or why not; then it waits."""
        self._waiting.extend(batch)
        while len(self._waiting) > WAITING:
            self._waiting.popleft()
            self.lost += 1
        if not self._waiting:
            return ""
        refused = ""
        try:
            try:
                self._write(self._waiting)
            except (sqlite3.IntegrityError, sqlite3.InterfaceError, ValueError, OverflowError) as problem:
                # One record that can never be stored must not keep all later ones out.
                refused = f"journal {self.place}: a record cannot be stored ({problem}); it is left out"
                self._write([record for record in self._waiting if self._fits(record)])
        except (sqlite3.Error, ValueError, OverflowError) as problem:
            return f"journal {self.place}: {problem}; {len(self._waiting)} records wait in memory"
        self._waiting.clear()
        return refused

    def _fits(self, record: Record) -> bool:
        try:
            for text in record[1:5]:
                str(text).encode()
            fits = isinstance(record.body, bytes) and math.isfinite(record.time)
        except ValueError:
            fits = False
        self.lost += not fits
        return fits

    def _write(self, records: Collection[Record]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(_INSERT, records)
            self._since_prune += len(records)
            if self._since_prune >= min(_PRUNE_EVERY, self._keep):
                self._since_prune = 0
                self._database.execute(
                    "DELETE FROM journal WHERE id <= (SELECT max(id) FROM journal) - ?", (self._keep,)
                )
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def recent(self, limit: int, kind: str = "") -> list[dict[str, object]]:
        """The last `limit` records, newest first, of one kind when given; [] when unreadable."""
        limit = max(0, limit)
        try:
            if kind:
                rows = self._database.execute(
                    f"{_SELECT} WHERE kind = ? ORDER BY id DESC LIMIT ?", (kind, limit)
                ).fetchall()
            else:
                rows = self._database.execute(f"{_SELECT} ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        except sqlite3.Error:
            return []
        return [{**dict(zip(_FIELDS, row, strict=True)), "body": _decoded(row[-1])} for row in rows]

    def close(self) -> str:
        """Writes what waits and closes the file: "" or what could not be written."""
        problem = self.append(())
        self._database.close()
        return problem


def open_journal(path: Path, wall: float, keep: int = KEEP) -> tuple[Journal, str]:
    """The journal at `path` (`wall` = unix seconds), and "" or what the operator must know.

    A broken file is set aside and a new one begun; where no file can be kept, the journal is in memory.
    """
    notice = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return Journal(schema.connect(path), str(path), keep), ""
        except schema.BrokenFile as problem:
            aside = schema.set_aside(path, wall)
            notice = f"journal {path} was not usable ({problem}); it was moved to {aside}, a new one is begun"
            return Journal(schema.connect(path), str(path), keep), notice
    except (sqlite3.Error, OSError, schema.BrokenFile) as problem:
        text = (
            f"journal {path} cannot be kept ({problem}); records stay in memory and are lost at the end: "
            "make the folder writable, or choose another with --state-dir"
        )
        memory = Journal(schema.connect(":memory:"), ":memory:", min(keep, WAITING))
        return memory, f"{notice}; {text}" if notice else text


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
