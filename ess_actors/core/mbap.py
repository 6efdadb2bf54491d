"""Modbus/TCP framing: a byte stream cut into frames, a data unit put into one."""

import struct
from typing import Final

HEADER: Final = 7
"""Transaction id, protocol id (0), length of what follows it, unit id."""
MAX_LENGTH: Final = 254
"""Largest legal length field: unit id and a data unit of 253 bytes."""
MAX_ASKED: Final = 262
"""What a server still listens to: a write of a few words too many is refused in words, not by hanging up."""


_HEAD: Final = struct.Struct(">HHHB")


class FrameBuffer:
    """Cuts a byte stream into frames, however it was split or joined on the way; `longest` is a length field.

    Once `poisoned` is True the bytes were not Modbus/TCP: nothing behind that place can be trusted and
    the connection must go.
    """

    def __init__(self, longest: int = MAX_LENGTH) -> None:
        self._longest = longest
        self._held = b""
        self.poisoned = False

    def feed(self, chunk: bytes) -> list[tuple[int, int, bytes]]:
        """The complete frames so far as (transaction id, unit, data unit)."""
        size = len(chunk)
        if not self._held and size > HEADER:
            transaction, protocol, length, unit = _HEAD.unpack_from(chunk)
            if length + 6 == size <= self._longest + 6 and not protocol and not self.poisoned:
                return [(transaction, unit, chunk[7:])]  # nearly always: one frame, whole
        return self._cut(self._held + chunk if self._held else chunk)

    def _cut(self, held: bytes) -> list[tuple[int, int, bytes]]:
        frames: list[tuple[int, int, bytes]] = []
        start, size = 0, len(held)
        while size - start >= HEADER and not self.poisoned:
            transaction, protocol, length, unit = _HEAD.unpack_from(held, start)
            if protocol or not 2 <= length <= self._longest:
                self.poisoned = True
                break
            end = start + 6 + length
            if size < end:
                break
            frames.append((transaction, unit, held[start + 7 : end]))
            start = end
        if any(held[start + 2 : start + 4]):
            self.poisoned = True
        self._held = b"" if self.poisoned else held[start:]
        return frames


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """One Modbus/TCP frame around a data unit."""
    return _HEAD.pack(transaction, 0, len(pdu) + 1, unit) + pdu
