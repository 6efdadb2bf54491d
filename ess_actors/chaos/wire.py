"""What the devices were told, from the simulators' own log: safe values, commands, and who wrote at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ess_actors.chaos.stage import Safe, Simulators


@dataclass(frozen=True, slots=True)
class Write:
    """One write a device carried out."""

    at: float
    stem: str
    connection: str
    points: dict[str, Any]


class Wire:
    """Follows the log from where it stands."""

    def __init__(self, simulators: Simulators) -> None:
        self._simulators = simulators
        self._last = int(simulators.writes(0)["last"])
        self.writes: list[Write] = []

    def forget(self) -> None:
        """Begin anew: what was written so far belongs to the trial before."""
        self.pull()
        self.writes = []

    def pull(self) -> list[Write]:
        """Everything since the last `forget`."""
        answer = self._simulators.writes(self._last)
        self._last = int(answer["last"])
        self.writes += [
            Write(float(one["at"]), str(one["stem"]), str(one["connection"]), one["points"])
            for one in answer["writes"]
        ]
        return self.writes


def same(one: Any, other: Any) -> bool:
    """Whether two values are one value on a device."""
    try:
        return abs(float(one) - float(other)) < 1e-6
    except (TypeError, ValueError):
        return bool(one == other)


def values_of(writes: Sequence[Write], stem: str, path: str) -> list[tuple[float, Any]]:
    """Times and values written to one point."""
    return [(one.at, one.points[path]) for one in writes if one.stem == stem and path in one.points]


def safe_after(writes: Sequence[Write], safe: Safe, began: float) -> float | None:
    """Seconds from `began` until the device had been told all its safe values; None = it never was."""
    found = []
    for path, value in safe.values.items():
        times = [
            at for at, written in values_of(writes, safe.stem, path) if at >= began and same(written, value)
        ]
        if not times:
            return None
        found.append(times[0])
    return max(found) - began


def writers_mixed(writes: Sequence[Write], stem: str) -> int:
    """How often a connection wrote again after another one had: more than 0 means two writers at a time.

    For devices that are reached over one connection at a time.
    """
    left: set[str] = set()
    present, mixed = "", 0
    for one in writes:
        if one.stem != stem or one.connection == present:
            continue
        mixed += one.connection in left
        left.add(present)
        present = one.connection
    return mixed
