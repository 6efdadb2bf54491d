"""What one component answers: get, force and disable, and everything known of a point."""

from ess_actors.core.component import ComponentState
from ess_actors.core.component_facts import facts, full_of, raw_of
from tests.core.modbus_examples import WALL, blocks, holding, payload, two_blocks


def test_answers_to_get() -> None:
    found = holding(
        {"id": "r", "offset": 1, "individual_bits": True, "bit_strings": ["run", None, "fault"]},
        {"id": "soc", "offset": 2},
        {"id": "far", "offset": 99},
    )
    state = ComponentState(found, now=0.0)
    near, far = blocks(state)
    state.good(near, payload(6, 3456), sent=1.0, wall=WALL)
    state.good(far, payload(12), sent=1.0, wall=WALL)
    state.failed(far, "timeout", now=5.0)
    assert state.get("soc", 2.0) == 3456
    assert state.get("fault", 2.0) is True
    assert state.get("r", 2.0) == {"run": False, "fault": True}
    assert state.get("far", 9.1) == {
        "status": "bad",
        "reason": "timeout",
        "last": {"value": 12, "age_ms": 8100},
    }
    whole = state.get("", 2.0)
    assert isinstance(whole, dict) and whole.pop("Timestamp")
    assert whole == {"run": False, "fault": True, "soc": 3456, "component_connected": True}
    unknown = state.get("sco", 2.0)
    assert isinstance(unknown, dict)
    assert unknown["status"] == "unknown_id"
    assert "'soc'" in str(unknown["text"])
    assert state.resolve("soc/_force") == ("soc", "_force")
    assert state.resolve("_stats") == ("", "_stats")
    assert state.resolve("//r/") == ("r", "")
    assert state.resolve("rack_08/soc") == ("rack_08/soc", "")
    assert state.resolve("sco/_force") == ("sco/_force", "")


def test_force_and_disable() -> None:
    state = two_blocks()
    near, far = blocks(state)
    state.good(near, payload(500, 99), sent=1.0, wall=WALL)
    state.good(far, payload(3), sent=1.0, wall=WALL)
    assert state.command("soc", "_force", {"value": 12}) == {"status": "ok"}
    body, marks, _ = state.publication(1000, 1.0, WALL)
    assert (body["soc"], marks) == (12, {"soc": 1})
    assert state.command("soc", "_disable") == {"status": "ok"}
    assert state.good(near, payload(1, 1), sent=2.0, wall=WALL) == []  # a late answer of the earlier plan
    assert [(b.address, b.count) for b in blocks(state)] == [(2, 1), (90, 1)]
    state.good(blocks(state)[1], payload(3), sent=2.0, wall=WALL)
    assert state.publication(1000, 2.0, WALL)[0]["soc"] == 12
    assert state.get("far", 2.0) == 3
    state.command("soc", "_unforce")
    body, marks, _ = state.publication(1000, 1.0, WALL)
    assert "soc" not in body
    assert marks is not None
    assert marks["soc"] == 2
    assert state.jobs("soc", 5)[1]["soc"]["status"] == "disabled"
    assert state.command("soc", "_enable") == {"status": "ok"}
    assert [(b.address, b.count) for b in blocks(state)] == [(1, 2), (90, 1)]
    assert state.command("nope", "_force", 1)["status"] == "unknown_id"


def test_a_register_that_is_published_as_its_parts_cannot_be_forced() -> None:
    names = ["run", None, "fault"]
    packed = [{"id": f"part_{bit}", "starting_bit_pos": bit, "number_of_bits": 1} for bit in range(7)]
    state = ComponentState(
        holding(
            {"id": "r", "offset": 1, "individual_bits": True, "bit_strings": names},
            {"id": "whole", "offset": 2, "packed_register": True, "bit_ranges": packed},
            {"id": "mute", "offset": 3, "individual_bits": True, "bit_strings": [None]},
        ),
        now=0.0,
    )
    found = state.command("r", "_force", 4)
    text = "'r' is published as nothing but its parts; force one of them: run, fault"
    assert found == {"status": "bad_value", "text": text}
    assert str(state.command("whole", "_force", 4)["text"]).endswith("part_3, part_4 and 2 more")
    assert str(state.command("mute", "_force", 4)["text"]).endswith("its parts, and it has none")
    assert not state.forced
    assert state.command("fault", "_force", True) == {"status": "ok"}
    assert state.command("part_6", "_force", 1) == {"status": "ok"}
    body, marks, _ = state.publication(1000, 1.0, WALL)
    assert (body["fault"], body["part_6"]) == (True, 1)
    assert marks is not None
    assert (marks["fault"], marks["part_6"]) == (1, 1)
    assert state.command("r", "_unforce") == {"status": "ok"}


def test_what_is_forced_shows_in_every_publication_from_then_on() -> None:
    state = ComponentState(
        holding({"id": "fast", "offset": 1, "frequency": 100}, {"id": "slow", "offset": 2}), now=0.0
    )
    assert "slow" not in state.publication(100, 1.0, WALL)[0]
    state.command("slow", "_force", 5)
    assert state.publication(100, 1.1, WALL)[0]["slow"] == 5
    state.command("slow", "_unforce")
    assert "slow" not in state.publication(100, 1.2, WALL)[0]
    assert state.command("slow", "_force", {"value": None})["status"] == "bad_value"


