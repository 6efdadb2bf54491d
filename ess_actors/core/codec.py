"""How the words of a register become a value and back: shape, width, order, scale."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Shape(IntEnum):
    """What a value looks like on the bus."""

    NUMBER = 0
    BIT = 1
    """A boolean: a coil, a discrete input or one named bit of a register."""
    FIELD = 2
    """A list of `{"value": bit index, "string": name}`, high bits only."""
    ENUM = 3
    """A list with one `{"value": number, "string": text}`."""
    PARENT = 4
    """A register that is published as its bits or children only; by its own id it is a raw number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How words become a value and back. Everything is resolved: no inheritance, no default left to apply."""

    shape: Shape = Shape.NUMBER
    size: int = 1
    """Words: 1, 2 or 4; 0 for a coil or discrete input, which is one bit and no word (then order = ())."""
    order: tuple[int, ...] = (0,)
    """Wire indexes of the words, most significant first; (0, 1) is big-endian, (1, 0) is word-swapped."""
    mask: int = 0
    """XORed onto the joined unsigned number, on reads and on writes."""
    first_bit: int = 0
    bits: int = 16
    """Width of the value: 16 * size, less for a packed child, 1 for a single bit."""
    signed: bool = False
    is_float: bool = False
    scale: int | float | None = None
    """value = raw / scale; None when nothing is to be done. A whole number is an int."""
    shift: int | float = 0
    """Added after scaling. A whole number is an int."""
    inverted: bool = False
    """A coil or discrete input whose scale is negative."""
    use_bool: bool = True
    """False: a coil or discrete input is published as 1 or 0."""
    texts: Mapping[int, str] = field(default_factory=dict, hash=False)
    """FIELD: bit index -> name. ENUM: number -> text."""
    hidden: int = 0
    """FIELD: mask of the bits that are never shown."""

    @property
    def partial(self) -> bool:
        """True when a write needs a fresh read of the register first."""
        return self.bits < 16 * self.size
