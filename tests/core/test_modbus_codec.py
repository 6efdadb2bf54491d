"""What holds for every codec and all words: both directions, and the compiled plan against the reference."""

import struct
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Point, Register, Table
from ess_actors.core.registers import decode, encode, encode_raw, raw_number
from ess_actors.core.registers_block import BlockDecoder
from tests.core.modbus_examples import holding, payload, point, words
from tests.core.modbus_strategies import NASTY, WORD, blocks_of_points, part_codecs, whole_codecs


def by_reference(points: list[Point], numbers: list[int], address: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in points:
        start = one.address - address
        found[one.id] = decode(one.codec, numbers[start : start + max(1, one.codec.size)])
    return {name: value for name, value in found.items() if value is not None}


@settings(max_examples=200, deadline=None)
@given(blocks_of_points(), st.lists(st.lists(WORD, min_size=20, max_size=20), min_size=1, max_size=3))
def test_the_compiled_plan_says_what_the_reference_says(
    points: list[Point], contents: list[list[int]]
) -> None:
    decoder = BlockDecoder(100, 20, False, points)
    for numbers in contents:
        wanted = by_reference(points, numbers, 100)
        # As text: 1, 1.0 and True are three things, and 0.0 is not -0.0.
        assert repr(decoder(payload(*numbers))) == repr(wanted)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 49), st.booleans(), st.booleans()), min_size=1, max_size=40),
    st.binary(min_size=50, max_size=50),
)
def test_the_compiled_plan_of_coils_too(kinds: list[tuple[int, bool, bool]], noise: bytes) -> None:
    points = []
    for number, (address, inverted, use_bool) in enumerate(kinds):
        held = Register(id=f"b{number}", unit=1, table=Table.COIL, address=address, size=1, period_ms=1000)
        codec = Codec(shape=Shape.BIT, size=0, order=(), bits=1, inverted=inverted, use_bool=use_bool)
        points.append(Point(id=f"b{number}", register=held, codec=codec))
    bits = [byte & 1 for byte in noise]
    assert repr(BlockDecoder(0, 50, True, points)(bytes(bits))) == repr(by_reference(points, bits, 0))


@pytest.mark.parametrize("name", NASTY)
def test_an_id_is_a_text_whatever_it_holds(name: str) -> None:
    (found,) = holding({"id": "p", "offset": 7, "scale": 10}).points
    named = Point(id=name, register=found.register, codec=found.codec)
    assert BlockDecoder(7, 1, False, [named])(payload(15)) == {name: 1.5}


def test_an_unchanged_answer_is_not_decoded_again() -> None:
    decoder = BlockDecoder(7, 1, False, (point(scale=10),))
    first = decoder(payload(15))
    assert decoder(payload(15)) is first
    assert decoder(payload(16)) == {"p": 1.6}
    assert first == {"p": 1.5}, "what was handed out stays as it was"


@pytest.mark.parametrize("content", [b"", b"\x00", payload(1, 2)])
def test_an_answer_of_another_length_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=f"{len(content)} bytes instead of 2"):
        BlockDecoder(7, 1, False, (point(),))(content)


def test_floats_whose_sum_is_too_large_are_all_there() -> None:
    component = holding(*({"id": f"f{n}", "offset": 4 * n, "size": 4, "float": True} for n in range(3)))
    most = struct.pack(">d", 1.7976931348623157e308)
    decoder = BlockDecoder(0, 12, False, component.points)
    assert len(decoder(most * 3)) == 3
    assert list(decoder(most + struct.pack(">d", float("inf")) + most)) == ["f0", "f2"]


def test_a_word_that_takes_ever_new_numbers_does_not_fill_the_memory() -> None:
    found = point(bit_field=True, bit_strings=["a"])
    decoder = BlockDecoder(7, 1, False, (found,))
    for number in range(2000):
        assert decoder(payload(number))["p"] == decode(found.codec, (number,))


def test_a_block_may_hold_more_floats_than_one_expression() -> None:
    entries = [{"id": f"f{n}", "offset": n % 60, "size": 2, "float": True} for n in range(3000)]
    decoder = BlockDecoder(0, 61, False, holding(*entries).points)
    assert len(decoder(payload(*[0x3F80] * 61))) == 3000
    assert len(decoder(payload(*[0x3F80] * 30, 0x7FC0, *[0x3F80] * 30))) == 2950


ORDERS = ["".join(order) for size in (2, 4) for order in permutations("1234"[:size])]


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_word_order_and_mask_comes_back(order: str, data: st.DataObject) -> None:
    size = len(order)
    mask = data.draw(st.integers(0, (1 << 16 * size) - 1))
    wire = tuple(data.draw(st.lists(WORD, min_size=size, max_size=size)))
    codec = point(size=size, word_order=int(order), invert_mask=hex(mask)).codec
    value = decode(codec, wire)
    assert encode(codec, value) == (wire, False, ())
    assert encode_raw(codec, raw_number(codec, wire)) == wire
    most_significant_first = [wire[int(digit) - 1] for digit in order]
    assert value == int.from_bytes(payload(*most_significant_first), "big") ^ mask


