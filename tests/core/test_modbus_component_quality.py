"""How good a point is said to be: in answers, in `_full`, and in the publication of what is not good."""

from dataclasses import replace

from ess_actors.core.component import ComponentState
from ess_actors.core.component_facts import full_of
from tests.core.modbus_examples import WALL, blocks, component, holding, payload, two_blocks


def qualities(state: ComponentState, now: float, *names: str) -> list[tuple[object, object]]:
    return [(fact["quality"], fact["reason"]) for fact in (full_of(state, name, now) for name in names)]


def test_every_reason_has_its_quality() -> None:
    state = ComponentState(
        holding(
            {"id": "soc", "offset": 1},
            {"id": "soh", "offset": 2},
            {"id": "flow", "offset": 4, "size": 2, "float": True},
            {"id": "far", "offset": 90},
            {"id": "farther", "offset": 190},
        ),
        now=0.0,
    )
    near, far, farther = blocks(state)
    state.good(near, payload(1, 2, 0, 0x7FC0, 0), sent=1.0, wall=WALL)
    state.failed(far, "exception_4", now=1.0)
    assert qualities(state, 1.0, "soc", "flow", "far", "farther") == [
        ("GOOD", ""),
        ("BAD", "nan"),
        ("BAD", "exception_4"),
        ("BAD", "never_read"),
    ]
    state.good(farther, payload(3), sent=1.5, wall=WALL)
    state.isolated.add("farther")
    state.command("soc", "_disable")
    state.command("soh", "_force", 9)
    assert qualities(state, 2.0, "soc", "soh", "farther") == [
        ("BAD", "disabled"),
        ("UNCERTAIN", "forced"),
        ("BAD", "refused"),
    ]
    assert full_of(state, "soc", 2.0)["last_value"] == 1
    assert full_of(state, "soh", 2.0)["value"] == 9
    assert full_of(state, "soh", 2.0)["last_value"] == 2


def test_a_value_grows_old_when_nobody_asks_any_more() -> None:
    state = two_blocks()
    near, far = blocks(state)
    state.good(near, payload(500, 99), sent=1.0, wall=WALL)
    state.good(far, payload(5), sent=1.0, wall=WALL)
    assert state.get("soh", 3.5) == 99
    old = {"status": "uncertain", "reason": "old", "last": {"value": 99, "age_ms": 2600}}
    assert state.get("soh", 3.6) == old
    assert state.get("", 3.6) == {"component_connected": True}
    state.good(far, payload(6), sent=3.6, wall=WALL)
    body, marks, _ = state.publication(1000, now=3.6, wall=WALL)
    assert (body["soh"], body["far"], marks) == (99, 6, None), "both were read since the publication before"
    state.good(far, payload(7), sent=4.6, wall=WALL)
    body, marks, _ = state.publication(1000, now=4.6, wall=WALL)
    assert ("soh" in body, body["far"], marks) == (False, 7, {"soc": 1, "soh": 1})
    assert qualities(state, 4.6, "soh", "far") == [("UNCERTAIN", "old"), ("GOOD", "")]
    state.failed(near, "timeout", now=5.6)
    assert qualities(state, 5.6, "soh") == [("BAD", "timeout")]


def test_what_is_no_number_shows_what_it_was() -> None:
    state = ComponentState(holding({"id": "f", "offset": 1, "size": 2, "float": True}), now=0.0)
    (block,) = blocks(state)
    state.good(block, payload(0x3F80, 0), sent=1.0, wall=WALL)
    for sent in (2.0, 3.0):
        state.good(block, payload(0x7FC0, 0), sent=sent, wall=WALL + sent)
        last = {"value": 1.0, "age_ms": 4500}
        assert state.get("f", 5.5) == {"status": "bad", "reason": "nan", "last": last}
    state.good(block, payload(0x4000, 0), sent=5.0, wall=WALL)
    assert state.get("f", 5.5) == 2.0


def test_a_heartbeat_that_stands_still_makes_every_point_uncertain() -> None:
    keys = {"heartbeat_enabled": True, "component_heartbeat_read_uri": "beat"}
    state = ComponentState(holding({"id": "beat", "offset": 1}, {"id": "soc", "offset": 2}, **keys), now=0.0)
    (block,) = blocks(state)
    for now in range(6):
        state.good(block, payload(7, 50), sent=float(now), wall=WALL)
        body, marks, _ = state.publication(1000, now=float(now), wall=WALL)
    assert (body["soc"], marks) == (50, {"*": 1, **dict.fromkeys(list(state.status(5.0)), 0)})
    assert qualities(state, 5.0, "beat", "soc") == [("UNCERTAIN", "frozen")] * 2
    assert state.get("soc", 5.0) == 50, "it is shown as in the publication"


