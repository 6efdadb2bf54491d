"""Guessing gets slower and slower, memory stays bounded, and nobody is locked out for good."""

from ess_actors.core.throttle import FORGET_S, Seldom, Throttle


def test_the_first_tries_are_free_and_then_each_waits_longer():
    throttle, now, waits = Throttle(free=3, longest_s=60), 100.0, []
    for _ in range(12):
        throttle.failed("eve", now)
        wait = throttle.wait("eve", now)
        waits.append(wait)
        now += wait
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert throttle.wait("eve", now) == 0 and throttle.wait("adam", 100.0) == 0


def test_one_that_was_no_guess_clears_its_key_or_only_itself():
    throttle = Throttle(free=1, longest_s=60)
    for _ in range(5):
        throttle.failed("eve", 0.0)
    throttle.spared("eve")
    assert throttle.wait("eve", 0.0) == 8, "what the tries before it have earned stands"
    throttle.failed("eve", 0.0)
    assert throttle.wait("eve", 0.0) == 16
    throttle.passed("eve")
    assert throttle.wait("eve", 0.0) == 0 and len(throttle) == 0


def test_a_quiet_time_is_forgotten_and_memory_is_bounded():
    throttle = Throttle(free=1, longest_s=60, most=100)
    for _ in range(9):
        throttle.failed("eve", 0.0)
    throttle.failed("eve", FORGET_S + 1)
    assert throttle.wait("eve", FORGET_S + 1) == 1
    for number in range(1000):
        throttle.failed(str(number), 0.0)
    assert len(throttle) == 100


def test_rows_are_told_seldom_and_those_left_out_are_counted():
    seldom = Seldom(burst=3, every_s=10.0)
    assert [seldom.left_out("a", 0.0) for _ in range(6)] == [0, 0, 0, None, None, None]
    assert seldom.left_out("b", 0.0) == 0
    assert [seldom.left_out("a", at) for at in (5.0, 10.0, 11.0, 20.0)] == [None, 4, None, 1]
