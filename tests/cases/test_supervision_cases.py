"""Play every supervision.jsonl of this folder: what happened to the children, and the orders that must follow.

The first line names the children in start order. Every other line is one happening `at` its second, `begin`, `ready`,
`exited` with its reason, `due` (the clock was looked at) or an operator's `order` for a `child`; then come the `orders`
it must lead to (`start|stop|kill CHILD GENERATION`) or the word it is `refused` with, and the `states` after it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ess_actors.core.errors import RequestError
from ess_actors.core.supervision import ChildSpec, Orders, Supervision

STORIES = sorted(Path(__file__).parent.glob("*/supervision.jsonl"))


def _happen(supervision: Supervision, line: dict[str, Any]) -> Orders:
    at = line["at"]
    match line:
        case {"begin": True}:
            return supervision.begin(at)
        case {"ready": child}:
            assert supervision.ready(child, supervision.generation(child), 100, at)
            return []
        case {"exited": child, "reason": reason}:
            return supervision.exited(child, supervision.generation(child), reason, at)
        case {"due": True}:
            return supervision.due(at)
        case {"order": verb, "child": child}:
            return supervision.order(child, verb, at)
    raise AssertionError(f"a line nobody understands: {line}")


def test_there_are_stories() -> None:
    assert [path.parent.name for path in STORIES] == ["an_operator_restarts_a_failed_actor"]


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.parent.name)
def test_story(story: Path) -> None:
    header, *lines = [json.loads(line) for line in story.read_text().splitlines()]
    supervision = Supervision(ChildSpec(child, "case") for child in header["children"])
    for line in lines:
        try:
            orders = _happen(supervision, line)
        except RequestError as refused:
            assert refused.status == line.get("refused"), line
            continue
        told = [f"{type(order).__name__.lower()} {order.id} {order.generation}" for order in orders]
        assert told == line["orders"], line
        if "states" in line:
            assert {report.id: report.state for report in supervision.reports()} == line["states"], line
