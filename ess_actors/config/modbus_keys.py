"""One JSON object read as Modbus configuration: keys without case, tolerant types, every oddity reported."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

from ess_actors.config.json_positions import Positions
from ess_actors.core.findings import Finding, Severity

_X_RUN: Final = re.compile("[xX]+")
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


class Report:
    """The findings of one file. While `repeating` (later instances of a range) equal ones are dropped."""

    def __init__(self, file: str, positions: Positions) -> None:
        self.file, self.positions = file, positions
        self.findings: list[Finding] = []
        self.repeating = False
        self.moved: tuple[tuple[str, str], ...] = ()
        """(path prefix as read, as written in the file) of a rewritten legacy file."""
        self._said: set[tuple[str, str]] = set()

    def say(self, severity: Severity, code: str, path: str, text: str, hint: str) -> None:
        """Add a finding at a JSON path."""
        for read, written in self.moved:
            if path.startswith(read):
                path = written + path[len(read) :]
                break
        if self.repeating and (code, path) in self._said:
            return
        self._said.add((code, path))
        line, column = self.positions.nearest(path)
        self.findings.append(Finding(severity, code, self.file, line, column, path, text, hint))

    def note(self, code: str, path: str, text: str, hint: str) -> None:
        """Severity NOTE."""
        self.say(Severity.NOTE, code, path, text, hint)

    def warning(self, code: str, path: str, text: str, hint: str) -> None:
        """Severity WARNING."""
        self.say(Severity.WARNING, code, path, text, hint)

    def error(self, code: str, path: str, text: str, hint: str) -> None:
        """Severity ERROR."""
        self.say(Severity.ERROR, code, path, text, hint)

    def fatal(self, code: str, path: str, text: str, hint: str) -> None:
        """Severity FATAL: the file is not loaded."""
        self.say(Severity.FATAL, code, path, text, hint)


class Level:
    """The keys one kind of object knows, and the leftovers it ignores silently (`*` at the end = prefix)."""

    def __init__(self, known: Collection[str], silent: Collection[str] = ()) -> None:
        self.known = {key.lower(): key for key in known}
        self._silent = {key.lower() for key in silent if not key.endswith("*")}
        self._prefixes = tuple(key[:-1].lower() for key in silent if key.endswith("*"))
        self.judge = lru_cache(maxsize=4096)(self._judge)

    def _judge(self, key: str) -> str | None:
        """None: ignore silently. Else the nearest known key, "" when none is near."""
        for run in _X_RUN.finditer(key):
            if (key[: run.start()] + key[run.end() :]).lower() in self.known:
                return None
        low = key.lower()
        if low.startswith("x") or low in self._silent or (self._prefixes and low.startswith(self._prefixes)):
            return None
        near = min(self.known.values(), key=lambda known: _distance(low, known.lower()), default="")
        return near if near and _distance(low, near.lower()) <= 2 else ""


class Keys:
    """Typed access to one object. `null` and unusable values are absent (None); the latter are reported."""

    def __init__(self, report: Report, path: str, members: dict[str, object], level: Level) -> None:
        self.report, self.path = report, path
        self._values: dict[str, object] = {}
        self._spelled: dict[str, str] = {}
        for key, value in members.items():
            name = level.known.get(key.lower())
            if name is None:
                self._unknown(key, level)
            elif name in self._spelled:
                first = ":".join(map(str, report.positions.nearest(self.at(name))))
                text = f"{key!r} again, {self._spelled[name]!r} at {first} is used"
                report.warning("P04", f"{path}.{key}", text, "remove one of the two")
            else:
                self._spelled[name] = key
                if key != name:
                    report.note("P06", f"{path}.{key}", f"key {key!r} is {name!r}", f"write {name!r}")
                if value is not None:
                    self._values[name] = value

    def _unknown(self, key: str, level: Level) -> None:
        near = level.judge(key)
        if near is not None:
            hint = f"did you mean {near!r}?" if near else "remove it, or put an x before it"
            self.report.note("S03", f"{self.path}.{key}", f"unknown key {key!r} ignored", hint)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def at(self, key: str) -> str:
        """JSON path of a key, as it is spelled in the file."""
        return f"{self.path}.{self._spelled.get(key, key)}"

    def raw(self, key: str) -> object:
        """The value as it stands in the file."""
        return self._values.get(key)

    def number(self, key: str, low: float | None = None, high: float | None = None) -> int | float | None:
        """A number; a whole one is an int. Out of low..high: S05 and None."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            self._coerced(key, value, "a number")
            value = float(value) if set(value) & set(".eE") else int(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._unusable(key, "a number", "write a number such as 10")
            return None
        if (low is not None and value < low) or (high is not None and value > high):
            limits = f"{'' if low is None else low}..{'' if high is None else high}"
            self.report.error("S05", self.at(key), f"{value} is out of range", f"write {limits}; ignored now")
            return None
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def integer(self, key: str, low: float | None = None, high: float | None = None) -> int | None:
        """A whole number; 10.0 counts."""
        value = self.number(key, low, high)
        if isinstance(value, float):
            self._unusable(key, "a whole number", "write a whole number such as 10")
            return None
        return value

    def boolean(self, key: str) -> bool | None:
        """true or false; 0, 1 and their texts with a warning."""
        value = self._values.get(key)
        if value is None or isinstance(value, bool):
            return value
        if value in (0, 1):
            self._coerced(key, value, "true or false")
            return bool(value)
        if isinstance(value, str) and value.lower() in ("true", "false", "0", "1"):
            self._coerced(key, value, "true or false")
            return value.lower() in ("true", "1")
        self._unusable(key, "true or false", "write true or false")
        return None

    def text(self, key: str) -> str | None:
        """A string."""
        value = self._values.get(key)
        if value is None or isinstance(value, str):
            return value
        self._unusable(key, "a text", "write it in double quotes")
        return None

    def array(self, key: str) -> list[object] | None:
        """A list."""
        value = self._values.get(key)
        if value is None or isinstance(value, list):
            return value
        self._unusable(key, "a list", "write [ ... ]")
        return None

    def mapping(self, key: str) -> dict[str, object] | None:
        """An object."""
        value = self._values.get(key)
        if value is None or isinstance(value, dict):
            return value
        self._unusable(key, "an object", "write { ... }")
        return None

    def section(self, key: str, level: Level) -> "Keys | None":
        """An object read with its own level of keys."""
        value = self.mapping(key)
        return None if value is None else Keys(self.report, self.at(key), value, level)

    def sections(self, key: str, level: Level) -> Iterator["Keys"]:
        """The objects of a list; other elements are reported and left out."""
        for index, element in enumerate(self.array(key) or ()):
            path = f"{self.at(key)}[{index}]"
            if isinstance(element, dict):
                yield Keys(self.report, path, element, level)
            else:
                self.report.error("S04", path, f"expected an object, found {_kind(element)}", "write { ... }")

    def _coerced(self, key: str, value: object, wanted: str) -> None:
        self.report.warning("S04", self.at(key), f"{value!r} taken as {wanted}", f"write plain {wanted}")

    def _unusable(self, key: str, wanted: str, hint: str) -> None:
        found = _kind(self._values[key])
        self.report.error("S04", self.at(key), f"expected {wanted}, found {found}", f"{hint}; ignored now")


def _kind(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return "null" if value is None else repr(value) if isinstance(value, str) else str(value).lower()


def _distance(a: str, b: str) -> int:
    """Edit distance, 3 as soon as it is more than 2."""
    if abs(len(a) - len(b)) > 2:
        return 3
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != other))
        if min(row) > 2:
            return 3
    return row[-1]
