"""One value and its words: the reference decode and encode of every Modbus point, client and server alike."""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from ess_actors.core.bits import BadValueError, enum_number, enum_reader, field_number, field_reader, truth
from ess_actors.core.codec import Codec, Shape

FLOAT_MAX: Final = 3.4028234663852886e38
"""Largest finite IEEE single."""
DOUBLE_MAX: Final = 1.7976931348623157e308
INTEGERS: Final = 1 << 63
"""Messages carry integers from -INTEGERS up to, not including, twice INTEGERS."""

_FLOATS: Final = {2: struct.Struct(">f"), 4: struct.Struct(">d")}


class Encoded(NamedTuple):
    """What a write sends. `words` are in wire order (one 0 or 1 for a coil)."""

    words: tuple[int, ...]
    clamped: bool = False
    lost: tuple[int, ...] = ()
    """Bits of a bit field beyond its width."""


def naked(value: object) -> object:
    """`{"value": 5}` -> 5; everything else unchanged."""
    if isinstance(value, Mapping) and "value" in value:
        return value["value"]
    return value


def join(words: Sequence[int]) -> int:
    """Words in wire order -> one unsigned number, first word most significant."""
    number = 0
    for word in words:
        number = number << 16 | word
    return number


def arranged(codec: Codec) -> Callable[[int], int]:
    """Wire number (words joined as they come) -> the point's unsigned number: word order, mask, bit range."""
    size, order, mask = codec.size, codec.order, codec.mask
    last = size - 1
    steps = tuple((16 * (last - wire), 16 * (last - place)) for place, wire in enumerate(order))
    identity = order == tuple(range(size))
    first, width = codec.first_bit, (1 << codec.bits) - 1
    whole = codec.first_bit == 0 and codec.bits == 16 * size

    def read(wire: int) -> int:
        number = wire
        if not identity:
            number = 0
            for down, up in steps:
                number |= (wire >> down & 0xFFFF) << up
        number ^= mask
        return number if whole else number >> first & width

    return read


def value_reader(codec: Codec) -> Callable[[int], object]:
    """Compile: wire number of the register -> the value, None when it is not a number (NaN, infinity).

    For a coil or discrete input the wire number is 0 or 1.
    """
    if codec.inverted:
        return (lambda wire: not wire) if codec.use_bool else (lambda wire: int(not wire))
    number = arranged(codec)
    finish: Callable[[int], object]
    match codec.shape:
        case Shape.BIT:
            finish = bool if codec.use_bool else _one_or_zero
        case Shape.FIELD:
            finish = field_reader(codec)
        case Shape.ENUM:
            finish = enum_reader(codec)
        case Shape.PARENT:
            return number
        case Shape.NUMBER:
            finish = _number_reader(codec)
    return lambda wire: finish(number(wire))


def _one_or_zero(number: int) -> int:
    return 1 if number else 0


def _number_reader(codec: Codec) -> Callable[[int], int | float | None]:
    scale, shift, size = codec.scale, codec.shift, codec.size
    if codec.is_float:
        layout = _FLOATS[size]

        def read_float(number: int) -> float | None:
            value: float = layout.unpack(number.to_bytes(2 * size, "big"))[0]
            value = value / (scale or 1) + shift
            return value + 0.0 if math.isfinite(value) else None

        return read_float
    sign, modulus = (1 << codec.bits - 1, 1 << codec.bits) if codec.signed else (1 << codec.bits, 0)
    if scale in (None, 1, -1):
        factor = scale or 1
        return lambda number: fitting((number - modulus if number >= sign else number) * factor + shift)
    divisor = scale
    return lambda number: (number - modulus if number >= sign else number) / divisor + shift


def fitting(number: int | float) -> int | float:
    """What messages can carry: an integer beyond 64 bits (only shift or negation makes one) as a double."""
    return number if -INTEGERS <= number < 2 * INTEGERS else float(number)


def may_be_wide(codec: Codec) -> bool:
    """True when some words of this plain number decode to an integer beyond 64 bits."""
    top = (1 << codec.bits - codec.signed) - 1
    ends = (-top - 1 if codec.signed else 0, top)
    return any(not -INTEGERS <= end * (codec.scale or 1) + codec.shift < 2 * INTEGERS for end in ends)


