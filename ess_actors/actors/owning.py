"""Getting the lock of a device: from nobody who lives, and from an orphan that has had its time."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Final

import psutil

from ess_actors.actors.process import log, process_name
from ess_actors.core.points import Endpoint
from ess_actors.modbus.device_lock import DeviceLock

_LAST_WORDS_S: Final = 1.2
"""So long a client whose parent is dead may take to write safe values."""
_AGAIN_S: Final = 0.02
_AGAIN_LATER_S: Final = 0.25


async def own(endpoint: Endpoint, say: Callable[[str], None]) -> DeviceLock:
    """The lock, as soon as it can be had. `say` is told once who has it."""
    lock = DeviceLock(endpoint)
    began, told = time.monotonic(), 0
    holder: int | None = None
    while not lock.take():
        waited = time.monotonic() - began
        if holder is None or not psutil.pid_exists(holder):
            holder = lock.holder()
        if holder is not None:
            end_orphan(holder, waited)
            if waited > _LAST_WORDS_S and holder != told:
                told = holder
                say(
                    f"not connected to {endpoint.place}: {_described(holder)} has the device; it is tried again"
                )
        await asyncio.sleep(_AGAIN_S if waited < _LAST_WORDS_S else _AGAIN_LATER_S)
    return lock


async def while_owned(
    endpoint: Endpoint, say: Callable[[str], None], work: Callable[[], Awaitable[None]]
) -> None:
    """Does the work as the owner of the device. `say` is told who else has it, and "" once nobody has."""
    lock = await own(endpoint, say)
    say("")
    try:
        await work()
    finally:
        lock.free()


def end_orphan(pid: int, waited: float) -> None:
    """Kill a client actor whose parent is dead, at once when it is stopped: nobody else will ever end that."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        process = psutil.Process(pid)
        if not _is_actor(process) or _is_actor(process.parent()):
            return
        stopped = process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        if stopped or waited > _LAST_WORDS_S:
            log.warning("process %d is an orphan that holds a device; it is killed", pid)
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except psutil.Error:
        return
    finally:
        os.close(descriptor)


def _is_actor(process: psutil.Process | None) -> bool:
    """True for a process that shows the id of an actor as its title, see `name_process`."""
    return process is not None and process_name(process) != ""


def _described(pid: int) -> str:
    try:
        return f"process {pid} ({' '.join(psutil.Process(pid).cmdline())[:80].strip()})"
    except psutil.Error:
        return f"process {pid}"
