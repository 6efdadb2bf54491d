"""What was read of one component and how far it can be trusted: readings per block, quality per point."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from ess_actors.core.component_status import (
    HeartbeatReader,
    HeartbeatState,
    Said,
    WatchdogReader,
)
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.points import Component, Point
from ess_actors.core.polling import Block, Cycle, plan
from ess_actors.core.quality import Quality
from ess_actors.core.registers import raw_number
from ess_actors.core.registers_block import BlockDecoder

OLD_PERIODS: Final = 2.5
"""A value is UNCERTAIN when its read left longer ago than this many periods, though none failed."""


class Last(NamedTuple):
    """A value that was read well once, and when its request left (monotonic and unix seconds)."""

    value: object
    sent: float
    wall: float


@dataclass(slots=True, eq=False)
class BlockReading:
    """What is known of one block."""

    block: Block
    decoder: BlockDecoder
    period: float
    """Seconds."""
    values: Mapping[str, object]
    payload: bytes = b""
    good: bool = False
    reason: str = "never_read"
    sent: float = 0.0
    wall: float = 0.0
    took_ms: float = 0.0
    missed: int = 0
    """Publications of its class since it was read well; in its own cycle it is 0."""
    lost: dict[str, Last] = field(default_factory=dict)
    """Points that were no number in the last good read, and what they were before."""
    parts: Mapping[str, "BlockReading"] = field(default_factory=dict)
    """Until a new block is answered well: its points' readings under the plan before. Replaced, never changed."""

    def of(self, name: str) -> "BlockReading":
        """The reading that a point of this block comes from."""
        return self.parts.get(name, self) if self.parts else self

    def sources(self) -> Collection["BlockReading"]:
        """Every reading its points come from, each once."""
        return {id(part): part for part in self.parts.values()}.values() if self.parts else (self,)

    def last(self, name: str) -> Last | None:
        """The last good value of one of its points."""
        if name in self.values:
            return Last(self.values[name], self.sent, self.wall)
        return self.lost.get(name)

    def take(self, payload: bytes, sent: float, wall: float, took_ms: float) -> None:
        """A good answer; ValueError when it has not the right length."""
        values = self.decoder(payload)
        if len(values) < len(self.decoder.names):
            gone = (name for name in self.decoder.names if name not in values)
            self.lost = {name: last for name in gone if (last := self.of(name).last(name))}
        elif self.lost:
            self.lost = {}
        self.values, self.payload, self.good, self.reason, self.missed = values, payload, True, "", 0
        self.sent, self.wall, self.took_ms = sent, wall, took_ms
        if self.parts:
            self.parts = {}

    def fail(self, reason: str) -> None:
        """No usable answer: nothing it knows is good any more."""
        for one in (self, *self.sources()):
            one.good, one.reason = False, reason


