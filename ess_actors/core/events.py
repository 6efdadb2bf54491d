"""An event as it is posted to /events: who says what, and how serious it is."""

from typing import Final, NamedTuple

DEBUG: Final = 0
INFO: Final = 1
STATUS: Final = 2
ALARM: Final = 3
FAULT: Final = 4


class Event(NamedTuple):
    """`severity` is DEBUG to FAULT; `source` names the device or server, as an operator knows it."""

    source: str
    message: str
    severity: int

    def as_body(self) -> dict[str, object]:
        """The body of `post /events`."""
        return self._asdict()
