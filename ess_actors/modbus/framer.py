"""The light path through pymodbus: frames cut and matched by us, payloads handed over untouched."""

from collections.abc import Callable
from typing import Final

from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU

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


class RawPDU(ModbusPDU):
    """A data unit nobody has looked into: function code and the bytes behind it."""

    def __init__(self, pdu: bytes, unit: int, transaction: int = 0) -> None:
        super().__init__(dev_id=unit, transaction_id=transaction)
        self.pdu = pdu
        self.answered_by = unit
        self.function_code = pdu[0]

    def encode(self) -> bytes:
        """Everything behind the function code."""
        return self.pdu[1:]


class RawFramer(FramerSocket):
    """Client framer that keeps its own stream position and never decodes.

    The library forgets half-received bytes with every request and stops for good at a foreign protocol
    id; here a late answer is cut off cleanly and counted (`on_late`), and a poisoned stream is reported
    (`on_poison`) so that the link can drop it.
    """

    def __init__(self, on_late: Callable[[], None], on_poison: Callable[[], None]) -> None:
        super().__init__(DecodePDU(False))
        self._buffer = FrameBuffer()
        self._on_late = on_late
        self._on_poison = on_poison
        self.expects_answer = False

    def restart(self) -> None:
        """Forget the stream of the connection before."""
        self._buffer = FrameBuffer()
        self.expects_answer = False

    def handleFrame(self, data: bytes, exp_devid: int, exp_tid: int) -> tuple[int, ModbusPDU | None]:
        """All of `data` is taken; the answer to the open request is returned, every other frame is late."""
        found: RawPDU | None = None
        for transaction, unit, pdu in self._buffer.feed(data):
            if self.expects_answer and transaction == exp_tid:
                self.expects_answer = False
                # The library must not judge the unit: it would report a wrong one as silence.
                found = RawPDU(pdu, exp_devid, transaction)
                found.answered_by = unit
            else:
                self._on_late()
        if self._buffer.poisoned:
            self._on_poison()
        return len(data), found
