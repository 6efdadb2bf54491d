"""What is wrong with the documents of an instance: records, to which the config layer adds file and line."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ess_actors.core.findings import Severity

PathPart = str | int


def json_path(parts: Iterable[PathPart]) -> str:
    """("/a/b", "x", "onSet", 0) -> `$./a/b.x.onSet[0]`, the form in which the file readers name places."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)


class Remark(NamedTuple):
    """One finding: document name ("" = the start file), JSON path inside it, what, and what to do."""

    document: str
    path: str
    severity: Severity
    code: str
    text: str
    hint: str


class Remarks:
    """Collects remarks; `document` and `parts` say where the reader is."""

    def __init__(self) -> None:
        self.found: list[Remark] = []
        self.document = ""
        self.parts: tuple[PathPart, ...] = ()

    @contextmanager
    def at(self, document: str, parts: tuple[PathPart, ...] = ()) -> Iterator[None]:
        """Inside the block the reader is there, behind it where it was before."""
        before = self.document, self.parts
        self.document, self.parts = document, parts
        try:
            yield
        finally:
            self.document, self.parts = before

    def add(
        self, severity: Severity, code: str, text: str, hint: str, below: tuple[PathPart, ...] = ()
    ) -> None:
        """One remark at the present place, or `below` it."""
        path = json_path((*self.parts, *below))
        self.found.append(Remark(self.document, path, severity, code, text, hint))

    def fatal(self) -> list[Remark]:
        """Those that forbid a start."""
        return [remark for remark in self.found if remark.severity is Severity.FATAL]
