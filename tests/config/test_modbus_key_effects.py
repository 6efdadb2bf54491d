"""Every key of a client file does what it says, on every level where it may stand; the nearest level wins."""

import pytest

from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Component, Heartbeat, Point, Table, Watchdog
from tests.config.modbus_trees import client, holding, load, one

LEVELS = ("connection", "component", "group", "point")
INHERITED = [
    # key, levels, one value, what it leads to, another value, what that leads to
    ("device_id", "ckg", 7, 7, 0, 0, lambda c, p: p.unit),
    ("frequency", "ckgp", 200, 200, 10, 10, lambda c, p: p.period_ms),
    ("off_by_one", "ck", True, 4, False, 5, lambda c, p: p.address),
    ("byte_swap", "ckgp", True, (1, 0), False, (0, 1), lambda c, p: p.codec.order),
    ("word_order", "kgp", 21, (1, 0), 0, (0, 1), lambda c, p: p.codec.order),
    ("multi_write_op_code", "ckgp", True, True, False, False, lambda c, p: p.multi_write),
    ("debounce", "ck", 250, 0.25, 0, 0.0, lambda c, p: p.debounce_s),
    ("format", "ckgp", "Clothed", True, "naked", False, lambda c, p: p.clothed),
    ("verify_writes", "ckgp", True, True, False, False, lambda c, p: p.verify),
    ("reassert", "ckgp", False, False, True, True, lambda c, p: p.reassert),
    ("max_gap_registers", "ck", 124, 124, 0, 0, lambda c, p: c.max_gap_words),
    ("allow_gaps", "ck", False, 0, True, 16, lambda c, p: c.max_gap_words),
    ("inter_message_delay_ms", "ck", 20, 0.02, 0, 0.0, lambda c, p: c.inter_message_delay_s),
    ("publish_quality", "ck", True, True, False, False, lambda c, p: c.publish_quality),
]


def built(**levels: dict) -> tuple[Component, Point, list[str]]:
    """One holding register of two words at 5 with keys on the levels named."""
    point = {"id": "p", "offset": 5, "size": 2, **levels.get("point", {})}
    group = holding(point, **levels.get("group", {}))
    found, codes = one(
        {"id": "c", "registers": [group], **levels.get("component", {})}, **levels.get("connection", {})
    )
    return found, found.points[0], codes


@pytest.mark.parametrize("row", INHERITED, ids=lambda row: row[0])
def test_the_nearest_level_wins_with_false_and_zero(row: tuple) -> None:
    key, letters, value, expected, other, otherwise, show = row
    levels = [level for level, letter in zip(LEVELS, "ckgp", strict=True) if letter in letters]
    for outer in range(len(levels)):
        found, point, codes = built(**{levels[outer]: {key: value}})
        assert (show(found, point), codes) == (expected, []), levels[outer]
        for inner in levels[outer + 1 :]:
            if key == "allow_gaps" and other:
                continue
            found, point, codes = built(**{levels[outer]: {key: value}, inner: {key: other}})
            assert (show(found, point), codes) == (otherwise, []), (levels[outer], inner)
            found, point, codes = built(**{levels[outer]: {key: value}, inner: {key: None}})
            assert (show(found, point), codes) == (expected, []), (levels[outer], inner)


def test_a_full_format_is_clothed_and_our_gap_key_beats_the_legacy_one() -> None:
    assert built(point={"format": "full"})[1].clothed
    assert built(component={"allow_gaps": False, "max_gap_registers": 3})[0].max_gap_words == 3


def test_a_word_order_that_fits_no_size_leaves_the_outer_one_in_force() -> None:
    _, point, codes = built(component={"word_order": 21}, point={"word_order": 31})
    assert (point.codec.order, codes) == ((1, 0), ["C24"])
    found, codes = one({"id": "c", "word_order": 3412, "byte_swap": True, "registers": [
        holding({"id": "a", "offset": 1, "size": 4}, {"id": "b", "offset": 5, "size": 2}, {"id": "d", "offset": 7})
    ]})  # fmt: skip
    assert ([p.codec.order for p in found.points], codes) == ([(2, 3, 0, 1), (1, 0), (0,)], [])


def test_a_points_debounce_is_in_seconds() -> None:
    assert built(component={"debounce": 200}, point={"debounce": 1.5})[1].debounce_s == 1.5
    assert built(component={"debounce": 200}, point={"debounce": 0})[1].debounce_s == 0


