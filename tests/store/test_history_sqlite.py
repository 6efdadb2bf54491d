"""history.sqlite: what goes in comes out, within its limits, over kills, full disks and broken files."""

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ess_actors.core.history_intake import HOUR, Period, Reading
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.history_series import HOURS, MINUTES, RAW
from ess_actors.store import history_upkeep
from ess_actors.store.history import BrokenHistory, HistoryProblem
from ess_actors.store.history_query import Trend, series_of
from ess_actors.store.history_rolling import Rolling
from ess_actors.store.history_sqlite import SqliteReader, SqliteWriter, open_sqlite
from tests.waiting import wait_for

START = 1_763_800_000 // HOUR * HOUR
DAY = 86_400
SOC, VOLTS = "/components/ess_1/bms_info/soc", "/components/ess_1/bms_info/volts"


def opened(folder: Path, keeping: Keeping | None = None) -> SqliteWriter:
    return open_sqlite(folder / "history.sqlite", keeping or Keeping(), START, False)[0]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SqliteWriter]:
    one = opened(tmp_path)
    yield one
    one.close()


@pytest.fixture
def reader(writer: SqliteWriter) -> Iterator[SqliteReader]:
    one = SqliteReader(writer.place)
    yield one
    one.close()


def minute(point: str, start: int, value: float, **more: object) -> Period:
    return Period(point, start, value - 1, value, value + 1, value, 60.0, 3, 0, 0)._replace(**more)


def tidied(writer: SqliteWriter, now: float, most: int = 3000) -> int:
    return next(steps for steps in range(most) if not writer.upkeep(now))


def test_what_is_written_is_read_from_batches_and_from_blocks(
    writer: SqliteWriter, reader: SqliteReader
) -> None:
    rows = [Reading(point, START + n, n / 10, 0) for n in range(200) for point in (SOC, VOLTS)]
    rows[100] = Reading(SOC, START + 50, None, 2)
    minutes = [minute(point, START + 60 * n, n) for n in range(3) for point in (SOC, VOLTS)]
    for begin in range(0, len(rows), 100):
        writer.write(rows[begin : begin + 100], minutes if begin == 0 else ())
    expected = [row for row in rows if row.point == SOC and START + 40 <= row.at < START + 90]
    before = rows[2 * 39]

    def check() -> None:
        assert reader.readings(SOC, START + 40, START + 90) == [before, *expected]
        assert reader.periods(MINUTES, VOLTS, START + 60, START + 120) == [minutes[3]]
        assert reader.points() == [SOC, VOLTS] and reader.seen() == START + 199
        assert reader.readings("/no/such", START, START + 9) == []

    check()
    assert tidied(writer, START + 200) < 20
    assert writer._database.execute("SELECT count(*) FROM raw_tail").fetchone() == (4,)
    tidied(writer, START + history_upkeep.SORT_S + 1)
    for level in ("raw", "minute"):
        assert writer._database.execute(f"SELECT count(*) FROM {level}_tail").fetchone() == (0,)
    check()
    writer.write([Reading(SOC, START + 60.5, 7.0, 0)], ())  # late, into the time of a block
    tidied(writer, START + 10 * history_upkeep.SORT_S)
    assert Reading(SOC, START + 60.5, 7.0, 0) in reader.readings(SOC, START + 40, START + 90)


def test_a_minute_of_two_lives_is_one(writer: SqliteWriter) -> None:
    first = Period(SOC, START, 1.0, 2.0, 3.0, 3.0, 20.0, 2, 1, 0)
    second = Period(SOC, START, 5.0, 6.0, 7.0, 7.0, 10.0, 1, 0, 0)
    nothing = Period(SOC, START, None, None, None, None, 0.0, 0, 2, 2)
    writer.write((), [first])
    tidied(writer, START + DAY)
    writer.write((), [nothing])
    writer.write((), [second])
    both = Period(SOC, START, 1.0, pytest.approx(10 / 3), 7.0, 7.0, 30.0, 3, 2, 0)
    assert writer.periods(MINUTES, SOC, START, START + 60) == [both]
    tidied(writer, START + 2 * DAY)
    assert writer.periods(MINUTES, SOC, START, START + 60) == [both]