def test_the_facts_of_a_point() -> None:
    state = two_blocks()
    near, _ = blocks(state)
    assert raw_of(state, "soc") == {"status": "bad", "reason": "never_read"}
    assert full_of(state, "soc", 1.0)["quality"] == "BAD"
    state.good(near, payload(255, 99), sent=1.0, wall=WALL)
    assert raw_of(state, "soc") == {"value": 255, "words": [255], "hex": "00FF", "binary": "0000000011111111"}
    facts = full_of(state, "soc", 3.5)
    assert (facts["value"], facts["quality"], facts["age_ms"], facts["last_good"]) == (
        25.5,
        "GOOD",
        2500,
        WALL,
    )
    assert (facts["uri"], facts["type"], facts["address"], facts["scale"]) == (
        "/components/c/soc",
        "holding",
        1,
        10,
    )
    state.failed(near, "timeout", now=4.0)
    facts = full_of(state, "soc", 4.0)
    assert (facts["value"], facts["quality"], facts["reason"]) == (None, "BAD", "timeout")


def test_the_facts_of_a_component_are_those_of_its_points() -> None:
    state = two_blocks()
    assert list(facts(state, "", "_full", 1.0)) == ["soc", "soh", "far"]
    assert facts(state, "", "_full", 1.0)["far"] == full_of(state, "far", 1.0)
    assert facts(state, "", "_raw", 1.0)["soh"] == facts(state, "soh", "_raw", 1.0) == raw_of(state, "soh")


def test_disabling_a_point_leaves_the_readings_of_its_block() -> None:
    state = ComponentState(
        holding({"id": "a", "offset": 1}, {"id": "b", "offset": 2}, {"id": "c", "offset": 3}), now=0.0
    )
    (whole,) = blocks(state)
    state.good(whole, payload(11, 12, 13), sent=1.0, wall=WALL)
    state.publication(1000, 1.0, WALL)
    state.command("b", "_disable")
    assert (state.get("a", 1.5), state.get("c", 1.5)) == (11, 13)
    last = {"value": 12, "age_ms": 500}
    assert state.get("b", 1.5) == {"status": "bad", "reason": "disabled", "last": last}
    assert raw_of(state, "c")["words"] == [13]
    assert (full_of(state, "c", 3.0)["age_ms"], full_of(state, "c", 3.0)["last_good"]) == (2000, WALL)
    body, marks, _ = state.publication(1000, 2.0, WALL + 1)
    assert marks == {"a": 1, "b": 2, "c": 1}, "nothing was asked since the publication before"
    assert body == {"component_connected": True}
    state.good(blocks(state)[0], payload(21, 22, 23), sent=3.0, wall=WALL + 2)
    body, marks, _ = state.publication(1000, 3.0, WALL + 2)
    assert (body["a"], body["c"], marks) == (21, 23, {"b": 2})


def test_a_new_plan_in_the_middle_of_a_cycle_keeps_what_the_cycle_has_read() -> None:
    state = ComponentState(
        holding({"id": "a", "offset": 1}, {"id": "b", "offset": 2}, {"id": "c", "offset": 3}), now=0.0
    )
    (whole,) = blocks(state)
    state.good(whole, payload(11, 12, 13), sent=1.0, wall=WALL)
    state.command("b", "_disable")
    body, marks, _ = state.publication(1000, 1.0, WALL)
    assert (body["a"], body["c"], marks) == (11, 13, {"b": 2})
    assert "Timestamp" in body


def test_a_failed_read_after_a_new_plan_takes_the_old_readings_down() -> None:
    state = two_blocks()
    near, far = blocks(state)
    state.good(near, payload(500, 99), sent=1.0, wall=WALL)
    state.failed(far, "timeout", now=1.0)
    state.command("soc", "_disable")
    assert state.get("soh", 1.5) == 99
    assert state.get("far", 1.5) == {"status": "bad", "reason": "timeout"}
    near, _ = blocks(state)
    state.failed(near, "exception_4", now=2.0)
    last = {"value": 99, "age_ms": 1500}
    assert state.get("soh", 2.5) == {"status": "bad", "reason": "exception_4", "last": last}
    assert state.publication(1000, 2.5, WALL)[1] == {"*": 2, "component_connected": 0}


def test_readings_travel_through_several_plans_and_a_joined_block_mixes_none() -> None:
    points = [{"id": f"p{n}", "offset": n} for n in (1, 18, 35)]
    state = ComponentState(holding(*points), now=0.0)
    state.command("p18", "_disable")
    left, right = blocks(state)
    state.good(left, payload(1), sent=1.0, wall=WALL)
    state.failed(right, "timeout", now=1.0)
    state.command("p18", "_enable")
    (joined,) = blocks(state)
    state.replan()
    assert state.get("p1", 2.0) == 1
    assert state.get("p18", 2.0) == {"status": "bad", "reason": "never_read"}
    assert state.get("p35", 2.0) == {"status": "bad", "reason": "timeout"}
    assert state.publication(1000, 2.0, WALL)[1] == {"p18": 2, "p35": 2}
    state.command("p35", "_disable")
    assert state.get("p1", 2.0) == 1
    state.command("p35", "_enable")
    (joined,) = blocks(state)
    state.good(joined, payload(*range(1, 36)), sent=3.0, wall=WALL)
    assert [state.get(f"p{n}", 3.0) for n in (1, 18, 35)] == [1, 18, 35]
    assert state.publication(1000, 3.0, WALL)[1] is None
