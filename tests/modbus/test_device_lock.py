"""One writer per device: whoever takes, dies, is stopped or comes back, two never hold one lock."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ess_actors.core.points import Endpoint, Serial
from ess_actors.core.safe_state import SafeState, stamped
from ess_actors.modbus.device_lock import DeviceLock
from tests.ports import free_port
from tests.waiting import wait_for

_HOLDS = """
import sys, time
from ess_actors.core.points import Endpoint
from ess_actors.modbus.device_lock import DeviceLock
lock = DeviceLock(Endpoint(name="d", host="10.9.8.7", port=int(sys.argv[1])))
print(lock.take(), flush=True)
sys.stdin.read()
"""


def place() -> Endpoint:
    """An endpoint that nobody else on this machine locks."""
    return Endpoint(name="d", host="10.9.8.7", port=free_port())


@contextmanager
def held_by_another(endpoint: Endpoint) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(endpoint.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_lock_is_free_as_soon_as_its_process_is_killed() -> None:
    endpoint = place()
    lock = DeviceLock(endpoint)
    with held_by_another(endpoint) as process:
        assert not lock.take() and lock.holder() == process.pid
        process.kill()
        process.wait()
        assert lock.take() and lock.holder() == os.getpid()
    lock.free()


def test_a_holder_that_is_stopped_keeps_it_and_can_be_named() -> None:
    endpoint = place()
    lock = DeviceLock(endpoint)
    with held_by_another(endpoint) as process:
        os.kill(process.pid, signal.SIGSTOP)
        for _ in range(20):
            assert not lock.take() and lock.holder() == process.pid
        os.kill(process.pid, signal.SIGKILL)
        wait_for("the lock", lock.take)
    lock.free()


def test_a_program_that_is_started_by_the_holder_does_not_keep_it() -> None:
    lock, other = (DeviceLock(endpoint) for endpoint in [place()] * 2)
    assert lock.take()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lock.free()
        assert other.take()
    finally:
        child.communicate(b"\n")
        other.free()


def test_endpoints_do_not_share_locks_and_long_names_are_told_apart() -> None:
    one = place()
    long = [replace(one, serial=Serial(device="/dev/" + "x" * 200 + end)) for end in "ab"]
    locks = [DeviceLock(endpoint) for endpoint in (one, replace(one, host="10.9.8.8"), *long)]
    assert all(lock.take() for lock in locks) and all(lock.take() for lock in locks)
    assert not DeviceLock(replace(one, name="another name")).take()
    assert not DeviceLock(long[0]).take()
    for lock in locks:
        lock.free()


class Writers(RuleBasedStateMachine):
    """Processes that come and go around one device; each writes only with the lock, and commands only when leased."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoint = place()
        self.now = 100.0
        self.writers: dict[int, tuple[DeviceLock, SafeState | None]] = {}
        self.commanding: int | None = None
        """Who wrote the last command; nobody else's may follow without safe values in between."""

    @rule(who=st.integers(0, 3))
    def tries(self, who: int) -> None:
        lock, state = self.writers.setdefault(who, (DeviceLock(self.endpoint), None))
        if lock.take() and state is None:
            self.writers[who] = lock, SafeState(1.0, self.now)
            self.commanding = None  # the safe values are the first thing it writes

    @rule(who=st.integers(0, 3))
    def dies(self, who: int) -> None:
        if who in self.writers:
            self.writers.pop(who)[0].free()

    @rule(who=st.integers(0, 3), late=st.sampled_from([0.0, 0.5, 2.0]))
    def is_leased(self, who: int, late: float) -> None:
        _, state = self.writers.get(who, (None, None))
        if state is not None:
            state.renew(self.now, self.now + late, allowed=True)
            self.now += late

    @rule(step=st.sampled_from([0.1, 0.9, 1.5]))
    def time(self, step: float) -> None:
        self.now += step
        for _, state in self.writers.values():
            if state is not None and state.tick(self.now):
                self.commanding = None

    @rule(who=st.integers(0, 3), age=st.sampled_from([0.0, 0.05, 1.0]))
    def commands(self, who: int, age: float) -> None:
        lock, state = self.writers.get(who, (None, None))
        if lock is None or state is None:
            return
        if state.tick(self.now):
            self.commanding = None
        command = stamped("c", self.now - age)
        self.now += 0.01
        if not state.refusal(command, self.now):
            assert self.commanding in (None, who), "another one's setpoint stood"
            self.commanding = who

    @invariant()
    def one_holds_it(self) -> None:
        assert sum(state is not None for _, state in self.writers.values()) <= 1

    def teardown(self) -> None:
        for lock, _ in self.writers.values():
            lock.free()


TestWriters = Writers.TestCase
TestWriters.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
