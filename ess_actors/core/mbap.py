"""Modbus/TCP framing: a byte stream cut into frames, a data unit put into one."""

from typing import Final

HEADER: Final = 7
"""Transaction id, protocol id (0), length of what follows it, unit id."""
MAX_LENGTH: Final = 254
"""Largest legal length field: unit id and a data unit of 253 bytes."""


class FrameBuffer:
    """Cuts a byte stream into frames, however it was split or joined on the way.

    Once `poisoned` is True the bytes were not Modbus/TCP: nothing behind that place can be trusted and
    the connection must go.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.poisoned = False

    def feed(self, chunk: bytes) -> list[tuple[int, int, bytes]]:
        """The complete frames so far as (transaction id, unit, data unit)."""
        self._bytes += chunk
        held, frames, start = self._bytes, [], 0
        while len(held) - start >= HEADER and not self.poisoned:
            length = held[start + 4] << 8 | held[start + 5]
            if held[start + 2] or held[start + 3] or not 2 <= length <= MAX_LENGTH:
                self.poisoned = True
                break
            end = start + 6 + length
            if len(held) < end:
                break
            frames.append((held[start] << 8 | held[start + 1], held[start + 6], bytes(held[start + 7 : end])))
            start = end
        del held[:start]
        return frames


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """One Modbus/TCP frame around a data unit."""
    return b"%c%c\0\0%c%c%c%b" % (
        transaction >> 8,
        transaction & 0xFF,
        (len(pdu) + 1) >> 8,
        (len(pdu) + 1) & 0xFF,
        unit,
        pdu,
    )
