"""The light path through pymodbus: frames cut and matched by us, payloads handed over untouched."""

from collections.abc import Callable

from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU

from ess_actors.core.mbap import FrameBuffer


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
