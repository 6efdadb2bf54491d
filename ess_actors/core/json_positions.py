"""Where every value of a JSON file stands, and the file as it was read."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ess_actors.core.findings import Finding


class Positions(Mapping[str, tuple[int, int]]):
    """JSON path such as `$.components[2].id` -> (line, column) of its value, both from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._offsets: dict[str, int] = {}

    def place(self, offset: int) -> tuple[int, int]:
        """(line, column) of a character offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def note(self, path: str, offset: int) -> None:
        """Remember a path; the first one stays."""
        self._offsets.setdefault(path, offset)

    def forget(self, path: str) -> None:
        """The value there does not count: another one with the same key does."""
        below = (path + ".", path + "[")
        for known in [one for one in self._offsets if one == path or one.startswith(below)]:
            del self._offsets[known]

    def nearest(self, path: str) -> tuple[int, int]:
        """Place of the path, or of the closest enclosing value that exists; (1, 1) at worst."""
        while path not in self._offsets:
            cut = max(path.rfind("."), path.rfind("["))
            if cut <= 0:
                return (1, 1)
            path = path[:cut]
        return self.place(self._offsets[path])

    def __getitem__(self, path: str) -> tuple[int, int]:
        return self.place(self._offsets[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self._offsets)

    def __len__(self) -> int:
        return len(self._offsets)


class Document(NamedTuple):
    """A file as read. `value` is None when a finding is FATAL."""

    value: object
    positions: Positions
    findings: list[Finding]
    md5: str = ""
    """Checksum of the bytes it was read from."""
