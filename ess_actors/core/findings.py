"""What a check found: one record per finding, sorted, counted, printable. The file readers produce them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad: only FATAL stops a start."""

    NOTE = 0
    WARNING = 1
    ERROR = 2
    FATAL = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `path` is a JSON path such as `$.components[2].id`; line and column count from 1, 0 = whole file."""

    severity: Severity
    code: str
    file: str
    line: int
    column: int
    path: str
    text: str
    hint: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        path = f" {self.path}" if self.path else ""
        return f"{place}: {self.severity.name.lower()} {self.code}{path}: {self.text}; {self.hint}"

    def as_json(self) -> dict[str, object]:
        """The machine form: the same fields, severity as a lower-case word."""
        return {**asdict(self), "severity": self.severity.name.lower()}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By file, line, column, as they are printed."""
    return sorted(findings, key=lambda f: (f.file, f.line, f.column, f.code))


def exit_code(findings: Iterable[Finding]) -> int:
    """0 nothing above a warning, 1 errors, 2 fatal."""
    worst = max((f.severity for f in findings), default=Severity.NOTE)
    return {Severity.FATAL: 2, Severity.ERROR: 1}.get(worst, 0)
