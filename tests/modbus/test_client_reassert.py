"""Setpoints that a device has lost are written again, once, and nothing else is."""

import asyncio
from dataclasses import replace

import pytest

from ess_actors.core.component import ComponentState
from ess_actors.core.component_writes import Item
from ess_actors.core.events import STATUS
from ess_actors.core.points import Point
from ess_actors.modbus.reassert import Assertions
from tests.modbus.modbus_bench import PERIOD_MS, against
from tests.modbus.modbus_maps import component, number
from tests.modbus.modbus_peers import until
from tests.modbus.test_client_outcomes import Memory


class Bench:
    """One component whose register 10 shows what the test says; `way` is the epoch of its unit."""

    def __init__(self, point: Point | None = None) -> None:
        self.point = point or replace(number("p", 10, signed=True, scale=10), reassert=True)
        self.state = ComponentState(component("c", self.point), now=0.0)
        self.found = Assertions(self.state)
        self.now = 0.0
        self.way = (1, 0)

    def wrote(self, value: object) -> None:
        self.now += 1.0
        self.found.wrote(Item("p", self.point, value), self.now)

    def polled(self, *words: int) -> list[object]:
        """A poll that shows these words -> the values to write again."""
        self.now += 1.0
        (block,) = (block for cycle in self.state.cycles for block in cycle.blocks)
        self.state.good(block, b"".join(w.to_bytes(2, "big") for w in words), self.now, self.now)
        return [item.value for item in self.found.lost(lambda unit: self.way)]

    def stands(self, *words: int) -> None:
        """Shown for so long that it is no command that clears itself."""
        for _ in range(4):
            assert self.polled(*words) == []

    def lost(self) -> None:
        self.now += 1.0
        (block,) = (block for cycle in self.state.cycles for block in cycle.blocks)
        self.state.failed(block, "not_connected", self.now)
        assert self.found.lost(lambda unit: self.way) == []
        self.way = (self.way[0] + 1, self.way[1])


def test_a_device_that_restarted_with_zero_gets_its_setpoint_back_once() -> None:
    bench = Bench()
    bench.wrote(-25.0)
    bench.stands(0x10000 - 250)
    bench.lost()
    assert bench.polled(0) == [-25.0]
    assert bench.polled(0) == [], "once"
    bench.lost()
    assert bench.polled(0) == [], "and not after the next loss either: it was not seen again"


def test_a_device_that_kept_its_setpoint_is_left_alone_and_watched_on() -> None:
    bench = Bench()
    bench.wrote(7)
    bench.stands(70)
    for _ in range(3):
        bench.lost()
        assert bench.polled(70) == []
    bench.lost()
    assert bench.polled(0) == [7]


def test_a_unit_back_from_silence_counts_like_a_new_connection() -> None:
    bench = Bench()
    bench.wrote(7)
    bench.stands(70)
    bench.way = (1, 1)
    assert bench.polled(0) == [7]


def test_what_was_never_seen_is_never_written_again() -> None:
    bench = Bench()
    bench.wrote(7)
    bench.lost()
    assert bench.polled(0) == []
    bench = Bench()
    bench.wrote(7)
    assert bench.polled(0) == [], "a command that cleared itself at once"
    bench.lost()
    assert bench.polled(0) == []


def test_a_command_that_clears_itself_ends_it() -> None:
    bench = Bench()
    bench.wrote(1)
    assert bench.polled(10) == [] and bench.polled(0) == []
    bench.lost()
    assert bench.polled(0) == []


@pytest.mark.parametrize(("polls", "every"), [(1, 60.0), (2, 60.0), (20, 0.1)])
def test_a_command_that_clears_itself_while_nobody_looks_is_not_done_twice(polls: int, every: float) -> None:
    """It was shown for a while, by few polls or for a short time."""
    bench = Bench()
    bench.wrote(1)
    for _ in range(polls):
        assert bench.polled(10) == []
        bench.now += every - 1.0
    bench.lost()
    assert bench.polled(0) == []


def test_somebody_else_may_change_it_while_it_is_connected() -> None:
    bench = Bench()
    bench.wrote(1)
    bench.stands(10)
    assert bench.polled(33) == []
    bench.lost()
    assert bench.polled(0) == []


def test_a_later_set_that_went_wrong_ends_it() -> None:
    bench = Bench()
    bench.wrote(1)
    bench.stands(10)
    bench.found.drop("p")
    bench.lost()
    assert bench.polled(0) == []


def test_a_reading_from_before_the_write_confirms_nothing() -> None:
    bench = Bench()
    bench.polled(70)
    bench.wrote(7)
    assert bench.found.lost(lambda unit: bench.way) == [], "the old reading happens to be equal"
    bench.lost()
    assert bench.polled(0) == []


def test_only_points_that_want_it() -> None:
    bench = Bench(number("p", 10))
    bench.wrote(7)
    assert not bench.found


def test_over_a_real_socket_it_is_written_told_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ess_actors.modbus.reassert.STANDS_S", 2 * PERIOD_MS / 1000)

    async def body() -> None:
        memory = Memory(lambda call: (memory.store(call), True)[1])
        part = component(
            "c",
            replace(number("kept", 10, period_ms=PERIOD_MS), reassert=True),
            replace(number("gone", 11, period_ms=PERIOD_MS), reassert=True),
            number("other", 12, period_ms=PERIOD_MS),
            period_ms=PERIOD_MS,
        )
        async with against(memory, part) as (client, heard, peer):
            await until(lambda: client.link.connected)
            reply = await client.set("/components/c", {"kept": 5, "gone": 6, "other": 7}, by="ess_1")
            assert reply["_status"] == "ok"
            await until(lambda: heard.body().get("other") == 7 and heard.body().get("gone") == 6)
            for _ in range(3):
                await heard.next_body()
            memory.words.update({11: 0, 12: 0})
            mark = len(peer.calls)
            peer.hang_up()
            await until(lambda: memory.words[11] == 6, what="the setpoint back")
            await until(lambda: heard.body().get("gone") == 6)
            await heard.next_body()
            written = [(call.address, call.count) for call in peer.calls[mark:] if call.function == 6]
            assert written == [(11, 6)]
            told = [event for event in heard.events if event.source == "/components/c/gone"]
            assert [event.severity for event in told] == [STATUS] and "written again" in told[0].message
            stats = await client.get("/components/c/_stats")
            assert isinstance(stats, dict) and stats["reasserted"] == 1 and stats["reconnects"] == 1
            full = await client.get("/components/c/gone/_full")
            assert isinstance(full, dict) and full["last_setter"]["value"] == 6

    asyncio.run(body())


def test_what_stood_before_a_reload_stands_on_for_a_point_that_is_as_it_was() -> None:
    bench, same, other = (
        Bench(),
        Bench(),
        Bench(replace(number("p", 11, signed=True, scale=10), reassert=True)),
    )
    bench.wrote(-25.0)
    bench.stands(0x10000 - 250)
    for reloaded in (same, other):
        reloaded.now, reloaded.way = bench.now, bench.way
        reloaded.found.inherit(bench.found)
        reloaded.lost()
    assert same.polled(0) == [-25.0]
    assert other.polled(0) == [], "another register now"
