"""What masters see of one table of one unit: an immutable view, built anew from what is held and what is silent."""

from collections.abc import Sequence
from typing import NamedTuple

from ess_actors.core.points import Table
from ess_actors.core.server_points import ServerEntry


class View(NamedTuple):
    """Big-endian words, or one byte 0 or 1 per bit, of the addresses `first` to before `end`."""

    first: int
    end: int
    width: int
    """Bytes per address: 1 for bits, 2 for words."""
    content: bytes
    silent: tuple[tuple[int, int], ...] = ()
    """Address ranges (first, behind the last) nobody may read now."""


class Area:
    """One table of one unit, all zero at first, from the lowest to the highest configured address."""

    def __init__(self, unit: int, table: Table, entries: Sequence[ServerEntry]) -> None:
        self.key = (unit, table.value)
        """Unit and function code for reading."""
        self.width = 1 if table.is_bits else 2
        touched = [address for entry in entries for address in addresses(entry)]
        self.first, self.end = min(touched), max(touched) + 1
        self.held = bytearray((self.end - self.first) * self.width)
        """The values as the sources and masters gave them."""
        self.zeroed: list[tuple[int, int]] = []
        """Byte ranges of `held` that masters see as zeros."""
        self.raised: list[tuple[int, int]] = []
        """(byte of `held`, mask): bits masters see as 1."""
        self.silent: list[tuple[int, int]] = []
        """See `View`."""

    def holds(self, address: int, count: int) -> bool:
        """True when the whole range lies inside the address space."""
        return self.first <= address and address + count <= self.end

    def place(self, address: int, count: int) -> slice:
        """Where a range that it holds lies in `held`."""
        start = (address - self.first) * self.width
        return slice(start, start + count * self.width)

    def clear_marks(self) -> None:
        """Nothing is silent."""
        self.zeroed, self.raised, self.silent = [], [], []

    def view(self) -> View:
        """What masters see from now on."""
        if self.zeroed or self.raised:
            shown = bytearray(self.held)
            for start, end in self.zeroed:
                shown[start:end] = bytes(end - start)
            for place, mask in self.raised:
                shown[place] |= mask
        else:
            shown = self.held
        return View(self.first, self.end, self.width, bytes(shown), tuple(self.silent))


def addresses(entry: ServerEntry) -> tuple[int, ...]:
    """Every address of an entry, its high word last."""
    own = tuple(range(entry.address, entry.address + max(1, entry.codec.size)))
    return own if entry.high_word_address is None else (*own, entry.high_word_address)