CONNECTION = [
    ({}, {"max_words": 125, "max_bits": 2000, "bad_point_retry_s": 60.0}),
    ({}, {"allow_multi_sets": True, "force_multi_sets": False, "auto_disable": True}),
    ({"max_register_group_size": 40}, {"max_words": 40}),
    ({"max_bit_size": 16}, {"max_bits": 16}),
    ({"allow_multi_sets": False}, {"allow_multi_sets": False}),
    ({"force_multi_sets": True}, {"force_multi_sets": True}),
    ({"auto_disable": False}, {"auto_disable": False}),
    ({"bad_point_retry_s": 5}, {"bad_point_retry_s": 5.0}),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "expected"), CONNECTION)
def test_keys_of_the_connection_only(keys: dict, expected: dict) -> None:
    found, _, codes = built(connection=keys)
    assert {name: getattr(found, name) for name in expected} == expected
    assert codes == []


def test_keys_without_effect_and_leftovers_are_silent() -> None:
    connection = {
        **dict.fromkeys(("protocol", "device protocol", "device name", "device id", "local_id", "ip_address1"), "x"),
        **dict.fromkeys(("allow_multi_gets", "force_multi_gets", "pub_sync", "query_first"), True),
        **dict.fromkeys(("data_buffer_size", "dbi_save_frequency_seconds", "sync_percent"), 5),
        "device protocol version": "x", "device id string": "x", "device_id_string": "x", "data bits (8 typical)": 8,
    }  # fmt: skip
    component = dict.fromkeys(("hex_start", "comment", "offset", "start_offset", "twins_id", "echo_id"), "x")
    component |= {"uri": "/x", "type": "x", "map": []}
    group = {"note": "x", "hex offset": "x", "hex_offset": "x", "hex ofset": "x"}
    point = {
        **dict.fromkeys(("repeat_of_offset", "bool", "uri", "web_ui_colour", "note 2", "comment_b", "twins_id"), 1),
        **dict.fromkeys(("deadband", "normal_set", "bitfield_type", "heartbeat_enabled", "offset_time"), "0"),
        "component_heartbeat_read_uri": "beat", "name": "shown", "unit": None, "units": "kW", "xscale": 9, "XX": 1,
        "sxcale": 9, "scXXale": 9, "xid": "other",
    }  # fmt: skip
    _, found, codes = built(connection=connection, component=component, group=group, point=point)
    assert codes == []
    assert (found.label, found.units, found.codec.scale) == ("shown", "kW", None)


def test_a_key_that_is_switched_off_twice_is_no_duplicate() -> None:
    text = '{"connection": {"ip_address": "h", "xport": 1, "xport": 2}, "xx": 1, "xx": 2, "components": []}'
    assert [f.code for f in load(text)[1]] == ["S02"]


COMPONENTS = [
    ({"id": "/ess_1//pcs_orders/"}, {"id": "ess_1/pcs_orders", "uri": "/components/ess_1/pcs_orders"}),
    ({"component_id": "/plant/"}, {"uri": "/plant/c"}),
    ({"component_id": "/"}, {"uri": "/components/c"}),
    ({"offset_time": 530}, {"offset_ms": 530}),
    ({"add_timings": True}, {"add_timings": True, "group_kinds": ("holding",)}),
    ({"frequency": 500}, {"connected_timeout_ms": 1500, "heartbeat": None, "watchdog": None}),
    ({"component_heartbeat_timeout_ms": 5000}, {"connected_timeout_ms": 5000}),
    ({"heartbeat_enabled": False, "component_heartbeat_read_uri": "p"}, {"heartbeat": None}),
    ({"heartbeat_enabled": True, "component_heartbeat_read_uri": "p", "component_heartbeat_write_uri": "p",
      "modbus_heartbeat_timeout_ms": 2500, "component_heartbeat_max_value": 41},
     {"heartbeat": Heartbeat(read="p", write="p", write_period_ms=2500, timeout_ms=3000, max_value=41)}),
    ({"heartbeat_enabled": True, "component_heartbeat_write_uri": "p", "modbus_heartbeat_timeout_ms": 10},
     {"heartbeat": Heartbeat(write="p", write_period_ms=1000)}),
    ({"frequency": 200, "watchdog_enabled": True, "watchdog_uri": "p"},
     {"watchdog": Watchdog(point="p", alarm_ms=1000, fault_ms=2000, recovery_timeout_ms=1000, recovery_ms=2000)}),
    ({"watchdog_enabled": True, "watchdog_uri": "p", "watchdog_frequency_ms": 50, "watchdog_alarm_timeout_ms": 1,
      "watchdog_fault_timeout_ms": 2, "watchdog_recovery_timeout_ms": 3, "watchdog_recovery_time_ms": 4},
     {"watchdog": Watchdog(point="p", check_ms=50, alarm_ms=1, fault_ms=2, recovery_timeout_ms=3, recovery_ms=4)}),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "expected"), COMPONENTS)
