"""Findings as text: folded for people, one JSON object per line for programs."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Final

from ess_actors.core.findings import Finding, Severity, in_order

SHOWN_OF_ONE_CODE: Final = 5
"""How many findings of one code people see of one file; the rest is counted."""


def for_people(findings: Iterable[Finding]) -> list[str]:
    """One line each, by file, line and column; behind the fifth of one code in one file only a count."""
    ordered = in_order(findings)
    totals = Counter((finding.file, finding.code) for finding in ordered)
    seen: Counter[tuple[str, str]] = Counter()
    lines: list[str] = []
    for finding in ordered:
        key = (finding.file, finding.code)
        seen[key] += 1
        if seen[key] <= SHOWN_OF_ONE_CODE:
            lines.append(str(finding))
        if seen[key] == SHOWN_OF_ONE_CODE and totals[key] > SHOWN_OF_ONE_CODE:
            lines.append(f"{finding.file}: and {totals[key] - SHOWN_OF_ONE_CODE} more of {finding.code}")
    return lines


def summary(findings: Iterable[Finding]) -> str:
    """`1 fatal, 2 errors, 3 warnings, 4 notes`, or `nothing found`."""
    counts = Counter(finding.severity for finding in findings)
    words = []
    for severity in sorted(counts, reverse=True):
        plural = "s" if counts[severity] > 1 and severity is not Severity.FATAL else ""
        words.append(f"{counts[severity]} {severity.name.lower()}{plural}")
    return ", ".join(words) or "nothing found"


def for_programs(findings: Iterable[Finding]) -> list[str]:
    """One JSON object per line, every finding, in the same order: file, line, column, severity, code, ..."""
    return [json.dumps(finding.as_json(), ensure_ascii=False) for finding in in_order(findings)]
