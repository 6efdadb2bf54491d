"""The findings of one Modbus file while it is read."""

from ess_actors.core.findings import Finding, Severity, in_order
from ess_actors.core.json_positions import Positions
from ess_actors.core.json_tokens import printable, shown


class Report:
    """Nothing is told twice; while `repeating` (later instances of a range) only one of a code at one place."""

    def __init__(self, file: str, positions: Positions, found: list[Finding]) -> None:
        """`found` is what reading the file as JSON has found already."""
        self.file, self.positions = file, positions
        self.repeating = False
        self._findings = list(found)
        self._said: set[tuple[str, ...]] = set()
        self._switched_off: set[str] = set()

    def say(self, severity: Severity, code: str, path: str, text: str, hint: str) -> None:
        """Add a finding at the value of a JSON path."""
        if (code, path, text) in self._said or (self.repeating and (code, path) in self._said):
            return
        self._said |= {(code, path), (code, path, text)}
        line, column = self.positions.nearest(path)
        self._findings.append(
            Finding(severity, code, self.file, line, column, shown(path), printable(text), hint)
        )

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

    def switched_off(self, path: str) -> None:
        """The member is commented out by an x: standing twice is no fault of it."""
        self._switched_off.add(shown(path))

    @property
    def is_fatal(self) -> bool:
        """True when the file cannot be loaded."""
        return any(finding.severity is Severity.FATAL for finding in self._findings)

    @property
    def findings(self) -> list[Finding]:
        """Everything found, in file order."""
        off = self._switched_off
        return in_order(f for f in self._findings if not (f.code == "P04" and f.path in off))
