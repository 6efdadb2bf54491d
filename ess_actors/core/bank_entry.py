"""One entry of a site server, compiled: a published value to its bytes, a master's words to a value."""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from ess_actors.core.bank_image import Area, addresses
from ess_actors.core.bits import BadValueError, field_number
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.registers import encode, encode_raw, raw_number, value_reader
from ess_actors.core.server_points import ServerEntry

CLAMPED: Final = "clamped"
LOST_BITS: Final = "lost_bits"
BAD_VALUE: Final = "bad_value"


class Stored(NamedTuple):
    """Bytes as a master reads them, and what was wrong with the value: "", CLAMPED or LOST_BITS."""

    wire: bytes
    problem: str = ""


class Slot:
    """An entry and its place in an area."""

    def __init__(self, entry: ServerEntry, area: Area) -> None:
        self.entry = entry
        self.area = area
        self.addresses = addresses(entry)
        self.commanded = False
        """True from a master's write until its source publishes it again."""
        self._place = area.place(entry.address, max(1, entry.codec.size))
        high = entry.high_word_address
        self._high = None if high is None else area.place(high, 1)
        self._exact = _exact_words(entry.codec) if high is None and not entry.bit_word else None
        self._read: Callable[[int], object] | None = None

    def stored(self, value: object) -> Stored:
        """A published value, naked. Raises BadValueError: the entry keeps what it has."""
        if self._exact is not None and type(value) is int:
            wire = self._exact(value)
            if wire is not None:
                return Stored(wire)
        if isinstance(value, str) or (isinstance(value, float) and not math.isfinite(value)):
            raise BadValueError(f"{value!r} is no value of a register")
        if isinstance(value, float):
            value += 0.0  # there is one zero
        entry, codec = self.entry, self.entry.codec
        if self._high is not None or entry.bit_word:
            return self._bits_of(value)
        encoded = encode(codec, value)
        if codec.size == 0:
            return Stored(bytes(encoded.words))
        return Stored(_packed(encoded.words), CLAMPED if encoded.clamped else "")

    def counted(self, number: int) -> bytes:
        """A commit counter: the number modulo the width of the entry."""
        codec = self.entry.codec
        if codec.is_float:
            return _packed(encode(codec, number % (1 << 8 * codec.size)).words)
        return _packed(encode_raw(codec, number))

    def put(self, wire: bytes) -> None:
        """Replaces the bytes of the entry in the area: its own, and behind them those of the high word."""
        if self._high is None:
            self.area.held[self._place] = wire
        else:
            self.area.held[self._place] = wire[:-2]
            self.area.held[self._high] = wire[-2:]

    def wire(self) -> bytes:
        """What `put` would restore."""
        held = self.area.held
        return bytes(held[self._place] + (held[self._high] if self._high else b""))

    def words(self, content: bytes) -> tuple[int, ...]:
        """The words (or the bit) of the entry itself in the content of a view."""
        own = content[self._place]
        return tuple(own) if self.area.width == 1 else struct.unpack(f">{len(own) // 2}H", own)

    def value(self, words: Sequence[int]) -> object:
        """What these words, the high one last, say; None when that is no number."""
        codec = self.entry.codec
        if self._high is not None:
            return words[-1] << 16 * codec.size | raw_number(codec, words[:-1])
        if codec.shape in (Shape.FIELD, Shape.ENUM):
            return raw_number(codec, words)
        if self._read is None:
            self._read = value_reader(codec)
        number = 0
        for word in words:
            number = number << 16 | word
        return self._read(number)

    def mark_silent(self) -> None:
        """No master may read it."""
        for address in self.addresses:
            self.area.silent.append((address, address + 1))

    def mark_zero(self) -> None:
        """Masters read zeros."""
        for place in (self._place, self._high):
            if place is not None:
                self.area.zeroed.append((place.start, place.stop))

    def mark_bit(self, bit: int) -> None:
        """Masters read this bit as 1; nothing when the entry has no such bit."""
        size, order = self.entry.codec.size, self.entry.codec.order
        if size == 0:
            self.area.raised.append((self._place.start, 1))
            return
        if bit < 16 * size:
            start = self._place.start + 2 * order[size - 1 - bit // 16]
        elif self._high is not None and bit < 16 * size + 16:
            start = self._high.start
        else:
            return
        bit %= 16
        self.area.raised.append((start + (bit < 8), 1 << bit % 8))

    def _bits_of(self, value: object) -> Stored:
        """A word of bits: limiting it would raise bits, so the upper ones are cut, or go to the high word."""
        codec, lost = self.entry.codec, False
        if isinstance(value, list) and codec.shape is Shape.FIELD:
            value, beyond = field_number(replace(codec, bits=codec.bits + 16), value)
            lost = bool(beyond)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or value < 0:
            raise BadValueError(f"{value!r} is no word of bits")
        wire, rest = _packed(encode_raw(codec, value)), int(value) >> codec.bits
        if self._high is not None:
            wire, rest = wire + (rest & 0xFFFF).to_bytes(2, "big"), rest >> 16
        return Stored(wire, LOST_BITS if rest or lost else "")


def _packed(words: Sequence[int]) -> bytes:
    return struct.pack(f">{len(words)}H", *words)


def _exact_words(codec: Codec) -> Callable[[int], bytes | None] | None:
    """For whole numbers in plain registers: the bytes at once, None for a number that does not fit."""
    size, signed = 2 * codec.size, codec.signed
    plain = codec.shape is Shape.NUMBER and not codec.is_float and codec.scale is None and not codec.shift
    if not (plain and size and codec.order == tuple(range(codec.size)) and not codec.mask):
        return None
    low = -(1 << codec.bits - 1) if signed else 0
    high = (1 << codec.bits - (1 if signed else 0)) - 1

    def exact(value: int) -> bytes | None:
        return value.to_bytes(size, "big", signed=signed) if low <= value <= high else None

    return exact
