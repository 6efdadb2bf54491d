"""The journal, the saved states and the audit rows in one file: append, read back, survive a full disk."""

import math
import sqlite3
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from ess_actors.core.alarm_history import TransitionFilter
from ess_actors.core.audit import Entry
from ess_actors.core.journaled import Commit, Committed, Record
from ess_actors.store import audit, schema, states, transitions

KEEP: Final = 500_000
"""Records kept; the oldest go first."""

WAITING: Final = 10_000
"""Records held in memory while the file cannot be written."""
_WAITING_COMMITS: Final = 200
MEMORY: Final = ":memory:"

_PRUNE_EVERY: Final = 1000

_INSERT: Final = "INSERT INTO journal (time, kind, source, uri, command, body) VALUES (?, ?, ?, ?, ?, ?)"
_FIELDS: Final = ("id", "time", "kind", "source", "uri", "command", "body")
_SELECT: Final = "SELECT id, time, kind, source, uri, command, body FROM journal"


class Journal:
    """One open journal; lives in the thread that opened it. No method raises for what the disk does."""

    def __init__(self, database: sqlite3.Connection, place: str, keep: int = KEEP) -> None:
        self.place = place
        """Path of the file, MEMORY when there is none."""
        self.lost = 0
        """Records given up because the file could not be written for too long."""
        self._database = database
        self._keep = keep
        self._waiting: deque[Record | Entry] = deque()
        self._commits: deque[Commit] = deque()
        self._newest: dict[str, tuple[int, int]] = {}
        """Source -> epoch and ticket of the last commit this store took of it."""
        self.missed: frozenset[Committed] = frozenset()
        """Commits that were not taken in the last write, because one before them never came."""
        self._since_prune = 0
        self.broken = False
        """The file turned out to be damaged while it was in use: it must be opened anew."""
        self._closed = False
        """It could not be opened again yet."""
        self._chain = audit.Chain(database, None if place == MEMORY else Path(place))

    @property
    def waiting(self) -> int:
        """Records and commits not yet in the file."""
        return len(self._waiting) + len(self._commits)

    @property
    def in_memory(self) -> bool:
        """No file could be kept: all of it is lost with the process."""
        return self.place == MEMORY

    def everything(self) -> list[Record | Entry]:
        """All records and audit entries, for another journal to keep. Raises sqlite3.Error."""
        records = self._database.execute(f"{_SELECT} ORDER BY id").fetchall()
        entries = self._database.execute("SELECT * FROM audit ORDER BY seq").fetchall()
        return [*(Record(*row[1:]) for row in records), *(Entry(*row[1:8]) for row in entries)]

    def append(self, batch: Sequence[Record | Entry], commits: Sequence[Commit] = ()) -> str:
        """Writes all of it and what still waits in one transaction: "" or why not; then it waits."""
        self._waiting.extend(batch)
        while len(self._waiting) > WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._commits.extend(commits)
        while len(self._commits) > _WAITING_COMMITS:
            self.lost += len(self._commits.popleft().records)
        if not self.waiting:
            return ""
        refused = ""
        try:
            try:
                self._write()
            except (sqlite3.IntegrityError, sqlite3.InterfaceError, ValueError, OverflowError) as problem:
                # One record that can never be stored must not keep all later ones out.
                refused = f"journal {self.place}: a record cannot be stored ({problem}); it is left out"
                self._leave_out()
                self._write()
        except (sqlite3.Error, ValueError, OverflowError) as problem:
            self.broken = self.broken or schema.is_broken(problem)
            if self._closed or schema.is_place(problem):
                self._reopen()
            return f"journal {self.place}: {problem}; {self.waiting} records wait in memory"
        self._waiting.clear()
        self._commits.clear()
        return self._chain.keep_head() or refused

    def _reopen(self) -> None:
        """A file that was opened where nothing could be written stays read-only until it is opened again."""
        # The old one first: what a process maps of the file it maps once for all its connections.
        self._database.close()
        self._closed = True
        try:
            self._database = schema.connect(self.place)
        except (sqlite3.Error, OSError, schema.BrokenFile):
            return
        self._closed = False
        self._chain = audit.Chain(self._database, None if self.in_memory else Path(self.place))

    def _leave_out(self) -> None:
        self._waiting = deque(filter(self._fits, self._waiting))
        self._commits = deque(
            commit._replace(records=tuple(filter(self._fits, commit.records))) for commit in self._commits
        )

    def _fits(self, record: Record | Entry) -> bool:
        try:
            for text in record[1:5]:
                str(text).encode()
            body = record.body if isinstance(record, Record) else "".join(record[5:]).encode()
            fits = isinstance(body, bytes) and math.isfinite(record.time)
        except (ValueError, TypeError):
            fits = False
        self.lost += not fits
        return fits

    def _write(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            told: list[Record | Entry] = list(self._waiting)
            newest, missed = dict(self._newest), set[Committed]()
            for commit in self._commits:
                match self._order_of(commit, newest):
                    case "next":
                        newest[commit.source] = commit.epoch, commit.ticket
                        told += states.apply(self._database, commit)
                    case "earlier life":
                        told += states.apply(self._database, commit)
                    case "gap":
                        missed.add(Committed(commit.source, commit.epoch, commit.ticket))
            records = [record for record in told if isinstance(record, Record)]
            self._database.executemany(_INSERT, records)
            transitions.insert(self._database, records)
            self._chain.append(entry for entry in told if isinstance(entry, Entry))
            self._since_prune += len(records)
            if self._since_prune >= min(_PRUNE_EVERY, self._keep):
                self._since_prune = 0
                self._database.execute(
                    "DELETE FROM journal WHERE id <= (SELECT max(id) FROM journal) - ?", (self._keep,)
                )
                transitions.prune(self._database)
            self._database.execute("COMMIT")
            self._newest, self.missed = newest, frozenset(missed)
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            self._chain.forget()
            raise

    @staticmethod
    def _order_of(commit: Commit, newest: Mapping[str, tuple[int, int]]) -> str:
        """Nothing else than the next one may be taken: the numbers of its records would hide those that are missing."""
        epoch, ticket = newest.get(commit.source, (None, 0))
        if commit.whole:
            return "next"
        if epoch is None:
            return "gap"
        if epoch != commit.epoch:
            return "earlier life"
        if commit.ticket <= ticket:
            return "known"
        return "next" if commit.ticket == ticket + 1 else "gap"

    def audited(self, limit: int) -> list[dict[str, object]]:
        """The last `limit` audit rows, newest first; [] when unreadable."""
        try:
            return audit.recent(self._database, min(limit, KEEP))
        except sqlite3.Error:
            return []

    def alarm_history(self, wanted: TransitionFilter) -> transitions.Found:
        """What fits of the transitions of alarms, newest first; [] when unreadable."""
        try:
            return transitions.select(self._database, wanted)
        except sqlite3.Error:
            return []

    def recent(self, limit: int, kind: str = "") -> list[dict[str, object]]:
        """The last `limit` records, newest first, of one kind when given; [] when unreadable."""
        limit = max(0, min(limit, KEEP))
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
            f"journal {path} cannot be kept ({problem}); records stay in memory until it can: "
            "make the folder writable, or choose another with --state-dir"
        )
        memory = Journal(schema.connect(MEMORY), MEMORY, min(keep, WAITING))
        return memory, f"{notice}; {text}" if notice else text


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
