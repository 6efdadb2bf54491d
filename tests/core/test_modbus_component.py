"""One component on the bus: publications, quality, heartbeats."""

from datetime import datetime

import pytest

from ess_actors.core.component import ComponentState
from ess_actors.core.events import ALARM, STATUS
from ess_actors.core.polling import Block
from tests.core.modbus_examples import WALL, blocks, component, holding, payload, two_blocks


def test_a_good_cycle_is_published_in_file_order_with_its_time() -> None:
    found = component(
        [
            {
                "type": "Input",
                "map": [
                    {"id": "b", "offset": 9},
                    {"id": "a", "offset": 2, "scale": 10},
                    {"id": "bits", "offset": 4, "individual_bits": True, "bit_strings": ["x", "y"]},
                ],
            },
            {"type": "Coil", "map": [{"id": "on", "offset": 1}]},
        ]
    )
    state = ComponentState(found, now=0.0)
    coil, words = blocks(state)
    assert (coil.is_bits, words.is_bits) == (True, False)
    state.good(words, payload(874, 0, 2, 0, 0, 0, 0, 7), sent=10.0, wall=WALL)
    state.good(coil, b"\x01", sent=10.1, wall=WALL + 1)
    body, marks, events = state.publication(1000, now=10.2, wall=WALL + 2)
    stamp = datetime.fromtimestamp(WALL + 1).strftime("%m-%d-%Y %H:%M:%S.%f")
    assert list(body.items()) == [
        ("b", 7),
        ("a", 87.4),
        ("x", False),
        ("y", True),
        ("on", True),
        ("component_connected", True),
        ("Timestamp", stamp),
    ]
    assert stamp.endswith("500000")
    assert (marks, events) == (None, [])


def test_a_failed_block_takes_only_its_own_points_down() -> None:
    state = two_blocks()
    near, far = blocks(state)
    for block, content in ((near, payload(874, 99)), (far, payload(5))):
        state.good(block, content, sent=1.0, wall=WALL)
    state.publication(1000, now=1.1, wall=WALL)
    state.good(near, payload(875, 99), sent=2.0, wall=WALL + 1)
    (event,) = state.failed(far, "timeout", now=2.0)
    assert (event.severity, event.source) == (ALARM, "/components/c")
    assert "holding registers 90..90" in event.message
    assert state.failed(far, "timeout", now=3.0) == []
    assert state.failed(far, "exception_2", now=3.0) == []  # told by the search for the refused point
    body, marks, _ = state.publication(1000, now=2.1, wall=WALL + 1)
    assert body["soc"] == 87.5
    assert "far" not in body
    assert "Timestamp" in body
    assert marks == {"far": 2}
    assert [e.severity for e in state.good(far, payload(6), sent=4.0, wall=WALL)] == [STATUS]


def test_a_dead_device_publishes_no_time_and_is_disconnected_after_three_periods() -> None:
    state = two_blocks()
    body, marks, _ = state.publication(1000, now=0.5, wall=WALL)
    assert body == {"component_connected": False}
    assert marks == {"*": 2, "component_connected": 0}
    for block in blocks(state):
        state.good(block, payload(*[1] * block.count), sent=10.0, wall=WALL)
    for now, connected in ((11.0, True), (13.0, True), (13.1, False), (20.0, False)):
        for block in blocks(state):
            assert state.failed(block, "not_connected", now) == []
        body, marks, _ = state.publication(1000, now=now, wall=WALL)
        assert body == {"component_connected": connected}
        assert marks == {"*": 2, "component_connected": 0}
    for block in blocks(state):
        state.good(block, payload(*[1] * block.count), sent=21.0, wall=WALL)
    assert state.publication(1000, now=21.0, wall=WALL)[0]["component_connected"] is True


def test_an_answer_of_the_wrong_length_is_malformed() -> None:
    state = two_blocks()
    near, _ = blocks(state)
    (event,) = state.good(near, payload(1), sent=1.0, wall=WALL)
    assert "malformed" in event.message
    assert state.publication(1000, now=1.0, wall=WALL)[1] == {"*": 2, "component_connected": 0}


def test_what_is_no_number_is_bad_alone() -> None:
    state = ComponentState(
        holding({"id": "f", "offset": 1, "size": 2, "float": True}, {"id": "n", "offset": 3}), now=0.0
    )
    (block,) = blocks(state)
    state.good(block, payload(0x7FC0, 0, 5), sent=1.0, wall=WALL)
    body, marks, _ = state.publication(1000, now=1.0, wall=WALL)
    assert (body["n"], "f" in body, marks) == (5, False, {"f": 2})
    assert state.get("f", now=1.0) == {"status": "bad", "reason": "nan"}


def test_classes_of_different_periods_are_published_apart() -> None:
    state = ComponentState(
        holding({"id": "fast", "offset": 1, "frequency": 100}, {"id": "slow", "offset": 2}), now=0.0
    )
    for block in blocks(state):
        state.good(block, payload(block.address), sent=1.0, wall=WALL)
    assert [k for k in state.publication(100, 1.0, WALL)[0] if k in ("fast", "slow")] == ["fast"]
    state.good(blocks(state)[0], payload(1), sent=1.1, wall=WALL)
    assert [k for k in state.publication((100, 1000), 1.0, WALL)[0] if k in ("fast", "slow")] == [
        "fast",
        "slow",
    ]


