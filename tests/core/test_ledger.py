"""What waits for the store and what does not: order, patience, restarts of the store."""

from ess_actors.core.audit import Entry
from ess_actors.core.journaled import Commit, Committed
from ess_actors.core.ledger import LAZY_S, MOST_RECORDS, PATIENCE_S, UNDER_WAY, Ledger
from ess_actors.core.messages import Message

ALARM = Message("pub", "/alarm_router/ess_1", b"1")
PLAIN = Message("pub", "/status/ess_1", b"2")
DEVICE = Message("set", "/components/pcs/p", b"3")
OTHER = Message("set", "/ess_2/faults/x", b"4")
ANSWER = Message("set", "/web", b"5", to="web")
WALL = 1_700_000_000.0


def ledger() -> Ledger:
    """One that has told the store its whole state."""
    fresh = Ledger("ess_1", 7, lambda: {"all": 1})
    opening = fresh.commit(0.0)
    assert opening is not None and opening.whole and opening.state == {"all": 1}
    fresh.committed(answer(opening), 0.0)
    return fresh


def answer(commit: Commit) -> Committed:
    return Committed(commit.source, commit.epoch, commit.ticket)


def test_what_the_journal_does_not_keep_goes_at_once() -> None:
    book = ledger()
    assert book.take([PLAIN, DEVICE], {}, 1.0, WALL) == [PLAIN, DEVICE]
    assert book.commit(1.0) is None and book.due(True) is None


def test_a_transition_waits_and_an_order_to_a_device_never_does() -> None:
    book = ledger()
    assert book.take([ALARM, DEVICE, PLAIN], {"k": 1}, 1.0, WALL) == [DEVICE]
    commit = book.commit(1.0)
    assert commit is not None
    assert [(r.uri, r.source, r.kind) for r in commit.records] == [(ALARM.uri, "ess_1", "alarm")]  # type: ignore[union-attr]
    assert (commit.state, commit.whole, commit.last) == ({"k": 1}, False, 1)
    assert book.take([OTHER], {}, 1.1, WALL) == [], "nothing overtakes"
    assert book.committed(Committed("ess_1", 6, commit.ticket), 1.1) == [], "of an earlier life"
    assert book.committed(answer(commit), 1.1) == [ALARM, PLAIN, OTHER]
    assert book.committed(answer(commit), 1.1) == []


def test_after_a_quarter_of_a_second_it_is_published_all_the_same() -> None:
    book = ledger()
    book.take([ALARM], {}, 1.0, WALL)
    book.take([PLAIN], {}, 1.1, WALL)
    assert book.due(False) == 1.0 + PATIENCE_S
    assert book.expired(1.0 + PATIENCE_S - 0.01) == []
    assert book.expired(1.0 + PATIENCE_S) == [ALARM, PLAIN]
    assert book.late == 1
    commit = book.commit(2.0)
    assert commit is not None and len(commit.records) == 1, "and the store gets it when it can"


def test_an_answer_to_an_operator_waits_for_the_state_it_tells_of() -> None:
    book = ledger()
    assert book.take([ANSWER], {"k": 1}, 1.0, WALL) == []
    commit = book.commit(1.0)
    assert commit is not None and commit.state == {"k": 1}
    assert book.committed(answer(commit), 1.0) == [ANSWER]


def test_state_nobody_was_told_of_waits_for_others() -> None:
    book = ledger()
    assert book.take([PLAIN], {"k": 1}, 1.0, WALL) == [PLAIN]
    assert book.take([PLAIN], {"k": 2}, 1.05, WALL) == [PLAIN]
    assert book.commit(1.05) is None and book.due(True) == 1.0 + LAZY_S and book.due(False) is None
    commit = book.commit(1.0 + LAZY_S)
    assert commit is not None and commit.state == {"k": 2}


def test_few_commits_are_under_way_and_the_next_one_takes_all_that_came() -> None:
    book, sent = ledger(), []
    for number in range(20):
        book.take([ALARM], {"k": number}, 1.0, WALL)
        sent += [commit for commit in [book.commit(1.0)] if commit]
    assert len(sent) == UNDER_WAY
    assert book.committed(answer(sent[-1]), 1.0) == [ALARM] * UNDER_WAY
    rest = book.commit(1.0)
    assert rest is not None and (len(rest.records), rest.last, rest.state) == (20 - UNDER_WAY, 20, {"k": 19})


def test_a_store_that_started_anew_gets_the_whole_state_and_what_it_did_not_answer() -> None:
    book = ledger()
    book.take([ALARM], {"k": 1}, 1.0, WALL)
    lost = book.commit(1.0)
    book.store_restarted()
    again = book.commit(1.1)
    assert lost is not None and again is not None and again.whole and again.state == {"all": 1}
    assert again.records == lost.records and again.last == lost.last
    assert book.committed(answer(lost), 1.1) == [], "the old store's last words"
    assert book.committed(answer(again), 1.1) == [ALARM]


def test_audit_rows_are_numbered_with_the_records_and_bounded() -> None:
    book = ledger()
    for number in range(MOST_RECORDS + 5):
        book.keep(Entry(WALL, "api", "", f"/t/{number}", "", "1", "ok"))
    commit = book.commit(1.0)
    assert commit is not None and (len(commit.records), commit.last) == (MOST_RECORDS, MOST_RECORDS + 5)
    assert book.lost == 5
