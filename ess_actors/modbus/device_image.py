"""The registers of one simulated unit: as wide as the points of a client file reach, zeros in the gaps."""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ess_actors.core.points import Register, Table
from ess_actors.core.transaction import (
    ILLEGAL_ADDRESS,
    READ_COILS,
    READ_HOLDING,
    READS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)

_TABLES: Final = {function: Table(function) for function in READS}
_WRITTEN: Final = {
    WRITE_COIL: _TABLES[READ_COILS],
    WRITE_COILS: _TABLES[READ_COILS],
    WRITE_REGISTER: _TABLES[READ_HOLDING],
    WRITE_REGISTERS: _TABLES[READ_HOLDING],
}


class _Span:
    """One table from its lowest to its highest configured address, in wire form."""

    def __init__(self, registers: Sequence[Register], is_bits: bool) -> None:
        self.width = 1 if is_bits else 2
        self.low = min(register.address for register in registers)
        self.high = max(register.address + register.size for register in registers)
        self.data = bytearray(self.width * (self.high - self.low))
        self.still: list[tuple[slice, bytes]] = []
        """What masters read instead of the data, and where."""
        mapped = (range(register.address, register.address + register.size) for register in registers)
        self.mapped = frozenset(address for addresses in mapped for address in addresses)

    def place(self, address: int, count: int) -> slice:
        return slice(self.width * (address - self.low), self.width * (address - self.low + count))

    def has(self, address: int, count: int, strict: bool) -> bool:
        if strict:
            return self.mapped.issuperset(range(address, address + count))
        return self.low <= address and address + count <= self.high

    def freeze(self, low: int, high: int) -> None:
        """Addresses `low` to `high`, as far as there are any, stand still from now on."""
        low, high = max(low, self.low), min(high + 1, self.high)
        place = self.place(low, max(0, high - low))
        self.still.append((place, bytes(self.data[place])))

    def read(self, place: slice) -> bytes:
        if not self.still:
            return bytes(self.data[place])
        current = bytearray(self.data)
        for held, content in self.still:
            current[held] = content
        return bytes(current[place])


class DeviceImage:
    """The four tables of one unit. Outside the configured span of a table is exception 2.

    With `strict_gaps` every unmapped address is.
    """

    def __init__(self, registers: Iterable[Register], *, strict_gaps: bool = False) -> None:
        by_table: dict[Table, list[Register]] = {}
        for register in registers:
            by_table.setdefault(register.table, []).append(register)
        self._spans = {table: _Span(found, table.is_bits) for table, found in by_table.items()}
        self._strict = strict_gaps
        self.on_write: Callable[[Table, int, int, bytes], None] | None = None
        """Told of every write of a master: table, first address, count, and the bytes that stood there."""

    def freeze(self, table: Table | None = None, low: int = 0, high: int = 65535) -> None:
        """Masters read what is there now, of one table or all, until `thaw`; writes are kept for later."""
        for one, span in self._spans.items():
            if table in (None, one):
                span.freeze(low, high)

    def thaw(self) -> None:
        """Masters read the present again."""
        for span in self._spans.values():
            span.still.clear()

    def words(self, register: Register) -> tuple[int, ...]:
        """Present words in wire order (one 0 or 1 for a bit), frozen or not."""
        span = self._spans[register.table]
        held = span.data[span.place(register.address, register.size)]
        return tuple(held) if span.width == 1 else struct.unpack(f">{register.size}H", held)

    def number(self, register: Register) -> int:
        """The same joined to one number, the first word most significant."""
        span = self._spans[register.table]
        return int.from_bytes(span.data[span.place(register.address, register.size)], "big")

    def put(self, register: Register, words: Sequence[int]) -> None:
        """Replaces the words of a register, from inside the device."""
        span = self._spans[register.table]
        wire = bytes(words) if span.width == 1 else struct.pack(f">{len(words)}H", *words)
        span.data[span.place(register.address, len(words))] = wire

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """See `answering.Image`."""
        span = self._spans.get(_TABLES[function])
        if span is None or not span.has(address, count, self._strict):
            return ILLEGAL_ADDRESS
        return span.read(span.place(address, count))

    def write(self, function: int, address: int, words: Sequence[int]) -> int:
        """See `answering.Image`."""
        table = _WRITTEN[function]
        span = self._spans.get(table)
        if span is None or not span.has(address, len(words), self._strict):
            return ILLEGAL_ADDRESS
        self._store(table, span, address, words)
        return 0

    def mask(self, address: int, and_mask: int, or_mask: int) -> int:
        """See `answering.Image`."""
        span = self._spans.get(Table.HOLDING)
        if span is None or not span.has(address, 1, self._strict):
            return ILLEGAL_ADDRESS
        word = int.from_bytes(span.data[span.place(address, 1)], "big")
        self._store(Table.HOLDING, span, address, (word & and_mask | or_mask & ~and_mask & 0xFFFF,))
        return 0

    def _store(self, table: Table, span: _Span, address: int, words: Sequence[int]) -> None:
        place = span.place(address, len(words))
        before = bytes(span.data[place])
        span.data[place] = bytes(words) if span.width == 1 else struct.pack(f">{len(words)}H", *words)
        if self.on_write is not None:
            self.on_write(table, address, len(words), before)
