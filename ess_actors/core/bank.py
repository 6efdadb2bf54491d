"""The site server's registers: commits from the bus, reads and writes of the masters."""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ess_actors.core.bank_entry import BAD_VALUE, Slot
from ess_actors.core.bank_image import Area, View
from ess_actors.core.bank_sources import Sources
from ess_actors.core.bits import BadValueError
from ess_actors.core.events import Event
from ess_actors.core.points import Table
from ess_actors.core.registers import naked
from ess_actors.core.server_points import ANY_UNIT, ServerEntry, ServerMap, StalePolicy
from ess_actors.core.transaction import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    MASK_WRITE,
    MAX_READ_BITS,
    MAX_READ_WORDS,
    MAX_WRITE_BITS,
    MAX_WRITE_WORDS,
    TARGET_SILENT,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)

_WRITES: Final = {
    **dict.fromkeys((WRITE_COIL, WRITE_COILS), Table.COIL),
    **dict.fromkeys((WRITE_REGISTER, WRITE_REGISTERS, MASK_WRITE), Table.HOLDING),
}
_NEVER: Final = object()


class Written(NamedTuple):
    """One entry a master wrote: becomes `set <uri>/<id> {"value": value}`."""

    uri: str
    id: str
    value: object


class Bank:
    """The image of one site server. Every method is quick; none blocks or raises for a bad request.

    Masters read views, which are immutable and replaced together: they see all of a commit or nothing of it.
    """

    def __init__(self, server: ServerMap, now: float) -> None:
        self.map = server
        self.counters: Counter[str] = Counter()
        """commits, unknown_ids, clamped, bad_value, lost_bits, reads, writes."""
        self.per_entry: Counter[tuple[str, str, str]] = Counter()
        """(uri, id, clamped | bad_value | lost_bits) -> how often."""
        self.units = frozenset(entry.unit for entry in server.entries)
        self._areas = _areas(server.entries)
        slots = [Slot(entry, self._areas[entry.unit, entry.table.value]) for entry in server.entries]
        self._counting = [slot for slot in slots if slot.entry.commit_counter]
        self._by_uri: dict[str, dict[str, list[Slot]]] = {}
        self._by_address: dict[tuple[int, int], dict[int, Slot]] = {key: {} for key in self._areas}
        for slot in slots:
            if not slot.entry.commit_counter:
                self._by_uri.setdefault(slot.entry.uri, {}).setdefault(slot.entry.id, []).append(slot)
            self._by_address[slot.area.key].update(dict.fromkeys(slot.addresses, slot))
        self._sent: dict[str, dict[str, object]] = {uri: {} for uri in self._by_uri}
        """What each source said last of each id; without what did not fit or was written over by a master."""
        self.sources = Sources(server.uri, self._by_uri, server.stale_after_ms / 1000, now)
        self.views: Mapping[tuple[int, int], View] = {}
        """What masters see, by unit and function code; replaced, never changed."""
        self._mark()

    def adopt(self, old: "Bank") -> None:
        """Go on where `old`, the bank of the file before it was edited, stood: values of entries that stay."""
        before = {
            _identity(slot): slot
            for by_id in old._by_uri.values()
            for slots in by_id.values()
            for slot in slots
        }
        for by_id in self._by_uri.values():
            for slots in by_id.values():
                for slot in slots:
                    same = before.get(_identity(slot))
                    if same is not None:
                        slot.put(same.wire())
                        slot.commanded = same.commanded
        self.counters, self.per_entry = old.counters, old.per_entry
        self.sources.adopt(old.sources)
        for slot in self._counting:
            slot.put(slot.counted(self.counters["commits"]))
        self._mark()

    def commit(self, uri: str, values: Mapping[str, object], now: float) -> list[Event]:
        """Take over a published body: all known ids become visible in one swap. Returns the recovery event.

        Units and signs are those of the engine's variables; what does not fit is limited and counted.
        """
        known = self._by_uri.get(uri)
        if known is None:
            return []
        self.counters["commits"] += 1
        sent, changed = self._sent[uri], set()
        unknown = 0
        for name, value in values.items():
            slots = known.get(name)
            if slots is None:
                unknown += 1
                continue
            if not isinstance(value, (int, float)):
                value = naked(value)
            if sent.get(name, _NEVER) == value:
                continue
            sent[name] = value
            for slot in slots:
                if not self._store(slot, value):
                    sent.pop(name, None)
                changed.add(slot.area)
        self.counters["unknown_ids"] += unknown
        for slot in self._counting:
            slot.put(slot.counted(self.counters["commits"]))
            changed.add(slot.area)
        events, fresh = self.sources.heard(uri, now)
        if fresh:
            self._mark()
        elif changed:
            self._show(changed)
        return events

    def _store(self, slot: Slot, value: object) -> bool:
        """False when it did not fit as it was."""
        try:
            wire, problem = slot.stored(value)
        except BadValueError:
            problem = BAD_VALUE
        else:
            slot.put(wire)
            slot.commanded = False
        if problem:
            self.counters[problem] += 1
            self.per_entry[slot.entry.uri, slot.entry.id, problem] += 1
        return not problem

    def unit_for(self, unit: int) -> int | None:
        """The unit whose map answers for `unit`: its own, else the one for every unit; None = nobody's."""
        if unit in self.units:
            return unit
        return ANY_UNIT if ANY_UNIT in self.units or not self.units else None

    def read(self, function: int, address: int, count: int, unit: int = ANY_UNIT) -> bytes | int:
        """Big-endian words, or one byte 0/1 per bit; an int is the exception code."""
        view = self.views.get((unit, function))
        if view is None:
            return self._not_here(function, address, count, unit)
        first, end, width, content, silent = view
        if not 1 <= count <= (MAX_READ_WORDS if width == 2 else MAX_READ_BITS):
            return ILLEGAL_VALUE
        if address < first or address + count > end:
            return ILLEGAL_ADDRESS
        for low, high in silent:
            if address < high and low < address + count:
                return TARGET_SILENT
        self.counters["reads"] += 1
        start = (address - first) * width
        return content[start : start + count * width]

    def _not_here(self, function: int, address: int, count: int, unit: int) -> bytes | int:
        if not 1 <= function <= 4:
            return ILLEGAL_FUNCTION
        other = self.unit_for(unit)
        if other is None:
            return TARGET_SILENT
        if other != unit and (other, function) in self.views:
            return self.read(function, address, count, other)
        return (
            ILLEGAL_ADDRESS
            if 1 <= count <= (MAX_READ_BITS if function <= 2 else MAX_READ_WORDS)
            else ILLEGAL_VALUE
        )

    def write(
        self, function: int, address: int, words: Sequence[int], unit: int = ANY_UNIT
    ) -> list[Written] | int:
        """Validate, apply, and name what was written in ascending address; an int is the exception code.

        `words`: function 5: (0x0000 or 0xFF00,), 15: bits 0/1, 6 and 16: words, 22: (and mask, or mask).
        """
        table = _WRITES.get(function)
        if table is None:
            return ILLEGAL_FUNCTION
        own = self.unit_for(unit)
        if own is None:
            return TARGET_SILENT
        if not 1 <= len(words) <= (MAX_WRITE_BITS if table.is_bits else MAX_WRITE_WORDS):
            return ILLEGAL_VALUE
        if function == WRITE_COIL:
            if words[0] not in (0x0000, 0xFF00):
                return ILLEGAL_VALUE
            words = (int(words[0] == 0xFF00),)
        count = 1 if function == MASK_WRITE else len(words)
        area = self._areas.get((own, table.value))
        if area is None or not area.holds(address, count):
            return ILLEGAL_ADDRESS
        if function == MASK_WRITE:
            now = int.from_bytes(area.held[area.place(address, 1)], "big")
            words = (now & words[0] | words[1] & ~words[0] & 0xFFFF,)
        slots = self._covered(area, address, count)
        return ILLEGAL_ADDRESS if slots is None else self._obey(slots, address, words)

    def _covered(self, area: Area, address: int, count: int) -> list[Slot] | None:
        """The entries wholly inside the range, ascending; None when one is cut, or is not for masters."""
        by_address = self._by_address[area.key]
        found: dict[Slot, None] = {}
        for word in range(address, address + count):
            slot = by_address.get(word)
            if slot is not None:
                found[slot] = None
        for slot in found:
            if slot.entry.commit_counter or not all(
                address <= own < address + count for own in slot.addresses
            ):
                return None
        return sorted(found, key=lambda slot: slot.entry.address)

    def _obey(self, slots: Sequence[Slot], address: int, words: Sequence[int]) -> list[Written] | int:
        written: list[Written] = []
        wires: list[bytes] = []
        for slot in slots:
            own = [words[place - address] for place in slot.addresses]
            value = slot.value(own)
            if value is None:  # NaN or infinity is no command
                return ILLEGAL_VALUE
            wires.append(bytes(own) if slot.area.width == 1 else struct.pack(f">{len(own)}H", *own))
            written.append(Written(slot.entry.uri, slot.entry.id, value))
        self.counters["writes"] += 1
        exempt = False
        for slot, wire in zip(slots, wires, strict=True):
            slot.put(wire)
            # What its source said before holds no more: the same value said again is news to the masters.
            self._sent[slot.entry.uri].pop(slot.entry.id, None)
            exempt |= not slot.commanded and slot.entry.policy is not StalePolicy.HOLD
            slot.commanded = True
        if exempt:
            self._mark()
        else:
            self._show({slot.area for slot in slots})
        return written

    def check(self, now: float) -> list[Event]:
        """Find sources that fell silent; call it at least once a second. One event per source and change."""
        events, changed = self.sources.check(now)
        if changed:
            self._mark()
        return events

    def words(self, uri: str, entry_id: str) -> tuple[int, ...] | None:
        """What a master reads for an entry now (the first of that name), None when there is none."""
        slots = self._by_uri.get(uri, {}).get(entry_id)
        return slots[0].words(self.views[slots[0].area.key].content) if slots else None

    def _mark(self) -> None:
        """Work out what is shown otherwise than it is held: entries of silent sources, and the stale bits."""
        for area in self._areas.values():
            area.clear_marks()
        stale = self.sources.stale
        for uri in stale:
            for slots in self._by_uri[uri].values():
                for slot in slots:
                    if slot.entry.policy is StalePolicy.HOLD or slot.commanded:
                        continue
                    if slot.entry.policy is StalePolicy.ZERO:
                        slot.mark_zero()
                    else:
                        slot.mark_silent()
        for stale_bit in self.map.stale_bits:
            if stale_bit.source in stale:
                for slot in self._by_uri.get(stale_bit.entry_uri, {}).get(stale_bit.entry_id, ()):
                    slot.mark_bit(stale_bit.bit)
        self._show(self._areas.values())

    def _show(self, areas: Iterable[Area]) -> None:
        """All views at once, by one swap."""
        self.views = {**self.views, **{area.key: area.view() for area in areas}}


def _areas(entries: Sequence[ServerEntry]) -> dict[tuple[int, int], Area]:
    grouped: dict[tuple[int, Table], list[ServerEntry]] = {}
    for entry in entries:
        grouped.setdefault((entry.unit, entry.table), []).append(entry)
    return {(unit, table.value): Area(unit, table, found) for (unit, table), found in grouped.items()}


def _identity(slot: Slot) -> tuple[object, ...]:
    """Two slots of the same identity hold the same kind of bytes."""
    entry = slot.entry
    return (entry.unit, entry.table, entry.uri, entry.id, entry.codec, entry.high_word_address is None)
