"""When a line without transaction ids may be used again: after a gap, or after a silence that a failure asks for."""

import asyncio
import time
from typing import Final

from ess_actors.core.rtu import SETTLED_S

_PATIENCE_S: Final = 1.0
"""A line that never falls silent is used all the same after this long; its answers will show what it is worth."""


class Silence:
    """All times are monotonic seconds of this machine, whatever clock the answers are stamped with."""

    def __init__(self, gap_s: float) -> None:
        self._gap = gap_s
        self._heard = 0.0
        self._until = 0.0

    def heard(self) -> None:
        """Something is, or was until now, on the line."""
        self._heard = time.monotonic()

    def keep(self, until: float) -> None:
        """Nothing may be sent before `until`, and then not into a frame that is just coming in."""
        self._until = max(self._until, until)

    async def wait(self) -> None:
        """Returns when the next frame may go out."""
        read = not self._until
        while True:
            left = self._ends() - time.monotonic()
            if left > 0:
                await asyncio.sleep(left)
            elif read:
                break
            else:
                # What the system already holds for us is read first: it belongs to the time before.
                read = True
                await asyncio.sleep(0)
        self._until = 0.0

    def _ends(self) -> float:
        if not self._until:
            return self._heard + self._gap
        return max(self._until, min(self._heard + SETTLED_S, self._until + _PATIENCE_S))
