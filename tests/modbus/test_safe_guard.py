"""Safe values on the wire to a scripted device: first of all, until it takes them, and nothing behind them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from ess_actors.core.codec import Shape
from ess_actors.core.component_writes import Reply
from ess_actors.core.events import FAULT
from ess_actors.core.lease import Lease, SafeList
from ess_actors.core.metrics import Meter
from ess_actors.core.safe_state import EMERGENCY_STOP, stamped
from ess_actors.modbus.client import Client
from ess_actors.modbus.safe_guard import may_change
from tests.modbus.modbus_bench import PERIOD_MS, Heard, running
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, Device, device, until
from tests.modbus.test_client_outcomes import Memory

POWER, OTHER = 10, 20
SAFE_POWER = 7
LEASE_S = 0.3


class Converter(Memory):
    """Keeps what it is told, and the order in which it was told."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.words = {POWER: 500, OTHER: 1}
        self.told: list[tuple[int, int]] = []
        self.refuses = False

    def _take(self, call: Call) -> bool:
        if self.deaf:
            return False
        if self.refuses:
            call.send(call.frame(bytes([call.function | 0x80, 4])))
            return False
        self.told.append((call.address, call.count))
        self.store(call)
        return True

    def powers(self) -> list[int]:
        return [value for address, value in self.told if address == POWER]


class Bench:
    def __init__(
        self, client: Client, heard: Heard, peer: Device, converter: Converter, meter: Meter
    ) -> None:
        self.client, self.heard, self.peer, self.converter, self.meter = client, heard, peer, converter, meter

    def lease(self, *, allowed: bool = True, reason: str = "") -> None:
        assert self.client.guard is not None
        self.client.guard.leased(Lease("e", 1, time.monotonic(), allowed, reason))

    async def set(self, point: str, value: object, *, fresh: bool = True) -> Reply:
        command = stamped("c", time.monotonic()) if fresh else ""
        return await self.client.set(f"/components/c/{point}", value, command=command)

    async def taken(self, *powers: int) -> None:
        await until(lambda: self.converter.powers() == list(powers), what=f"{powers} on the wire")

    async def commanded(self) -> None:
        """Leased, and told 500."""
        await self.taken(SAFE_POWER)
        self.lease()
        assert (await self.set("power", 500))["status"] == "ok"
        assert self.converter.powers() == [SAFE_POWER, 500]

    def held(self) -> frozenset[str]:
        rows = self.meter.snapshot().get("ess_safe_state", [])
        return frozenset(labels[1] for labels, values in rows if values[0])


@asynccontextmanager
async def guarded(*, lease_s: float = LEASE_S, **settings: Any) -> AsyncIterator[Bench]:
    converter, meter = Converter(), Meter()
    async with device(converter) as peer:
        points = (number(name, at, period_ms=PERIOD_MS) for name, at in (("power", POWER), ("other", OTHER)))
        found = client_map(component("c", *points, **settings), port=peer.port)
        safe = SafeList("plc", lease_s, {"/components/c/power": SAFE_POWER})
        async with running(found, meter=meter, safe=safe) as (client, heard):
            yield Bench(client, heard, peer, converter, meter)


def test_a_new_process_writes_the_safe_values_before_it_takes_any_command() -> None:
    async def body() -> None:
        async with guarded() as bench:
            await bench.taken(SAFE_POWER)
            assert (await bench.set("power", 500))["status"] == "safe_state", "nobody leases it"
            bench.lease()
            assert (await bench.set("power", 500, fresh=False))["status"] == "safe_state"
            assert (await bench.set("other", 3, fresh=False))["status"] == "ok", "others are not held"
            assert bench.held() == {"start"}
            assert (await bench.set("power", 500))["status"] == "ok"
            assert bench.held() == set() and bench.converter.powers() == [SAFE_POWER, 500]

    asyncio.run(body())


def test_a_lease_that_runs_out_brings_the_safe_values_and_an_alarm() -> None:
    async def body() -> None:
        async with guarded() as bench:
            await bench.commanded()
            await bench.taken(SAFE_POWER, 500, SAFE_POWER)
            assert bench.held() == {"lease"}
            assert any("lease" in e.message and e.severity == FAULT for e in bench.heard.events)
            assert (await bench.set("power", 400))["status"] == "safe_state"
            bench.lease()
            assert (await bench.set("power", 400))["status"] == "ok"
            assert [h.reason for h in bench.heard.holdings] == ["start", "", "lease", ""], (
                "for the alarm list"
            )

    asyncio.run(body())


def test_a_lease_that_is_renewed_disturbs_nothing() -> None:
    async def body() -> None:
        async with guarded(lease_s=2.0) as bench:
            await bench.commanded()
            seen = len(bench.heard.publications)
            while len(bench.heard.publications) < seen + 10:
                bench.lease()
                await bench.heard.next_body()
            assert bench.converter.powers() == [SAFE_POWER, 500]

    asyncio.run(body())


