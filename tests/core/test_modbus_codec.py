"""Every decode and encode vector of the product, by the reference and by the compiled plan."""

import math
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.bits import BadValueError
from ess_actors.core.codec import Codec
from ess_actors.core.points import Component
from ess_actors.core.polling import plan
from ess_actors.core.registers import decode, encode
from ess_actors.core.registers_block import BlockDecoder
from tests.core.modbus_examples import holding, payload, point, words


def pairs(**numbers: str) -> list[dict]:
    return [{"value": int(key[1:]), "string": text} for key, text in numbers.items()]


ENUM = {"enum": True, "bit_strings": ["Off", "Standby", None, "Run"]}
RANDOM = {
    "random_enum": True,
    "bit_strings": [{"value": 10, "string": "Idle"}, "Ramp", {"value": 40, "string": "Hold"}, "Trip"],
}
FIELD = {"bit_field": True, "bit_strings": ["OV", None, "UV", "IGNORE", "OT"]}

DECODE = [
    ("D01", {}, "04D2", 1234),
    ("D02", {"scale": 10}, "0D05", 333.3),
    ("D03", {"signed": True, "scale": 100}, "D8F1", -99.99),
    ("D04a", {"signed": True, "scale": -1}, "0190", -400),
    ("D04b", {"scale": -10}, "0019", -2.5),
    ("D05a", {"scale": 0.1}, "002A", 420.0),
    ("D05b", {"scale": 2.5}, "0019", 10.0),
    ("D06", {"scale": 10, "shift": -40}, "028A", 25.0),
    ("D07", {"invert_mask": "0x000F"}, "1230", 4671),
    ("D08a", {"invert_mask": "0b101"}, "0007", 2),
    ("D08b", {"invert_mask": "0xFFFF", "signed": True}, "0004", -5),
    ("D09a", {"size": 2}, "0001 86A1", 100001),
    ("D09b", {"size": 2, "byte_swap": True}, "86A1 0001", 100001),
    ("D10", {"size": 2, "signed": True, "scale": 1000}, "FFFF CFC7", -12.345),
    ("D11", {"size": 2, "float": True}, "42F6 E666", 123.44999694824219),
    ("D12", {"size": 2, "float": True, "byte_swap": True}, "0000 C1A4", -20.5),
    ("D13", {"size": 2, "float": True, "scale": 2, "shift": 1}, "40E0 0000", 4.5),
    ("D15", {"size": 4, "byte_swap": True}, "0001 0002 0000 0000", 131073),
    ("D16", {"size": 4, "word_order": 2413}, "1111 2222 3333 4444", 2459603405632516915),
    ("D17a", {"size": 4, "signed": True}, "FFFF FFFF FFFF FFF6", -10),
    ("D17b", {"size": 4, "float": True}, "4059 0C00 0000 0000", 100.1875),
    ("D18a", FIELD, "0037", pairs(_0="OV", _1="Unknown", _2="UV", _4="OT", _5="Unknown")),
    ("D18b", FIELD, "0008", []),
    (
        "D19",
        {"size": 2, "bit_field": True, "bit_strings": ["OV", {"IGNORE": 15}, "Fuse"]},
        "0001 8003",
        pairs(_0="OV", _16="Fuse"),
    ),
    (
        "D20",
        {"bit_field": True, "invert_mask": "0b11", "bit_strings": ["door", "estop"]},
        "0002",
        pairs(_0="door"),
    ),
    ("D22a", ENUM, "0003", pairs(_3="Run")),
    ("D22b", ENUM, "0002", pairs(_2="Unknown")),
    ("D23", RANDOM, "0029", pairs(_41="Trip")),
]


def by_plan(component: Component, content: bytes) -> dict[str, object]:
    (cycle,) = plan(component)
    (block,) = cycle.blocks
    return BlockDecoder(block.address, block.count, block.is_bits, block.points)(content)


def same(found: object, expected: object) -> bool:
    if isinstance(expected, float):
        return isinstance(found, float) and math.isclose(found, expected, rel_tol=1e-6)
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize(
    ("keys", "wire", "expected"), [row[1:] for row in DECODE], ids=[row[0] for row in DECODE]
)
def test_decode_vectors(keys: dict, wire: str, expected: object) -> None:
    assert same(decode(point(**keys).codec, words(wire)), expected)
    component = holding({"id": "before", "offset": 5}, {"id": "p", "offset": 7, **keys})
    decoded = by_plan(component, payload(77, 0, *words(wire)))
    assert decoded["before"] == 77
    assert same(decoded["p"], expected)


