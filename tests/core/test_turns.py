"""Items and messages share the time of an instance."""

from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.turns import MOST_MESSAGES, Turns


def test_a_due_item_goes_before_the_next_message() -> None:
    turns = Turns()
    assert turns.items_now(1.0, 1.0)
    assert not turns.items_now(1.1, 1.0)
    assert not turns.items_now(None, 1.0)


def test_items_that_are_always_due_leave_a_share_to_messages() -> None:
    turns = Turns()
    turns.ran(1.0, 1.2)
    assert not turns.items_now(1.2, 1.21)
    assert turns.wake_at(1.2, 1.21) == 1.25
    assert turns.items_now(1.2, 1.25)


def test_a_wake_up_is_never_due_at_once_after_a_run() -> None:
    turns = Turns()
    turns.ran(1.0, 1.0)
    assert turns.wake_at(0.9, 1.0) == 1.001
    assert turns.wake_at(2.0, 1.0) == 2.0
    assert turns.wake_at(None, 1.0) is None


@given(cost=st.floats(0.0, 10.0), waiting=st.integers(0, 300))
def test_no_more_than_64_messages_pass_while_an_item_is_due(cost: float, waiting: int) -> None:
    turns = Turns()
    turns.ran(0.0, cost)
    passed = longest = 0
    for _ in range(waiting):
        if turns.items_now(cost, cost):  # no time passes: the count alone decides
            turns.ran(cost, cost)
            passed = 0
        turns.handled()
        passed += 1
        longest = max(longest, passed)
    assert longest == min(waiting, MOST_MESSAGES)
