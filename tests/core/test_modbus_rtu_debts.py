"""What an RTU answer may belong to: always the oldest request that was not answered."""

from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.rtu_debts import Debts


def test_an_answer_in_time_belongs_to_its_question() -> None:
    debts = Debts(5.0)
    debts.asked(1, 7, 100.0)
    assert debts.owes(1, 100.0)
    assert debts.answered(1) == 7
    assert not debts.owes(1, 100.0)


def test_nothing_was_asked() -> None:
    assert Debts(5.0).answered(1) == 0


def test_an_unanswered_question_comes_first() -> None:
    debts = Debts(5.0)
    debts.asked(1, 7, 100.0)
    debts.asked(1, 8, 101.0)
    debts.asked(1, 8, 101.1)
    assert [debts.answered(1) for _ in range(4)] == [7, 8, 8, 0]


def test_units_owe_for_themselves() -> None:
    debts = Debts(5.0)
    debts.asked(1, 7, 100.0)
    debts.asked(2, 8, 101.0)
    assert debts.answered(2) == 8
    assert (debts.owes(1, 101.0), debts.owes(2, 101.0)) == (True, False)


def test_what_is_too_old_is_forgotten() -> None:
    debts = Debts(5.0)
    debts.asked(1, 7, 100.0)
    debts.asked(1, 8, 103.0)
    assert debts.owes(1, 105.5)
    assert debts.answered(1) == 8
    debts.asked(1, 9, 106.0)
    assert not debts.owes(1, 111.5)
    assert debts.answered(1) == 0


def test_forgiven_is_forgotten() -> None:
    debts = Debts(5.0)
    debts.asked(1, 7, 100.0)
    debts.forgive(1)
    assert not debts.owes(1, 100.0)
    debts.forgive(1)


@given(st.lists(st.sampled_from(("lost", "asked again", "answered"))))
def test_an_answer_set_against_its_own_question_is_never_an_older_ones(events: list[str]) -> None:
    """A slave that works off a queue, and loses some: what is set against question n answers n or a later one."""
    debts, queue, question = Debts(1e9), [], 0
    for event in events:
        if event == "answered":
            if queue:
                assert debts.answered(1) <= queue.pop(0)
            continue
        question += 1
        debts.asked(1, question, 0.0)
        if event == "asked again":
            queue.append(question)
