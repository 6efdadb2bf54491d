"""Every code of client and server files: its severity, JSON path, line and column, and words that help.

code_places.txt holds the cases: a name, then what is expected (code, severity, path and words of the finding),
then the file. It is written out (FILE), or what stands inside of one of the shells below; ☞ marks the place of
the finding, ⏎ is a line end and ⇥ a tab, @NAMES@ are 19 names; $P and $E begin the path of a point or entry.
"""

from pathlib import Path

import pytest

from ess_actors.core.findings import Severity
from tests.config.modbus_trees import MARK, found_in, marked

COMPONENT = '{"connection": {"ip_address": "10.0.0.9"},\n"components": [%s]}'
GROUP = COMPONENT % '{"id": "c",\n "registers": [%s]}'
SHELLS = {
    "FILE": "%s",
    "COMPONENT": COMPONENT,
    "GROUP": GROUP,
    "POINT": GROUP % '{"type": "Holding", "map": [\n%s]}',
    "COIL": GROUP % '{"type": "Coil", "map": [\n%s]}',
    "CONNECTION": '{"connection": {%s},\n"components": '
    '[{"id": "c", "registers": [{"type": "Input", "map": [{"id": "p", "offset": 1}]}]}]}',
    "HEARTBEAT": COMPONENT
    % '{"id": "c", %s, "registers": [{"type": "Input", "map": [{"id": "p", "offset": 1}]}]}',
    "ENTRY": '{"system": {"id": "/site"},\n"registers": {"input_registers": [\n%s]}}',
    "SYSTEM": '{"system": {"id": "/site", %s},\n'
    '"registers": {"input_registers": [{"id": "e", "offset": 1, "uri": "/u"}]}}',
}
PATHS = {"$P": "$.components[0].registers[0].map", "$E": "$.registers.input_registers"}
NAMES = ", ".join(f'"n{n}"' for n in range(19))


def cases() -> dict[str, tuple[str, str]]:
    """Name -> (what is expected, the text with its mark)."""
    found = {}
    for block in (Path(__file__).parent / "code_places.txt").read_text().split("\n\n"):
        name, expected, file = (line.strip() for line in block.strip().splitlines())
        shell, _, inner = file.partition(" ")
        inner = inner.replace("⏎", "\n").replace("⇥", "\t").replace("@NAMES@", NAMES)
        found[name] = expected, SHELLS[shell].replace("%s", inner)
    return found


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_a_code_stands_where_its_cause_is(name: str) -> None:
    expected, text = CASES[name]
    head, _, words = expected.partition(": ")
    code, severity, path = head.split(" ")
    assert text.count(MARK) == 1
    plain, [place] = marked(text)
    findings = found_in(plain)
    assert [finding.code for finding in findings] == [code], findings
    (finding,) = findings
    for short, long in PATHS.items():
        path = path.replace(short, long)
    assert (finding.severity, finding.path) == (Severity[severity.upper()], path)
    assert (finding.line, finding.column) == place
    assert finding.text and finding.hint
    assert words in f"{finding.text}; {finding.hint}"


def test_every_code_has_a_case() -> None:
    ranges = (("S", 5), ("C", 27), ("V", 7), ("P", 7))
    wanted = {f"{letter}{number:02d}" for letter, last in ranges for number in range(1, last + 1)}
    assert {expected[:3] for expected, _ in CASES.values()} == wanted - {"P01"}