def test_the_quality_is_published_until_nothing_is_left_of_it() -> None:
    silent = two_blocks()
    assert silent.quality_body(1.0) is None, "without publish_quality nothing is sent"
    state = ComponentState(replace(silent.component, publish_quality=True), now=0.0)
    near, far = blocks(state)
    bad = {"quality": "BAD", "reason": "never_read", "age_ms": None}
    assert state.quality_body(0.5) == {"soc": bad, "soh": bad, "far": bad}
    state.good(near, payload(1, 2), sent=1.0, wall=WALL)
    state.good(far, payload(3), sent=1.0, wall=WALL)
    assert state.quality_body(1.1) == {}
    assert state.quality_body(1.2) is None
    state.good(near, payload(1, 2), sent=5.2, wall=WALL)
    state.failed(far, "timeout", now=5.2)
    state.command("soc", "_force", 3)
    assert state.quality_body(5.2) == {
        "soc": {"quality": "UNCERTAIN", "reason": "forced", "age_ms": 0},
        "far": {"quality": "BAD", "reason": "timeout", "age_ms": 4200},
    }
    state.command("soc", "_unforce")
    state.good(far, payload(3), sent=6.0, wall=WALL)
    assert state.quality_body(6.0) == {}
    assert state.quality_body(6.0) is None


def test_a_component_answers_as_it_publishes() -> None:
    found = component(
        [
            {
                "type": "Input",
                "format": "clothed",
                "map": [{"id": "b", "offset": 9}, {"id": "a", "offset": 2}],
            },
            {
                "type": "Holding",
                "map": [
                    {
                        "id": "mix",
                        "offset": 3,
                        "packed_register": True,
                        "bit_ranges": [
                            {"id": "low", "number_of_bits": 8},
                            {
                                "id": "lamps",
                                "starting_bit_pos": 8,
                                "number_of_bits": 8,
                                "individual_bits": True,
                                "bit_strings": ["red", "green"],
                            },
                        ],
                    }
                ],
            },
        ]
    )
    state = ComponentState(found, now=0.0)
    for block in blocks(state):
        state.good(block, payload(*range(0x0200, 0x0200 + block.count)), sent=1.0, wall=WALL)
    body, marks, _ = state.publication(1000, now=1.0, wall=WALL)
    assert marks is None
    assert state.get("", 1.0) == body
    assert list(body)[:5] == ["b", "a", "low", "red", "green"]
    assert body["b"] == {"value": 0x0207}
    assert state.get("b", 1.0) == 0x0207, "one point is always naked"
    assert state.get("mix", 1.0) == 0x0200, "a packed register is a number"


def test_everything_is_said_of_a_point() -> None:
    found = component(
        [
            {
                "type": "Input",
                "map": [
                    {
                        "id": "p",
                        "offset": 8,
                        "size": 2,
                        "byte_swap": True,
                        "signed": True,
                        "scale": 10,
                        "shift": -1,
                        "invert_mask": "0xF0",
                        "name": "power",
                        "unit": "kW",
                        "debounce": 2,
                    },
                    {
                        "id": "m",
                        "offset": 10,
                        "enum": True,
                        "bit_strings": ["Off", "On"],
                        "format": "clothed",
                    },
                ],
            },
            {"type": "Coil", "map": [{"id": "c", "offset": 1, "scale": -1, "use_bool": False}]},
        ]
    )
    state = ComponentState(found, now=0.0)
    coil, words = blocks(state)
    state.good(words, payload(0x00F5, 0, 1), sent=1.0, wall=WALL)
    state.good(coil, b"\x00", sent=1.0, wall=WALL)
    full = full_of(state, "p", 1.5)
    wanted = {
        "uri": "/components/c/p",
        "type": "input",
        "address": 8,
        "unit": 255,
        "name": "power",
        "units": "kW",
        "size": 2,
        "word_order": [2, 1],
        "signed": True,
        "float": False,
        "scale": 10,
        "shift": -1,
        "invert_mask": "0xF0",
        "period_ms": 1000,
        "debounce": 2,
        "format": "naked",
        "words": [0x00F5, 0],
        "hex": "00000005",
        "raw": 5,
        "value": -0.5,
        "quality": "GOOD",
        "reason": "",
        "age_ms": 500,
        "last_good": WALL,
        "forced": False,
        "enabled": True,
        "isolated": False,
    }
    assert {key: full[key] for key in wanted} == wanted
    enum = full_of(state, "m", 1.5)
    assert (enum["bit_strings"], enum["format"]) == ({"0": "Off", "1": "On"}, "clothed")
    assert enum["value"] == [{"value": 1, "string": "On"}]
    bit = full_of(state, "c", 1.5)
    assert (bit["inverted"], bit["use_bool"], bit["words"], bit["hex"], bit["value"]) == (
        True,
        False,
        [0],
        "0",
        1,
    )
