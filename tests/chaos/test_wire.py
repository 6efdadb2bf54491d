"""What is concluded from the log of a device: safe in time, one writer or two, and the fate of commands."""

from ess_actors.chaos.candidates import Probe
from ess_actors.chaos.commanding import Commander, Sent
from ess_actors.chaos.stage import Safe
from ess_actors.chaos.wire import Write, safe_after, same, writers_mixed

SAFE = Safe("pcs", "ess_1/pcs", "ess_1", {"c/power": 0, "c/on": False}, 1.0)


def write(at, connection="a", stem="pcs", **points):
    return Write(at, stem, connection, {f"c/{name}": value for name, value in points.items()})


def test_a_device_is_safe_when_the_last_of_its_values_is():
    writes = [write(1, power=0), write(11, power=0.0), write(11.5, on=True), write(12, on=False)]
    assert safe_after(writes, SAFE, began=10) == 2
    assert safe_after(writes[:3], SAFE, began=10) is None
    assert safe_after([write(11, stem="bms", power=0, on=False)], SAFE, began=10) is None


def test_values_are_compared_as_the_device_holds_them():
    assert same(0, 0.0) and same(True, 1) and same("Off", "Off")
    assert not same(0, 0.1) and not same("Off", 0)


def test_a_connection_that_comes_again_after_another_one_is_a_second_writer():
    assert writers_mixed([write(1, "a"), write(2, "a"), write(3, "b"), write(4, "b")], "pcs") == 0
    assert writers_mixed([write(1, "a"), write(3, "b"), write(4, "a")], "pcs") == 1
    assert writers_mixed([write(1, "a"), write(2, "b", stem="bms"), write(3, "a")], "pcs") == 0


class Silent:
    """An API nobody asks."""


def test_the_fate_of_commands():
    commander = Commander(Silent(), Probe("pcs", "/components/c", "c/rate", "rate", 1.0))
    commander._sent = [
        Sent(1, True, False),  # done once
        Sent(2, True, False),  # lost
        Sent(3, True, False),  # done twice
        Sent(4, False, True),  # no answer, done
        Sent(5, False, True),  # no answer, not done
        Sent(6, False, False),  # refused, and done all the same
        Sent(7, False, False),  # refused
    ]
    told = [write(at, rate=value) for at, value in enumerate((1, 3, 3, 4, 6))]
    fate = commander.fate(told)
    assert fate == (7, 3, 2, 1, 1, 1)
