"""The bank of a site server as one unit's masters see it; collects what a request wrote."""

from collections.abc import Callable, Sequence

from ess_actors.core.bank import Bank, Written
from ess_actors.core.transaction import BUSY, MASK_WRITE, WRITE_COIL


class BankUnit:
    """See `answering.Image`. Writes are refused while `busy` says that nobody could pass them on."""

    def __init__(self, bank: Bank, unit: int, busy: Callable[[], bool]) -> None:
        self._bank = bank
        self._unit = unit
        self._busy = busy
        self.written: list[Written] = []

    def taken(self) -> list[Written]:
        """What was written since the last call."""
        written, self.written = self.written, []
        return written

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """See `answering.Image`."""
        return self._bank.read(function, address, count, self._unit)

    def write(self, function: int, address: int, words: Sequence[int]) -> int:
        """See `answering.Image`."""
        if function == WRITE_COIL:
            words = (0xFF00 if words[0] else 0,)
        return self._obey(function, address, words)

    def mask(self, address: int, and_mask: int, or_mask: int) -> int:
        """See `answering.Image`."""
        return self._obey(MASK_WRITE, address, (and_mask, or_mask))

    def _obey(self, function: int, address: int, words: Sequence[int]) -> int:
        if self._busy():
            return BUSY
        result = self._bank.write(function, address, words, self._unit)
        if isinstance(result, int):
            return result
        self.written += result
        return 0
