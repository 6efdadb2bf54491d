"""A year of alarms: what a search of it costs, and the commits beside it. `python -m tests.bench.alarm_history`."""

import statistics
import tempfile
import threading
import time
from pathlib import Path

import orjson

from ess_actors.core.alarm_figures import AlarmFigures
from ess_actors.core.alarm_history import TransitionFilter, transition_of
from ess_actors.core.journaled import Commit, Record
from ess_actors.store import transitions
from ess_actors.store.journal import Journal, open_journal

YEAR_S = 365 * 86_400
COMMITS = 300
DAY_S = 86_400


def step(number: int, at: float) -> Record:
    told = {
        "kind": "transition", "id": f"ess_{1 + number % 2}:fault:/faults/bms_{number % 40}:Alarm_{number % 400}",
        "from": "normal", "to": "unacknowledged_active", "at": at, "by": "", "why": "", "value": number,
        "priority": ("high", "low", "medium")[number % 3],
    }  # fmt: skip
    return Record(at, "alarm", "ess_1/alarms", "/alarm_router/ess_1", "", orjson.dumps(told))


def fill(journal: Journal, begin: float) -> None:
    started = time.perf_counter()
    for first in range(0, transitions.KEEP, 5000):
        assert (
            journal.append(
                [step(n, begin + n * YEAR_S / transitions.KEEP) for n in range(first, first + 5000)]
            )
            == ""
        )
    spent = time.perf_counter() - started
    size = Path(journal.place).stat().st_size
    print(
        f"{transitions.KEEP} written: {spent / transitions.KEEP * 1e6:.1f} us each, file {size / 1e6:.0f} MB"
    )


def searches(path: Path, begin: float) -> None:
    half = begin + YEAR_S / 2
    for name, wanted in {
        "the newest 500": TransitionFilter(),
        "a day half a year ago": TransitionFilter(since=half, until=half + DAY_S),
        "10,000 rows": TransitionFilter(limit=10_000),
        "a name, 500 rows": TransitionFilter(text="Alarm_399"),
        "an instance and a priority": TransitionFilter(instance="ess_2", priority="low"),
        "a text that is nowhere": TransitionFilter(text="nowhere at all"),
    }.items():
        started = time.perf_counter()
        found, problem = transitions.search(path, wanted)
        print(f"{name:28} {1000 * (time.perf_counter() - started):7.1f} ms, {len(found)} rows {problem}")


def commits(journal: Journal, epoch: int) -> str:
    spent = []
    for number in range(1, COMMITS + 1):
        commit = Commit("ess_1/alarms", epoch, number, number, (step(number, time.time()),), {}, number == 1)
        started = time.perf_counter()
        assert journal.append([], [commit]) == ""
        spent.append(1000 * (time.perf_counter() - started))
        time.sleep(0.003)
    spent.sort()
    return f"median {statistics.median(spent):.2f} ms, 99 of 100 {spent[-4]:.1f} ms, worst {spent[-1]:.1f} ms"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        begin = time.time() - YEAR_S
        journal, _ = open_journal(path, begin)
        fill(journal, begin)
        searches(path, begin)
        print("commits alone:          ", commits(journal, 1))
        over = threading.Event()

        def search() -> None:
            while not over.is_set():
                transitions.search(path, TransitionFilter(text="nowhere at all"))

        thread = threading.Thread(target=search)
        thread.start()
        print("commits beside searches:", commits(journal, 2))
        over.set()
        thread.join()
        journal.close()
    bodies = [step(n, begin + n).body for n in range(100_000)]
    figures = AlarmFigures()
    started = time.process_time()
    for number, body in enumerate(bodies):
        read = transition_of(body, 0.0)
        assert read is not None
        figures.note(read, begin + number)
    print(
        f"figures: {(time.process_time() - started) * 10:.1f} us CPU for each of 100,000 transitions, read and counted"
    )


if __name__ == "__main__":
    main()