def test_keys_of_a_component(keys: dict, expected: dict) -> None:
    found, _, codes = built(component=keys)
    assert {name: getattr(found, name) for name in expected} == expected
    assert codes == []


@pytest.mark.parametrize(
    ("word", "table"),
    [
        *dict.fromkeys(("coil", "Coils", "COIL", " coil "), Table.COIL).items(),
        *dict.fromkeys(("Discrete_Input", "discrete inputs", "Discrete Inputs"), Table.DISCRETE).items(),
        *dict.fromkeys(("Input", "input register", "Input_Registers"), Table.INPUT).items(),
        *dict.fromkeys(("Holding", "holding_register", "HOLDING  Registers"), Table.HOLDING).items(),
    ],
)  # fmt: skip
def test_spellings_of_tables(word: str, table: Table) -> None:
    found, _ = one({"id": "c", "registers": [{"type": word, "map": [{"id": "p", "offset": 1}]}]})
    assert [point.table for point in found.points] == [table]
    assert found.group_kinds == (word.lower().replace("_", " ").split()[0],)


NUMBER = Codec()
POINTS = [
    ({"signed": True}, {"signed": True}),
    ({"size": 2, "float": True}, {"size": 2, "bits": 32, "is_float": True, "order": (0, 1)}),
    ({"size": 4, "byte_swap": True}, {"size": 4, "bits": 64, "order": (3, 2, 1, 0)}),
    ({"size": 4, "word_order": 2413, "byte_swap": True}, {"order": (1, 3, 0, 2)}),
    ({"size": 4, "word_order": 1234}, {"order": (0, 1, 2, 3)}),
    ({"word_order": "1"}, {"order": (0,)}),
    ({"scale": 0.1}, {"scale": 0.1}),
    ({"scale": -2.5}, {"scale": -2.5}),
    ({"scale": 10.0}, {"scale": 10}),
    ({"scale": 0}, {"scale": None}),
    ({"scale": 1}, {"scale": None}),
    ({"shift": -40}, {"shift": -40}),
    ({"invert_mask": "0x00FF"}, {"mask": 255}),
    ({"invert_mask": "0B101"}, {"mask": 5}),
    ({"invert_mask": "0xb11"}, {"mask": 0xB11}),
    ({"size": 4, "invert_mask": "0xFFFFFFFFFFFFFFFF"}, {"mask": (1 << 64) - 1}),
    ({"bit_field": True, "bit_strings": ["a", None, "IGNORE", {"IGNORE": 2}, "b"]},
     {"shape": Shape.FIELD, "texts": {0: "a", 5: "b"}, "hidden": 0b11100}),
    ({"enum": True, "bit_strings": [{"value": 10, "string": "Idle"}, "Ramp", {"Value": 40, "String": "Hold"}, "Trip"]},
     {"shape": Shape.ENUM, "texts": {10: "Idle", 11: "Ramp", 40: "Hold", 41: "Trip"}}),
    ({"enum": False, "random_enum": True, "bit_strings": ["a", {"IGNORE": 100}, "b"]},
     {"shape": Shape.ENUM, "texts": {0: "a", 101: "b"}}),
    ({"enum": True, "random_enum": True, "bit_strings": ["a"]}, {"shape": Shape.ENUM}),
    ({"enum": True, "scale": 1, "shift": 0, "signed": False, "bit_strings": ["a"]}, {"shape": Shape.ENUM}),
    ({"packed_register": False}, {"shape": Shape.NUMBER}),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "expected"), POINTS)
def test_keys_of_a_register(keys: dict, expected: dict) -> None:
    found, codes = one({"id": "c", "registers": [holding({"id": "p", "offset": 5, **keys})]})
    (point,) = found.points
    assert {name: getattr(point.codec, name) for name in expected} == expected
    assert [code for code in codes if code not in ("P06", "S04")] == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, {"inverted": False, "use_bool": True, "bits": 1, "size": 0}),
        ({"scale": -10, "use_bool": False}, {"inverted": True, "use_bool": False}),
        ({"scale": 1, "signed": False, "size": 1, "bit_strings": []}, {"inverted": False}),
    ],
)
def test_keys_of_a_coil(keys: dict, expected: dict) -> None:
    found, codes = one(
        {"id": "c", "registers": [{"type": "Coil", "map": [{"id": "p", "offset": 5, **keys}]}]}
    )
    assert {name: getattr(found.points[0].codec, name) for name in expected} == expected
    assert codes == []