@pytest.mark.parametrize("mask", [*(1 << bit for bit in range(16)), 0, 0xFFFF, 0xAAAA, 0x00FF])
@pytest.mark.parametrize("signed", [False, True])
def test_every_mask_of_one_word_comes_back(mask: int, signed: bool) -> None:
    codec = point(invert_mask=hex(mask), signed=signed).codec
    for number in range(0, 0x10000, 251):
        value = decode(codec, (number,))
        assert value == (number ^ mask) - (0x10000 if signed and (number ^ mask) & 0x8000 else 0)
        assert encode(codec, value).words == (number,)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shift", [0, 7, -40])
@pytest.mark.parametrize("scale", [None, 1, -1, -10, 0.01, 0.1, 2.5, 10, 100, 1000])
def test_what_was_read_can_be_written_back(scale: float | None, shift: int, signed: bool) -> None:
    """Every one of the 65536 words, by the compiled plan; each goes back unchanged, none is limited."""
    entries = [
        {"id": f"p{n}", "offset": n, "signed": signed, "shift": shift, "scale": scale} for n in range(64)
    ]
    component = holding(*entries)
    decoder = BlockDecoder(0, 64, False, component.points)
    codec = component.points[0].codec
    for start in range(0, 0x10000, 64):
        numbers = range(start, start + 64)
        values = decoder(payload(*numbers)).values()
        wrong = [
            n for n, value in zip(numbers, values, strict=True) if encode(codec, value) != ((n,), False, ())
        ]
        assert not wrong


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sampled_from([1, 2, 4]), st.booleans(), st.booleans(), WORD)
def test_integers_of_every_size_come_back(
    number: int, size: int, signed: bool, swap: bool, mask: int
) -> None:
    order = tuple(reversed(range(size))) if swap else tuple(range(size))
    codec = Codec(size=size, order=order, bits=16 * size, signed=signed, mask=mask)
    wire = tuple(number >> 16 * k & 0xFFFF for k in range(size))
    assert encode(codec, decode(codec, wire)).words == wire


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_parts_change_nothing_but_themselves(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([1, 2, 4]))
    codec = data.draw(part_codecs(data.draw(whole_codecs(size))))
    current = tuple(data.draw(st.lists(WORD, min_size=size, max_size=size)))
    other = tuple(data.draw(st.lists(WORD, min_size=size, max_size=size)))
    wanted = raw_number(codec, other)
    written = encode_raw(codec, wanted, current)
    assert raw_number(codec, written) == wanted
    cut = ((1 << codec.bits) - 1) << codec.first_bit
    whole = Codec(size=size, order=codec.order, mask=codec.mask, bits=16 * size, shape=Shape.PARENT)
    assert raw_number(whole, written) & ~cut == raw_number(whole, current) & ~cut


def test_a_part_is_not_written_blindly() -> None:
    (_, bit) = holding({"id": "r", "offset": 3, "individual_bits": True, "bit_strings": ["run"]}).points
    with pytest.raises(ValueError, match="fresh read"):
        encode(bit.codec, True)


LIBRARY = {
    (1, False, False): ModbusClientMixin.DATATYPE.UINT16,
    (1, True, False): ModbusClientMixin.DATATYPE.INT16,
    (2, False, False): ModbusClientMixin.DATATYPE.UINT32,
    (2, True, False): ModbusClientMixin.DATATYPE.INT32,
    (4, False, False): ModbusClientMixin.DATATYPE.UINT64,
    (4, True, False): ModbusClientMixin.DATATYPE.INT64,
    (2, False, True): ModbusClientMixin.DATATYPE.FLOAT32,
    (4, False, True): ModbusClientMixin.DATATYPE.FLOAT64,
}


@pytest.mark.parametrize(("size", "signed", "is_float"), LIBRARY)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_library_that_is_not_ours_agrees(
    size: int, signed: bool, is_float: bool, data: st.DataObject
) -> None:
    swap = data.draw(st.booleans())
    wire = data.draw(st.lists(WORD, min_size=size, max_size=size))
    codec = point(size=size, signed=signed, float=is_float, byte_swap=swap).codec
    order = "little" if swap else "big"
    theirs = ModbusClientMixin.convert_from_registers(wire, LIBRARY[size, signed, is_float], order)
    ours = decode(codec, wire)
    if is_float and ours is None:
        assert theirs - theirs != 0  # type: ignore[operator]
        return
    assert ours == theirs
    if ours == 0:
        return  # of ours, zero has no sign
    assert encode(codec, ours).words == tuple(
        ModbusClientMixin.convert_to_registers(theirs, LIBRARY[size, signed, is_float], order)  # type: ignore[arg-type]
    )


def test_overlapping_points_see_the_same_words() -> None:
    component = holding(
        {"id": "whole", "offset": 4, "size": 2}, {"id": "low", "offset": 5}, {"id": "next", "offset": 6}
    )
    decoder = BlockDecoder(4, 3, False, component.points)
    assert decoder(payload(*words("0001 0002 0003"))) == {"whole": 65538, "low": 2, "next": 3}