class Readings:
    """Pure: time comes in. `now` and `sent` are monotonic seconds, `wall` unix seconds."""

    def __init__(self, component: Component, now: float) -> None:
        self.component = component
        self.forced: dict[str, object] = {}
        self.disabled: set[str] = set()
        self.isolated: set[str] = set()
        """Points the device refuses; they are out of the plan until they are retried."""
        self.barriers: set[tuple[int, int, int]] = set()
        """(unit, function, address) where a block must begin: the hole before it is refused by the device."""
        self.points: dict[str, Point] = {}
        for point in component.points:
            self.points.setdefault(point.id, point)
        heartbeat = component.heartbeat
        self.reader = HeartbeatReader(heartbeat, now) if heartbeat and heartbeat.read else None
        self.watchdog = WatchdogReader(component.watchdog, now) if component.watchdog else None
        self.last_good: float | None = None
        """When the newest good read of the component left."""
        self._failing: set[tuple[int, str]] = set()
        refusals = {"exception_1", "exception_2", "exception_3"} if component.auto_disable else set()
        self._told_elsewhere = frozenset({"not_connected", *refusals})
        self.cycles: tuple[Cycle, ...] = ()
        self._blocks: list[Block] = []
        self.answers: list[BlockReading] = []
        self.block_of: dict[str, int] = {}
        self._outside: dict[str, BlockReading] = {}
        """Of points that left the plan: what was read of them last."""
        self.replan()

    def replan(self) -> None:
        """Plan anew after disabling, enabling or isolating points; what is read on keeps its last reading."""
        before = {name: self.answers[index].of(name) for name, index in self.block_of.items()}
        kept = {_key(block): answer for block, answer in zip(self._blocks, self.answers, strict=True)}
        self.cycles = plan(self.component, frozenset(self.disabled | self.isolated), frozenset(self.barriers))
        planned = [(block, cycle.period_ms / 1000) for cycle in self.cycles for block in cycle.blocks]
        planned.sort(key=lambda pair: pair[0].index)
        self._blocks = [block for block, _ in planned]
        before |= self._outside
        self.answers = [kept.get(_key(block)) or _unread(block, period, before) for block, period in planned]
        self.block_of = {point.id: block.index for block, _ in planned for point in block.points}
        self._outside = {
            name: self._outside.get(name) or replace(reading, good=False, reason="never_read", parts={})
            for name, reading in before.items()
            if name not in self.block_of
        }
        self._failing.clear()

    def _current(self, block: Block) -> bool:
        """False for a block of an earlier plan: its answer comes too late."""
        return block.index < len(self._blocks) and self._blocks[block.index] is block

    def good(
        self, block: Block, payload: bytes, sent: float, wall: float, took_ms: float = 0.0
    ) -> list[Event]:
        """Big-endian words, or one byte 0/1 per bit, of a block; `sent` and `wall`: when the request left."""
        if not self._current(block):
            return []
        answer = self.answers[block.index]
        try:
            answer.take(payload, sent, wall, took_ms)
        except ValueError:
            return self.failed(block, "malformed", sent)
        if self.last_good is None or self.last_good < sent:
            self.last_good = sent
        events: list[Event] = []
        if self.reader is not None and self.component.heartbeat is not None:
            number = self._raw(self.component.heartbeat.read, block)
            if number is not None:
                events += self._said(self.reader.read(number, sent))
        if self.watchdog is not None and self.component.watchdog is not None:
            value = answer.values.get(self.component.watchdog.point)
            if value is not None:
                events += self._said(self.watchdog.read(value, sent))
        if self._failing:
            recovered = {key for key in self._failing if key[0] == block.index}
            if recovered:
                self._failing -= recovered
                events.append(Event(self.component.uri, f"{_range(block)} is answered again", STATUS))
        return events

    def failed(self, block: Block, reason: str, now: float) -> list[Event]:
        """No answer for a block: timeout, not_connected, exception_<code> or malformed. Told once per reason.

        A lost connection is told by the link once, and a refusal by the search for the points it is about.
        """
        if not self._current(block):
            return []
        self.answers[block.index].fail(reason)
        key = (block.index, reason)
        if reason in self._told_elsewhere or key in self._failing:
            return []
        self._failing.add(key)
        return [Event(self.component.uri, f"{_range(block)}: {reason}", ALARM)]

    def quality(self, name: str, now: float) -> tuple[Quality, str]:
        """Of a point of this component at `now`, and the reason when it is not GOOD."""
        if name in self.forced:
            return Quality.UNCERTAIN, "forced"
        if name in self.disabled:
            return Quality.BAD, "disabled"
        if name in self.isolated:
            return Quality.BAD, "refused"
        reading = self.reading(name)
        if reading is None or not reading.good:
            return Quality.BAD, "never_read" if reading is None else reading.reason
        if name not in reading.values:
            return Quality.BAD, "nan"
        if reading.missed > 1 or now - reading.sent > OLD_PERIODS * reading.period:
            return Quality.UNCERTAIN, "old"
        return (Quality.UNCERTAIN, "frozen") if self.frozen() else (Quality.GOOD, "")

    def last(self, name: str) -> Last | None:
        """The last good value of a point, however long ago; None before the first."""
        reading = self.reading(name) or self._outside.get(name)
        return None if reading is None else reading.last(name)

    def frozen(self) -> bool:
        """True while the heartbeat stands still though it can be read."""
        return self.reader is not None and self.reader.state is HeartbeatState.FROZEN

    def heartbeat_good(self) -> bool:
        """True while the read point of the heartbeat is."""
        heartbeat = self.component.heartbeat
        reading = self.reading(heartbeat.read) if heartbeat else None
        return reading is not None and reading.good

    def _said(self, said: Said) -> list[Event]:
        return [Event(self.component.uri, message, severity) for message, severity in said]

    def _raw(self, name: str, block: Block) -> int | None:
        """Raw number of a point of this block, None when it is not in it."""
        if self.block_of.get(name) != block.index:
            return None
        words = self.wire(name)
        return None if words is None else raw_number(self.points[name].codec, words)

    def reading(self, name: str) -> BlockReading | None:
        """What is known of a point; None for one that is not read (disabled, isolated, unknown)."""
        index = self.block_of.get(name)
        return None if index is None else self.answers[index].of(name)

    def wire(self, name: str) -> tuple[int, ...] | None:
        """Words of a point's register (or its bit) as read last, None before the first good read."""
        reading = self.reading(name) or self._outside.get(name)
        if reading is None or not reading.payload:
            return None
        block, point, payload = reading.block, self.points[name], reading.payload
        start = point.address - block.address
        if block.is_bits:
            return (payload[start],)
        return tuple(
            int.from_bytes(payload[2 * n : 2 * n + 2], "big") for n in range(start, start + point.codec.size)
        )


def _range(block: Block) -> str:
    kind = {1: "coils", 2: "discrete inputs", 3: "holding registers", 4: "input registers"}[block.function]
    return f"unit {block.unit} {kind} {block.address}..{block.address + block.count - 1}"


def _key(block: Block) -> tuple[object, ...]:
    return (block.unit, block.function, block.address, block.count, tuple(point.id for point in block.points))


def _unread(block: Block, period: float, before: Mapping[str, BlockReading]) -> BlockReading:
    """The reading of a new block; what its points showed before stays until the block is read."""
    copies: dict[int, BlockReading] = {}
    parts: dict[str, BlockReading] = {}
    for point in block.points:
        earlier = before.get(point.id)
        if earlier is not None and (earlier.payload or earlier.reason != "never_read"):
            parts[point.id] = copies.setdefault(id(earlier), replace(earlier, parts={}))
    decoder = BlockDecoder(block.address, block.count, block.is_bits, block.points)
    return BlockReading(block, decoder, period, {}, parts=parts)
