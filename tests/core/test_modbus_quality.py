"""Whatever happens to a component, in any order: nothing that its cycle did not read is shown as good."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ess_actors.core.component import ComponentState
from ess_actors.core.component_facts import facts
from ess_actors.core.points import Component, Register
from ess_actors.core.polling import Block
from ess_actors.core.quality import Quality
from ess_actors.core.registers import decode
from tests.core.modbus_examples import WALL, blocks, component, payload

FAST, SLOW = 100, 1000
REASONS = ("timeout", "not_connected", "exception_2", "exception_4", "malformed")


def plant() -> Component:
    """Two tables, two periods, three blocks that may fall apart, and every kind of point."""
    packed = [{"id": "low", "number_of_bits": 4}, {"id": "high", "starting_bit_pos": 8, "number_of_bits": 8}]
    return component(
        [
            {
                "type": "Holding",
                "map": [
                    {"id": "soc", "offset": 9, "scale": 10},
                    {"id": "flow", "offset": 4, "size": 2, "float": True},
                    {"id": "state", "offset": 7, "individual_bits": True, "bit_strings": ["run", "trip"]},
                    {"id": "pair", "offset": 11, "packed_register": True, "bit_ranges": packed},
                    {"id": "far", "offset": 40},
                    {"id": "near", "offset": 41, "format": "clothed"},
                    {"id": "quick", "offset": 10, "frequency": FAST},
                    {"id": "brisk", "offset": 12, "size": 2, "float": True, "frequency": FAST},
                ],
            },
            {"type": "Coil", "map": [{"id": "on", "offset": 1}, {"id": "off", "offset": 3, "scale": -1}]},
        ],
        frequency=SLOW,
    )


PLANT = replace(plant(), publish_quality=True)
POINTS = {point.id: point for point in PLANT.points}
SHOWN = [point.id for point in PLANT.points if point.published]
REGISTERS = sorted({point.register for point in PLANT.points}, key=lambda r: (r.table.value, r.address))
NAMES = st.sampled_from(sorted(POINTS))
WORDS = st.lists(st.sampled_from([0, 1, 0x7FC0, 0x3F80, 0xFFFF, 0x00F0]), min_size=60, max_size=60)


class Story(RuleBasedStateMachine):
    """Point id -> value: `read` by the running cycle, `known` as the last good one ever."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.state = ComponentState(PLANT, self.now)
        self.read: dict[str, object] = {}
        self.known: dict[str, object] = {}
        self.replaced: list[Block] = []
        self.said_quality = False

    def planned(self) -> list[Block]:
        return blocks(self.state)

    def changed(self) -> None:
        """After a new plan: what left it is not read any more."""
        in_plan = {point.id for block in self.planned() for point in block.points}
        self.read = {name: value for name, value in self.read.items() if name in in_plan}

    @rule(which=st.integers(0, 99), words=WORDS)
    def good(self, which: int, words: list[int]) -> None:
        if not self.planned():
            return
        block = self.planned()[which % len(self.planned())]
        numbers = words[: block.count]
        content = bytes(n & 1 for n in numbers) if block.is_bits else payload(*numbers)
        self.state.good(block, content, sent=self.now, wall=WALL + self.now)
        for point in block.points:
            start = point.address - block.address
            wire = [n & 1 for n in numbers] if block.is_bits else numbers
            value = decode(point.codec, wire[start : start + max(1, point.codec.size)])
            self.read.pop(point.id, None)
            if value is not None:
                self.read[point.id] = self.known[point.id] = value

    @rule(which=st.integers(0, 99), reason=st.sampled_from(REASONS))
    def failed(self, which: int, reason: str) -> None:
        if not self.planned():
            return
        block = self.planned()[which % len(self.planned())]
        if reason == "malformed":
            self.state.good(block, b"", sent=self.now, wall=WALL)
        else:
            self.state.failed(block, reason, self.now)
        for point in block.points:
            self.read.pop(point.id, None)

    @precondition(lambda self: self.replaced)
    @rule(which=st.integers(0, 99))
    def answer_of_an_earlier_plan(self, which: int) -> None:
        block = self.replaced[which % len(self.replaced)]
        assert self.state.good(block, bytes(block.count * 2), sent=self.now, wall=WALL) == []
        assert self.state.failed(block, "timeout", self.now) == []

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.9, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=NAMES, order=st.sampled_from(["_disable", "_enable"]))
    def disable_or_enable(self, name: str, order: str) -> None:
        before = self.planned()
        assert self.state.command(name, order) == {"status": "ok"}
        self.replaced += [block for block in before if block not in self.planned()]
        self.changed()

    @rule(register=st.sampled_from(REGISTERS), out=st.booleans())
    def isolate_or_release(self, register: Register, out: bool) -> None:
        names = {point.id for point in PLANT.points if point.register == register}
        (self.state.isolated.update if out else self.state.isolated.difference_update)(names)
        self.state.replan()
        self.changed()

    @rule(register=st.sampled_from(REGISTERS))
    def barrier(self, register: Register) -> None:
        self.state.barriers.add((register.unit, register.table.read_function, register.address))
        self.state.replan()
        self.changed()

    @rule()
    def plan_again(self) -> None:
        self.state.replan()

    @rule(name=NAMES, value=st.sampled_from([0, 7.5, True, None]))
    def force_or_release(self, name: str, value: object) -> None:
        self.state.command(name, "_unforce" if value is None else "_force", {"value": value})

    @rule(periods=st.sampled_from([SLOW, FAST, (FAST, SLOW), [SLOW, FAST]]))
    def publish(self, periods: int | tuple[int, ...]) -> None:
        due = {periods} if isinstance(periods, int) else set(periods)
        body, marks, _ = self.state.publication(periods, self.now, WALL + self.now)
        marks = dict(marks or {})
        forced = self.state.forced
        mine = [name for name in SHOWN if POINTS[name].period_ms in due or name in forced]
        wanted = {
            n: forced[n] if n in forced else self.read[n] for n in mine if n in forced or n in self.read
        }
        shown = {name: value for name, value in body.items() if name in POINTS}
        if "near" in shown:
            shown["near"] = shown["near"]["value"]
        assert list(shown.items()) == list(wanted.items())
        for name in mine:
            mark = marks.get(name, marks.get("*", 0))
            if self.state.quality(name, self.now)[0] is Quality.GOOD:
                assert mark == 0
            if name in forced:
                assert mark == 1
            elif name in self.read:
                assert mark == 0
            else:
                assert mark > 0, f"{name} was not read in this cycle and is not marked"
        assert not [name for name in marks if name in POINTS and name not in mine]
        if any(name in self.read and name not in forced for name in mine):
            assert "Timestamp" in body
        self.read = {name: v for name, v in self.read.items() if POINTS[name].period_ms not in due}
        self.quality_is_told()

    def quality_is_told(self) -> None:
        told = self.state.quality_body(self.now)
        wanted = {name: self.state.quality(name, self.now) for name in SHOWN}
        wanted = {name: (quality.name, why) for name, (quality, why) in wanted.items() if quality}
        if not wanted and not self.said_quality:
            assert told is None
            return
        assert told is not None
        assert {n: (entry["quality"], entry["reason"]) for n, entry in told.items()} == wanted
        self.said_quality = bool(wanted)

    @invariant()
    def a_good_point_is_no_older_than_its_quality_says(self) -> None:
        everything = facts(self.state, "", "_full", self.now)
        whole = self.state.get("", self.now)
        assert isinstance(whole, dict)
        for name, fact in everything.items():
            assert isinstance(fact, dict)
            assert fact["last_value"] == self.known.get(name)
            assert (fact["age_ms"] is None) is (name not in self.known)
            if fact["quality"] == "GOOD":
                assert fact["reason"] == ""
                assert fact["age_ms"] <= 2500 * POINTS[name].period_ms / 1000
                assert fact["value"] == self.known[name]
            else:
                assert fact["reason"] in {
                    *REASONS,
                    "forced",
                    "disabled",
                    "refused",
                    "never_read",
                    "nan",
                    "old",
                }
                assert (fact["value"] is None) is (name not in self.state.forced)
            shown = fact["value"] is not None and POINTS[name].published
            assert (name in whole) is shown
            answer = self.state.get(name, self.now)
            bad = isinstance(answer, dict) and answer.get("status") in ("bad", "uncertain")
            assert bad is (fact["value"] is None)


Story.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestStory = Story.TestCase
