"""No interleaving of crashes and commits loses or doubles what was published: crash points drawn at random."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.journaled import Commit, Committed, Record
from ess_actors.core.ledger import Ledger
from ess_actors.core.messages import Message
from ess_actors.store.journal import Journal, open_journal
from ess_actors.store.states import read_state

WALL = 1_700_000_000.0
STEPS = st.lists(
    st.sampled_from(["transition", "transition", "deliver", "write", "answer", "kill store", "kill actor"]),
    max_size=40,
)


class Plant:
    """One actor and one store with wires between them; each may be killed between any two steps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.published: list[int] = []
        self.number = 0
        self.epoch = 0
        self.state: dict[str, object] = {}
        self.journal: Journal
        self.to_store: list[Commit] = []
        self.to_actor: list[Committed] = []
        self.in_store: list[Commit] = []
        self._open()
        self._live()

    def _open(self) -> None:
        self.journal, notice = open_journal(self.path, WALL)
        assert notice == ""

    def _live(self) -> None:
        self.epoch += 1
        found, problem = read_state(self.path, "ess_1")
        assert problem == ""
        self.state = found
        # What others were told of, this life knows of: the point of it all.
        assert all(str(n) in found for n in self.published)
        self.ledger = Ledger("ess_1", self.epoch, lambda: dict(self.state))
        self._send()

    def _send(self) -> None:
        while (commit := self.ledger.commit(0.0)) is not None:
            self.to_store.append(commit)

    def _publish(self, messages: list[Message]) -> None:
        self.published += [int(message.body) for message in messages]

    def step(self, what: str) -> None:
        match what:
            case "transition":
                self.number += 1
                self.state[str(self.number)] = self.number
                told = Message("pub", "/alarm_router/ess_1", b"%d" % self.number)
                assert self.ledger.take([told], {str(self.number): self.number}, 0.0, WALL) == []
            case "deliver" if self.to_store:
                self.in_store.append(self.to_store.pop(0))
            case "write" if self.in_store:
                assert self.journal.append((), self.in_store) == ""
                self.to_actor += [Committed(c.source, c.epoch, c.ticket) for c in self.in_store]
                self.in_store = []
            case "answer" if self.to_actor:
                self._publish(self.ledger.committed(self.to_actor.pop(0), 0.0))
            case "kill store":
                # The file is not closed: what the next life finds is what a kill -9 leaves.
                self.in_store, self.to_store = [], []
                self.journal._database.close()
                self._open()
                self.ledger.store_restarted()
            case "kill actor":
                self._live()
        self._send()

    def finish(self) -> None:
        for _ in range(20):
            for what in ("deliver", "write", "answer"):
                for _ in range(10):
                    self.step(what)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_what_was_published_is_in_the_file_once_and_in_order(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        plant = Plant(Path(folder) / "journal.sqlite")
        for what in steps:
            plant.step(what)
        plant.finish()
        plant._live()
        rows = [row["body"] for row in reversed(plant.journal.recent(1000))]
        assert len(rows) == len(set(map(str, rows)))
        assert set(plant.published) <= set(rows)  # type: ignore[arg-type]
        assert plant.published == sorted(plant.published)
        assert [n for n in rows if n in plant.published] == plant.published
        plant.journal.close()


def test_a_commit_of_an_earlier_life_changes_no_state_but_its_records_are_kept(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path / "journal.sqlite", WALL)
    old = Commit("ess_1", 1, 1, 0, (), {"a": 1, "b": {"c": [1.5, True, "x"]}}, True)
    new = Commit("ess_1", 2, 1, 0, (), {"a": 2}, True)
    journal.append((), [old, new, old._replace(ticket=2, state={"z": 9}, whole=False)])
    assert read_state(tmp_path / "journal.sqlite", "ess_1") == ({"a": 2}, "")
    journal.append((), [new._replace(ticket=2, state={"a": None, "b": [1]}, whole=False)])
    assert read_state(tmp_path / "journal.sqlite", "ess_1")[0] == {"b": [1]}
    assert read_state(tmp_path / "journal.sqlite", "ess_2")[0] == {}
    journal.close()


def test_a_file_that_cannot_be_read_says_so_and_none_at_all_is_an_empty_state(tmp_path: Path) -> None:
    assert read_state(tmp_path / "none", "ess_1") == ({}, "")
    (tmp_path / "letter").write_bytes(b"a letter " * 1000)
    state, problem = read_state(tmp_path / "letter", "ess_1")
    assert state == {} and "not known" in problem


def test_a_file_of_version_1_goes_on_with_its_records(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal, _ = open_journal(path, WALL)
    record = Record(WALL, "event", "ess_1", "/events", "", b"1")
    journal.append([record])
    journal.close()
    with closing(sqlite3.connect(path)) as database:
        for table in ("state", "commits", "audit"):
            database.execute(f"DROP TABLE {table}")
        database.execute("PRAGMA user_version = 1")
        database.commit()
    assert read_state(path, "ess_1") == ({}, "")
    journal, notice = open_journal(path, WALL)
    assert notice == "" and len(journal.recent(5)) == 1
    assert journal.append((), [Commit("ess_1", 1, 1, 1, (record,), {"k": 1}, True)]) == ""
    assert read_state(path, "ess_1")[0] == {"k": 1}
    journal.close()


def test_on_a_full_disk_commits_wait_and_are_written_once_there_is_room(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path / "journal.sqlite", WALL)
    database = journal._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    big = Record(WALL, "alarm", "ess_1", "/alarm_router/ess_1", "", b'"' + b"x" * 50_000 + b'"')
    problem = journal.append((), [Commit("ess_1", 1, 1, 1, (big,), {"k": 1}, True)])
    assert "full" in problem and journal.waiting == 1 and not journal.broken
    database.execute("PRAGMA max_page_count = 1000000")
    assert journal.append(()) == "" and journal.waiting == 0
    assert len(journal.recent(5)) == 1 and read_state(tmp_path / "journal.sqlite", "ess_1")[0] == {"k": 1}
    journal.close()
