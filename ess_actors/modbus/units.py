"""The units behind one socket: who is silent is asked seldom, and the others do not notice."""

from collections.abc import Iterable
from typing import Final

MISSES: Final = 3
"""So many requests in a row without an answer, and a unit is asked only now and then."""
FIRST_PROBE_S: Final = 0.2
LAST_PROBE_S: Final = 2.0


class Unit:
    """Whether one unit may be asked now. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.misses = 0
        self.silent = False
        self.free_at = 0.0
        """Earliest time of the next request, for devices that want a pause between two."""
        self._pause = FIRST_PROBE_S
        self._probe_at = 0.0

    def may_ask(self, now: float) -> bool:
        """True for an answering unit, and for a silent one when its next probe is due."""
        return not self.silent or now >= self._probe_at

    def answered(self) -> None:
        """Anything that shows life."""
        self.misses, self.silent, self._pause = 0, False, FIRST_PROBE_S

    def missed(self, now: float, *, at_once: bool = False) -> None:
        """A timeout; `at_once` for a gateway that said it cannot reach the unit."""
        self.misses = MISSES if at_once else self.misses + 1
        if self.silent or self.misses >= MISSES:
            self.silent = True
            self._probe_at = now + self._pause
            self._pause = min(2 * self._pause, LAST_PROBE_S)

    def reconnected(self) -> None:
        """A new socket: the next request may go at once, the pause after it stays."""
        self._probe_at = 0.0


class Units:
    """The polled units of one endpoint."""

    def __init__(self, polled: Iterable[int]) -> None:
        self._units = {unit: Unit() for unit in polled}

    def __getitem__(self, unit: int) -> Unit:
        return self._units.setdefault(unit, Unit())

    @property
    def silent(self) -> list[int]:
        """Ids of the units in back-off."""
        return sorted(unit for unit, state in self._units.items() if state.silent)

    def all_missed(self) -> bool:
        """True once per MISSES misses of every unit: the socket itself is to blame and should be reopened."""
        if not self._units or any(unit.misses < MISSES for unit in self._units.values()):
            return False
        for unit in self._units.values():
            unit.misses = 0
        return True

    def reconnected(self) -> None:
        """A new socket is open."""
        for unit in self._units.values():
            unit.reconnected()
