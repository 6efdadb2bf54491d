"""What an operator is told of a file that was read anew: how many findings there are, and the worst of them."""

from collections.abc import Iterable
from typing import Final

from ess_actors.core.findings import Finding, Severity

_LINES: Final = 10
"""So many findings are told word for word."""


def summary(findings: Iterable[Finding]) -> dict[str, object]:
    """Counts by severity, and the first findings, the worst before the others."""
    worst = sorted(findings, key=lambda finding: -finding.severity)
    return {
        "findings": len(worst),
        "fatal": sum(finding.severity is Severity.FATAL for finding in worst),
        "errors": sum(finding.severity is Severity.ERROR for finding in worst),
        "warnings": sum(finding.severity is Severity.WARNING for finding in worst),
        "problems": [str(finding) for finding in worst[:_LINES]],
    }
