"""What an instance keeps about itself: counts by name and the last log lines."""

from typing import Final, NamedTuple

LOG_LINES: Final = 1000
"""How many lines are kept."""


class LogLine(NamedTuple):
    """One line for the log: unix seconds, level word (debug, info, warning, error), text."""

    wall: float
    level: str
    text: str


class Counters(dict[str, int]):
    """Counts by name; a labelled one is named `blocked{pub,/assets/ess}`."""

    def __missing__(self, key: str) -> int:
        return 0
