"""What instances keep over a restart, as rows of key and value; written with the records they belong to."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import orjson

from ess_actors.core.audit import Entry
from ess_actors.core.journaled import Commit, Record

_BUSY_S: Final = 0.5


def apply(database: sqlite3.Connection, commit: Commit) -> Sequence[Record | Entry]:
    """Writes the state of a commit inside the caller's transaction; the records that are not in the file yet."""
    source, epoch, _, last, records, state, whole = commit
    row = database.execute("SELECT epoch, last FROM commits WHERE source = ?", (source,)).fetchone()
    if row is not None and row[0] == epoch:
        records = records[max(0, len(records) - max(0, last - row[1])) :]
        last = max(last, row[1])
    elif row is not None and not whole:
        # Sent by an earlier life and on its way ever since: what it tells of happened, what it was is over.
        return records
    if whole:
        database.execute("DELETE FROM state WHERE instance = ?", (source,))
    gone = [(source, key) for key, value in state.items() if value is None]
    kept = [(source, key, orjson.dumps(value)) for key, value in state.items() if value is not None]
    database.executemany("DELETE FROM state WHERE instance = ? AND key = ?", gone)
    database.executemany(
        "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT (instance, key) DO UPDATE SET value = excluded.value",
        kept,
    )
    database.execute("INSERT OR REPLACE INTO commits VALUES (?, ?, ?)", (source, epoch, last))
    return records


def read_state(path: Path, instance: str) -> tuple[dict[str, object], str]:
    """What an instance had saved, and "" or why that is not known. The file is only read."""
    if not path.is_file():
        return {}, ""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, timeout=_BUSY_S, uri=True)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version < 2:
                return {}, ""
            rows = database.execute(
                "SELECT key, value FROM state WHERE instance = ? ORDER BY rowid", (instance,)
            )
            return {key: orjson.loads(value) for key, value in rows}, ""
    except (sqlite3.Error, OSError, ValueError) as problem:
        return {}, f"what {instance} had saved in {path} is not known: {problem}"
