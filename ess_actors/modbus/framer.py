"""Framers of ours inside pymodbus, for TLS and RTU: frames cut and matched by us, payloads handed over untouched."""

from collections.abc import Callable

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU

from ess_actors.core.mbap import FrameBuffer
from ess_actors.core.rtu import AnswerBuffer, answer_length, seal
from ess_actors.core.transaction import Request


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

    @property
    def poisoned(self) -> bool:
        """True once the stream was not Modbus/TCP."""
        return self._buffer.poisoned

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


class RtuFramer(FramerRTU):
    """Client framer for RTU, where unit, function and length are all that ties an answer to its request.

    The library takes any sound frame for the answer and forgets what came before a broken one. Here
    `on_frame(unit, taken)` is called for every sound frame, taken for the answer or not, and `on_bytes`
    for all that comes, once it was judged.
    """

    def __init__(self, on_frame: Callable[[int, bool], None], on_bytes: Callable[[], None]) -> None:
        super().__init__(DecodePDU(False))
        self._buffer = AnswerBuffer()
        self._on_frame = on_frame
        self._on_bytes = on_bytes
        self._asked: Request | None = None
        self._strict = False
        self._garbage = 0

    @property
    def waiting(self) -> Request | None:
        """The request whose answer has not come."""
        return self._asked

    @property
    def noise(self) -> int:
        """Bytes since the question that are no frame (yet)."""
        return self._buffer.garbage - self._garbage + self._buffer.held

    def ask(self, request: Request, *, strict: bool) -> None:
        """The answer to `request` is waited for; `strict` passes over every frame that cannot be it."""
        self._buffer.expect(request)
        self._asked, self._strict, self._garbage = request, strict, self._buffer.garbage

    def close(self) -> None:
        """Nobody waits any longer."""
        self._asked = None
        self._buffer.restart()

    def encode(self, payload: bytes, device_id: int, _tid: int) -> bytes:
        """The frame around a data unit."""
        return seal(device_id, payload)

    def handleFrame(self, data: bytes, exp_devid: int, exp_tid: int) -> tuple[int, ModbusPDU | None]:
        """All of `data` is taken; the answer to the open request is returned, every other frame is not."""
        found: RawPDU | None = None
        for unit, pdu in self._buffer.feed(data):
            taken = self._accepts(unit, pdu)
            if taken:
                self._asked = None
                found = RawPDU(pdu, unit)
            self._on_frame(unit, taken)
        self._on_bytes()
        return len(data), found

    def _accepts(self, unit: int, pdu: bytes) -> bool:
        asked = self._asked
        if asked is None or unit != asked.unit:
            return False
        refusal = len(pdu) == 2 and pdu[0] == asked.function | 0x80
        fits = pdu[0] == asked.function and len(pdu) + 3 == answer_length(asked)
        return refusal or fits or not self._strict
