"""What the launch command concludes of processes that a signal has halted."""

import signal
import subprocess
import sys

import pytest

from ess_actors.actors.halted_roots import HaltedRoots
from ess_actors.actors.process import is_stopped
from tests.waiting import wait_for


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


def halt(process):
    process.send_signal(signal.SIGSTOP)
    wait_for("it to be halted", lambda: is_stopped(process.pid))


def looks(roots, *times):
    return [bool(roots.look(now)) for now in times]


def test_a_process_that_is_halted_for_long_enough_is_named(process):
    roots = HaltedRoots({process.pid: "the admin"}, 1.0)
    assert looks(roots, 0.0, 0.5) == [False, False]
    halt(process)
    assert looks(roots, 1.0, 1.5) == [False, False]
    assert roots.look(2.0) == f"the admin (process {process.pid}) has been halted by a signal for 1.0 s"


def test_one_that_goes_on_begins_anew(process):
    roots = HaltedRoots({process.pid: "the admin"}, 1.0)
    halt(process)
    assert looks(roots, 0.0, 0.5) == [False, False]
    process.send_signal(signal.SIGCONT)
    wait_for("it to go on", lambda: not is_stopped(process.pid))
    assert not roots.look(1.0)
    halt(process)
    assert looks(roots, 1.5, 2.0, 2.5) == [False, False, True]


def test_time_in_which_the_launch_command_was_halted_too_does_not_count(process):
    roots = HaltedRoots({process.pid: "the admin"}, 1.0)
    halt(process)
    assert looks(roots, 0.0, 0.5, 60.0, 60.5) == [False, False, False, False]
    assert looks(roots, 61.0) == [True]


def test_a_process_that_is_gone_is_not_halted(process):
    roots = HaltedRoots({process.pid: "the admin"}, 0.0)
    process.kill()
    process.wait()
    assert looks(roots, 0.0, 0.5) == [False, False]
