"""Thespian's own processes, its admin and its logger: they end with the launch command, and it knows their pids.

Thespian detaches its admin from the process that starts it, and the logger holds the admin's port open: left over,
the two would keep the next start from its port. Whoever starts a system calls `tie_to` before.
"""

import os
import signal
import time
from typing import Any, Final

import psutil
from thespian.system import multiprocCommon as common

from ess_actors.actors.process import die_with_parent, signal_at_death_of_parent

_FAREWELL: Final = signal.SIGRTMIN + 3
_GRACE_S: Final = 3.0
"""So long the supervisor may take to stop the site in order when the launch command was killed."""
_ADOPTION_S: Final = 1.0

_start_logger = common._startLogger
_startup_logger = common.startupASLogger


def tie_to(launcher_pid: int) -> None:
    """From the next start on the admin outlives this process by the grace time, and the logger not the admin."""

    def start_logger(*args: Any, **kwargs: Any) -> None:
        """Runs in the admin, when it is about to begin."""
        _end_after(launcher_pid)
        _start_logger(*args, **kwargs)

    common._startLogger = start_logger
    common.startupASLogger = _run_logger


def logger_of(admin_pid: int) -> int | None:
    """The pid of the logger of this admin, which says who it is in its title."""
    for process in psutil.Process(admin_pid).children():
        if " ".join(process.cmdline()).startswith("logger "):
            return process.pid
    return None


def _run_logger(*args: Any, **kwargs: Any) -> None:
    die_with_parent()
    _startup_logger(*args, **kwargs)


def _end_after(launcher_pid: int) -> None:
    # The admin's parent ends right after the fork; only then the launch command, which adopts orphans, is its parent.
    until = time.monotonic() + _ADOPTION_S
    while os.getppid() != launcher_pid:
        if time.monotonic() > until:
            return
        time.sleep(0.001)
    # SIGALRM has no handler: when the time is over it ends the admin, and with it everything below.
    signal.signal(_FAREWELL, lambda *_: signal.setitimer(signal.ITIMER_REAL, _GRACE_S))
    signal_at_death_of_parent(_FAREWELL)
    if os.getppid() != launcher_pid:
        os._exit(1)
