"""The last values of a variable: param `depth` keeps that many numbers, param `hold` freezes them."""

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ess_actors.core.variables import Variable

DEEPEST: Final = 255
"""No history is longer."""


class History:
    """The last `depth` numbers a variable was given, repeated ones included; nothing else is remembered."""

    __slots__ = ("held", "values")

    def __init__(self, depth: int) -> None:
        self.values: deque[float] = deque(maxlen=depth)
        self.held = False
        """Nothing more is taken in until it is False again."""

    def take(self, value: object) -> None:
        """One more value; texts and bools leave no trace."""
        if not self.held and (value.__class__ is float or value.__class__ is int):
            self.values.append(value)

    @property
    def total(self) -> float:
        """The sum, 0 when there is none yet (as all of the following)."""
        return sum(self.values)

    @property
    def average(self) -> float:
        """The mean."""
        return sum(self.values) / len(self.values) if self.values else 0.0

    @property
    def smallest(self) -> float:
        """The smallest."""
        return min(self.values, default=0.0)

    @property
    def largest(self) -> float:
        """The largest."""
        return max(self.values, default=0.0)

    @property
    def spread(self) -> float:
        """Largest - smallest."""
        return self.largest - self.smallest


def remember(var: "Variable") -> None:
    """Begin, change or end the history of a variable as its params `depth` and `hold` say; to be called when
    one of them was set. A shorter history keeps the latest values."""
    depth = min(int(var.number("depth")), DEEPEST)
    if depth <= 0:
        var.history = None
        return
    known = var.history
    if known is None or known.values.maxlen != depth:
        var.history = History(depth)
        if known is not None:
            var.history.values.extend(known.values)
    if var.history is not None:
        var.history.held = var.flag("hold")
