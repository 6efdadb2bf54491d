"""Which database a site has chosen for its history, and the way into it."""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ess_actors.core.history_keeping import Keeping
from ess_actors.store.history import HistoryProblem, Reads, Writes
from ess_actors.store.history_sqlite import SqliteReader, open_sqlite

FILE: Final = "history.sqlite"


def open_writer(keeping: Keeping, folder: Path, wall: float, damaged: bool = False) -> tuple[Writes, str]:
    """The writer, and "" or what the operator must know; a `damaged` file is set aside. Raises HistoryProblem."""
    if keeping.database:
        return _postgres().PostgresWriter(keeping), ""
    return open_sqlite(folder / FILE, keeping, wall, damaged)


def open_reader(keeping: Keeping, folder: Path) -> Reads:
    """A reader of its own connection. Raises HistoryProblem."""
    if keeping.database:
        reader: Reads = _postgres().PostgresReader(keeping)
        return reader
    return SqliteReader(folder / FILE)


def _postgres() -> Any:
    try:
        return import_module("ess_actors.store.history_postgres")
    except ImportError as problem:
        text = f"history needs psycopg for PostgreSQL ({problem}): pip install 'ess_actors[postgres]'"
        raise HistoryProblem(text) from problem
