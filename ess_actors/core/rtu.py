"""Modbus RTU framing: checksums, frame lengths, and byte streams cut into answers or requests."""

from typing import Final

from ess_actors.core.points import Serial
from ess_actors.core.transaction import (
    BIT_READS,
    MASK_WRITE,
    READ_WRITE,
    READS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Request,
)

EXCEPTION_LENGTH: Final = 5
"""Unit, function with its high bit set, exception code, checksum."""
SETTLED_S: Final = 0.05
"""A line without a byte for this long has ended its frame; adapters hand bytes over up to 16 ms late."""
_SHORTEST_GAP_S: Final = 0.00175
"""Above 19200 baud 3.5 characters are shorter than what others can tell from a pause in a frame."""
MAX_FRAME: Final = 256
"""Longest legal frame: unit, a data unit of 253 bytes, checksum."""

_UNDECIDED: Final = -1
"""The bytes so far do not tell a length."""
_NONE: Final = 0
"""No frame begins here."""


def _table() -> tuple[int, ...]:
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ (0xA001 if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


_CRC: Final = _table()


def crc(data: bytes | bytearray | memoryview) -> int:
    """The checksum of `data`; it travels low byte first."""
    check = 0xFFFF
    for byte in data:
        check = check >> 8 ^ _CRC[(check ^ byte) & 0xFF]
    return check


def seal(unit: int, pdu: bytes) -> bytes:
    """One RTU frame around a data unit."""
    body = b"%c%b" % (unit, pdu)
    return body + crc(body).to_bytes(2, "little")


def frame_seconds(length: float, baud_rate: int, bits_per_character: int) -> float:
    """How long `length` characters take on the line; start, parity and stop bits count as bits of a character."""
    return length * bits_per_character / baud_rate


def line_seconds(characters: float, serial: Serial) -> float:
    """The same on a line with these settings."""
    bits = 1 + serial.data_bits + (serial.parity != "N") + serial.stop_bits
    return frame_seconds(characters, serial.baud_rate, bits)


def gap_seconds(serial: Serial) -> float:
    """The pause that keeps two frames apart: 3.5 characters."""
    return max(_SHORTEST_GAP_S, line_seconds(3.5, serial))


def answer_length(request: Request) -> int:
    """Bytes of the whole frame that answers `request` well."""
    if request.function in BIT_READS:
        return 5 + (request.count + 7) // 8
    if request.function in READS or request.function == READ_WRITE:
        return 5 + 2 * request.count
    return 10 if request.function == MASK_WRITE else 8


class AnswerBuffer:
    """The master's side: finds answers in what the line brings, whatever noise is around them.

    A frame with a good checksum is an answer even when it is not the one asked for: who asked judges it.
    Only the answer to the open request is found behind a start of a frame that never got its end.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._asked: Request | None = None
        self._length = 0
        self.garbage = 0
        """Bytes that belonged to no frame, since the beginning."""

    @property
    def held(self) -> int:
        """Bytes that are not a frame yet."""
        return len(self._bytes)

    def restart(self) -> None:
        """What has come so far will never be completed; no request is open."""
        self.garbage += len(self._bytes)
        self._bytes.clear()
        self._asked = None

    def expect(self, request: Request) -> None:
        """`request` is the open one from here on; what has come before is none of its answer."""
        self.restart()
        self._asked = request
        self._length = answer_length(request)

    def feed(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """The complete frames so far as (unit, data unit)."""
        self._bytes += chunk
        held, frames, start = self._bytes, [], 0
        while start < len(held):
            size = _answer_at(held, start)
            if size == _UNDECIDED or start + size > len(held):
                found = self._search(start + 1)
                if found < 0:
                    break
                self.garbage += found - start
                start, size = found, _answer_at(held, found)
            elif size == _NONE or not _sound(held, start, size):
                self.garbage += 1
                start += 1
                continue
            frames.append((held[start], bytes(held[start + 1 : start + size - 2])))
            start += size
        del held[:start]
        return frames

    def _search(self, start: int) -> int:
        """Where behind `start` the complete answer to the open request begins, or -1."""
        held, asked = self._bytes, self._asked
        if asked is None:
            return -1
        for at in range(start, len(held) - EXCEPTION_LENGTH + 1):
            if held[at] != asked.unit or held[at + 1] & 0x7F != asked.function:
                continue
            size = _answer_at(held, at)
            wanted = EXCEPTION_LENGTH if held[at + 1] & 0x80 else self._length
            if size == wanted and at + size <= len(held) and _sound(held, at, size):
                return at
        return -1


class RequestBuffer:
    """A slave's side of a line that it may share: cuts out the requests for every unit.

    The answers of other slaves are heard too. They are left out whole, so that no bytes inside them can
    pass for a request. What stays undecided is given up by `restart`, to be called once the line was silent.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._answer: tuple[bytes, int] = b"", 0
        self.garbage = 0
        """Bytes that belonged to no frame, since the beginning."""

    @property
    def held(self) -> int:
        """Bytes that are not a frame yet."""
        return len(self._bytes)

    def restart(self) -> None:
        """The line was silent: what is incomplete stays so, and the next byte begins a frame."""
        self.garbage += len(self._bytes)
        self._bytes.clear()
        self._answer = b"", 0

    def feed(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """The complete requests so far as (unit, data unit)."""
        self._bytes += chunk
        held, frames, start = self._bytes, [], 0
        while start < len(held):
            request, answer = _request_at(held, start), self._answer_at(start)
            left = len(held) - start
            if 0 < request <= left and _sound(held, start, request):
                frame = bytes(held[start : start + request - 2])
                frames.append((frame[0], frame[1:]))
                self._answer = _answer_to(frame)
                start += request
            elif 0 < answer <= left and _sound(held, start, answer):
                self._answer = b"", 0
                start += answer
            elif request == _UNDECIDED or max(request, answer) > left:
                break
            else:
                self.garbage += 1
                start += 1
        del held[:start]
        return frames

    def _answer_at(self, start: int) -> int:
        """Length of the frame at `start` if it begins like the answer to the request before it."""
        head, size = self._answer
        if not head or len(self._bytes) - start < 2:
            return _NONE
        if self._bytes[start] == head[0] and self._bytes[start + 1] == head[1] | 0x80:
            return EXCEPTION_LENGTH
        return size if self._bytes.startswith(head, start) else _NONE


def _sound(held: bytearray, start: int, size: int) -> bool:
    end = start + size
    return crc(held[start : end - 2]) == held[end - 2] | held[end - 1] << 8


def _answer_at(held: bytearray, start: int) -> int:
    """Length of the answer that begins at `start`, by its own words."""
    if len(held) - start < 3:
        return _NONE if len(held) - start == 2 and not _answers(held[start + 1]) else _UNDECIDED
    function = held[start + 1]
    if not _answers(function):
        return _NONE
    if function & 0x80:
        return EXCEPTION_LENGTH
    if function in READS or function == READ_WRITE:
        size = 5 + held[start + 2]
        return size if size <= MAX_FRAME else _NONE
    return 10 if function == MASK_WRITE else 8


def _answers(function: int) -> bool:
    return function & 0x7F in _ANSWERED


_ANSWERED: Final = READS | {WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS, MASK_WRITE, READ_WRITE}

_FIXED_REQUESTS: Final = {
    **dict.fromkeys((*READS, WRITE_COIL, WRITE_REGISTER), 8),
    MASK_WRITE: 10,
    # Functions nobody here serves: who knows where they end can refuse them.
    **dict.fromkeys((7, 11, 12, 17), 4),
    8: 8,
    24: 6,
    43: 7,
}
_COUNTED_REQUESTS: Final = {
    WRITE_COILS: (6, 9),
    WRITE_REGISTERS: (6, 9),
    READ_WRITE: (10, 13),
    20: (2, 5),
    21: (2, 5),
}
"""Place of the byte count, and the length of a frame without the counted bytes."""


def _request_at(held: bytearray, start: int) -> int:
    """Length of the request that begins at `start`, by its own words."""
    left = len(held) - start
    if left < 2:
        return _UNDECIDED
    function = held[start + 1]
    if function not in _COUNTED_REQUESTS:
        return _FIXED_REQUESTS.get(function, _NONE)
    place, rest = _COUNTED_REQUESTS[function]
    if left <= place:
        return _UNDECIDED
    size = rest + held[start + place]
    return size if size <= MAX_FRAME else _NONE


def _answer_to(request: bytes) -> tuple[bytes, int]:
    """First bytes and length of the frame that would answer a request given without its checksum."""
    function = request[1]
    if function in READS or function == READ_WRITE:
        count = request[4] << 8 | request[5]
        size = (count + 7) // 8 if function in BIT_READS else 2 * count
        if 5 + size <= MAX_FRAME:
            return b"%b%c" % (request[:2], size), 5 + size
    if function in (WRITE_COILS, WRITE_REGISTERS):
        return request[:6], 8
    # The answers to the other writes are equal to their requests, and a request may be repeated.
    return request[:2], _NONE
