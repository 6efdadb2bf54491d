"""The words and bits a site server shows: immutable images, replaced as a whole by one reference swap."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ess_actors.core.points import ServerEntry, Table


class Place(NamedTuple):
    """One table of one unit."""

    unit: int
    table: Table


class Image(NamedTuple):
    """Content of a place: big-endian words, or one byte 0/1 per bit, from address `first` on."""

    first: int
    length: int
    content: bytes

    def holds(self, address: int, count: int) -> bool:
        """True when the whole range lies inside the address space."""
        return self.first <= address and address + count <= self.first + self.length

    def slice(self, address: int, count: int, width: int) -> bytes:
        """Bytes of a range that `holds` accepts; width 2 for words, 1 for bits."""
        start = (address - self.first) * width
        return self.content[start : start + count * width]


def empty_images(entries: Iterable[ServerEntry]) -> dict[Place, Image]:
    """All zero, each from the lowest to the highest configured address."""
    spans: dict[Place, tuple[int, int]] = {}
    for entry in entries:
        place = Place(entry.unit, entry.table)
        first, last = entry.address, entry.address + max(1, entry.codec.size)
        if entry.high_word_address is not None:
            first, last = min(first, entry.high_word_address), max(last, entry.high_word_address + 1)
        low, high = spans.get(place, (first, last))
        spans[place] = (min(low, first), max(high, last))
    return {
        place: Image(low, high - low, bytes((high - low) * width_of(place.table)))
        for place, (low, high) in spans.items()
    }


def width_of(table: Table) -> int:
    """Bytes per address: 1 for bits, 2 for words."""
    return 1 if table.is_bits else 2


class Draft:
    """Changes to several images that become visible together."""

    def __init__(self, images: dict[Place, Image]) -> None:
        self._images = images
        self._buffers: dict[Place, bytearray] = {}

    def put(self, place: Place, address: int, words: Sequence[int]) -> None:
        """Words (or bits) from `address` on, which must lie inside the image."""
        buffer = self._buffers.get(place)
        if buffer is None:
            buffer = self._buffers[place] = bytearray(self._images[place].content)
        start = address - self._images[place].first
        if place.table.is_bits:
            buffer[start : start + len(words)] = bytes(words)
            return
        for index, word in enumerate(words, start):
            buffer[2 * index : 2 * index + 2] = word.to_bytes(2, "big")

    def get(self, place: Place, address: int, count: int) -> tuple[int, ...]:
        """Words (or bits) as they stand in the draft."""
        image = self._images[place]
        content = self._buffers.get(place, image.content)
        start = address - image.first
        if place.table.is_bits:
            return tuple(content[start : start + count])
        return tuple(int.from_bytes(content[2 * n : 2 * n + 2], "big") for n in range(start, start + count))

    def images(self) -> dict[Place, Image]:
        """A new dictionary with the changes; the old one and its images are untouched."""
        changed = dict(self._images)
        for place, buffer in self._buffers.items():
            changed[place] = self._images[place]._replace(content=bytes(buffer))
        return changed