def test_a_fast_cycle_that_fails_leaves_the_slow_points_alone() -> None:
    state = ComponentState(
        holding(
            {"id": "fast", "offset": 1, "frequency": 100},
            {"id": "quick", "offset": 2, "frequency": 100},
            {"id": "slow", "offset": 3},
        ),
        now=0.0,
    )
    fast, slow = blocks(state)
    state.good(fast, payload(1, 2), sent=1.0, wall=WALL)
    state.good(slow, payload(3), sent=1.0, wall=WALL)
    state.failed(fast, "timeout", now=1.1)
    body, marks, _ = state.publication(100, 1.2, WALL)
    assert body == {"component_connected": True}
    assert marks == {"fast": 2, "quick": 2}
    state.failed(slow, "timeout", now=2.0)
    assert state.publication(1000, 2.1, WALL)[1] == {"*": 2, "component_connected": 0}
    assert state.publication(100, 2.1, WALL)[1] == {"*": 2, "component_connected": 0}
    state.good(fast, payload(1, 2), sent=2.2, wall=WALL)
    assert state.publication(1000, 2.3, WALL)[1] == {"slow": 2}


def test_clothed_values_and_timings() -> None:
    found = component(
        [{"type": "Input Registers", "format": "clothed", "map": [{"id": "a", "offset": 2}]}],
        add_timings=True,
    )
    state = ComponentState(found, now=0.0)
    state.good(blocks(state)[0], payload(5), sent=1.0, wall=WALL, took_ms=12.5)
    body = state.publication(1000, 1.0, WALL)[0]
    assert (body["a"], body["input_00_time_ms"]) == ({"value": 5}, 12.5)
    state.failed(blocks(state)[0], "timeout", now=2.0)
    assert state.publication(1000, 2.0, WALL)[0] == {"component_connected": True}


def beating(**keys: object) -> tuple[ComponentState, Block]:
    points = (
        {"id": "beat", "offset": 1, "scale": 10},
        {"id": "echo", "offset": 2},
        {"id": "soc", "offset": 3},
    )
    state = ComponentState(
        holding(
            *points,
            heartbeat_enabled=True,
            component_heartbeat_read_uri="beat",
            component_heartbeat_write_uri="echo",
            **keys,
        ),
        now=0.0,
    )
    return state, blocks(state)[0]


def test_a_heartbeat_that_stops_makes_everything_uncertain_and_comes_back() -> None:
    state, block = beating()
    said = []
    for now in range(10):
        said += state.good(block, payload(min(now, 3), 0, 50), sent=float(now), wall=WALL)
        body, marks, events = state.publication(1000, now=float(now), wall=WALL)
        said += events
        frozen = now > 6
        assert body["heartbeat_state"] == ("INIT" if now == 0 else "FROZEN" if frozen else "NORMAL")
        assert body["component_connected"] is not frozen
        assert body["modbus_heartbeat"] == min(now, 3)
        assert body["soc"] == 50
        assert (marks or {}).get("*") == (1 if frozen else None)
    said += state.good(block, payload(4, 0, 50), sent=10.0, wall=WALL)
    body, marks, _ = state.publication(1000, now=10.0, wall=WALL)
    assert (body["heartbeat_state"], body["component_connected"], marks) == ("NORMAL", True, None)
    assert [event.severity for event in said] == [ALARM, STATUS]


def test_a_heartbeat_that_cannot_be_read_is_a_fault() -> None:
    state, block = beating()
    state.good(block, payload(1, 0, 50), sent=1.0, wall=WALL)
    state.failed(block, "timeout", now=2.0)
    body, _, events = state.publication(1000, now=4.1, wall=WALL)
    assert body == {"heartbeat_state": "FAULT", "component_connected": False}
    assert [event.severity for event in events] == [ALARM]


@pytest.mark.parametrize(("shown", "limit", "written"), [(65535, 0, 0), (41, 41, 0), (7, 0, 8), (40, 41, 41)])
def test_the_heartbeat_written_is_one_more_than_the_one_read(shown: int, limit: int, written: int) -> None:
    state, block = beating(component_heartbeat_max_value=limit)
    assert state.heartbeat_write(0.0) is None  # nothing was read yet
    state.good(block, payload(shown, 0, 50), sent=0.5, wall=WALL)
    assert state.heartbeat_due() == 1.0
    assert state.heartbeat_write(0.9) is None
    job = state.heartbeat_write(1.0)
    assert job is not None
    assert (job.write_function, job.address, job.request().words) == (6, 2, (written,))
    assert state.heartbeat_write(1.5) is None
    state.failed(block, "timeout", now=2.0)
    assert state.heartbeat_write(2.0) is None
    assert state.heartbeat_due() == 3.0


def test_a_watchdog_reports_and_touches_no_quality() -> None:
    state = ComponentState(
        holding({"id": "w", "offset": 1}, watchdog_enabled=True, watchdog_uri="w"), now=0.0
    )
    (block,) = blocks(state)
    seen, severities = [], []
    for now in range(32):
        number = now if now < 3 or now >= 16 else 3
        said = state.good(block, payload(number), sent=float(now), wall=WALL)
        body, marks, events = state.publication(1000, now=float(now), wall=WALL)
        assert marks is None
        severities += [event.severity for event in said + events]
        if not seen or seen[-1] != body["watchdog_state"]:
            seen.append(body["watchdog_state"])
    assert seen == ["INIT", "NORMAL", "ALARM", "FAULT", "RECOVERY", "NORMAL"]
    assert severities == [3, 4, 2, 2]