@pytest.mark.parametrize("wire", ["7FC0 0000", "7F80 0000", "FF80 0000"])
@pytest.mark.parametrize("swap", [False, True])
def test_what_is_no_number_is_left_out(wire: str, swap: bool) -> None:
    numbers = words(wire)[::-1] if swap else words(wire)
    component = holding(
        {"id": "p", "offset": 7, "size": 2, "float": True, "byte_swap": swap}, {"id": "q", "offset": 9}
    )
    assert decode(component.points[0].codec, numbers) is None
    assert by_plan(component, payload(*numbers, 5)) == {"q": 5}


def test_individual_bits_become_points_of_their_own() -> None:
    component = holding(
        {"id": "r", "offset": 3, "individual_bits": True, "bit_strings": ["run", None, "fault"]}
    )
    assert by_plan(component, payload(6)) == {"r": 6, "run": False, "fault": True}
    assert [p.id for p in component.points if p.published] == ["run", "fault"]


PACKED = {
    "id": "pk",
    "offset": 9,
    "packed_register": True,
    "bit_ranges": [
        {"id": "mode", "number_of_bits": 3, "enum": True, "bit_strings": ["A", "B", "C"]},
        {"id": "level", "starting_bit_pos": 4, "number_of_bits": 6, "scale": 2},
        {"id": "trim", "starting_bit_pos": 12, "number_of_bits": 4, "signed": True},
    ],
}


def test_packed_children() -> None:
    decoded = by_plan(holding(PACKED), payload(0xE2F1))
    assert decoded == {"pk": 0xE2F1, "mode": pairs(_1="B"), "level": 23.5, "trim": -2}


@pytest.mark.parametrize(
    ("table", "keys", "bit", "expected"),
    [
        ("Coil", {}, 1, True),
        ("Coil", {"scale": -1}, 1, False),
        ("Discrete_Input", {"scale": -1}, 0, True),
        ("Coil", {"use_bool": False}, 1, 1),
        ("Coil", {"use_bool": False, "scale": -1}, 1, 0),
    ],
)
def test_bits_of_their_own_tables(table: str, keys: dict, bit: int, expected: object) -> None:
    found = point(table, **keys)
    assert same(decode(found.codec, (bit,)), expected)
    decoded = BlockDecoder(6, 2, True, (found,))(bytes((1, bit)))
    assert same(decoded["p"], expected)


ENCODE = [
    ("E01a", {}, 70000, "FFFF", True),
    ("E01b", {}, -3, "0000", True),
    ("E02a", {}, 12.9, "000C", False),
    ("E02b", {"signed": True}, -12.9, "FFF4", False),
    ("E03", {"scale": 100}, 0.29, "001D", False),
    ("E04", {"signed": True}, -40000, "8000", True),
    ("E05a", {"signed": True, "scale": -1}, 250, "FF06", False),
    ("E05b", {"scale": 0.1}, 425, "002A", False),
    ("E06", {"scale": 10, "shift": -40}, 25, "028A", False),
    ("E07", {"invert_mask": "0xFF00"}, 4660, "ED34", False),
    ("E08", {"size": 2, "float": True}, 1e40, "7F7F FFFF", True),
    ("E09", {"size": 4, "float": True, "word_order": 2413}, 100.1875, "0000 4059 0000 0C00", False),
    ("E10", {"size": 4}, 18446744073709551621, "FFFF FFFF FFFF FFFF", True),
    ("E11", {"size": 4, "signed": True, "byte_swap": True}, -2, "FFFE FFFF FFFF FFFF", False),
    ("E12", ENUM, "Run", "0003", False),
    ("E13", FIELD, [{"value": 0}, {"value": 15}], "8001", False),
]


@pytest.mark.parametrize(
    ("keys", "value", "wire", "clamped"), [r[1:] for r in ENCODE], ids=[r[0] for r in ENCODE]
)
def test_encode_vectors(keys: dict, value: object, wire: str, clamped: bool) -> None:
    encoded = encode(point(**keys).codec, value)
    assert (encoded.words, encoded.clamped) == (words(wire), clamped)


def test_a_bit_that_does_not_fit_is_named() -> None:
    encoded = encode(point(**FIELD).codec, [{"value": 2}, {"value": 16}])
    assert encoded == (words("0004"), True, (16,))


