"""What was read of one component, how good it is, and what is published of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ess_actors.core.component_status import (
    HeartbeatReader,
    HeartbeatState,
    Said,
    WatchdogReader,
)
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.points import Component, Point
from ess_actors.core.polling import Block, Cycle, plan
from ess_actors.core.quality import EVERY_MEMBER, Marks, Quality
from ess_actors.core.registers import raw_number
from ess_actors.core.registers_block import BlockDecoder


@dataclass(slots=True, eq=False)
class BlockReading:
    """What is known of one block."""

    block: Block
    decoder: BlockDecoder
    values: Mapping[str, object]
    payload: bytes = b""
    good: bool = False
    reason: str = "never_read"
    sent: float = 0.0
    wall: float = 0.0
    took_ms: float = 0.0
    parts: Mapping[str, "BlockReading"] = field(default_factory=dict)
    """Until a new block is answered well: its points' readings under the plan before. Replaced, never changed."""

    def of(self, name: str) -> "BlockReading":
        """The reading that a point of this block comes from."""
        return self.parts.get(name, self) if self.parts else self

    def sources(self) -> Collection["BlockReading"]:
        """Every reading its points come from."""
        return self.parts.values() if self.parts else (self,)

    def good_values(self) -> Mapping[str, object]:
        """Point id -> value, of the good points only."""
        if self.good or not self.parts:
            return self.values if self.good else {}
        return {
            name: part.values[name] for name, part in self.parts.items() if part.good and name in part.values
        }


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
        self.published = tuple(point.id for point in component.points if point.published)
        self._clothed = frozenset(p.id for p in component.points if p.published and p.clothed)
        heartbeat = component.heartbeat
        self.reader = HeartbeatReader(heartbeat, now) if heartbeat and heartbeat.read else None
        self._watchdog = WatchdogReader(component.watchdog, now) if component.watchdog else None
        self._last_good: float | None = None
        self._failing: set[tuple[int, str]] = set()
        refusals = {"exception_1", "exception_2", "exception_3"} if component.auto_disable else set()
        self._told_elsewhere = frozenset({"not_connected", *refusals})
        self.cycles: tuple[Cycle, ...] = ()
        self._blocks: list[Block] = []
        self.answers: list[BlockReading] = []
        self.block_of: dict[str, int] = {}
        self.replan()

    def replan(self) -> None:
        """Plan anew after disabling, enabling or isolating points; what is read on keeps its last reading."""
        before = {name: self.answers[index].of(name) for name, index in self.block_of.items()}
        kept = {_key(block): answer for block, answer in zip(self._blocks, self.answers, strict=True)}
        self.cycles = plan(self.component, frozenset(self.disabled | self.isolated), frozenset(self.barriers))
        blocks = [block for cycle in self.cycles for block in cycle.blocks]
        self._blocks = sorted(blocks, key=lambda block: block.index)
        self.answers = [kept.get(_key(block)) or _unread(block, before) for block in self._blocks]
        self.block_of = {point.id: block.index for block in blocks for point in block.points}
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
            answer.values = answer.decoder(payload)
        except ValueError:
            return self.failed(block, "malformed", sent)
        answer.payload, answer.good, answer.reason, answer.parts = payload, True, "", {}
        answer.sent, answer.wall, answer.took_ms = sent, wall, took_ms
        self._last_good = sent if self._last_good is None else max(self._last_good, sent)
        events: list[Event] = []
        if self.reader is not None and self.component.heartbeat is not None:
            number = self._raw(self.component.heartbeat.read, block)
            if number is not None:
                events += self._said(self.reader.read(number, sent))
        if self._watchdog is not None and self.component.watchdog is not None:
            value = answer.values.get(self.component.watchdog.point)
            if value is not None:
                events += self._said(self._watchdog.read(value, sent))
        recovered = [key for key in self._failing if key[0] == block.index]
        for key in recovered:
            self._failing.discard(key)
        if recovered:
            events.append(Event(self.component.uri, f"{_range(block)} is answered again", STATUS))
        return events

    def failed(self, block: Block, reason: str, now: float) -> list[Event]:
        """No answer for a block: timeout, not_connected, exception_<code> or malformed. Told once per reason.

        A lost connection is told by the link once, and a refusal by the search for the points it is about.
        """
        if not self._current(block):
            return []
        answer = self.answers[block.index]
        for one in (answer, *answer.parts.values()):
            one.good, one.reason = False, reason
        key = (block.index, reason)
        if reason in self._told_elsewhere or key in self._failing:
            return []
        self._failing.add(key)
        return [Event(self.component.uri, f"{_range(block)}: {reason}", ALARM)]

    def publication(
        self, periods: int | Collection[int], now: float, wall: float
    ) -> tuple[dict[str, object], Marks | None, list[Event]]:
        """Body, marks and events of the cycle(s) of these periods (ms) that have just ended.

        BAD points are left out of the body and marked by name; when no block of the component is good,
        every member but the status keys is marked. Without a good point in these cycles there is no
        Timestamp. A frozen heartbeat makes every point UNCERTAIN.
        """
        due = {periods} if isinstance(periods, int) else set(periods)
        events = self._check(now)
        body: dict[str, object] = {}
        bad: list[str] = []
        answers = [
            self.answers[block.index]
            for cycle in self.cycles
            if cycle.period_ms in due
            for block in cycle.blocks
        ]
        found: dict[str, object] = {}
        for answer in answers:
            found.update(answer.good_values())
        for name in self.published:
            if name in self.forced:
                body[name] = self.forced[name]
            elif name in found:
                body[name] = found[name]
            elif self.points[name].period_ms in due:
                bad.append(name)
        for name in self._clothed & body.keys():
            body[name] = {"value": body[name]}
        nothing = not found
        status = self.status(now)
        marks = self._marks(body, bad, status)
        if self.component.add_timings:
            body.update(self._timings(answers))
        body.update(status)
        if not nothing:
            body.update(timestamp(answers))
        return body, marks, events

    def _marks(
        self, body: Mapping[str, object], bad: list[str], status: Mapping[str, object]
    ) -> Marks | None:
        marks: dict[str, int] = {}
        if not any(one.good for answer in self.answers for one in answer.sources()):
            marks = {EVERY_MEMBER: Quality.BAD, **dict.fromkeys(status, Quality.GOOD)}
        else:
            if self._frozen():
                marks = {EVERY_MEMBER: Quality.UNCERTAIN, **dict.fromkeys(status, Quality.GOOD)}
            marks.update(dict.fromkeys(bad, Quality.BAD))
        marks.update((name, Quality.UNCERTAIN) for name in self.forced if name in body)
        return {name: int(quality) for name, quality in marks.items()} or None

    def _timings(self, answers: Collection[BlockReading]) -> dict[str, object]:
        times: dict[str, object] = {}
        for point in self.component.points:
            index = self.block_of.get(point.id)
            group = point.register.group
            if index is not None and group < len(self.component.group_kinds):
                answer = self.answers[index]
                if answer in answers and answer.good:
                    times[f"{self.component.group_kinds[group]}_{group:02d}_time_ms"] = answer.took_ms
        return times

    def status(self, now: float) -> dict[str, object]:
        status: dict[str, object] = {}
        if self.reader is not None:
            status["heartbeat_state"] = self.reader.state.value
            if self.reader.value is not None and self.heartbeat_good():
                status["modbus_heartbeat"] = self.reader.value
        if self._watchdog is not None:
            status["watchdog_state"] = self._watchdog.state.value
        status["component_connected"] = self.connected(now)
        return status

    def connected(self, now: float) -> bool:
        """True while something was read within the timeout and the heartbeat, if any, is alive."""
        recent = (
            self._last_good is not None
            and now - self._last_good <= self.component.connected_timeout_ms / 1000
        )
        if self.reader is None:
            return recent
        return recent and self.reader.state not in (HeartbeatState.FROZEN, HeartbeatState.FAULT)

    def _frozen(self) -> bool:
        return self.reader is not None and self.reader.state is HeartbeatState.FROZEN

    def heartbeat_good(self) -> bool:
        heartbeat = self.component.heartbeat
        reading = self.reading(heartbeat.read) if heartbeat else None
        return reading is not None and reading.good

    def _check(self, now: float) -> list[Event]:
        events = self._said(self.reader.check(now)) if self.reader is not None else []
        return events + (self._said(self._watchdog.check(now)) if self._watchdog is not None else [])

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
        reading = self.reading(name)
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


def _unread(block: Block, before: Mapping[str, BlockReading]) -> BlockReading:
    """The reading of a new block; what its points showed before stays until the block is read."""
    copies: dict[int, BlockReading] = {}
    parts: dict[str, BlockReading] = {}
    for point in block.points:
        earlier = before.get(point.id)
        if earlier is not None and earlier.reason != "never_read":
            parts[point.id] = copies.setdefault(id(earlier), replace(earlier, parts={}))
    decoder = BlockDecoder(block.address, block.count, block.is_bits, block.points)
    return BlockReading(block, decoder, {}, parts=parts)


def timestamp(answers: Iterable[BlockReading]) -> dict[str, str]:
    """The member `Timestamp`, host local time of the newest good read; nothing when there is none."""
    newest = max((one.wall for answer in answers for one in answer.sources() if one.good), default=0.0)
    return {"Timestamp": datetime.fromtimestamp(newest).strftime("%m-%d-%Y %H:%M:%S.%f")} if newest else {}
