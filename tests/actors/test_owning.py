"""Orphans and the lock of their device, with real processes: who is killed, who never is, and who gets the lock."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ess_actors.actors.owning import end_orphan, own
from ess_actors.core.points import Endpoint
from ess_actors.modbus.device_lock import DeviceLock
from tests.ports import free_port
from tests.waiting import ended, wait_for

# Takes the lock as a child of a process that does nothing, and tells its process id. Both end with standard input.
_HOLDER = """
import os, sys
import setproctitle
from ess_actors.core.points import Endpoint
from ess_actors.modbus.device_lock import DeviceLock
port, parent, child = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if os.fork() == 0:
    setproctitle.setproctitle(child)
    lock = DeviceLock(Endpoint(name="d", host="10.9.8.6", port=port))
    print(os.getpid() if lock.take() else 0, flush=True)
else:
    setproctitle.setproctitle(parent)
sys.stdin.read()
"""

# Waits for a line, then tries until it gets the lock.
_CONTENDER = """
import os, sys, time
from ess_actors.core.points import Endpoint
from ess_actors.modbus.device_lock import DeviceLock
lock = DeviceLock(Endpoint(name="d", host="10.9.8.6", port=int(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
while not lock.take():
    time.sleep(0.001)
print("has it", flush=True)
sys.stdin.read()
"""
PATIENT = 60.0
"""Seconds that somebody has waited: longer than any last words."""


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint(name="d", host="10.9.8.6", port=free_port())


@contextmanager
def held(
    endpoint: Endpoint, parent: str = "ess: t", child: str = "ess: t/pcs"
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """(the parent, process id of its child that has the lock), with these titles."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(endpoint.port), parent, child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    pid = int(process.stdout.readline())
    try:
        assert pid and DeviceLock(endpoint).holder() == pid
        yield process, pid
    finally:
        # The other end of standard input is the last of what the child waits for.
        for victim in (pid, process.pid):
            if not ended(victim):
                os.kill(victim, signal.SIGCONT)
        process.stdin.close()
        process.wait()
        wait_for("the holder to end", lambda: ended(pid))
        process.stdout.close()


def orphaned(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def owned(endpoint: Endpoint) -> tuple[DeviceLock, list[str]]:
    """The lock, waited for as a client actor does, and what was said meanwhile."""
    said: list[str] = []

    async def body() -> DeviceLock:
        async with asyncio.timeout(20):
            return await own(endpoint, said.append)

    return asyncio.run(body()), said


def test_a_client_whose_parent_lives_is_never_killed_however_long_others_wait(endpoint: Endpoint) -> None:
    with held(endpoint) as (_, pid):
        end_orphan(pid, PATIENT)
        os.kill(pid, signal.SIGSTOP)
        end_orphan(pid, PATIENT)
        assert not ended(pid) and not DeviceLock(endpoint).take()


def test_a_process_that_is_no_actor_is_never_killed(endpoint: Endpoint) -> None:
    with held(endpoint, child="a gateway of somebody else") as (process, pid):
        orphaned(process)
        end_orphan(pid, PATIENT)
        assert not ended(pid)


def test_an_orphan_may_say_its_last_words_and_not_more(endpoint: Endpoint) -> None:
    with held(endpoint) as (process, pid):
        orphaned(process)
        end_orphan(pid, 0.5)
        assert not ended(pid)
        end_orphan(pid, PATIENT)
        wait_for("the orphan to end", lambda: ended(pid))


def test_an_orphan_that_is_stopped_is_killed_and_its_lock_taken_over(endpoint: Endpoint) -> None:
    with held(endpoint) as (process, pid):
        os.kill(pid, signal.SIGSTOP)
        orphaned(process)
        lock, said = owned(endpoint)
        assert ended(pid) and lock.holder() == os.getpid()
        assert said == [], "nobody has to do anything about it"
        lock.free()


def test_an_orphan_that_hangs_is_killed_after_its_last_words(endpoint: Endpoint) -> None:
    with held(endpoint) as (process, pid):
        orphaned(process)
        lock, _ = owned(endpoint)
        assert ended(pid)
        lock.free()


def test_who_waits_says_once_who_has_the_device(endpoint: Endpoint) -> None:
    said: list[str] = []

    async def body(pid: int, process: subprocess.Popen[str]) -> None:
        told = asyncio.Event()

        def say(text: str) -> None:
            said.append(text)
            told.set()

        waiting = asyncio.create_task(own(endpoint, say))
        async with asyncio.timeout(20):
            await told.wait()
            assert str(pid) in said[0] and "ess: t/pcs" in said[0] and endpoint.place in said[0]
            os.kill(pid, signal.SIGKILL)
            (await waiting).free()

    with held(endpoint) as (process, pid):
        asyncio.run(body(pid, process))
    assert len(said) == 1


def test_of_many_that_want_it_at_once_one_has_it_and_after_its_death_one_other(endpoint: Endpoint) -> None:
    contenders = [
        subprocess.Popen(
            [sys.executable, "-c", _CONTENDER, str(endpoint.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    by_pid = {one.pid: one for one in contenders}
    try:
        for one in contenders:
            assert one.stdout is not None and one.stdout.readline() == "ready\n"
        for one in contenders:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        lock = DeviceLock(endpoint)
        while by_pid:
            pid = wait_for("a holder", lambda: lock.holder())
            holder = by_pid.pop(pid)
            assert holder.stdout is not None and holder.stdout.readline() == "has it\n"
            assert not lock.take() and lock.holder() == pid
            others = [one.stdout for one in by_pid.values() if one.stdout is not None]
            assert select.select(others, [], [], 0)[0] == [], "two have it"
            holder.kill()
            holder.wait()
    finally:
        for one in contenders:
            one.kill()
            one.communicate()
