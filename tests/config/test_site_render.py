"""How findings are printed."""

import json

from ess_actors.config.render import for_people, for_programs, summary
from ess_actors.core.findings import Finding, Severity


def finding(
    line: int, code: str = "S04", severity: Severity = Severity.ERROR, file: str = "a.json"
) -> Finding:
    return Finding(severity, code, file, line, 7, f"$.x[{line}]", "wrong", "mend it")


def test_people_see_five_of_a_code_and_a_count():
    lines = for_people([finding(n) for n in range(12, 0, -1)])
    assert lines[0] == "a.json:1:7: error S04 $.x[1]: wrong; mend it"
    assert len(lines) == 6
    assert lines[5] == "a.json: and 7 more of S04"


def test_five_are_shown_without_a_count():
    assert len(for_people([finding(n) for n in range(1, 6)])) == 5


def test_codes_and_files_are_folded_separately():
    many = [finding(n) for n in range(1, 7)]
    other = [finding(1, code="C07"), finding(1, file="b.json")]
    lines = for_people([*many, *other])
    assert len(lines) == 5 + 1 + 2
    assert sum("more of" in line for line in lines) == 1


def test_programs_get_every_finding_on_its_own_line():
    lines = for_programs([finding(n) for n in range(12, 0, -1)])
    assert len(lines) == 12
    assert json.loads(lines[0]) == {
        "severity": "error", "code": "S04", "file": "a.json", "line": 1, "column": 7,
        "path": "$.x[1]", "text": "wrong", "hint": "mend it",
    }  # fmt: skip


def test_the_summary_counts_by_severity_worst_first():
    assert summary([]) == "nothing found"
    found = [finding(1), finding(2), finding(3, severity=Severity.NOTE), finding(4, severity=Severity.FATAL)]
    assert summary(found) == "1 fatal, 2 errors, 1 note"