def part(component: Component, name: str) -> Codec:
    return next(p.codec for p in component.points if p.id == name)


def test_parts_are_put_into_what_was_read() -> None:
    bits = holding({"id": "r", "offset": 3, "individual_bits": True, "bit_strings": ["run", None, "fault"]})
    assert encode(part(bits, "fault"), False, words("8006")).words == words("8002")
    masked = holding(
        {"id": "r", "offset": 3, "individual_bits": True, "invert_mask": "0x1", "bit_strings": ["run"]}
    )
    assert encode(part(masked, "run"), True, words("0011")).words == words("0010")
    level = part(holding(PACKED), "level")
    assert encode(level, 9, words("E2F1")) == (words("E121"), False, ())
    assert encode(level, 40, words("E2F1")) == (words("E3F1"), True, ())
    with pytest.raises(ValueError, match="fresh read"):
        encode(level, 9)


@pytest.mark.parametrize(
    ("keys", "value", "bit"), [({}, "false", 0), ({"scale": -1}, -7, 0), ({"scale": -1}, 0, 1)]
)
def test_encode_coils(keys: dict, value: object, bit: int) -> None:
    assert encode(point("Coil", **keys).codec, value).words == (bit,)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ({}, "12"),
        ({}, None),
        ({}, [1]),
        ({}, float("nan")),
        ({}, float("inf")),
        ({}, {"a": 1}),
        (ENUM, "run"),
        (ENUM, []),
        (FIELD, "OV"),
        (FIELD, ["nope"]),
        (FIELD, [-1]),
        ({"size": 2, "float": True}, "1.0"),
    ],
)
def test_values_that_fit_no_way_are_refused(keys: dict, value: object) -> None:
    with pytest.raises(BadValueError):
        encode(point(**keys).codec, value)


def test_numbers_beyond_every_type_are_limited() -> None:
    assert encode(point(scale=2.5).codec, 10**400) == (words("FFFF"), True, ())
    assert encode(point(signed=True, scale=-2.5).codec, 10**400) == (words("8000"), True, ())
    assert encode(point(size=4, float=True).codec, -(10**400)).clamped


@pytest.mark.parametrize("order", ["".join(p) for p in permutations("1234")])
def test_every_word_order_comes_back(order: str) -> None:
    codec = point(size=4, word_order=int(order), invert_mask="0x0123456789ABCDEF").codec
    wire = words("1111 2222 3333 4444")
    assert encode(codec, decode(codec, wire)).words == wire


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shift", [0, 7, -40])
@pytest.mark.parametrize("scale", [None, 1, -1, -10, 0.01, 0.1, 2.5, 10, 100, 1000])
def test_what_was_read_can_be_written_back(scale: float | None, shift: int, signed: bool) -> None:
    codec = point(signed=signed, shift=shift, scale=scale).codec
    # All corners and a stride that is prime to every power of two; the property below draws the rest.
    for number in (0, 1, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFE, *range(0, 0x10000, 97), 0xFFFF):
        assert encode(codec, decode(codec, (number,))) == ((number,), False, ())


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**64 - 1),
    st.sampled_from([1, 2, 4]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 0xFFFF),
)
def test_integers_of_every_size_come_back(
    number: int, size: int, signed: bool, swap: bool, mask: int
) -> None:
    order = tuple(reversed(range(size))) if swap else tuple(range(size))
    codec = Codec(size=size, order=order, bits=16 * size, signed=signed, mask=mask)
    wire = tuple(number >> 16 * k & 0xFFFF for k in range(size))
    assert encode(codec, decode(codec, wire)).words == wire


def test_an_unchanged_answer_is_not_decoded_again() -> None:
    found = point(scale=10)
    decoder = BlockDecoder(7, 1, False, (found,))
    first = decoder(payload(15))
    assert decoder(payload(15)) is first
    assert decoder(payload(16)) == {"p": 1.6}
    with pytest.raises(ValueError, match="4 bytes instead of 2"):
        decoder(payload(1, 2))


def test_overlapping_points_see_the_same_words() -> None:
    component = holding(
        {"id": "whole", "offset": 4, "size": 2}, {"id": "low", "offset": 5}, {"id": "next", "offset": 6}
    )
    assert by_plan(component, payload(1, 2, 3)) == {"whole": 65538, "low": 2, "next": 3}
