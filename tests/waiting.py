"""The one place where tests wait: for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T | None], limit_s: float = 60.0, pause_s: float = 0.02) -> T:
    """The first truthy result of `condition`; fails, naming `what` and the last result, after `limit_s` seconds.

    It is asked less often the longer it takes: questions cost the site that is asked.
    """
    until = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"waited {limit_s:g} s in vain for {what}; last: {result!r}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.25, max(pause_s, 0.15))


def ended(pid: int) -> bool:
    """Whether a process runs no more. When the system forgets it altogether is the affair of whoever inherited it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
