"""What an instance keeps about itself: counts by name and the last log lines."""

from collections import deque
from typing import Final, NamedTuple

LOG_LINES: Final = 1000
"""How many lines are kept."""


class LogLine(NamedTuple):
    """One line for the log: unix seconds, level word (debug, info, warning, error), text."""

    wall: float
    level: str
    text: str


MOST_LABELS: Final = 1000
"""Labels of one counter: who sends messages chooses some of them."""
MOST_ONCE: Final = 10_000
"""Things that are known as logged; when there are more, all of them may be logged again."""


class Counters(dict[str, int]):
    """Counts by name; a labelled one is named `blocked{pub,/assets/ess}`."""

    def __init__(self) -> None:
        super().__init__()
        self._labels: dict[str, int] = {}
        """How many labels a counter has."""

    def add(self, labelled: str) -> None:
        """Count one more of a labelled counter; beyond MOST_LABELS as `name{other}`."""
        if labelled not in self:
            name = labelled.partition("{")[0]
            many = self._labels.get(name, 0)
            if many >= MOST_LABELS:
                labelled = f"{name}{{other}}"
            else:
                self._labels[name] = many + 1
        self[labelled] += 1

    def __missing__(self, key: str) -> int:
        return 0


class LogBook:
    """The last log lines. `wall` is unix seconds, moved on by the owner."""

    def __init__(self, wall: float) -> None:
        self.wall = wall
        self.lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self.fresh_lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        """Those the actor around the instance has not taken to its log yet."""
        self._logged: set[object] = set()

    def log(self, level: str, text: str) -> None:
        """Keep a line."""
        line = LogLine(self.wall, level, text)
        self.lines.append(line)
        self.fresh_lines.append(line)

    def once(self, key: object) -> bool:
        """True the first time it is asked with this key: for what is logged once."""
        if key in self._logged:
            return False
        if len(self._logged) >= MOST_ONCE:
            self._logged.clear()
        self._logged.add(key)
        return True
