"""History in PostgreSQL, for plants that outgrow a file; with TimescaleDB its readings are a hypertable."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import psycopg

from ess_actors.core.history_intake import Period, Reading
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.history_series import HOURS, LOOK_BACK_S, MINUTES, RAW
from ess_actors.store.history import HistoryProblem

_CONNECT_S: Final = 5
_STATEMENT_MS: Final = 20_000
_LOOK_S: Final = 600.0
_SCHEMA: Final = "ess_history"
_LOCK: Final = 7_305_194_821
"""Any number: two sites that begin in the same database make its tables one after the other."""
_PERIOD: Final = """CREATE TABLE IF NOT EXISTS {level} (
    point integer NOT NULL REFERENCES point, start bigint NOT NULL,
    low float8, mean float8, high float8, last float8, seconds float8 NOT NULL,
    count integer NOT NULL, quality smallint NOT NULL, last_quality smallint NOT NULL,
    PRIMARY KEY (point, start))"""
_TABLES: Final = (
    f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}",
    "CREATE TABLE IF NOT EXISTS point (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, uri text UNIQUE NOT NULL)",
    "CREATE TABLE IF NOT EXISTS note (name text PRIMARY KEY, value bigint NOT NULL)",
    """CREATE TABLE IF NOT EXISTS reading (
        point integer NOT NULL, at timestamptz NOT NULL, value float8, quality smallint NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS reading_point ON reading (point, at)",
    "CREATE INDEX IF NOT EXISTS reading_at ON reading USING brin (at)",
    _PERIOD.format(level="minute"),
    _PERIOD.format(level="hour"),
    "CREATE INDEX IF NOT EXISTS minute_start ON minute USING brin (start)",
    "CREATE INDEX IF NOT EXISTS hour_start ON hour USING brin (start)",
)
_TIMESCALE: Final = """SELECT public.create_hypertable('ess_history.reading', 'at',
    chunk_time_interval => interval '1 day', create_default_indexes => false, if_not_exists => true)"""
_VALUES: Final = "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (point, start) DO UPDATE SET"
_MERGED: Final = f"""INSERT INTO minute AS old {_VALUES}
    low = least(old.low, excluded.low), high = greatest(old.high, excluded.high),
    mean = CASE WHEN old.seconds + excluded.seconds > 0
        THEN (coalesce(old.mean, 0) * old.seconds + coalesce(excluded.mean, 0) * excluded.seconds)
            / (old.seconds + excluded.seconds)
        ELSE coalesce(old.mean, excluded.mean) END,
    last = excluded.last, seconds = old.seconds + excluded.seconds, count = old.count + excluded.count,
    quality = greatest(old.quality, excluded.quality), last_quality = excluded.last_quality"""
_REPLACED: Final = f"""INSERT INTO hour {_VALUES}
    low = excluded.low, mean = excluded.mean, high = excluded.high, last = excluded.last,
    seconds = excluded.seconds, count = excluded.count, quality = excluded.quality,
    last_quality = excluded.last_quality"""
_NOTE: Final = "INSERT INTO note VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="PostgresReader")