REASSERTED = [
    # type, keys, names that are written again after a lost line
    ("Holding", {}, {"p"}),
    ("Holding", {"size": 2, "float": True}, {"p"}),
    ("Holding", {"reassert": False}, set()),
    ("Input", {"reassert": True}, set()),
    ("Coil", {}, set()),
    ("Coil", {"reassert": True}, {"p"}),
    ("Holding", {"enum": True, "bit_strings": ["a"]}, set()),
    ("Holding", {"enum": True, "bit_strings": ["a"], "reassert": True}, {"p"}),
    ("Holding", {"bit_field": True, "bit_strings": ["a"]}, set()),
    ("Holding", {"individual_bits": True, "bit_strings": ["a"]}, set()),
    ("Holding", {"individual_bits": True, "bit_strings": ["a", "b"], "reassert": True}, {"a", "b"}),
    ("Holding", {"bit_ranges": [{"id": "a", "number_of_bits": 4}]}, set()),
    ("Holding", {"bit_ranges": [{"id": "a", "number_of_bits": 4}], "reassert": True}, {"a"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "keys", "expected"), REASSERTED)
def test_what_is_written_again_after_a_lost_line(kind: str, keys: dict, expected: set[str]) -> None:
    found, codes = one({"id": "c", "registers": [{"type": kind, "map": [{"id": "p", "offset": 5, **keys}]}]})
    assert {point.id for point in found.points if point.reassert} == expected
    assert codes == []


def test_a_written_heartbeat_is_never_asserted_again() -> None:
    keys = {"heartbeat_enabled": True, "component_heartbeat_write_uri": "p", "reassert": True}
    found, _, codes = built(component=keys)
    assert (found.points[0].reassert, codes) == (False, [])


def test_a_packed_register_whose_parts_have_all_kinds() -> None:
    entry = {
        "id": "pk", "offset": 3, "size": 2, "byte_swap": True, "invert_mask": "0x1", "bit_field": 1, "name": "whole",
        "bit_ranges": [
            {"id": "plain", "number_of_bits": 4, "name": "Level", "unit": "%"},
            {"id": "trim", "starting_bit_pos": 4, "number_of_bits": 4, "signed": True, "scale": 2, "shift": 1},
            {"id": "mode", "starting_bit_pos": 8, "number_of_bits": 2, "enum": True, "bit_strings": ["a", "b"]},
            {"id": "field", "starting_bit_pos": 10, "number_of_bits": 2, "bit_strings": ["c"]},
            {"id": "bits", "starting_bit_pos": 12, "number_of_bits": 2, "individual_bits": True,
             "bit_strings": ["", "d"]},
        ],
    }  # fmt: skip
    found, codes = one({"id": "c", "registers": [holding(entry)]})
    assert [(p.id, p.codec.shape, p.codec.first_bit, p.codec.bits) for p in found.points] == [
        ("pk", Shape.PARENT, 0, 32),
        ("plain", Shape.NUMBER, 0, 4),
        ("trim", Shape.NUMBER, 4, 4),
        ("mode", Shape.ENUM, 8, 2),
        ("field", Shape.FIELD, 10, 2),
        ("d", Shape.BIT, 13, 1),
    ]
    assert all((p.codec.order, p.codec.mask, p.codec.size) == ((1, 0), 1, 2) for p in found.points)
    assert (found.points[1].label, found.points[1].units) == ("Level", "%")
    assert (found.points[2].codec.signed, found.points[2].codec.scale, found.points[2].codec.shift) == (
        True,
        2,
        1,
    )
    assert codes == ["S04"]


def test_a_bit_named_as_its_register_is_the_one_that_is_published() -> None:
    entry = {"id": "alarm", "offset": 3, "individual_bits": True, "bit_strings": ["alarm", "warning"]}
    found, codes = one({"id": "c", "registers": [holding(entry)]})
    assert [(p.id, p.published, p.codec.shape) for p in found.points] == [
        ("alarm", True, Shape.BIT),
        ("warning", True, Shape.BIT),
    ]
    assert codes == ["C14"]


def test_numbers_in_texts_that_are_no_numbers() -> None:
    for text in ("1e999", "9" * 5000, "0x10", "", "1_000", "٣", "nan"):
        maps, findings = load(
            client({"id": "c", "registers": [holding({"id": "p", "offset": 1, "shift": text})]})
        )
        assert maps[0].components[0].points[0].codec.shift == 0
        assert [f.code for f in findings] == ["S04"]
        assert len(str(findings[0])) < 250
