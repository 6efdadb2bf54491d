"""One JSON object read as Modbus configuration: keys without case, tolerant types, every oddity reported."""

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Final

from ess_actors.config.modbus_report import Report
from ess_actors.core.json_tokens import short

_X_RUN: Final = re.compile("[xX]+")
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_LONGEST: Final = 400
"""Characters of a number or key that are looked at; nothing longer is meant seriously."""


class Level:
    """The keys one kind of object knows, and the leftovers it ignores silently (`*` at the end = prefix)."""

    def __init__(self, known: Collection[str], silent: Collection[str] = ()) -> None:
        self.known = {key.lower(): key for key in known}
        self._silent = {key.lower() for key in silent if not key.endswith("*")}
        self._prefixes = tuple(key[:-1].lower() for key in silent if key.endswith("*"))
        self.judge = lru_cache(maxsize=4096)(self._judge)

    def _judge(self, key: str) -> str | None:
        """None: ignore silently. Else the nearest known key, "" when none is near."""
        if self.is_off(key):
            return None
        low = key.lower()
        if low in self._silent or (self._prefixes and low.startswith(self._prefixes)):
            return None
        near = min(self.known.values(), key=lambda known: _distance(low, known.lower()), default="")
        return near if near and _distance(low, near.lower()) <= 2 else ""

    def is_off(self, key: str) -> bool:
        """Commented out: it starts with x, or a known key is left when one run of x is deleted."""
        if key[:1] in ("x", "X"):
            return True
        if len(key) > _LONGEST:
            return False
        return any(
            (key[: run.start()] + key[run.end() :]).lower() in self.known for run in _X_RUN.finditer(key)
        )


class Keys:
    """Typed access to one object. `null` and unusable values are absent (None); the latter are reported."""

    def __init__(self, report: Report, path: str, members: dict[str, object], level: Level) -> None:
        self.report, self.path = report, path
        self._values: dict[str, object] = {}
        self._paths: dict[str, str] = {}
        for key, value in members.items():
            name = level.known.get(key.lower())
            if name is None:
                self._unknown(key, level)
            elif name in self._paths:
                first = self._paths[name]
                line, column = report.positions.nearest(first)
                text = f"{key!r} again, {first[len(path) + 1 :]!r} at {line}:{column} is used"
                report.warning("P04", f"{path}.{key}", text, "remove one of the two")
            else:
                self._paths[name] = f"{path}.{key}"
                if key != name:
                    report.note("P06", f"{path}.{key}", f"key {key!r} is {name!r}", f"write {name!r}")
                if value is not None:
                    self._values[name] = value

    def _unknown(self, key: str, level: Level) -> None:
        near = level.judge(key)
        if near is not None:
            hint = f"did you mean {near!r}?" if near else "remove it, or put an x before it"
            self.report.note("S03", f"{self.path}.{key}", f"unknown key {short(key)} ignored", hint)
        elif level.is_off(key):
            self.report.switched_off(f"{self.path}.{key}")

    def view(self, names: Iterable[str], other: "Keys | None" = None) -> "Keys":
        """The same object as if only these keys stood in it, and all those of `other`."""
        seen = Keys(self.report, self.path, {}, Level(()))
        for name in names:
            if name in self._paths:
                seen._paths[name] = self._paths[name]
            if name in self._values:
                seen._values[name] = self._values[name]
        if other is not None:
            seen._paths.update(other._paths)
            seen._values.update(other._values)
        return seen

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def at(self, key: str) -> str:
        """JSON path of a key, as it is spelled in the file."""
        return self._paths.get(key) or f"{self.path}.{key}"

    def raw(self, key: str) -> object:
        """The value as it stands in the file."""
        return self._values.get(key)

    def number(self, key: str, low: float | None = None, high: float | None = None) -> int | float | None:
        """A number; a whole one is an int. Out of low..high: S05 and None."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, str) and len(value) < _LONGEST and _NUMBER.fullmatch(value):
            meant = float(value) if set(value) & set(".eE") else int(value)
            if math.isfinite(meant):
                self._coerced(key, value, "a number")
                value = meant
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._unusable(key, "a number", "write a number such as 10")
            return None
        if (low is not None and value < low) or (high is not None and value > high):
            self.out_of_range(
                key, value, f"{'' if low is None else f'{low:,}'}..{'' if high is None else f'{high:,}'}"
            )
            return None
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def out_of_range(self, key: str, value: object, limits: str) -> None:
        """S05."""
        text = f"{short(str(value))[1:-1]} is out of range"
        self.report.error("S05", self.at(key), text, f"write {limits}; ignored now")

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

    def shown(self, *names: str) -> str:
        """The first of these keys that holds something to display; numbers are taken as they are."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
                return str(value)
        return ""

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
                self.report.error(
                    "S04", path, f"expected an object, found {kind_of_value(element)}", "write { ... }"
                )

    def _coerced(self, key: str, value: object, wanted: str) -> None:
        text = f"{kind_of_value(value)} taken as {wanted}"
        self.report.warning("S04", self.at(key), text, f"write plain {wanted}")

    def _unusable(self, key: str, wanted: str, hint: str) -> None:
        found = kind_of_value(self._values[key])
        self.report.error("S04", self.at(key), f"expected {wanted}, found {found}", f"{hint}; ignored now")


def kind_of_value(value: object) -> str:
    """A value for people: its kind, or itself as it stands in the file, shortened."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value[:60] if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= 50 else text[:47] + "..."


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
