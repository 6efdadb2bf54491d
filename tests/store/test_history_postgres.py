"""History in a real PostgreSQL: the same answers as from the file, limits, and a server that goes and comes back."""

import builtins
from collections.abc import Iterator

import pytest

from ess_actors.core.history_intake import HOUR, Period, Reading
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.history_series import HOURS, MINUTES, RAW
from ess_actors.store.history import HistoryProblem
from ess_actors.store.history_opening import open_reader, open_writer
from ess_actors.store.history_postgres import PostgresReader, PostgresWriter
from ess_actors.store.history_query import Trend, series_of
from ess_actors.store.history_rolling import Rolling
from ess_actors.store.history_sqlite import open_sqlite
from tests.ports import free_port
from tests.store.postgres_server import PostgresServer

START = 1_763_800_000 // HOUR * HOUR
DAY = 86_400
SOC, VOLTS = "/components/ess_1/bms_info/soc", "/components/ess_1/bms_info/volts"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    one = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield one
    one.end()


@pytest.fixture
def writer(server: PostgresServer) -> Iterator[PostgresWriter]:
    server.rows("DROP SCHEMA IF EXISTS ess_history CASCADE")
    one = PostgresWriter(Keeping(database=server.url))
    yield one
    one.close()


@pytest.fixture
def reader(server: PostgresServer) -> Iterator[PostgresReader]:
    one = PostgresReader(Keeping(database=server.url))
    yield one
    one.close()


def minute(point: str, start: int, value: float) -> Period:
    return Period(point, start, value - 1, value, value + 1, value, 60.0, 3, 0, 0)


def test_it_answers_as_the_file_does(tmp_path, writer: PostgresWriter, reader: PostgresReader) -> None:
    file, _ = open_sqlite(tmp_path / "history.sqlite", Keeping(), START, False)
    readings = [
        Reading(point, START + 7.25 * n, None if n % 50 == 3 else n / 10, n % 3)
        for n in range(900)
        for point in (SOC, VOLTS)
    ]
    first = [minute(point, START + 60 * n, float(n)) for n in range(0, 125, 3) for point in (SOC, VOLTS)]
    again = [
        Period(SOC, START, 5.0, 6.0, 70.0, 7.0, 30.0, 1, 1, 1),
        Period(SOC, START + 60, *[None] * 4, 0.0, 0, 2, 2),
    ]
    for store in (file, writer):
        for begin in range(0, len(readings), 500):
            store.write(readings[begin : begin + 500], first if begin == 0 else again if begin == 500 else ())
        store.set_rolled(START)
        rolling = Rolling()
        while rolling.step(store):
            pass
    assert reader.points() == file.points() == [SOC, VOLTS]
    assert (
        reader.seen() == file.seen() == START + 899 * 7.25
        and reader.rolled() == file.rolled() == START + HOUR
    )
    for since, until in (
        (START, START + 7000),
        (START + 100.5, START + 333.25),
        (START + 9 * HOUR, START + 10 * HOUR),
    ):
        assert reader.readings(SOC, since, until) == file.readings(SOC, since, until)
    assert reader.periods(MINUTES, SOC, START, START + 2 * HOUR) == file.periods(
        MINUTES, SOC, START, START + 2 * HOUR
    )
    assert (
        reader.periods(HOURS, VOLTS, START, START + DAY)
        == file.periods(HOURS, VOLTS, START, START + DAY)
        != []
    )
    for span, samples in ((HOUR, 600), (2 * HOUR, 100), (30 * DAY, 500)):
        trend = Trend([SOC, VOLTS], float(START), float(START + span), samples)
        assert series_of(reader, trend) == series_of(file, trend)
    assert writer.size() > 100_000
    file.close()


def test_what_is_too_old_goes(server: PostgresServer, writer: PostgresWriter) -> None:
    for day in range(8):
        at = START + day * DAY
        writer.write([Reading(SOC, float(at), day, 0)], [minute(SOC, at, day)], [minute(SOC, at, day)])
    assert not writer.upkeep(START + 7 * DAY + 10)
    assert server.rows("SELECT count(*) FROM reading") == [(8,)]
    kept = PostgresWriter(Keeping(1, 3, 5, database=server.url))
    kept.upkeep(START + 7 * DAY + 10)
    counts = [server.rows(f"SELECT count(*) FROM {table}") for table in ("reading", "minute", "hour")]
    assert counts == [[(1,)], [(3,)], [(5,)]] and kept.kept_from(RAW) == START + 6 * DAY + 10
    kept.close()


def test_a_server_that_dies_and_returns(
    server: PostgresServer, writer: PostgresWriter, reader: PostgresReader
) -> None:
    row = Reading(SOC, float(START), 1.0, 0)
    writer.write([row], [minute(SOC, START, 1.0)])
    assert reader.readings(SOC, START, START + 1) == [row]
    server.kill()
    later = [Reading(SOC, START + 1.0, 2.0, 0), Reading(VOLTS, START + 1.0, 3.0, 0)]
    for _ in range(2):
        with pytest.raises(HistoryProblem, match=r"127\.0\.0\.1/postgres: .*tried again"):
            writer.write(later, ())
        with pytest.raises(HistoryProblem):
            reader.readings(SOC, START, START + 1)
    server.start()
    writer.write(later, ())
    assert reader.readings(SOC, START, START + 2) == [row, later[0]]
    assert reader.readings(VOLTS, START, START + 2) == [later[1]]


def test_another_database_behind_the_same_address_is_noticed(
    server: PostgresServer, writer: PostgresWriter
) -> None:
    writer.write([Reading(SOC, float(START), 1.0, 0)], ())
    server.rows("DROP SCHEMA ess_history CASCADE")
    row = Reading(SOC, START + 1.0, 2.0, 0)
    with pytest.raises(HistoryProblem):
        writer.write([row], ())
    writer.write([row], ())
    assert writer.readings(SOC, START, START + 2) == [row]


def test_the_password_is_told_to_nobody(tmp_path) -> None:
    keeping = Keeping(database=f"postgresql://ess:secret@127.0.0.1:{free_port()}/plant")
    writer, _ = open_writer(keeping, tmp_path, 0.0)
    with pytest.raises(HistoryProblem) as caught:
        writer.points()
    assert "127.0.0.1/plant" in str(caught.value) and "secret" not in str(caught.value)


def test_without_psycopg_it_is_said_what_to_install(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("sys").modules, "ess_actors.store.history_postgres")
    plain = builtins.__import__

    def without(name: str, *args, **kwargs):
        if name == "psycopg":
            raise ImportError("No module named 'psycopg'")
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HistoryProblem, match=r"pip install 'ess_actors\[postgres\]'"):
        open_reader(Keeping(database="postgresql://x/y"), tmp_path)
