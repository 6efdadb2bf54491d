"""Templates: one written connection, component or group that stands for several numbered ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ess_actors.config.modbus_keys import Keys, Level

_RANGE: Final = Level(("begin", "end", "replace", "step"))
_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a range; `first` is false from the second on."""

    number: int
    marker: str
    shift: int
    """step * (number - begin), added to offsets where the range says so."""
    first: bool = True

    def named(self, text: str) -> str:
        """The text with the marker replaced by the number, two digits at least."""
        return text.replace(self.marker, f"{self.number:02d}") if self.marker else text

    def addressed(self, text: str) -> str:
        """The same for addresses: the bare number."""
        return text.replace(self.marker, str(self.number)) if self.marker else text


ONCE: Final = Instance(0, "", 0)
"""What is written stands for itself."""


def instances(keys: Keys, key: str, names: Iterable[str]) -> list[Instance]:
    """The instances of the range `key`, [ONCE] without it.

    Every text in `names` has to contain the marker, else C20 and only the first instance.
    """
    span = keys.section(key, _RANGE)
    if span is None:
        return [ONCE]
    begin, end = span.integer("begin"), span.integer("end")
    marker, step = span.text("replace") or "", span.integer("step")
    step = 1 if step is None else step
    if begin is None or end is None or begin > end or end - begin >= _LIMIT:
        keys.report.error(
            "C20", keys.at(key), f"no range from {begin} to {end}", "give begin <= end as whole numbers"
        )
        return [ONCE]
    found = [Instance(n, marker, step * (n - begin), n == begin) for n in range(begin, end + 1)]
    missing = [name for name in names if not marker or marker not in name]
    if missing and len(found) > 1:
        text = f"marker {marker!r} is missing in {missing[0]!r}"
        keys.report.error(
            "C20", keys.at(key), text, "put it into every name; only the first instance is made"
        )
        return found[:1]
    return found