def test_hours_are_made_of_minutes_and_answer_for_them(writer: SqliteWriter, reader: SqliteReader) -> None:
    rolling, names = Rolling(), [f"/components/x/p{n}" for n in range(150)]
    writer.write([Reading(names[0], START + 1.0, 1.0, 0)], ())
    assert not rolling.step(writer) and writer.rolled() == START
    minutes = [minute(name, START + 60 * n, n % 60) for name in names for n in range(0, 150, 2)]
    writer.write((), minutes)
    assert not rolling.step(writer), "the hour is not over"
    writer.write([Reading(names[0], START + 2 * HOUR + 130.0, 1.0, 0)], ())
    assert sum(rolling.step(writer) for _ in range(10)) == 4 and reader.rolled() == START + 2 * HOUR
    hours = reader.periods(HOURS, names[7], START, START + 3 * HOUR)
    assert [(row.start, row.low, row.high, row.kept) for row in hours] == [
        (START, -1.0, 59.0, 90), (START + HOUR, -1.0, 59.0, 90),
    ]  # fmt: skip
    assert hours[0].mean == pytest.approx(29.0) and hours[0].seconds == pytest.approx(3600)
    (one,) = series_of(reader, Trend([names[7]], START, START + 100 * DAY, 600))
    assert one["resolution_s"] == 4 * HOUR
    row = one["rows"][0]
    assert row[1:] == (-1.0, pytest.approx(26.75), 59.0, 0), "the hour that is not over counts too"


def test_what_is_too_old_goes_level_by_level(writer: SqliteWriter) -> None:
    keeping = Keeping(retention_days=1, minutes_days=3, hours_days=5)
    writer.close()
    writer = opened(writer.place.parent, keeping)
    for day in range(8):
        at = START + day * DAY
        writer.write([Reading(SOC, float(at), day, 0)], [minute(SOC, at, day)], [minute(SOC, at, day)])
    now = START + 7 * DAY + 10
    tidied(writer, now + history_upkeep.SORT_S)
    tidied(writer, now + 3 * history_upkeep.LOOK_S)

    def days(rows: list[Reading] | list[Period]) -> list[float]:
        return [(row.at if isinstance(row, Reading) else row.start) // DAY - START // DAY for row in rows]

    held = [writer.readings(SOC, START + day * DAY, START + day * DAY + 1.0) for day in range(8)]
    assert days([row for rows in held for row in rows]) == [7]
    assert days(writer.periods(MINUTES, SOC, START, now)) == [5, 6, 7]
    assert days(writer.periods(HOURS, SOC, START, now)) == [3, 4, 5, 6, 7]
    assert writer.kept_from(RAW) > START + 5 * DAY
    writer.set_rolled(int(now))
    (one,) = series_of(writer, Trend([SOC], START + 5 * DAY, START + 5 * DAY + HOUR, 600))
    assert one["resolution_s"] == 60 and one["rows"][0][2] == 5, (
        "the readings are gone, their minutes are not"
    )
    writer.close()


def test_a_file_that_grows_too_large_loses_its_oldest_readings_first(tmp_path: Path) -> None:
    limit = 0.25
    writer, wide = opened(tmp_path, Keeping(max_mb=limit)), itertools.cycle((3.3, 1e-9, 7.7e20, -5.1))
    noisy = [f"/components/x/p{n}" for n in range(20)]
    sizes = []
    for step in range(30):
        at = START + 900 * step
        rows = [
            Reading(name, at + 15.0 * n, next(wide) * ((17 * n + m) ** 0.5), 0)
            for n in range(60)
            for m, name in enumerate(noisy)
        ]
        writer.write(rows, [minute(name, at, step) for name in noisy])
        tidied(writer, at + 901.0)
        writer._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sizes.append((tmp_path / "history.sqlite").stat().st_size)
    now = START + 30 * 900
    assert limit * 1e6 / 2 < max(sizes) < 1.6 * limit * 1e6
    assert writer.readings(noisy[0], now - 900, now), "the newest are there"
    assert not writer.readings(noisy[0], START, START + 900) and writer.kept_from(RAW) > START + 900
    assert len(writer.periods(MINUTES, noisy[0], START, now)) == 30, "minutes go later"
    writer.close()


def test_space_is_given_back_while_it_is_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_upkeep, "_SPARE_PAGES", 20)
    monkeypatch.setattr(history_upkeep, "_PAGES", 10)
    writer = opened(tmp_path, Keeping(retention_days=1))
    names = [f"/components/x/p{n}" for n in range(120)]
    for hour in range(6):
        rows = [Reading(name, START + hour * HOUR + 60.0 * n, (n + m) ** 0.5, 0)
                for n in range(60) for m, name in enumerate(names)]  # fmt: skip
        writer.write(rows, ())
        tidied(writer, START + (hour + 2) * HOUR)
    writer._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    full = (tmp_path / "history.sqlite").stat().st_size
    reader = SqliteReader(tmp_path / "history.sqlite")
    now = START + 2 * DAY
    steps = 0
    while writer.upkeep(now + steps):
        steps += 1
        assert steps < 1000
        writer.write([Reading(names[0], now + steps, float(steps), 0)], ())
        assert reader.readings(names[0], now, now + steps + 1)[-1].value == steps
    writer._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (tmp_path / "history.sqlite").stat().st_size < full / 3 and steps > 10
    reader.close()
    writer.close()


