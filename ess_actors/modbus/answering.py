"""What a Modbus server answers: a request data unit checked in full, then served from an image."""

import struct
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ess_actors.core.frames import pack_bits, unpack_bits
from ess_actors.core.transaction import (
    BIT_READS,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    MASK_WRITE,
    MAX_READ_BITS,
    MAX_READ_WORDS,
    MAX_READ_WRITE_WORDS,
    MAX_WRITE_BITS,
    MAX_WRITE_WORDS,
    READ_HOLDING,
    READ_WRITE,
    READS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)


class Image(Protocol):
    """The tables of one unit."""

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """Function 1 to 4: big-endian words, or one byte 0/1 per bit; an exception code when refused."""

    def write(self, function: int, address: int, words: Sequence[int]) -> int:
        """Function 5, 6, 15, 16 (bits as 0 or 1): all applied and 0, or nothing and an exception code."""

    def mask(self, address: int, and_mask: int, or_mask: int) -> int:
        """The word becomes (word AND and_mask) OR (or_mask AND NOT and_mask); 0 or an exception code."""


def answer(pdu: bytes, image: Image) -> bytes:
    """The data unit of the answer; never raises for what a master sends."""
    function = pdu[0]
    serve = _SERVED.get(function)
    result = ILLEGAL_FUNCTION if serve is None else serve(pdu, image)
    return result if isinstance(result, bytes) else bytes((function | 0x80, result))


def _read(pdu: bytes, image: Image) -> bytes | int:
    if len(pdu) != 5:
        return ILLEGAL_VALUE
    function, address, count = struct.unpack(">BHH", pdu)
    bits = function in BIT_READS
    if not 1 <= count <= (MAX_READ_BITS if bits else MAX_READ_WORDS):
        return ILLEGAL_VALUE
    if address + count > 65536:
        return ILLEGAL_ADDRESS
    payload = image.read(function, address, count)
    if isinstance(payload, int):
        return payload
    if bits:
        payload = pack_bits(payload)
    return bytes((function, len(payload))) + payload


def _write_one(pdu: bytes, image: Image) -> bytes | int:
    if len(pdu) != 5:
        return ILLEGAL_VALUE
    function, address, value = struct.unpack(">BHH", pdu)
    if function == WRITE_COIL:
        if value not in (0, 0xFF00):
            return ILLEGAL_VALUE
        value = 1 if value else 0
    return image.write(function, address, (value,)) or pdu


def _write_many(pdu: bytes, image: Image) -> bytes | int:
    if len(pdu) < 6:
        return ILLEGAL_VALUE
    function, address, count, size = struct.unpack_from(">BHHB", pdu)
    body = pdu[6:]
    bits = function == WRITE_COILS
    if not 1 <= count <= (MAX_WRITE_BITS if bits else MAX_WRITE_WORDS):
        return ILLEGAL_VALUE
    if len(body) != size or size != ((count + 7) // 8 if bits else 2 * count):
        return ILLEGAL_VALUE
    if address + count > 65536:
        return ILLEGAL_ADDRESS
    words = tuple(unpack_bits(body, count)) if bits else struct.unpack(f">{count}H", body)
    return image.write(function, address, words) or pdu[:5]


def _mask(pdu: bytes, image: Image) -> bytes | int:
    if len(pdu) != 7:
        return ILLEGAL_VALUE
    _, address, and_mask, or_mask = struct.unpack(">BHHH", pdu)
    return image.mask(address, and_mask, or_mask) or pdu


def _read_write(pdu: bytes, image: Image) -> bytes | int:
    """Function 23: the write first, then the read; a range that cannot be read refuses the write too."""
    if len(pdu) < 10:
        return ILLEGAL_VALUE
    _, from_, read_count, to, count, size = struct.unpack_from(">BHHHHB", pdu)
    body = pdu[10:]
    if not 1 <= read_count <= MAX_READ_WORDS or not 1 <= count <= MAX_READ_WRITE_WORDS:
        return ILLEGAL_VALUE
    if len(body) != size or size != 2 * count:
        return ILLEGAL_VALUE
    if from_ + read_count > 65536 or to + count > 65536:
        return ILLEGAL_ADDRESS
    before = image.read(READ_HOLDING, from_, read_count)
    if isinstance(before, int):
        return before
    if refused := image.write(WRITE_REGISTERS, to, struct.unpack(f">{count}H", body)):
        return refused
    payload = image.read(READ_HOLDING, from_, read_count)
    return payload if isinstance(payload, int) else bytes((READ_WRITE, len(payload))) + payload


_SERVED: Final[dict[int, Callable[[bytes, Image], bytes | int]]] = {
    **dict.fromkeys(READS, _read),
    WRITE_COIL: _write_one,
    WRITE_REGISTER: _write_one,
    WRITE_COILS: _write_many,
    WRITE_REGISTERS: _write_many,
    MASK_WRITE: _mask,
    READ_WRITE: _read_write,
}
