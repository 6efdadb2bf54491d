"""Who is asked, who is probed, and when: the rules for silent units, without a socket."""

from itertools import pairwise

import pytest

from ess_actors.modbus.units import LAST_PROBE_S, LAST_SOCKET_S, MISSES, MISSES_OF_ALL, Units

TIMEOUT = 0.5


def miss(units: Units, number: int, now: float, reason: str = "timeout") -> None:
    """A request that left at `now - TIMEOUT` is lost at `now`."""
    units.missed(units[number], now - TIMEOUT, now, reason)


def test_a_unit_alone_on_its_socket_rests_after_three_misses() -> None:
    units = Units([1])
    for now in (1.0, 2.0):
        miss(units, 1, now)
        assert not units.resting, "after a single miss the next request is an ordinary one"
    miss(units, 1, 3.0)
    assert units.silent == [1]
    units.answered(units[1])
    assert not units.resting and units[1].misses == 0


def test_beside_living_ones_one_miss_is_enough() -> None:
    units = Units([1, 2, 3])
    miss(units, 2, 1.0)
    assert units.silent == [2] and not units[1].resting


def test_the_last_one_that_may_live_is_asked_as_if_it_were_alone() -> None:
    units = Units([1, 2])
    miss(units, 1, 1.0)
    miss(units, 2, 1.5)
    assert units.silent == [1], "2 has nobody to delay"


def test_a_probe_waits_for_an_idle_line_but_not_for_ever() -> None:
    units = Units([1, 2], patience=1.1)
    miss(units, 2, 10.0)
    assert units.to_probe(10.05, idle=True) is None
    assert units.to_probe(10.2, idle=False) is None
    found = units.to_probe(10.2, idle=True)
    assert found is not None and found[0] == 2
    assert units.to_probe(11.05, idle=False) is None
    found = units.to_probe(11.1, idle=False)
    assert found is not None and found[0] == 2, "nobody found a gap within a whole period"


@pytest.mark.parametrize(
    ("polled", "misses", "intervals"),
    [([1], MISSES, [0.6, 0.6, 0.8, 1.6, 2.0, 2.0]), ([1, 2], 1, [0.6, 0.6, 0.8, 1.0, 1.0, 1.0])],
)
def test_the_pause_doubles_up_to_its_limit(polled: list[int], misses: int, intervals: list[float]) -> None:
    """From request to request; a time-out takes part of it."""
    units, now, found = Units(polled), 0.0, []
    for _ in range(misses):
        miss(units, 1, now)
    sent = now - TIMEOUT
    for _ in intervals:
        while units.to_probe(now, idle=True) is None:
            now += 0.001
        found.append(now - sent)
        sent, now = now, now + TIMEOUT
        if 2 in polled:
            units.answered(units[2])
        miss(units, 1, now)
    assert found == pytest.approx(intervals, abs=0.01)
    assert units[1].probe_by - now <= LAST_PROBE_S + 0.001


def test_forced_probes_leave_the_line_to_the_living_for_a_while() -> None:
    units = Units([1, 2, 3], patience=0.2)
    miss(units, 2, 10.0)
    miss(units, 3, 10.0)
    units.spare(0.0)
    assert units.to_probe(10.3, idle=False) is not None
    units.spare(10.8)
    assert units.to_probe(10.5, idle=False) is None
    assert units.next_probe(10.5) == 10.8
    assert units.to_probe(10.8, idle=False) is not None


def test_a_gateway_that_names_a_unit_unreachable_lives_itself() -> None:
    units = Units([1, 2])
    units.row = MISSES_OF_ALL - 1
    miss(units, 2, 1.0, "exception_11")
    assert units.silent == [2] and units[2].reason == "exception_11" and units.row == 0


def test_when_nothing_answers_there_is_one_probe_for_all_and_when_one_does_all_are_asked() -> None:
    units, now = Units(range(1, 11)), 0.0
    for number in range(1, MISSES_OF_ALL + 1):
        now += TIMEOUT
        miss(units, number, now)
    assert units.all_rest and units.silent == list(range(1, 11))
    assert units.to_probe(now + 0.05, idle=True) is None
    found = units.to_probe(now + 0.2, idle=False)
    assert found is not None
    miss(units, found[0], now + 0.7)
    assert units.to_probe(now + 0.71, idle=True) is None, "no other one in its place"
    units.answered(units[7])
    assert not units.all_rest and units.to_probe(now + 0.8, idle=False) is not None
    assert units[1].silences == 1


