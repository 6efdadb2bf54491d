"""Play every story of engine/ and compare all that was sent, and what is looked at, with what is expected."""

from pathlib import Path
from typing import Any

import pytest

from ess_actors.core.findings import Severity
from tests.cases.engine_story import Story, lines, same

HERE = Path(__file__).parent / "engine"
STORIES = sorted(path.parent for path in HERE.glob("*/expected.jsonl"))


def missing_findings(story: Story, wanted: list[dict[str, Any]]) -> list[object]:
    """Findings that are expected and not made; and errors that are made and not expected."""
    names = list(story.findings)
    left = {
        name: [
            {
                "finding": f.code,
                "severity": f.severity.name.lower(),
                "document": f.document,
                "path": f.path,
                "in": name,
            }
            for f in found
        ]
        for name, found in story.findings.items()
    }
    absent: list[object] = []
    for line in wanted:
        stated = {key: value for key, value in line.items() if key != "at"}
        found = left[line.get("in", names[0])]
        match = next((one for one in found if one.items() >= stated.items()), None)
        if match is None:
            absent.append(line)
        else:
            found.remove(match)
    worse = {severity.name.lower() for severity in (Severity.ERROR, Severity.FATAL)}
    return absent + [one for found in left.values() for one in found if one["severity"] in worse]


@pytest.mark.parametrize("folder", STORIES, ids=lambda folder: folder.name)
def test_story(folder: Path) -> None:
    expected = lines(folder / "expected.jsonl")
    events = bool(expected) and expected[0] == {"events": True}
    told = [line for line in expected if "method" in line]
    looks = [line for line in expected if not line.keys().isdisjoint({"look", "counter", "logged"})]
    findings = [line for line in expected if "finding" in line]
    assert len(told) + len(looks) + len(findings) + events == len(expected), "a line says nothing"
    assert told or looks or findings

    story = Story(folder)
    assert missing_findings(story, findings) == []
    happenings = lines(folder / "input.jsonl") if (folder / "input.jsonl").exists() else []
    agenda = [(line["at"], 0, line) for line in happenings] + [(line["at"], 1, line) for line in looks]
    for at, looking, line in sorted(agenda, key=lambda entry: entry[:2]):
        story.run(at)
        if looking:
            truth = story.look(line)
            assert same(truth, line), f"{truth} instead of {line}"
        else:
            story.happen(line)
    story.run(max((line["at"] for line in [*told, *looks, *happenings]), default=0.0))

    sent = [one for one in story.sent if events or (one["method"], one["uri"]) != ("post", "/events")]
    for one, line in zip(sent, told, strict=False):
        shown = {"replyto": "", "status": "", **line, "at": float(line["at"])}
        assert same({key: one[key] for key in shown}, shown), f"{one} instead of {line}"
    assert sent[len(told) :] == [], "more was sent than the story tells"
    assert told[len(sent) :] == [], "less was sent than the story tells"


def test_there_are_many_stories() -> None:
    assert len(STORIES) >= 120
