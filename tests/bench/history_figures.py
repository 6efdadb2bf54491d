"""History: what 5,000 points a second cost to write, how the file grows, how long a day of 4 points takes to read."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from ess_actors.core.control import Query
from ess_actors.core.history_intake import Period, Reading
from ess_actors.core.history_keeping import Keeping
from ess_actors.store.history_opening import FILE, open_reader, open_writer
from ess_actors.store.history_query import Trend, series_of
from tests.actors.historian import Historian, Load
from tests.actors.small_tree import small_tree
from tests.waiting import wait_for

TABLES, POINTS = 100, 50
DAY_S = 86_400


def measure(seconds: float) -> dict[str, Any]:
    """Publishes to a history actor for so long; then fills a file with a day of minutes and reads from it."""
    with tempfile.TemporaryDirectory(prefix="ess-bench-") as folder:
        written = _written(Path(folder), seconds)
    with tempfile.TemporaryDirectory(prefix="ess-bench-") as folder:
        return {"write": written, "read": _read(Path(folder), TABLES if seconds >= 60 else TABLES // 10)}


def _written(folder: Path, seconds: float) -> dict[str, Any]:
    with small_tree(Historian, Keeping(), folder) as (system, bus):

        def asked() -> Any:
            with system.private() as asker:
                return asker.ask(bus, Query(), 5)

        pid = wait_for("the history actor", lambda: asked()[0][0] == "RUNNING" and asked()[0][1])
        process = psutil.Process(pid)
        system.tell(bus, Load(TABLES, POINTS, seconds))
        before, began = process.cpu_times(), time.monotonic()
        most_memory, disk = 0, process.io_counters().write_bytes
        while time.monotonic() - began < seconds:
            time.sleep(1.0)
            most_memory = max(most_memory, process.memory_info().rss)
        after, took = process.cpu_times(), time.monotonic() - began
        disk = process.io_counters().write_bytes - disk
        figures = wait_for(
            "the last batch", lambda: (f := asked()[2]) and f["ess_history_waiting"][0][1][0] == 0 and f, 30
        )
        kept = figures["ess_history_samples_total"][0][1][0]
        lost = sum(row[1][0] for row in figures.get("ess_history_dropped_total", []))
        *buckets, spent = figures["ess_history_write_seconds"][0][1]
        slowest = asked()[5]
    # What is in the file once all of it is sorted in.
    writer, _ = open_writer(Keeping(), folder, time.time())
    while writer.upkeep(time.time() + 700):
        pass
    writer.close()
    size = (folder / FILE).stat().st_size
    return {
        "points": TABLES * POINTS,
        "seconds": took,
        "readings": kept,
        "lost": lost,
        "cpu_percent_of_a_core": 100 * (after.user + after.system - before.user - before.system) / took,
        "batch_ms": 1000 * spent / max(1, sum(buckets)),
        "slowest_publish_ms": 1000 * slowest,
        "rss_mb": most_memory / 1e6,
        "written_to_disk_kb_per_s": disk / took / 1e3,
        "file_mb": size / 1e6,
        "bytes_per_reading": size / max(1, kept),
        "growth_gb_per_day": size / took * DAY_S / 1e9,
    }


def _read(folder: Path, tables: int) -> dict[str, Any]:
    """A day of minutes of all points; the trend of 4 of them over all of it."""
    keeping = Keeping(max_mb=100_000)
    writer, _ = open_writer(keeping, folder, time.time())
    names = [
        f"/components/ess_1/table_{n // POINTS:03d}/point_{n % POINTS:02d}" for n in range(tables * POINTS)
    ]
    end = int(time.time()) // 3600 * 3600
    for minute in range(end - DAY_S, end, 60):
        rows = []
        for number, name in enumerate(names):
            mean = 400 + (number * 31 + minute // 60 * 7) % 211 / 10
            rows.append(Period(name, minute, mean - 1.5, mean, mean + 1.5, mean + 0.5, 60.0, 60, 0, 0))
        writer.write((), rows)
        while writer.upkeep(minute + 60):
            pass
    writer.write([Reading(names[0], float(end), 1.0, 0)], ())
    writer.set_rolled(end)
    writer.close()
    reader = open_reader(keeping, folder)
    times, spent = [], []
    for run in range(20):
        points = [names[(run * 997 + n * 1237) % len(names)] for n in range(4)]
        began, cpu = time.perf_counter(), time.process_time()
        series = series_of(reader, Trend(points, end - DAY_S, end, 600))
        times.append(1000 * (time.perf_counter() - began))
        spent.append(1000 * (time.process_time() - cpu))
        assert all(len(one["rows"]) >= 400 for one in series), "a trend without rows says nothing"
    reader.close()
    return {
        "rows_in_file": DAY_S // 60 * len(names),
        "file_mb": (folder / FILE).stat().st_size / 1e6,
        "day_of_4_points_ms": {
            "first": times[0],
            "p50": statistics.median(times),
            "worst": max(times),
            "cpu": statistics.median(spent),
        },
    }


def show(figures: dict[str, Any]) -> None:
    write, read = figures["write"], figures["read"]
    print(f"\nhistory: {write['points']} points at 1 s for {write['seconds']:.0f} s, all of them changing")
    for name in write:
        print(f"  {name:<28}{write[name]:>14,.2f}")
    day = read["day_of_4_points_ms"]
    print(f"  a day of 4 points out of {read['rows_in_file']:,} rows ({read['file_mb']:.0f} MB): ", end="")
    print(f"first {day['first']:.1f} ms, p50 {day['p50']:.1f} ms, worst {day['worst']:.1f} ms, ", end="")
    print(f"p50 of its CPU {day['cpu']:.1f} ms")
