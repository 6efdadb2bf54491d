"""The journal on real files: kept, found again, bounded, set aside when broken."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ess_actors.core.audit import Entry
from ess_actors.core.journaled import Record, record_of
from ess_actors.core.messages import Message
from ess_actors.store.audit import verify_file
from ess_actors.store.journal import WAITING, Journal, open_journal
from ess_actors.store.schema import VERSION

WALL = 1_700_000_000.0


def record(number: int, kind: str = "event", body: bytes = b'{"n":1}') -> Record:
    return Record(WALL + number, kind, "ess_1", f"/events/{number}", "", body)


def opened(path: Path, keep: int = 500_000) -> Journal:
    journal, notice = open_journal(path, WALL, keep)
    assert notice == ""
    assert journal.place == str(path)
    return journal


def test_what_was_written_is_there_after_a_restart_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.db"
    journal = opened(path)
    assert journal.append([record(1), record(2, "command", b"[true,1.5]")]) == ""
    assert journal.close() == ""
    journal = opened(path)
    found = journal.recent(10)
    assert [(row["time"], row["kind"], row["body"]) for row in found] == [
        (WALL + 2, "command", [True, 1.5]),
        (WALL + 1, "event", {"n": 1}),
    ]
    assert [row["uri"] for row in journal.recent(10, "event")] == ["/events/1"]
    assert len(journal.recent(1)) == 1
    assert journal.recent(0) == journal.recent(-1) == []
    journal.close()


def test_it_is_a_wal_file_of_the_present_version(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    opened(path).close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_program_that_is_killed_loses_nothing_it_appended(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    first = opened(path)
    first.append([record(1)])
    # Not closed: the second reader sees what a restarted process would.
    second = opened(path)
    assert [row["uri"] for row in second.recent(5)] == ["/events/1"]
    first.close()
    second.close()


def test_a_file_that_is_no_database_is_moved_aside_with_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database, it is a letter " * 100)
    journal, notice = open_journal(path, WALL)
    aside = tmp_path / f"journal.db.broken-{int(WALL)}"
    assert str(aside) in notice and "not a database" in notice
    assert aside.read_bytes().startswith(b"this is not")
    assert journal.append([record(1)]) == "" and journal.place == str(path)
    assert len(journal.recent(5)) == 1
    journal.close()


def test_a_damaged_page_is_found_at_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = opened(path)
    journal.append([record(number, body=b'"' + b"x" * 500 + b'"') for number in range(200)])
    journal.close()
    raw = bytearray(path.read_bytes())
    raw[8192 : 8192 + 20000] = b"\xff" * 20000
    path.write_bytes(raw)
    journal, notice = open_journal(path, WALL)
    assert "was not usable" in notice and "broken" in notice
    assert journal.recent(5) == []
    journal.close()


def test_two_broken_files_in_one_second_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for _ in range(2):
        path.write_bytes(b"nonsense " * 1000)
        open_journal(path, WALL)[0].close()
    assert len(list(tmp_path.glob("journal.db.broken-*"))) == 2


@pytest.mark.parametrize("statement", [f"PRAGMA user_version = {VERSION + 1}", "CREATE TABLE other (x)"])
def test_a_file_of_another_version_or_program_is_not_written_to(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE foreign_rows (x)")
        database.execute("INSERT INTO foreign_rows VALUES (7)")
        database.execute(statement)
        database.commit()
    journal, notice = open_journal(path, WALL)
    assert "schema version" in notice
    journal.close()
    (aside,) = tmp_path.glob("journal.db.broken-*")
    with closing(sqlite3.connect(aside)) as database:
        assert database.execute("SELECT x FROM foreign_rows").fetchall() == [(7,)]


def test_where_no_file_can_be_kept_it_goes_on_in_memory_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    journal, notice = open_journal(tmp_path / "file" / "journal.db", WALL)
    assert "in memory" in notice and "--state-dir" in notice
    assert journal.place == ":memory:"
    assert journal.append([record(1)]) == "" and len(journal.recent(5)) == 1
    journal.close()


def test_what_a_journal_in_memory_holds_another_one_can_keep(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file where a folder should be")
    memory, _ = open_journal(tmp_path / "folder" / "journal.db", WALL)
    entry = Entry(WALL, "engineer", "10.0.0.9", "/t/x", "1", "2", "ok")
    assert memory.in_memory and memory.append([record(1), entry, record(2)]) == ""
    path = tmp_path / "journal.db"
    journal = opened(path)
    assert journal.append(memory.everything()) == ""
    assert [row["uri"] for row in journal.recent(5)] == ["/events/2", "/events/1"]
    assert [row["uri"] for row in journal.audited(5)] == ["/t/x"] and verify_file(path) == ([], 1)
    memory.close()
    journal.close()


def test_a_file_that_was_opened_where_nothing_could_be_written_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    opened(path).close()
    readonly = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    journal = Journal(readonly, str(path))
    assert "readonly" in journal.append([record(1)]) and journal.waiting == 1
    assert journal.append([record(2)]) == ""
    assert [row["uri"] for row in journal.recent(5)] == ["/events/2", "/events/1"]
    journal.close()


def test_while_another_process_holds_the_file_records_wait_and_are_written_later(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        text = journal.append([record(1)])
        assert "locked" in text and "1 records wait" in text
        assert journal.waiting == 1
        other.execute("ROLLBACK")
    assert journal.append([record(2)]) == ""
    assert [row["uri"] for row in journal.recent(5)] == ["/events/2", "/events/1"]
    assert journal.waiting == 0 and journal.lost == 0
    journal.close()


def test_what_waits_is_bounded_and_the_loss_is_counted(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.db")
    with closing(sqlite3.connect(journal.place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "wait in memory" in journal.append([record(number) for number in range(WAITING + 3)])
        assert (journal.waiting, journal.lost) == (WAITING, 3)
        other.execute("ROLLBACK")
    assert journal.close() == ""


def test_one_record_that_cannot_be_stored_keeps_no_other_out(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.db")
    bad = [record(1)._replace(uri="/events/\ud800"), record(2)._replace(time=float("nan"))]
    assert "cannot be stored" in journal.append([record(0), *bad, record(3)])
    assert [row["uri"] for row in journal.recent(5)] == ["/events/3", "/events/0"]
    assert (journal.waiting, journal.lost) == (0, 2)
    journal.close()


def test_the_oldest_go_first_when_it_is_full(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.db", keep=20)
    for start in range(0, 100, 10):
        journal.append([record(number) for number in range(start, start + 10)])
    found = journal.recent(1000)
    assert found[0]["uri"] == "/events/99"
    assert 20 <= len(found) <= 40
    journal.close()


def test_messages_become_records_by_their_uri() -> None:
    kinds = {
        uri: record_of(Message("post", uri, b'{"a":1}', command="c-1", sender="ess_2"), WALL)
        for uri in ("/events", "/alarm_router/ess_1", "/ess_1/x")
    }
    assert [r.kind for r in kinds.values()] == ["event", "alarm", "command"]
    assert kinds["/events"] == Record(WALL, "event", "ess_2", "/events", "c-1", b'{"a":1}')
