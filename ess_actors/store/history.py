"""What a writer and a reader of history can do, whatever the database is."""

from collections.abc import Sequence
from typing import Protocol

from ess_actors.core.history_intake import Period, Reading


class HistoryProblem(Exception):
    """The database cannot be used now; the text says why and what to do. It is tried again."""


class BrokenHistory(HistoryProblem):
    """The file was damaged while it was in use: it must be opened anew, which sets it aside."""


class Reads(Protocol):
    """Used by one thread only. Times are unix seconds. Every call may raise HistoryProblem."""

    def points(self) -> list[str]:
        """Every point of which something was ever kept."""

    def seen(self) -> float:
        """When readings were last written; 0 = never."""

    def rolled(self) -> int:
        """Start of the first hour that was not yet made of its minutes; 0 = none was."""

    def kept_from(self, level: str) -> float:
        """Before this readings (or minutes, hours) were deleted already."""

    def readings(self, point: str, since: float, until: float) -> list[Reading]:
        """In order of time; at the front the last one before `since`, when there is one in reach."""

    def periods(self, level: str, point: str, since: float, until: float) -> list[Period]:
        """Minutes or hours that begin in the span, in order of time."""

    def close(self) -> None:
        """May be called twice."""


class Writes(Reads, Protocol):
    """The one writer."""

    def write(
        self, readings: Sequence[Reading], minutes: Sequence[Period], hours: Sequence[Period] = ()
    ) -> None:
        """All of it, or nothing and HistoryProblem."""

    def set_rolled(self, start: int) -> None:
        """Remembers how far hours were made."""

    def upkeep(self, now: float) -> bool:
        """A small piece of keeping within limits; True = there is more to do."""

    def size(self) -> int:
        """Bytes it takes."""