def test_a_broken_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"this is no database at all, whatever its name says" * 100)
    writer, notice = open_sqlite(path, Keeping(), START, False)
    assert "it was moved to" in notice and f"history.sqlite.broken-{START}" in notice
    writer.write([Reading(SOC, float(START), 1.0, 0)], ())
    writer.close()
    writer, notice = open_sqlite(path, Keeping(), START + 1, False)
    assert notice == "" and writer.points() == [SOC]
    writer.close()
    writer, notice = open_sqlite(path, Keeping(), START + 2, True)
    assert "damaged while it was in use" in notice and writer.points() == []
    writer.close()
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    assert "schema version 0" in open_sqlite(tmp_path / "other.sqlite", Keeping(), START, False)[1]


def test_damage_that_is_met_in_use_is_told_as_such(writer: SqliteWriter) -> None:
    writer.write([Reading(SOC, float(START), 1.0, 0)], ())
    writer._database.execute("UPDATE raw_tail SET body = x'00112233'")
    with pytest.raises(BrokenHistory, match=r"history\.sqlite"):
        writer.readings(SOC, START, START + 1)


def test_a_full_disk_refuses_a_batch_whole_and_takes_it_later(writer: SqliteWriter) -> None:
    writer.write([Reading(SOC, START + 1.0, 1.0, 0)], ())
    (pages,) = writer._database.execute("PRAGMA page_count").fetchone()
    writer._database.execute(f"PRAGMA max_page_count = {pages}")
    batch = [Reading(f"/components/x/p{n}", START + 2.0, n**0.5, 0) for n in range(3000)]
    with pytest.raises(HistoryProblem, match="full"):
        writer.write(batch, ())
    assert writer.points() == [SOC] and writer.seen() == START + 1
    writer._database.execute("PRAGMA max_page_count = 1000000")
    writer.write(batch, ())
    assert len(writer.points()) == 3001


def test_a_place_that_cannot_be_written_is_a_problem_of_the_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryProblem, match="make room or the folder writable"):
        opened(tmp_path / "file")


_WRITER = """
import sys
from pathlib import Path
from ess_actors.core.history_intake import Reading, Period
from ess_actors.core.history_keeping import Keeping
from ess_actors.store.history_sqlite import open_sqlite
writer, notice = open_sqlite(Path(sys.argv[1]), Keeping(), 0, False)
start = int(writer.seen()) + 1
for second in range(start, start + 100_000):
    rows = [Reading(f"/components/x/p{n}", float(second), second * n / 10, 0) for n in range(50)]
    writer.write(rows, [Period(row.point, second * 60, 1, 1, 1, 1, 60.0, 1, 0, 0) for row in rows])
    writer.upkeep(second + 10_000.0 * (second % 5 == 0))
    print(second, flush=True)
"""


def test_a_writer_that_is_killed_leaves_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    last = 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(12)]
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        # A line that was cut off in the middle tells nothing.
        last = max([*told, *map(int, rest.split("\n")[:-1])])
        reader = SqliteReader(path)
        (verdict,) = reader._database.execute("PRAGMA integrity_check").fetchone()
        assert verdict == "ok"
        assert reader.seen() >= last
        found = reader.readings("/components/x/p7", 1, last + 1)
        assert [row.at for row in found] == [float(n) for n in range(1, last + 1)]
        assert [row.value for row in found] == [n * 7 / 10 for n in range(1, last + 1)]
        reader.close()
    wait_for("nobody to hold the file", lambda: process.poll() is not None)
