"""Thespian's own processes when a signal has halted them: they live, so nobody is told, and nothing new can be created.

They run no code of ours that could show progress; what the kernel says of them costs two small reads at each look.
"""

import math
from collections.abc import Mapping
from typing import Final

from ess_actors.actors.process import is_stopped

_GAP_S: Final = 1.0
"""Between two looks that are further apart this process did not run either: counting begins anew."""


class HaltedRoots:
    """For the launch command: which of these processes (pid -> name for operators) stands still, and how long."""

    def __init__(self, names: Mapping[int, str], limit_s: float) -> None:
        self._names = names
        self._limit_s = limit_s
        self._since: dict[int, float] = {}
        self._looked = -math.inf

    def look(self, now: float) -> str:
        """What hangs, and for how long; empty when all is well. To be asked a few times a second, monotonic time."""
        gap, self._looked = now - self._looked, now
        if gap > _GAP_S:
            self._since.clear()
        for pid, name in self._names.items():
            if not is_stopped(pid):
                self._since.pop(pid, None)
            elif (halted_s := now - self._since.setdefault(pid, now)) >= self._limit_s:
                return f"{name} (process {pid}) has been halted by a signal for {halted_s:.1f} s"
        return ""
