"""Parcels that come late, twice or not at all: what is handled is in order and once."""

from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.arrivals import GAP_S, Arrival, Arrivals
from ess_actors.core.flow import Parcel


def parcel(number: int, flow: float = 1.0, sender: str = "ess_1") -> Parcel:
    return Parcel(number, [], sender, flow)


def numbers(arrivals: list[Arrival[None]]) -> list[int]:
    return [one.parcel.number for one in arrivals]


def test_one_that_overtook_another_waits_for_it() -> None:
    arrivals = Arrivals[None]()
    came = [numbers(arrivals.come(parcel(number), None, 0.0)) for number in (1, 3, 4, 2, 5)]
    assert came == [[1], [], [], [2, 3, 4], [5]]


def test_one_that_comes_twice_is_handled_once() -> None:
    arrivals = Arrivals[None]()
    came = [numbers(arrivals.come(parcel(number), None, 0.0)) for number in (1, 1, 3, 3, 2, 2, 3)]
    assert came == [[1], [], [], [], [2, 3], [], []]


def test_one_that_never_comes_is_waited_for_no_longer_than_the_gap() -> None:
    arrivals = Arrivals[None]()
    for number, at in ((1, 0.0), (4, 1.0), (5, 1.5), (7, 1.5)):
        arrivals.come(parcel(number), None, at)
    assert arrivals.overdue(1.0 + GAP_S - 0.1) == []
    assert numbers(arrivals.overdue(1.0 + GAP_S)) == [4, 5]
    assert arrivals.lost == 2
    # 6 has its own time to come; 2 was given up.
    assert numbers(arrivals.overdue(1.1 + GAP_S)) == [] == numbers(arrivals.come(parcel(2), None, 2.0))
    assert numbers(arrivals.come(parcel(6), None, 2.1)) == [6, 7]


def test_who_did_not_look_for_long_may_have_it_in_a_socket_and_waits_anew() -> None:
    arrivals = Arrivals[None]()
    arrivals.come(parcel(2), None, 0.1)
    assert arrivals.overdue(0.3) == []
    assert arrivals.overdue(0.3 + 5.0) == []  # blocked meanwhile: what came is not read yet
    assert numbers(arrivals.come(parcel(1), None, 5.4)) == [1, 2]
    arrivals.come(parcel(4), None, 5.5)
    assert [numbers(arrivals.overdue(at)) for at in (5.7, 6.2, 6.5)] == [[], [], [4]]
    assert arrivals.lost == 1


def test_many_holes_are_waited_for_together() -> None:
    arrivals = Arrivals[None]()
    for number in range(2, 40, 2):
        arrivals.come(parcel(number), None, 0.0)
    assert numbers(arrivals.overdue(GAP_S)) == list(range(2, 40, 2))


def test_senders_do_not_wait_for_each_other() -> None:
    arrivals = Arrivals[None]()
    assert numbers(arrivals.come(parcel(2, sender="ess_1"), None, 0.0)) == []
    assert numbers(arrivals.come(parcel(1, sender="ess_2"), None, 0.0)) == [1]


def test_a_sender_that_runs_anew_begins_at_one_and_its_last_words_are_still_heard() -> None:
    arrivals = Arrivals[None]()
    assert numbers(arrivals.come(parcel(1, flow=1.0), None, 0.0)) == [1]
    assert numbers(arrivals.come(parcel(1, flow=2.0), None, 0.0)) == [1]
    assert numbers(arrivals.come(parcel(2, flow=1.0), None, 0.0)) == [2]
    assert numbers(arrivals.come(parcel(2, flow=2.0), None, 0.0)) == [2]


def test_what_waited_of_an_earlier_life_comes_before_what_the_next_one_says() -> None:
    arrivals = Arrivals[None]()
    assert numbers(arrivals.come(parcel(3, flow=1.0), None, 0.0)) == []
    came = arrivals.come(parcel(1, flow=2.0), None, 0.1)
    assert [(one.parcel.flow, one.parcel.number) for one in came] == [(1.0, 3), (2.0, 1)]
    assert arrivals.lost == 2 and arrivals.overdue(9.0) == []


def test_of_a_sender_no_more_than_two_lives_are_kept() -> None:
    arrivals = Arrivals[None]()
    for life in range(1, 4):
        arrivals.come(parcel(1, flow=float(life)), None, 0.0)
    assert arrivals.come(parcel(2, flow=1.0), None, 0.0) == []
    assert numbers(arrivals.come(parcel(2, flow=2.0), None, 0.0)) == [2]


@given(st.data(), st.integers(1, 40))
def test_whatever_the_transport_does_order_holds_and_nothing_comes_twice(data, count) -> None:
    wire = data.draw(st.lists(st.integers(1, count), max_size=3 * count))
    arrivals, handled, now = Arrivals[None](), [], 0.0
    for number in wire:
        now += 0.125
        handled += numbers(arrivals.come(parcel(number), None, now))
    all_came = handled == list(range(1, len(handled) + 1))
    assert all_came  # up to here nothing was given up
    handled += numbers(arrivals.overdue(now + GAP_S))
    assert handled == sorted(set(wire))
    assert arrivals.lost == max(wire, default=0) - len(set(wire))
