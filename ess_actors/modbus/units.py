"""The units behind one socket: who is silent is asked seldom, and the others do not notice."""

from collections.abc import Iterable
from typing import Final

MISSES: Final = 3
"""So many requests in a row without an answer, and a unit is asked only now and then."""
MISSES_OF_ALL: Final = 5
"""So many in a row over all units, and nothing behind the socket seems to live: one probe at a time then."""
FIRST_PROBE_S: Final = 0.2
LAST_PROBE_S: Final = 2.0


class Unit:
    """Whether one unit may be asked now. Times are monotonic seconds."""

    def __init__(self, allowed: int = MISSES) -> None:
        self.allowed = allowed
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
        self.misses = self.allowed if at_once else self.misses + 1
        if self.silent or self.misses >= self.allowed:
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
        self._all = Unit(MISSES_OF_ALL)
        """All of them as one: a gateway that is mute itself must not cost a time-out per unit and component."""

    def may_ask(self, unit: int, now: float) -> bool:
        """True for an answering unit behind an answering socket, and when a probe is due."""
        return self._all.may_ask(now) and self[unit].may_ask(now)

    def answered(self, unit: int) -> None:
        """Anything that shows life."""
        self[unit].answered()
        self._all.answered()

    def missed(self, unit: int, now: float, *, at_once: bool = False) -> None:
        """A timeout; `at_once` for a gateway that said it cannot reach the unit, and so lives itself."""
        self[unit].missed(now, at_once=at_once)
        if at_once:
            self._all.answered()
        else:
            self._all.missed(now)

    def __getitem__(self, unit: int) -> Unit:
        return self._units.setdefault(unit, Unit())

    @property
    def silent(self) -> list[int]:
        """Ids of the units in back-off."""
        return sorted(unit for unit, state in self._units.items() if state.silent)

    def all_missed(self) -> bool:
        """True once per MISSES misses of all together: the socket itself is to blame and should be reopened."""
        if self._all.misses >= MISSES_OF_ALL + MISSES:
            self._all.misses = MISSES_OF_ALL
            return True
        if not self._units or any(unit.misses < MISSES for unit in self._units.values()):
            return False
        for unit in self._units.values():
            unit.misses = 0
        return True

    def reconnected(self) -> None:
        """A new socket is open."""
        self._all.reconnected()
        for unit in self._units.values():
            unit.reconnected()
