"""Protocol data units of a client: a request to bytes, an answer's bytes checked against its request."""

import struct
from collections.abc import Sequence
from typing import Final

from ess_actors.core.transaction import (
    BIT_READS,
    MAX_READ_BITS,
    MAX_READ_WORDS,
    MAX_WRITE_BITS,
    MAX_WRITE_WORDS,
    READS,
    WORD_READS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Request,
)

_DIGITS: Final = b"0" + b"1" * 255
_ZERO_ONE: Final = bytes.maketrans(b"01", b"\x00\x01")


def unpack_bits(packed: bytes, count: int) -> bytes:
    """The first `count` bits, least significant of the first byte first, as one byte 0 or 1 each."""
    digits = f"{int.from_bytes(packed, 'little'):0{8 * len(packed)}b}"
    return digits[::-1][:count].encode().translate(_ZERO_ONE)


def pack_bits(bits: bytes) -> bytes:
    """Inverse of `unpack_bits`: any non-zero byte is a set bit; the last byte is filled with zeros."""
    digits = bits[::-1].translate(_DIGITS)
    return int(digits or b"0", 2).to_bytes((len(bits) + 7) // 8, "little")


def encode_request(request: Request) -> bytes:
    """Function code and payload. Raises ValueError for what the protocol cannot carry."""
    function, address, words = request.function, request.address, request.words
    limit = _LIMITS.get(function)
    if limit is None:
        raise ValueError(f"function {function} is not one a client of ours sends")
    if not 0 <= request.unit <= 255:
        raise ValueError(f"unit {request.unit} leaves 0..255")
    count = request.count if function in READS else request.count or len(words)
    if not 1 <= count <= limit:
        raise ValueError(f"function {function} carries 1 to {limit} values, not {count}")
    if not 0 <= address <= 65536 - count:
        raise ValueError(f"address {address} with {count} values leaves 0..65535")
    try:
        return _encoded(function, address, count, words)
    except struct.error as error:  # a word outside 0..65535, a fraction, a text
        raise ValueError(f"function {function}: {error}") from error


def _encoded(function: int, address: int, count: int, words: Sequence[int]) -> bytes:
    if function in READS:
        return struct.pack(">BHH", function, address, count)
    if len(words) != count:
        raise ValueError(f"function {function} needs {count} values, not {len(words)}")
    if function == WRITE_COIL:
        return struct.pack(">BHH", function, address, 0xFF00 if words[0] else 0)
    if function == WRITE_REGISTER:
        return struct.pack(">BHH", function, address, words[0])
    if function == WRITE_COILS:
        packed = pack_bits(bytes(1 if word else 0 for word in words))
        return struct.pack(">BHHB", function, address, count, len(packed)) + packed
    return struct.pack(f">BHHB{count}H", function, address, count, 2 * count, *words)


_LIMITS: Final = {
    1: MAX_READ_BITS,
    2: MAX_READ_BITS,
    3: MAX_READ_WORDS,
    4: MAX_READ_WORDS,
    WRITE_COIL: 1,
    WRITE_REGISTER: 1,
    WRITE_COILS: MAX_WRITE_BITS,
    WRITE_REGISTERS: MAX_WRITE_WORDS,
}


def decode_answer(request: Request, sent: bytes, pdu: bytes) -> tuple[bytes, str, int]:
    """(payload, error, exception code) of the answer `pdu` to `sent`, the request's encoded form.

    A wrong function code, length, byte count or echo is "malformed": nothing of it may be used.
    """
    function = request.function
    size = len(pdu) - 2
    if size > 0 and pdu[0] == function:
        if function in WORD_READS:
            if pdu[1] == size == 2 * request.count:
                return pdu[2:], "", 0
        elif function in BIT_READS:
            if pdu[1] == size == (request.count + 7) // 8:
                return unpack_bits(pdu[2:], request.count), "", 0
        elif pdu == sent[:5]:
            return b"", "", 0
    elif not size and pdu[0] == function | 0x80:
        return b"", "exception", pdu[1]
    return b"", "malformed", 0
