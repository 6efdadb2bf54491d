"""Which requests the units of an RTU line have not answered: what an answer that comes now may belong to."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Debt:
    question: int
    asked: float


class Debts:
    """A unit answers in the order it was asked, or not at all; nothing in an RTU answer says to what.

    So an answer is always set against the oldest request that may still be answered. Only when that is the
    request it was taken for, nothing older can be behind it. Times are seconds of one monotonic clock.
    """

    def __init__(self, forget_s: float) -> None:
        self._forget_s = forget_s
        """An answer comes within this time, or never."""
        self._open: dict[int, deque[_Debt]] = {}

    def owes(self, unit: int, now: float) -> bool:
        """True while an answer of `unit` may still come."""
        debts = self._open.get(unit)
        while debts and debts[0].asked < now - self._forget_s:
            debts.popleft()
        if not debts:
            self._open.pop(unit, None)
        return bool(debts)

    def asked(self, unit: int, question: int, now: float) -> None:
        """`question` (any number that stands for it) is on its way to `unit`."""
        self._open.setdefault(unit, deque()).append(_Debt(question, now))

    def answered(self, unit: int) -> int:
        """`unit` has answered: the oldest question this may belong to; 0 when it was asked nothing."""
        debts = self._open.get(unit)
        if not debts:
            return 0
        question = debts.popleft().question
        if not debts:
            del self._open[unit]
        return question

    def forgive(self, unit: int) -> None:
        """Nothing more will come from `unit`."""
        self._open.pop(unit, None)
