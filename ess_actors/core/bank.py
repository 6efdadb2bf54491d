"""The site server's registers: commits from the bus, reads and writes of the masters, silent sources."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ess_actors.core.bank_image import Draft, Image, Place, empty_images, width_of
from ess_actors.core.bits import BadValueError
from ess_actors.core.codec import Shape
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.points import (
    ANY_UNIT,
    ServerEntry,
    ServerMap,
    StalePolicy,
    Table,
)
from ess_actors.core.registers import decode, encode, encode_raw, naked
from ess_actors.core.transaction import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    MAX_READ_BITS,
    MAX_READ_WORDS,
    MAX_WRITE_BITS,
    MAX_WRITE_WORDS,
    TARGET_SILENT,
)

_READS: Final = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_WRITES: Final = {5: Table.COIL, 15: Table.COIL, 6: Table.HOLDING, 16: Table.HOLDING, 22: Table.HOLDING}


class Written(NamedTuple):
    """One entry a master wrote: becomes `set <uri>/<id> {"value": value}`."""

    uri: str
    id: str
    value: object


class Bank:
    """The image of one site server. Every method is quick; none blocks or raises for a bad request."""

    def __init__(self, server: ServerMap, now: float) -> None:
        self._server = server
        self._held = empty_images(server.entries)
        self._served: dict[Place, Image] = self._held
        self._silent: dict[Place, tuple[tuple[int, int], ...]] = {}
        self._units = frozenset(entry.unit for entry in server.entries)
        self._by_uri: dict[str, dict[str, list[ServerEntry]]] = {}
        self._by_address: dict[Place, dict[int, ServerEntry]] = {}
        for entry in server.entries:
            self._by_uri.setdefault(entry.uri, {}).setdefault(entry.id, []).append(entry)
            for address in range(entry.address, entry.address + max(1, entry.codec.size)):
                self._by_address.setdefault(Place(entry.unit, entry.table), {})[address] = entry
        self._commanded: set[tuple[Place, int]] = set()
        self._heard: dict[str, float | None] = dict.fromkeys(self._by_uri)
        self.started = now
        self.stale_uris: frozenset[str] = frozenset(self._by_uri if server.stale_after_ms else ())
        """Sources that are silent now; every one before its first value."""
        self.counters: Counter[str] = Counter()
        """commits, unknown_ids, clamped, bad_value, lost_bits, reads, writes, exception_<code>."""
        self.per_entry: Counter[tuple[str, str]] = Counter()
        """(id, clamped | bad_value | lost_bits) -> how often."""
        self._refresh()

    def commit(self, uri: str, values: Mapping[str, object], now: float) -> list[Event]:
        """Take over a published body: all known ids become visible in one swap. Returns the recovery event.

        Units and signs are those of the engine's variables; what does not fit is limited and counted.
        """
        known = self._by_uri.get(uri)
        if known is None:
            return []
        self.counters["commits"] += 1
        draft = Draft(self._held)
        for name, value in values.items():
            entries = known.get(name)
            if entries is None:
                self.counters["unknown_ids"] += 1
                continue
            for entry in entries:
                self._store(draft, entry, naked(value))
        self._heard[uri] = now
        events: list[Event] = []
        if uri in self.stale_uris:
            self.stale_uris -= {uri}
            events.append(Event(self._server.uri, f"{uri} publishes again", STATUS))
        self._held = draft.images()
        self._refresh()
        return events

    def _store(self, draft: Draft, entry: ServerEntry, value: object) -> None:
        place = Place(entry.unit, entry.table)
        try:
            if entry.high_word_address is not None or entry.bit_word:
                words = self._split(draft, entry, value)
            else:
                encoded = encode(entry.codec, value)
                words = encoded.words
                if encoded.clamped:
                    self._count(entry, "clamped")
        except BadValueError:
            self._count(entry, "bad_value")
            return
        draft.put(place, entry.address, words)
        self._commanded.discard((place, entry.address))

    def _split(self, draft: Draft, entry: ServerEntry, value: object) -> tuple[int, ...]:
        """A word of bits: limiting it would raise bits, so the upper ones are cut or moved."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or value < 0:
            raise BadValueError(f"{value!r} is no word of bits")
        width = entry.codec.bits
        low, high = int(value) & (1 << width) - 1, int(value) >> width
        if entry.high_word_address is not None:
            draft.put(Place(entry.unit, entry.table), entry.high_word_address, (high & 0xFFFF,))
            high >>= 16
        if high:
            self._count(entry, "lost_bits")
        return encode_raw(entry.codec, low)

    def _count(self, entry: ServerEntry, what: str) -> None:
        self.counters[what] += 1
        self.per_entry[entry.id, what] += 1

    def read(self, function: int, address: int, count: int, unit: int = ANY_UNIT) -> bytes | int:
        """Big-endian words, or one byte 0/1 per bit; an int is the exception code."""
        table = _READS.get(function)
        if table is None:
            return self._refused(ILLEGAL_FUNCTION)
        place = self._place(unit, table)
        if isinstance(place, int):
            return self._refused(place)
        if not 1 <= count <= (MAX_READ_BITS if table.is_bits else MAX_READ_WORDS):
            return self._refused(ILLEGAL_VALUE)
        image = self._served.get(place)
        if image is None or not image.holds(address, count):
            return self._refused(ILLEGAL_ADDRESS)
        for first, last in self._silent.get(place, ()):
            if address < last and first < address + count:
                return self._refused(TARGET_SILENT)
        self.counters["reads"] += 1
        return image.slice(address, count, width_of(table))

    def write(
        self, function: int, address: int, words: Sequence[int], unit: int = ANY_UNIT
    ) -> list[Written] | int:
        """Validate, apply, and name what was written in ascending address; an int is the exception code.

        `words`: function 5: (0x0000 or 0xFF00,), 15: bits 0/1, 6 and 16: words, 22: (and mask, or mask).
        """
        table = _WRITES.get(function)
        if table is None:
            return self._refused(ILLEGAL_FUNCTION)
        place = self._place(unit, table)
        if isinstance(place, int):
            return self._refused(place)
        if not 1 <= len(words) <= (MAX_WRITE_BITS if table.is_bits else MAX_WRITE_WORDS):
            return self._refused(ILLEGAL_VALUE)
        if function == 5:
            if words[0] not in (0x0000, 0xFF00):
                return self._refused(ILLEGAL_VALUE)
            words = (int(words[0] == 0xFF00),)
        count = 1 if function == 22 else len(words)
        image = self._held.get(place)
        if image is None or not image.holds(address, count):
            return self._refused(ILLEGAL_ADDRESS)
        draft = Draft(self._held)
        if function == 22:
            now = draft.get(place, address, 1)[0]
            words = (now & words[0] | words[1] & ~words[0] & 0xFFFF,)
        entries = self._covered(place, address, count)
        if entries is None:
            return self._refused(ILLEGAL_ADDRESS)
        written: list[Written] = []
        for entry in entries:
            size = max(1, entry.codec.size)
            own = words[entry.address - address : entry.address - address + size]
            value = _as_value(entry, own)
            if value is None:  # NaN or infinity is no command
                return self._refused(ILLEGAL_VALUE)
            draft.put(place, entry.address, own)
            written.append(Written(entry.uri, entry.id, value))
        self.counters["writes"] += 1
        self._commanded.update((place, entry.address) for entry in entries)
        self._held = draft.images()
        self._refresh()
        return written

    def _covered(self, place: Place, address: int, count: int) -> list[ServerEntry] | None:
        """The entries wholly inside the range; None when one is cut."""
        by_address = self._by_address.get(place, {})
        found: dict[int, ServerEntry] = {}
        for word in range(address, address + count):
            entry = by_address.get(word)
            if entry is None:
                continue
            if entry.address < address or entry.address + max(1, entry.codec.size) > address + count:
                return None
            found[entry.address] = entry
        return list(found.values())

    def _place(self, unit: int, table: Table) -> Place | int:
        if unit in self._units:
            return Place(unit, table)
        return Place(ANY_UNIT, table) if ANY_UNIT in self._units or not self._units else TARGET_SILENT

    def _refused(self, code: int) -> int:
        self.counters[f"exception_{code}"] += 1
        return code

    def check(self, now: float) -> list[Event]:
        """Find sources that fell silent; call it at least once a second. One event per source and change."""
        limit = self._server.stale_after_ms / 1000
        if not limit:
            return []
        silent = {
            uri
            for uri, heard in self._heard.items()
            if uri not in self.stale_uris and heard is not None and now - heard > limit
        }
        if not silent:
            return []
        self.stale_uris |= silent
        self._refresh()
        text = f"silent for more than {limit:g} s"
        return [Event(self._server.uri, f"{uri} {text}", ALARM) for uri in sorted(silent)]

    def unheard(self) -> list[str]:
        """Sources that never published: either their owner is not up, or the uri is misspelt."""
        return [uri for uri, heard in self._heard.items() if heard is None]

    def ages(self, now: float) -> dict[str, float | None]:
        """Seconds since the last value of every source, None before the first."""
        return {uri: None if heard is None else now - heard for uri, heard in self._heard.items()}

    def words(self, uri: str, entry_id: str) -> tuple[int, ...] | None:
        """What a master reads for an entry now (the first of that name), None when there is none."""
        entries = self._by_uri.get(uri, {}).get(entry_id)
        if not entries:
            return None
        entry = entries[0]
        return Draft(self._served).get(
            Place(entry.unit, entry.table), entry.address, max(1, entry.codec.size)
        )

    def _refresh(self) -> None:
        """Build what masters see from what is held: zeroed or refused silent entries, and the stale bits."""
        draft = Draft(self._held)
        silent: dict[Place, list[tuple[int, int]]] = {}
        for uri in self.stale_uris:
            for entries in self._by_uri[uri].values():
                for entry in entries:
                    place = Place(entry.unit, entry.table)
                    if entry.policy is StalePolicy.HOLD or (place, entry.address) in self._commanded:
                        continue
                    size = max(1, entry.codec.size)
                    if entry.policy is StalePolicy.ZERO:
                        draft.put(place, entry.address, (0,) * size)
                        if entry.high_word_address is not None:
                            draft.put(place, entry.high_word_address, (0,))
                    else:
                        silent.setdefault(place, []).append((entry.address, entry.address + size))
        for stale_bit in self._server.stale_bits:
            if stale_bit.source in self.stale_uris:
                for entry in self._by_uri[stale_bit.entry_uri][stale_bit.entry_id]:
                    _raise_bit(draft, entry, stale_bit.bit)
        self._silent = {place: tuple(ranges) for place, ranges in silent.items()}
        self._served = draft.images()


def _raise_bit(draft: Draft, entry: ServerEntry, bit: int) -> None:
    place, codec = Place(entry.unit, entry.table), entry.codec
    if bit < 16 * codec.size:
        address = entry.address + codec.order[codec.size - 1 - bit // 16]
    elif entry.high_word_address is not None and bit < 32:
        address = entry.high_word_address
    elif codec.size == 0:
        draft.put(place, entry.address, (1,))
        return
    else:
        return
    (word,) = draft.get(place, address, 1)
    draft.put(place, address, (word | 1 << bit % 16,))


def _as_value(entry: ServerEntry, words: Sequence[int]) -> object:
    if entry.codec.shape in (Shape.FIELD, Shape.ENUM):
        number = 0
        for index in entry.codec.order:
            number = number << 16 | words[index]
        return number
    return decode(entry.codec, words)
