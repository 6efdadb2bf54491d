"""How old the last work of an actor may be before it hangs: the judge's own lateness is taken off first."""

import math
from collections.abc import Iterable
from typing import Final

HUNG_S: Final = 1.2
"""An actor whose last work is older hangs, unless the site file says otherwise."""
LOOK_S: Final = 0.25
"""How often a supervising actor looks at its children."""
_LATENESS_KEPT_S: Final = 2.0


class Judge:
    """Says what may be blamed on an actor. A machine that stood still lets everybody be late, the judge as well."""

    def __init__(self, limit_s: float = HUNG_S) -> None:
        self.limit_s = limit_s
        self._expected: float | None = None
        self._late: list[tuple[float, float]] = []

    def allowance(self, now: float) -> float:
        """The age that is still in order at this look; to be asked every LOOK_S."""
        late = 0.0 if self._expected is None else max(0.0, now - self._expected)
        self._expected = now + LOOK_S
        self._late = [(at, by) for at, by in self._late if now - at < max(by, _LATENESS_KEPT_S)]
        self._late.append((now, late))
        return self.limit_s + 2 * max(by for _, by in self._late)


def control_goes_on(ages: Iterable[float | None], limit_s: float) -> bool:
    """Whether control loops make progress, by the ages of their last work.

    None is not counted: it begins, or an operator has stopped it. Infinite is one that was given up, and alarmed;
    it must not end the others, but when no other is left nothing goes on.
    """
    expected = [age for age in ages if age is not None]
    living = [age for age in expected if age < math.inf]
    return all(age <= limit_s for age in living) and (bool(living) or not expected)
