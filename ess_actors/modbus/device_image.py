"""The registers of one simulated unit: as wide as the points of a client file reach, zeros in the gaps."""

import struct
from collections.abc import Iterable, Sequence

from ess_actors.core.points import Register, Table
from ess_actors.core.transaction import ILLEGAL_ADDRESS, READ_COILS, READ_HOLDING, WRITE_COIL, WRITE_COILS


class _Span:
    """One table from its lowest to its highest configured address, in wire form."""

    def __init__(self, registers: Sequence[Register], is_bits: bool) -> None:
        self.width = 1 if is_bits else 2
        self.low = min(register.address for register in registers)
        self.high = max(register.address + register.size for register in registers)
        self.data = bytearray(self.width * (self.high - self.low))
        mapped = (range(register.address, register.address + register.size) for register in registers)
        self.mapped = frozenset(address for addresses in mapped for address in addresses)

    def place(self, address: int, count: int) -> slice:
        return slice(self.width * (address - self.low), self.width * (address - self.low + count))

    def has(self, address: int, count: int, strict: bool) -> bool:
        if strict:
            return self.mapped.issuperset(range(address, address + count))
        return self.low <= address and address + count <= self.high


class DeviceImage:
    """The four tables of one unit. Outside the configured span of a table is exception 2.

    With `strict_gaps` every unmapped address is. While `frozen` reads stay as they were and writes are kept
    for later.
    """

    def __init__(self, registers: Iterable[Register], *, strict_gaps: bool = False) -> None:
        by_table: dict[Table, list[Register]] = {}
        for register in registers:
            by_table.setdefault(register.table, []).append(register)
        self._spans = {table: _Span(found, table.is_bits) for table, found in by_table.items()}
        self._strict = strict_gaps
        self._still: dict[Table, bytes] = {}

    def freeze(self, on: bool) -> None:
        """While on, masters read what is there now."""
        self._still = {table: bytes(span.data) for table, span in self._spans.items()} if on else {}

    def words(self, register: Register) -> tuple[int, ...]:
        """Present words in wire order (one 0 or 1 for a bit), frozen or not."""
        span = self._spans[register.table]
        held = span.data[span.place(register.address, register.size)]
        return tuple(held) if span.width == 1 else struct.unpack(f">{register.size}H", held)

    def put(self, register: Register, words: Sequence[int]) -> None:
        """Replaces the words of a register, from inside the device."""
        self._store(register.table, register.address, words)

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """See `answering.Image`."""
        table = Table(function)
        span = self._spans.get(table)
        if span is None or not span.has(address, count, self._strict):
            return ILLEGAL_ADDRESS
        return bytes(self._still.get(table, span.data)[span.place(address, count)])

    def write(self, function: int, address: int, words: Sequence[int]) -> int:
        """See `answering.Image`."""
        table = Table(READ_COILS if function in (WRITE_COIL, WRITE_COILS) else READ_HOLDING)
        span = self._spans.get(table)
        if span is None or not span.has(address, len(words), self._strict):
            return ILLEGAL_ADDRESS
        self._store(table, address, words)
        return 0

    def mask(self, address: int, and_mask: int, or_mask: int) -> int:
        """See `answering.Image`."""
        span = self._spans.get(Table.HOLDING)
        if span is None or not span.has(address, 1, self._strict):
            return ILLEGAL_ADDRESS
        word = int.from_bytes(span.data[span.place(address, 1)], "big")
        self._store(Table.HOLDING, address, (word & and_mask | or_mask & ~and_mask & 0xFFFF,))
        return 0

    def _store(self, table: Table, address: int, words: Sequence[int]) -> None:
        span = self._spans[table]
        wire = bytes(words) if span.width == 1 else struct.pack(f">{len(words)}H", *words)
        span.data[span.place(address, len(words))] = wire
