"""Transitions as routers publish them, and what is none."""

import orjson
import pytest

from ess_actors.core.alarm_history import transition_of

TOLD = {
    "kind": "transition", "id": "ess_2:fault:/faults/bms_2:BMS_2_OverTemp", "from": "normal",
    "to": "unacknowledged_active", "at": 1763856000.5, "by": "", "why": "", "value": {"t": 61.5}, "priority": "high",
}  # fmt: skip


def test_a_transition_is_read_and_shown_as_it_was_told() -> None:
    found = transition_of(orjson.dumps(TOLD), 1.0)
    assert found is not None
    assert (found.instance, found.source) == ("ess_2", "/faults/bms_2:BMS_2_OverTemp")
    assert found.annunciates
    assert found.as_row() == {
        "time": TOLD["at"],
        "instance": "ess_2",
        "source": "/faults/bms_2:BMS_2_OverTemp",
        **{key: value for key, value in TOLD.items() if key not in ("kind", "at")},
    }


@pytest.mark.parametrize("at", [None, "soon", float("nan")])
def test_without_a_time_it_happened_when_it_was_heard(at: object) -> None:
    found = transition_of(orjson.dumps({**TOLD, "at": at}), 7.0)
    assert found is not None and found.time == 7.0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'["transition"]',
        b'{"kind":"raised","why":"transition"}',
        b'{"kind":"transition"',
        b'"transition"',
    ],
)
def test_everything_else_is_none(body: bytes) -> None:
    assert transition_of(body, 1.0) is None


def test_members_of_another_kind_are_left_out() -> None:
    found = transition_of(b'{"kind":"transition","id":7,"from":null,"to":[],"value":false}', 1.0)
    assert found is not None
    assert (found.id, found.before, found.after, found.value) == ("", "", "", "false")
    assert not found.annunciates
