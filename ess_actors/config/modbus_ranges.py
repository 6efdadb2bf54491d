"""Templates: one written connection, component or group that stands for several numbered ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ess_actors.config.modbus_keys import Keys, Level
from ess_actors.core.json_tokens import short

_RANGE: Final = Level(("begin", "end", "replace", "step"), ("note*", "comment*"))
MAX_INSTANCES: Final = 10_000
"""Of one range, and of the components of a file."""
MAX_POINTS: Final = 100_000
"""Points that the ranges of a file may make; what is written out is not limited."""


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


def instances(keys: Keys, key: str, low: int | None = None, high: int | None = None) -> list[Instance]:
    """The instances of the range `key`, whose numbers lie in low..high; [ONCE] without it.

    C20 and only the first instance when it makes no sense, [ONCE] when it has no first one either.
    """
    span = keys.section(key, _RANGE)
    if span is None:
        return [ONCE]
    begin, end = span.integer("begin"), span.integer("end")
    marker, step = span.text("replace") or "", span.integer("step")
    step = 1 if step is None else step
    limits = f"{-(10**9) if low is None else low}..{10**9 if high is None else high}"
    if begin is None or _outside(begin, low, high):
        text = "a range without begin" if begin is None else f"begin is not in {limits}"
        keys.report.error("C20", keys.at(key), text, _HINT)
        return [ONCE]
    wrong = ""
    if end is None or _outside(end, low, high):
        wrong = "a range without end" if end is None else f"end is not in {limits}"
    elif begin > end:
        wrong = f"no range from {begin} to {end}"
    elif end - begin >= MAX_INSTANCES:
        wrong = f"more than {MAX_INSTANCES:,} instances"
    elif not marker and end > begin:
        wrong = "the range names no marker in 'replace'"
    if wrong or end is None:
        keys.report.error("C20", keys.at(key), wrong, _HINT)
        end = begin
    return [Instance(n, marker, step * (n - begin), n == begin) for n in range(begin, end + 1)]


def _outside(number: int, low: int | None, high: int | None) -> bool:
    return abs(number) > 10**9 or (low is not None and number < low) or (high is not None and number > high)


_HINT: Final = "give begin <= end as whole numbers, and a marker; only the first instance is made"


def lacks_marker(keys: Keys, key: str, found: Sequence[Instance], names: Iterable[str]) -> bool:
    """True when a name that has to become unique has no marker: C20, only the first instance is made."""
    if len(found) < 2:
        return False
    marker = found[0].marker
    missing = next((name for name in names if marker not in name), None)
    if missing is None:
        return False
    text = f"marker {short(marker)} of {key} is missing in {short(missing)}"
    keys.report.error("C20", keys.at(key), text, "put it into every name; only the first instance is made")
    return True


def too_many(keys: Keys, key: str, what: str) -> None:
    """C20 for a range that makes more than can be meant."""
    hint = "make the ranges shorter, or write several files; only the first instance is made"
    keys.report.error("C20", keys.at(key), f"the ranges make more than {what}", hint)
