"""The audit chain on real files: every change, cut and gap is found, and a broken file does not end it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ess_actors.cli.group import group
from ess_actors.core.audit import BEGUN_ANEW, STREAK, Cyclic, Entry, Row, hash_of, verify
from ess_actors.core.journaled import Commit
from ess_actors.store.audit import head_file, verify_file
from ess_actors.store.journal import open_journal

WALL = 1_700_000_000.0
TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
ENTRIES = st.lists(
    st.builds(Entry, st.floats(0, 2e9), TEXT, TEXT, TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=6
)


def entry(number: int) -> Entry:
    return Entry(WALL + number, "eve", "127.0.0.1", f"/t/{number}", "0", str(number), "ok")


def written(path: Path, *numbers: int) -> None:
    journal, _ = open_journal(path, WALL)
    for number in numbers:
        assert journal.append((), [Commit("web", number, 1, 1, (entry(number),), {}, True)]) == ""
    journal.close()


def chain(entries: list[Entry]) -> list[Row]:
    rows: list[Row] = []
    for seq, one in enumerate(entries, 1):
        previous = rows[-1].hash if rows else ""
        rows.append(Row(seq, one, previous, hash_of(seq, one, previous)))
    return rows


@given(ENTRIES, st.data())
def test_whatever_is_changed_or_missing_is_found(entries: list[Entry], data: st.DataObject) -> None:
    rows = chain(entries)
    head = rows[-1].seq, rows[-1].hash
    assert verify(rows, head) == ([], len(rows))
    at = data.draw(st.integers(0, len(rows) - 1))
    found, _ = verify(rows[:at] + rows[at + 1 :], head)
    assert any("missing" in line and str(at + 1) in line for line in found)
    changed = rows[at]._replace(entry=entries[at]._replace(new=entries[at].new + "x"))
    found, _ = verify([*rows[:at], changed, *rows[at + 1 :]], head)
    assert found == [f"row {at + 1} was changed"]
    # Somebody who makes the hash of his row fit breaks the next link, or the head that is kept apart.
    forged = changed._replace(hash=hash_of(changed.seq, changed.entry, changed.previous_hash))
    found, _ = verify([*rows[:at], forged, *rows[at + 1 :]], head)
    assert len(found) == 1


def test_rows_survive_restarts_and_are_chained_over_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 1, 2)
    written(path, 3)
    assert verify_file(path) == ([], 3)
    journal, _ = open_journal(path, WALL)
    assert [row["new"] for row in journal.audited(2)] == ["3", "2"]
    journal.close()


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE audit SET new = '9' WHERE seq = 2", "row 2 was changed"),
        ("DELETE FROM audit WHERE seq = 2", "row 2 is missing"),
        ("DELETE FROM audit WHERE seq = 1", "row 1 is missing"),
        ("DELETE FROM audit WHERE seq = 3", "row 3 is missing"),
        ("DELETE FROM audit", "rows 1 to 3 are missing"),
        ("UPDATE audit SET who = 'mallory' WHERE seq = 3", "row 3 was changed"),
    ],
)
def test_the_command_names_the_row_and_ends_with_1(tmp_path: Path, statement: str, line: str) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 1, 2, 3)
    assert CliRunner().invoke(group, ["audit", "verify", str(path)]).exit_code == 0
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()
    result = CliRunner().invoke(group, ["audit", "verify", str(path)])
    assert result.exit_code == 1
    assert f"{path}: {line}\n" in result.output


def test_a_file_that_is_not_there_is_not_verified(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["audit", "verify", "none", "--state-dir", str(tmp_path)])
    assert result.exit_code == 1 and "cannot be read" in result.output


def test_after_a_broken_file_the_numbers_go_on_and_the_first_row_says_why(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 1, 2)
    path.write_bytes(b"nonsense " * 1000)
    written(path, 3)
    assert verify_file(path) == ([], 2)
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT seq, uri, result FROM audit").fetchall()
    assert rows[0] == (3, BEGUN_ANEW, "rows 1 to 2 are in a file that was set aside") and rows[1][0] == 4


def test_where_the_head_cannot_be_kept_the_rows_are_written_and_somebody_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    head_file(path).with_name("audit.head.new").mkdir(parents=True)
    journal, _ = open_journal(path, WALL)
    notice = journal.append((), [Commit("web", 1, 1, 1, (entry(1),), {}, True)])
    assert "not kept apart" in notice and len(journal.audited(5)) == 1
    journal.close()


def test_a_point_that_is_written_all_the_time_gets_few_rows_until_it_rests() -> None:
    cyclic = Cyclic()
    rows = [cyclic.row("/life", str(number), float(number)) for number in range(100)]
    told = [row for row in rows if row is not None]
    assert len(told) == STREAK + 1 and "all the time" in told[-1][1]
    assert cyclic.row("/life", "7", 200.0) == ("99", "sent")
    assert cyclic.row("/life", "7", 300.0) is None, "no other value"
