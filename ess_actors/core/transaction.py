"""One transaction in raw words and function codes: the request, its outcome, and the limits of the protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

READ_COILS: Final = 1
READ_DISCRETE: Final = 2
READ_HOLDING: Final = 3
READ_INPUT: Final = 4
WRITE_COIL: Final = 5
WRITE_REGISTER: Final = 6
WRITE_COILS: Final = 15
WRITE_REGISTERS: Final = 16
MASK_WRITE: Final = 22
READ_WRITE: Final = 23

BIT_READS: Final = frozenset({READ_COILS, READ_DISCRETE})
WORD_READS: Final = frozenset({READ_HOLDING, READ_INPUT})
READS: Final = BIT_READS | WORD_READS

MAX_READ_WORDS: Final = 125
MAX_READ_BITS: Final = 2000
MAX_WRITE_WORDS: Final = 123
MAX_WRITE_BITS: Final = 1968
MAX_READ_WRITE_WORDS: Final = 121
"""Most words function 23 may write."""

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
BUSY: Final = 6
TARGET_SILENT: Final = 11
"""A gateway cannot reach the unit, or nobody has the unit id."""


@dataclass(frozen=True, slots=True)
class Request:
    """One transaction. Addresses are 0-based protocol addresses.

    For a read `count` says how many words or bits and `words` stays empty; for a write `words` holds
    the values (0..65535, bits as 0 or 1) and `count` may stay 0.
    """

    unit: int
    function: int
    address: int
    count: int = 0
    words: Sequence[int] = ()


class Answer(NamedTuple):
    """What became of a request. A device that misbehaves is an `error` here, never an exception.

    `payload` of a read: words as on the wire (big-endian), or one byte 0/1 per bit; of a write: empty.
    `error`: "" good, "timeout", "not_connected", "exception" (then `code`), "malformed".
    `sent` and `received` are monotonic seconds; `sent` is 0 when nothing left this machine.
    """

    payload: bytes = b""
    error: str = ""
    code: int = 0
    sent: float = 0.0
    received: float = 0.0

    @property
    def reason(self) -> str:
        """ "" when good, else the error as one word with the exception's number (`exception_2`)."""
        return f"exception_{self.code}" if self.error == "exception" else self.error