def _telling(call: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """What PostgreSQL says becomes a HistoryProblem, and the connection is made anew with the next call."""

    @wraps(call)
    def told(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(self, *args, **kwargs)
        except (psycopg.Error, OverflowError, ValueError) as problem:
            self.close()
            text = " ".join(str(problem).split())
            raise HistoryProblem(
                f"history {self.place}: {text}; it is tried again, see that the server runs and lets this site in"
            ) from problem

    return told  # type: ignore[return-value]


class PostgresReader:
    """Connects with the first call, and again after each failure."""

    def __init__(self, keeping: Keeping) -> None:
        where = urlsplit(keeping.database)
        # Without the password: this is told to operators.
        self.place = f"{where.hostname or 'the local socket'}{where.path}"
        self._keeping = keeping
        self._open: psycopg.Connection[Any] | None = None

    @_telling
    def points(self) -> list[str]:
        return [uri for (uri,) in self._rows("SELECT uri FROM point ORDER BY uri")]

    @_telling
    def seen(self) -> float:
        return self._noted("seen") / 1000

    @_telling
    def rolled(self) -> int:
        return self._noted("rolled")

    @_telling
    def kept_from(self, level: str) -> float:
        return self._noted(f"{level}_from")

    @_telling
    def readings(self, point: str, since: float, until: float) -> list[Reading]:
        select = (
            "SELECT extract(epoch FROM at)::float8, value, quality FROM reading"
            " WHERE point = (SELECT id FROM point WHERE uri = %s) AND at >= to_timestamp(%s) AND at < to_timestamp(%s)"
        )
        before = self._rows(f"{select} ORDER BY at DESC LIMIT 1", point, since - LOOK_BACK_S, since)
        inside = self._rows(f"{select} ORDER BY at", point, since, until)
        return [Reading(point, *row) for row in (*before, *inside)]

    @_telling
    def periods(self, level: str, point: str, since: float, until: float) -> list[Period]:
        rows = self._rows(
            "SELECT start, low, mean, high, last, seconds, count, quality, last_quality"  # noqa: S608
            f" FROM {level} WHERE point = (SELECT id FROM point WHERE uri = %s)"
            " AND start >= %s AND start < %s ORDER BY start",
            point,
            since,
            until,
        )
        return [Period(point, *row) for row in rows]

    def close(self) -> None:
        connection, self._open = self._open, None
        if connection is not None:
            connection.close()

    def _connection(self) -> psycopg.Connection[Any]:
        if self._open is None:
            self._open = psycopg.connect(
                self._keeping.database,
                autocommit=True,
                connect_timeout=_CONNECT_S,
                tcp_user_timeout=_STATEMENT_MS,
                application_name="ess_actors history",
                options=f"-c statement_timeout={_STATEMENT_MS} -c search_path={_SCHEMA}",
            )
            self._prepare(self._open)
        return self._open

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """What a new connection needs."""

    def _noted(self, name: str) -> int:
        rows = self._rows("SELECT value FROM note WHERE name = %s", name)
        return int(rows[0][0]) if rows else 0

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection().execute(statement.encode(), values).fetchall()
        return found


class PostgresWriter(PostgresReader):
    """Makes the tables when they are not there."""

    def __init__(self, keeping: Keeping) -> None:
        super().__init__(keeping)
        self._ids: dict[str, int] = {}
        self._hypertable = False
        self._looked = 0.0

    @_telling
    def write(
        self, readings: Sequence[Reading], minutes: Sequence[Period], hours: Sequence[Period] = ()
    ) -> None:
        connection = self._connection()
        with connection.transaction(), connection.cursor() as cursor:
            self._number(cursor, {row.point for rows in (readings, minutes, hours) for row in rows})
            if readings:
                with cursor.copy("COPY reading (point, at, value, quality) FROM STDIN (FORMAT text)") as copy:
                    copy.write("".join(map(self._line, readings)))
                last = max(row.at for row in readings)
                cursor.execute(_NOTE, ("seen", round(1000 * last)))
            for statement, rows in ((_MERGED, minutes), (_REPLACED, hours)):
                if rows:
                    cursor.executemany(statement.encode(), [(self._ids[row.point], *row[1:]) for row in rows])

    @_telling
    def set_rolled(self, start: int) -> None:
        self._connection().execute(_NOTE, ("rolled", start))

    @_telling
    def upkeep(self, now: float) -> bool:
        if 0 <= now - self._looked < _LOOK_S:
            return False
        connection = self._connection()
        self._looked = now
        for level in (RAW, MINUTES, HOURS):
            before = now - self._keeping.kept_s(level)
            if level != RAW:
                connection.execute(f"DELETE FROM {level} WHERE start < %s".encode(), (before,))  # noqa: S608
            elif self._hypertable:
                connection.execute(
                    "SELECT public.drop_chunks('ess_history.reading', to_timestamp(%s))", (before,)
                )
            else:
                connection.execute("DELETE FROM reading WHERE at < to_timestamp(%s)", (before,))
            connection.execute(_NOTE, (f"{level}_from", int(before)))
        return False

    @_telling
    def size(self) -> int:
        ((found,),) = self._rows(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'",
            _SCHEMA,
        )
        return int(found)

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        self._ids.clear()  # it may be another database than before
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            for statement in _TABLES:
                connection.execute(statement.encode())
        found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
        self._hypertable = found is not None
        if self._hypertable:
            connection.execute(_TIMESCALE)

    def _number(self, cursor: psycopg.Cursor[Any], points: set[str]) -> None:
        new = sorted(points - self._ids.keys())
        if not new:
            return
        cursor.execute("INSERT INTO point (uri) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (new,))
        cursor.execute("SELECT uri, id FROM point WHERE uri = ANY(%s)", (new,))
        self._ids.update(cursor.fetchall())

    def _line(self, row: Reading) -> str:
        value = "\\N" if row.value is None else repr(row.value)
        return f"{self._ids[row.point]}\t{_timestamp(row.at)}\t{value}\t{row.quality}\n"


def _timestamp(at: float) -> str:
    """Unix seconds as PostgreSQL reads them, to the millisecond."""
    when = datetime.fromtimestamp(round(at, 3), UTC)
    return when.isoformat(timespec="milliseconds")