def decode(codec: Codec, words: Sequence[int]) -> object:
    """The value of these words in wire order, None when it is not a number."""
    return value_reader(codec)(join(words))


def raw_number(codec: Codec, words: Sequence[int]) -> int:
    """The unsigned number before any meaning: after word order, mask and bit range."""
    return arranged(codec)(join(words))


def encode(codec: Codec, value: object, current: Sequence[int] | None = None) -> Encoded:
    """Value (naked) -> words in wire order. `current` are the register's words, needed when `codec.partial`.

    Raises BadValueError. Never wraps: what does not fit is limited and `clamped` is set.
    """
    lost: tuple[int, ...] = ()
    if codec.shape is Shape.BIT:
        return Encoded(_placed(codec, int(truth(value) != codec.inverted), current))
    if isinstance(value, (int, float)):
        if value - value != 0:
            raise BadValueError("NaN and infinity cannot be written")
        if codec.is_float:
            return _encoded_float(codec, value)
        target = _scaled(codec, value) if codec.shape is Shape.NUMBER else _whole(value)
    elif codec.shape is Shape.FIELD and isinstance(value, (list, tuple)):
        target, lost = field_number(codec, value)
    elif codec.shape is Shape.ENUM:
        target = enum_number(codec, value)
    else:
        raise BadValueError(f"{value!r} is no number")
    every = (1 << codec.bits) - 1
    low, high = (~every >> 1, every >> 1) if codec.signed else (0, every)
    if low <= target <= high:
        return Encoded(_placed(codec, target & every, current), bool(lost), lost)
    limited = low if target < low else high
    return Encoded(_placed(codec, limited & every, current), True, lost)


def shown(codec: Codec, value: object) -> object:
    """A value as this point would publish it: an enum by its text too, a bit as a boolean. Raises BadValueError."""
    encoded = encode(codec, value, (0,) * max(1, codec.size))
    return value if codec.shape is Shape.NUMBER else decode(codec, encoded.words)


def encode_raw(codec: Codec, number: int, current: Sequence[int] | None = None) -> tuple[int, ...]:
    """Words for the point's unsigned number itself (no scale, no shift), cut to its width."""
    return _placed(codec, number & (1 << codec.bits) - 1, current)


def _whole(x: int | float) -> int:
    if isinstance(x, int):
        return x
    nearest = round(x)
    if x == nearest or abs(x - nearest) <= min(0.001, 0.000001 * max(1.0, abs(x))):
        return nearest
    return math.trunc(x)


def _scaled(codec: Codec, value: int | float) -> int:
    try:
        moved = (value - codec.shift) * (codec.scale or 1)
        return moved if isinstance(moved, int) else _whole(moved)
    except OverflowError:
        negative = (value < 0) != ((codec.scale or 1) < 0)
        return -(1 << 64) if negative else 1 << 64


def _encoded_float(codec: Codec, value: int | float) -> Encoded:
    limit = FLOAT_MAX if codec.size == 2 else DOUBLE_MAX
    try:
        target = float(value - codec.shift) * (codec.scale or 1)
    except OverflowError:
        target = math.inf if (value > 0) == ((codec.scale or 1) > 0) else -math.inf
    limited = min(max(target, -limit), limit)
    number = int.from_bytes(_FLOATS[codec.size].pack(limited), "big")
    return Encoded(_placed(codec, number, None), limited != target)


def _placed(codec: Codec, number: int, current: Sequence[int] | None) -> tuple[int, ...]:
    if codec.bits == 16 and codec.size == 1:
        return (number ^ codec.mask,)
    if codec.size == 0:
        return (number,)
    if codec.partial:
        if current is None:
            raise ValueError("a part of a register is written after a fresh read of the register only")
        keep = arranged(replace(codec, shape=Shape.PARENT, first_bit=0, bits=16 * codec.size))(join(current))
        cut = ((1 << codec.bits) - 1) << codec.first_bit
        number = keep & ~cut | number << codec.first_bit
    number ^= codec.mask
    if codec.size == 2:
        high, low = number >> 16, number & 0xFFFF
        return (high, low) if codec.order == (0, 1) else (low, high)
    last = codec.size - 1
    wire = [0] * codec.size
    for place, index in enumerate(codec.order):
        wire[index] = number >> 16 * (last - place) & 0xFFFF
    return tuple(wire)
