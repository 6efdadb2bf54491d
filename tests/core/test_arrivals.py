"""Parcels that come late, twice or not at all: what is handled is in order and once."""

from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.arrivals import GAP_S, Arrivals
from ess_actors.core.flow import Parcel


def parcel(number: int, flow: float = 1.0, sender: str = "ess_1") -> Parcel:
    return Parcel(number, [], sender, flow)


def numbers(parcels: list[Parcel]) -> list[int]:
    return [one.number for one in parcels]


def test_one_that_overtook_another_waits_for_it() -> None:
    arrivals = Arrivals()
    came = [numbers(arrivals.come(parcel(number), 0.0)) for number in (1, 3, 4, 2, 5)]
    assert came == [[1], [], [], [2, 3, 4], [5]]


def test_one_that_comes_twice_is_handled_once() -> None:
    arrivals = Arrivals()
    came = [numbers(arrivals.come(parcel(number), 0.0)) for number in (1, 1, 3, 3, 2, 2, 3)]
    assert came == [[1], [], [], [], [2, 3], [], []]


def test_one_that_never_comes_is_waited_for_no_longer_than_the_gap() -> None:
    arrivals = Arrivals()
    arrivals.come(parcel(1), 0.0)
    arrivals.come(parcel(4), 1.0)
    arrivals.come(parcel(5), 1.5)
    arrivals.come(parcel(7), 1.5)
    assert arrivals.overdue(1.0 + GAP_S - 0.1) == []
    assert numbers(arrivals.overdue(1.0 + GAP_S)) == [4, 5]
    assert arrivals.lost == 2
    # 6 has its own time to come; 2 was given up.
    assert numbers(arrivals.overdue(1.1 + GAP_S)) == [] == numbers(arrivals.come(parcel(2), 2.0))
    assert numbers(arrivals.come(parcel(6), 2.1)) == [6, 7]


def test_senders_do_not_wait_for_each_other() -> None:
    arrivals = Arrivals()
    assert numbers(arrivals.come(parcel(2, sender="ess_1"), 0.0)) == []
    assert numbers(arrivals.come(parcel(1, sender="ess_2"), 0.0)) == [1]


def test_a_sender_that_runs_anew_begins_at_one_and_its_last_words_are_still_heard() -> None:
    arrivals = Arrivals()
    assert numbers(arrivals.come(parcel(1, flow=1.0), 0.0)) == [1]
    assert numbers(arrivals.come(parcel(1, flow=2.0), 0.0)) == [1]
    assert numbers(arrivals.come(parcel(2, flow=1.0), 0.0)) == [2]
    assert numbers(arrivals.come(parcel(2, flow=2.0), 0.0)) == [2]


def test_of_a_sender_no_more_than_two_lives_are_kept() -> None:
    arrivals = Arrivals()
    for life in range(1, 4):
        arrivals.come(parcel(1, flow=float(life)), 0.0)
    assert arrivals.come(parcel(2, flow=1.0), 0.0) == []
    assert numbers(arrivals.come(parcel(2, flow=2.0), 0.0)) == [2]


@given(st.data(), st.integers(1, 40))
def test_whatever_the_transport_does_order_holds_and_nothing_comes_twice(data, count) -> None:
    wire = data.draw(st.lists(st.integers(1, count), max_size=3 * count))
    arrivals, handled, now = Arrivals(), [], 0.0
    for number in wire:
        now += 0.1
        handled += numbers(arrivals.come(parcel(number), now))
    all_came = handled == list(range(1, len(handled) + 1))
    assert all_came  # up to here nothing was given up
    # Each gap takes its time.
    for _ in range(count + 1):
        now += GAP_S
        handled += numbers(arrivals.overdue(now))
    assert handled == sorted(set(wire))
    assert arrivals.lost == max(wire, default=0) - len(set(wire))
