"""Whose turn it is, the scheduler's or a message's: neither starves the other, however long the queue or the items."""

from typing import Final

MOST_MESSAGES: Final = 64
"""Messages that may be handled while an item is due."""
SHARE: Final = 0.25
"""When items are due all the time, messages get this part of the time that the items take."""
SHORTEST_S: Final = 0.001


class Turns:
    """Decides by times alone, all in monotonic seconds."""

    def __init__(self) -> None:
        self._messages = 0
        self._rest_until = 0.0

    def handled(self) -> None:
        """One message was handled."""
        self._messages += 1

    def ran(self, began: float, ended: float) -> None:
        """The due items were run; what is due again already leaves some time to messages first."""
        self._messages = 0
        self._rest_until = ended + max(SHORTEST_S, SHARE * (ended - began))

    def items_now(self, due: float | None, now: float) -> bool:
        """Whether the due items run before anything else does."""
        if due is None or due > now:
            return False
        return now >= self._rest_until or self._messages >= MOST_MESSAGES

    def wake_at(self, due: float | None, now: float) -> float | None:
        """When to look again: when an item is due, and not before messages had their time. None = never."""
        return due if due is None or due > now else max(due, self._rest_until)
