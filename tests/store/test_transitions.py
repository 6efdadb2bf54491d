"""The history of alarms on real files: written with the journal, found by every filter while commits go on."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from ess_actors.core.alarm_history import TransitionFilter
from ess_actors.core.journaled import Commit, Record
from ess_actors.store import transitions
from ess_actors.store.journal import MEMORY, Journal, open_journal

WALL = 1_763_856_000.0
EVERYTHING = TransitionFilter()


def record(number: int, **more: object) -> Record:
    told = {
        "kind": "transition", "id": f"ess_{1 + number % 2}:fault:/faults/bms:T{number}", "from": "normal",
        "to": "unacknowledged_active", "at": WALL + number, "priority": "high", "value": number, **more,
    }  # fmt: skip
    return Record(WALL + number, "alarm", "ess_1/alarms", "/alarm_router/ess_1", "", orjson.dumps(told))


def opened(path: Path) -> Journal:
    journal, notice = open_journal(path, WALL)
    assert notice == ""
    return journal


def found(path: Path, **wanted: object) -> list[str]:
    rows, problem = transitions.search(path, EVERYTHING._replace(**wanted))  # type: ignore[arg-type]
    assert problem == ""
    return [step.id.rpartition(":")[2] for _, step in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.sqlite"
    journal = opened(path)
    other = Record(WALL, "event", "ess_1", "/events", "", b'{"kind":"transition","id":"x"}')
    raised = Record(WALL, "alarm", "ess_1", "/alarm_router/ess_1", "", b'{"kind":"raised"}')
    steps = [
        record(1),
        record(2, priority="low"),
        record(3, by="eve", why="100%_sure"),
        record(4, to="normal"),
    ]
    assert journal.append([other, raised, *steps]) == ""
    assert journal.close() == ""
    return path


def test_transitions_and_nothing_else_are_found_newest_first(path: Path) -> None:
    assert found(path) == ["T4", "T3", "T2", "T1"]
    rows, _ = transitions.search(path, EVERYTHING)
    step = rows[1][1]
    assert (step.time, step.instance, step.by, step.why) == (WALL + 3, "ess_2", "eve", "100%_sure")
    assert step.as_row()["value"] == 3


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"since": WALL + 2, "until": WALL + 4}, ["T3", "T2"]),
        ({"instance": "ess_1"}, ["T4", "T2"]),
        ({"priority": "low"}, ["T2"]),
        ({"text": "t3"}, ["T3"]),
        ({"text": "EVE"}, ["T3"]),
        ({"text": "100%_s"}, ["T3"]),
        ({"text": "1%s"}, []),
        ({"text": "' OR 1=1 --"}, []),
        ({"limit": 1}, ["T4"]),
        ({"instance": "ess_2", "since": WALL + 2}, ["T3"]),
    ],
)
def test_every_filter_narrows(path: Path, wanted: dict[str, object], names: list[str]) -> None:
    assert found(path, **wanted) == names


def test_pages_follow_one_another_also_where_many_happened_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = opened(path)
    journal.append([record(n, at=WALL + n // 7) for n in range(50)])
    seen: list[int] = []
    wanted = EVERYTHING._replace(limit=4)
    while rows := transitions.search(path, wanted)[0]:
        seen += [number for number, _ in rows]
        wanted = wanted._replace(behind=(rows[-1][1].time, rows[-1][0]))
    assert seen == sorted(seen, reverse=True) and len(seen) == 50
    journal.close()


def test_a_commit_that_comes_twice_is_one_transition(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = opened(path)
    commit = Commit("ess_1/alarms", 7, 1, 2, (record(1), record(2)), {}, True)
    journal.append([], [commit])
    journal.append([], [commit])
    assert found(path) == ["T2", "T1"]
    journal.close()


def test_a_file_of_an_earlier_program_gets_the_table(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    opened(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE transitions")
    journal = opened(path)
    assert journal.append([record(1)]) == ""
    assert found(path) == ["T1"]
    journal.close()


def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(MEMORY)) as database:
        transitions.prepare(database)
        transitions.insert(database, [record(n) for n in range(10)])
        transitions.prune(database, 3)
        assert [s.id[-2:] for _, s in transitions.select(database, EVERYTHING)] == ["T9", "T8", "T7"]


def test_without_a_file_it_is_found_in_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "a_file"
    blocked.write_text("")
    journal, _ = open_journal(blocked / "journal.sqlite", WALL)
    assert journal.in_memory
    journal.append([record(1)])
    assert [step.id for _, step in journal.alarm_history(EVERYTHING)] == ["ess_2:fault:/faults/bms:T1"]
    journal.close()


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    rows, problem = transitions.search(tmp_path / "none.sqlite", EVERYTHING)
    assert rows == [] and "none.sqlite" in problem


def test_a_search_that_takes_too_long_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "SEARCH_S", -1.0)
    monkeypatch.setattr(transitions, "_STEPS", 1)
    rows, problem = transitions.search(path, EVERYTHING._replace(text="nothing"))
    assert rows == [] and "narrow it" in problem


def test_commits_go_on_while_somebody_searches(path: Path) -> None:
    journal = opened(path)
    reading = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
    seen, written = threading.Event(), threading.Event()
    counts: list[int] = []

    def search() -> None:
        with closing(reading):
            reading.execute("BEGIN")
            counts.append(len(transitions.select(reading, EVERYTHING)))
            seen.set()
            written.wait(10)
            counts.append(len(transitions.select(reading, EVERYTHING)))

    thread = threading.Thread(target=search)
    thread.start()
    assert seen.wait(10)
    # The reader is in the middle of its transaction, and the writer does not wait for it.
    assert journal.append([record(5)]) == ""
    written.set()
    thread.join(10)
    assert counts == [4, 4]
    assert found(path)[0] == "T5"
    journal.close()
