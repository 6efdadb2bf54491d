"""One site of a state directory at a time: a lock that is free only when its last process is gone."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from ess_actors.core.errors import ConfigError

DYING_S: Final = 5.0
"""So long the processes of a launch command that was killed may take to write safe values and end."""
_RETRY_S: Final = 0.02


class SiteLock:
    """The lock of a site that is held."""

    def __init__(self, descriptor: int, *, broken_off: bool) -> None:
        self._descriptor = descriptor
        self.broken_off = broken_off
        """The run before this one did not end in order."""

    def ended(self) -> None:
        """This run ends in order."""
        os.ftruncate(self._descriptor, 0)


@contextlib.contextmanager
def only_one(state_dir: Path, about: dict[str, object]) -> Iterator[SiteLock]:
    """Hold the site's lock; raise ConfigError that tells who has it.

    Every process of the tree inherits the lock. When its launch command is dead they are about to end.
    """
    # Journal, audit and history are for the operators of the site; a folder that is there keeps its mode.
    state_dir.parent.mkdir(parents=True, exist_ok=True)
    state_dir.mkdir(mode=0o750, exist_ok=True)
    descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    until = time.monotonic() + DYING_S
    try:
        while not _taken(descriptor):
            told = _told(descriptor)
            pid = told.get("pid")
            if not isinstance(pid, int) or psutil.pid_exists(pid) or time.monotonic() > until:
                raise ConfigError(
                    f"this site already runs: process {pid}, operator API http://{told.get('api')}; stop it "
                    f"there, or start a second one with its own --state-dir and ports (state: {state_dir})"
                ) from None
            time.sleep(_RETRY_S)
        lock = SiteLock(descriptor, broken_off="pid" in _told(descriptor))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), **about}).encode(), 0)
        yield lock
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _told(descriptor: int) -> dict[str, object]:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