def test_an_owner_that_says_no_is_obeyed_at_once_and_only_a_new_command_ends_it() -> None:
    async def body() -> None:
        async with guarded(lease_s=20.0) as bench:
            await bench.commanded()
            old = stamped("old", time.monotonic())
            bench.lease(allowed=False, reason=EMERGENCY_STOP)
            await bench.taken(SAFE_POWER, 500, SAFE_POWER)
            assert (await bench.set("power", 1))["status"] == "safe_state"
            bench.lease()
            reply = await bench.client.set("/components/c/power", 1, command=old)
            assert reply["status"] == "safe_state"
            assert (await bench.set("power", 2))["status"] == "ok"

    asyncio.run(body())


def test_what_waits_for_its_turn_is_withdrawn_and_what_stands_beside_it_goes() -> None:
    async def body() -> None:
        async with guarded(lease_s=20.0) as bench:
            await bench.commanded()
            guard = bench.client.guard
            assert guard is not None
            both = {"power": 300, "other": 9}
            waiting = asyncio.create_task(
                bench.client.set("/components/c", both, command=stamped("c", time.monotonic()))
            )
            await asyncio.sleep(0)
            bench.lease(allowed=False, reason=EMERGENCY_STOP)
            reply = await waiting
            await until(lambda: bench.converter.words[POWER] == SAFE_POWER, what="the safe value")
            assert bench.converter.powers()[-1] == SAFE_POWER
            assert reply["other"] in ({"value": 9, "status": "ok"},)

    asyncio.run(body())


def test_a_device_that_was_away_gets_them_when_it_is_back() -> None:
    async def body() -> None:
        async with guarded() as bench:
            await bench.commanded()
            bench.converter.deaf = True
            await until(lambda: bench.held() == {"lease"}, what="the end of the lease")
            bench.converter.words[POWER] = 500
            bench.converter.deaf = False
            await until(lambda: bench.converter.words[POWER] == SAFE_POWER, 10.0, what="the safe value")

    asyncio.run(body())


def test_a_device_that_lost_them_is_told_again() -> None:
    async def body() -> None:
        async with guarded() as bench:
            await bench.taken(SAFE_POWER)
            await bench.heard.next_body()
            await bench.heard.next_body()
            bench.converter.words[POWER] = 444
            await until(lambda: bench.converter.words[POWER] == SAFE_POWER, what="the safe value again")

    asyncio.run(body())


def test_a_device_that_refuses_is_told_of_and_tried_again() -> None:
    async def body() -> None:
        async with guarded() as bench:
            await bench.commanded()
            bench.converter.refuses = True
            await until(
                lambda: any("refuses its safe values" in e.message for e in bench.heard.events),
                what="the event",
            )
            bench.converter.refuses = False
            await bench.taken(SAFE_POWER, 500, SAFE_POWER)

    asyncio.run(body())


@pytest.mark.parametrize("deaf", [False, True])
def test_the_last_words_are_written_or_given_up(deaf: bool) -> None:
    async def body() -> None:
        async with guarded(lease_s=20.0) as bench:
            await bench.commanded()
            bench.converter.deaf = deaf
            assert bench.client.guard is not None
            assert await bench.client.guard.last_words(0.5) is not deaf
            assert (bench.converter.words[POWER] == SAFE_POWER) is not deaf

    asyncio.run(body())


def test_a_release_lets_the_owner_command_again_without_a_setpoint() -> None:
    async def body() -> None:
        async with guarded(lease_s=20.0) as bench:
            await bench.taken(SAFE_POWER)
            guard = bench.client.guard
            assert guard is not None
            assert guard.release(stamped("r", time.monotonic()))["status"] == "safe_state"
            bench.lease()
            assert guard.release("r")["status"] == "safe_state"
            assert guard.release(stamped("r", time.monotonic()))["status"] == "ok"
            assert (await bench.set("power", 300, fresh=False))["status"] == "ok"

    asyncio.run(body())


def test_a_set_of_the_whole_register_counts_and_one_of_another_bit_does_not() -> None:
    whole = number("word", POWER)
    low, high = (
        replace(whole, id=f"bit{bit}", codec=replace(whole.codec, shape=Shape.BIT, first_bit=bit, bits=1))
        for bit in (0, 1)
    )
    assert may_change(whole, low) and may_change(low, whole) and may_change(low, low)
    assert not may_change(low, high) and not may_change(number("next", POWER + 1), low)
    assert may_change(number("wide", POWER - 1, size=2), low)
    assert not may_change(number("word", POWER, unit=2), low)
