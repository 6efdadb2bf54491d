"""What systemd hears of a site: sd_notify on a real socket, and the rule that feeds the watchdog."""

import math
import os
import socket

import pytest

from ess_actors.actors.progress import Concern, Progress, row_of
from ess_actors.actors.sd_notify import Notifier
from ess_actors.core.hung import LOOK_S, Judge, control_goes_on


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def heard(systemd: socket.socket) -> str:
    return systemd.recv(4096).decode()


def test_systemd_hears_of_every_change_once(systemd):
    notifier = Notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.status("starting, 12 actors")
    notifier.status("starting, 12 actors")
    notifier.ready()
    notifier.feed()
    notifier.stopping()
    said = [heard(systemd) for _ in range(4)]
    assert said == ["STATUS=starting, 12 actors", "READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket_is_spoken_to(tmp_path):
    name = f"ess-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert heard(listening) == "READY=1"


def test_without_systemd_nothing_is_said_and_nothing_fails(tmp_path):
    notifier = Notifier({})
    assert not notifier.listened_to and notifier.watchdog_s == 0.0
    notifier.ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_watchdog_is_that_of_this_process(more, seconds):
    assert Notifier({"NOTIFY_SOCKET": "/run/notify", **more}).watchdog_s == seconds


@pytest.mark.parametrize(
    ("ages", "fed"),
    [
        ([0.1, 0.4], True),
        ([0.1, 12.0], False),
        ([0.1, None], True),  # an operator has stopped it
        ([None, None], True),
        ([0.1, math.inf], True),  # given up and alarmed: it must not end the other
        ([math.inf, math.inf], False),
        ([None, math.inf], False),
    ],
)
def test_the_watchdog_is_fed_while_control_goes_on(ages, fed):
    assert control_goes_on(ages, 10.0) is fed


def test_a_judge_takes_its_own_lateness_off_for_a_while():
    judge = Judge(1.2)
    assert judge.allowance(100.0) == 1.2
    assert judge.allowance(100.0 + LOOK_S) == pytest.approx(1.2)
    late = 100.0 + 2 * LOOK_S + 3.0
    assert judge.allowance(late) == pytest.approx(1.2 + 2 * 3.0)
    assert judge.allowance(late + LOOK_S) == pytest.approx(1.2 + 2 * 3.0)
    for _ in range(20):
        late += LOOK_S
        allowed = judge.allowance(late)
    assert allowed == pytest.approx(1.2)


def test_the_oldest_concern_counts_and_rows_are_apart():
    progress = Progress()
    everybody = ("store", "ess_1", "ess_1/pcs")
    row = row_of("ess_1/pcs", everybody)
    assert (row_of("supervisor", everybody), row, row_of("stranger", everybody)) == (0, 3, -1)
    assert progress.age(row, 1e12) is None and progress.age(-1, 1e12) is None
    progress.beat(row, Concern.LOOP)
    first = progress.age(row, 1e12)
    progress.beat(row, Concern.IO)
    assert first is not None and progress.age(row, 1e12) == first
    newer = progress.age(row, 1e12, Concern.IO)
    assert newer is not None and newer <= first
    assert progress.age(row, 1e12, Concern.WORK) is None and progress.age(2, 1e12) is None
    progress.give_up(row)
    assert progress.age(row, 1e12) == math.inf
    progress.clear(row)
    assert progress.age(row, 1e12) is None
    progress.beat(-1)  # one that nobody looks at
