"""Play every story of this folder on the shipped documents and compare what was observed with what is expected.

input.jsonl begins with `{"site", "instances"}`; every other line happens `at` its second of the story:
`{"method", "uri", "body", "sender", "quality"?, "every"?, "until"?}` sends a message (repeatedly),
`{"lose": actor}` lets an actor die. expected.jsonl is in order of time: `{"at", "instance", "variable", "value",
"quality"}` looks at a variable, `{"at", "entries", "instance"}` at an alarm list, `{"at", "since", "method", "uri",
"bodies"}` at everything sent to a uri after `since`.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.bus import Bus

STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/input.jsonl"))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def _happenings(lines: list[dict[str, Any]]) -> Iterator[tuple[float, dict[str, Any]]]:
    for line in lines:
        at = line["at"]
        yield at, line
        while "every" in line and (at := at + line["every"]) <= line["until"]:
            yield at, line


def _happen(bus: Bus, line: dict[str, Any]) -> None:
    if "lose" in line:
        bus.lose(line["lose"])
        return
    extra = {"quality": line["quality"]} if "quality" in line else {}
    bus.send(line["method"], line["uri"], line["body"], line["sender"], **extra)


def _observe(bus: Bus, line: dict[str, Any]) -> dict[str, Any]:
    if "variable" in line:
        where = line["instance"], line["variable"]
        return line | {"value": bus.value(*where), "quality": bus.quality(*where)}
    if "entries" in line:
        names = [entry.partition("]")[0].lstrip("[") for entry in bus.entries(line["instance"], line["list"])]
        return line | {"entries": names}
    since = bisect_right(bus.sent_at, line["since"])
    return line | {"bodies": bus.sent(line["method"], line["uri"], since)}


def test_there_are_stories() -> None:
    assert {"register_reaches_the_site", "clear_faults_reaches_both_instances"} <= {
        story.name for story in STORIES
    }


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_story(story: Path) -> None:
    header, *lines = _lines(story / "input.jsonl")
    expected = _lines(story / "expected.jsonl")
    assert expected
    bus = Bus(header["site"], tuple(header["instances"]))
    agenda = [(at, 0, i, line) for i, (at, line) in enumerate(_happenings(lines))]
    agenda += [(line["at"], 1, i, line) for i, line in enumerate(expected)]
    observed: list[dict[str, Any]] = []
    for at, looking, _, line in sorted(agenda, key=lambda entry: entry[:3]):
        bus.run(at - bus.now)
        if looking:
            observed.append(_observe(bus, line))
        else:
            _happen(bus, line)
    assert observed == expected