def test_the_socket_is_to_blame_when_all_are_silent() -> None:
    units = Units([1, 2])
    for now in range(1, MISSES + 1):
        miss(units, 1, float(now))
        assert not units.worth_a_new_socket(float(now))
    verdicts = []
    for now in range(4, 4 + MISSES):
        miss(units, 2, float(now))
        verdicts.append(units.worth_a_new_socket(float(now)))
    assert verdicts == [False, False, True]


def test_a_new_socket_is_tried_at_once() -> None:
    units = Units([1, 2])
    miss(units, 2, 100.0)
    units.probe_all(0.0)
    assert units.to_probe(100.0, idle=False) is not None
    units.later(units[2], 100.2, "not_connected")
    assert units.to_probe(100.1, idle=True) is None and units[2].reason == "not_connected"


def test_units_that_stay_in_the_plan_keep_their_history() -> None:
    units = Units([1, 2])
    miss(units, 2, 1.0)
    kept = units[2]
    units.renew([2, 3], 0.5)
    assert units[2] is kept and units.silent == [2]


def test_dead_units_do_not_make_the_living_ones_rest() -> None:
    units, now = Units(range(1, 31)), 0.0
    for number in range(1, 11):
        now += TIMEOUT
        miss(units, number, now)
        units.answered(units[30])
    for _ in range(5 * MISSES_OF_ALL):
        now += TIMEOUT
        found = units.to_probe(now, idle=True)
        if found is not None:
            miss(units, found[0], now + TIMEOUT)
    assert units.row == 0, "that a silent unit is still silent is no news of the line"
    assert not units.all_rest and units.silent == list(range(1, 11))
    assert not units.worth_a_new_socket(now)


def test_many_misses_in_a_row_do_not_outweigh_a_unit_that_was_heard_since_the_first_ones() -> None:
    units, now = Units(range(1, 31)), 0.0
    for number in (1, 2, 29, *range(3, 3 + 2 * MISSES_OF_ALL)):
        now += TIMEOUT
        if number == 29:
            units.answered(units[29])
        else:
            miss(units, number, now)
    assert units.row >= MISSES_OF_ALL and not units.all_rest
    miss(units, 29, now + 1.0)
    assert units.all_rest, "now nobody is known to live"


def test_two_new_silences_make_the_others_suspect_until_they_are_heard() -> None:
    units = Units(range(1, 6))
    miss(units, 1, 1.0)
    assert not any(units[n].suspect for n in range(1, 6)), "a single one is its own matter"
    miss(units, 2, 10.0)
    assert not units[3].suspect, "nor are two that have nothing to do with each other"
    miss(units, 3, 10.5)
    assert [n for n in range(1, 6) if units[n].suspect] == [4, 5] and units[4].doubt
    units.answered(units[4])
    assert not units[4].suspect and not units[4].doubt


def test_probes_go_round_and_a_new_socket_does_not_begin_anew() -> None:
    units, now, asked = Units(range(1, 9)), 10.0, []
    for number in range(1, MISSES_OF_ALL + 1):
        now += TIMEOUT
        miss(units, number, now)
    for turn in range(8):
        if turn in (2, 4):
            units.probe_all(0.0)
        while (found := units.to_probe(now, idle=True)) is None:
            now += 0.01
        asked.append(found[0])
        now += TIMEOUT
        miss(units, found[0], now)
    assert sorted(asked[:3]) == [6, 7, 8], "first who was good to the end"
    assert asked[3:] == [1, 2, 3, 4, 5]


def test_new_sockets_come_in_pauses_that_grow_until_something_answers() -> None:
    units, now, at = Units(range(1, 9)), 0.0, [0.0]
    for number in range(1, MISSES_OF_ALL + 1):
        miss(units, number, now)
    while len(at) < 7:
        now += 0.25
        miss(units, 1, now)
        if units.worth_a_new_socket(now):
            at.append(now)
    assert [b - a for a, b in pairwise(at[1:])] == [1.0, 2.0, 4.0, LAST_SOCKET_S, LAST_SOCKET_S]
    units.answered(units[3])
    assert units.row == 0 and not units.worth_a_new_socket(now)


def test_who_breaks_the_connection_is_not_the_first_on_the_next_one() -> None:
    units = Units([1, 2, 3])
    miss(units, 2, 10.0, "malformed")
    miss(units, 3, 10.0)
    assert units.silent == [2, 3] and units.row == 1, "garbage is a sign of life of the line"
    units.probe_all(0.0)
    found = units.to_probe(10.05, idle=True)
    assert found is not None and found[0] == 3
    units.answered(units[3])
    assert units.to_probe(10.05, idle=True) is None
    found = units.to_probe(10.2, idle=True)
    assert found is not None and found[0] == 2
