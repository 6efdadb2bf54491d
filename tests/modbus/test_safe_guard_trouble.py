"""Safe values where something else is wrong too: no lock yet, a device that does otherwise, a dead neighbour."""

import asyncio
import time
from dataclasses import replace

from ess_actors.core.events import ALARM
from ess_actors.core.lease import Lease, SafeList
from ess_actors.core.safe_state import EMERGENCY_STOP, stamped
from ess_actors.modbus.client import Client
from tests.modbus.modbus_bench import PERIOD_MS, running
from tests.modbus.modbus_maps import bits, client_map, component, number
from tests.modbus.modbus_peers import Call, device, until
from tests.modbus.test_client_outcomes import Memory
from tests.modbus.test_safe_guard import OTHER, POWER, SAFE_POWER, Converter, guarded


def fresh() -> str:
    return stamped("c", time.monotonic())


def lease(*, allowed: bool = True) -> Lease:
    return Lease("e", 1, time.monotonic(), allowed, "" if allowed else EMERGENCY_STOP)


def test_a_client_that_waits_for_its_lock_is_not_commanded_out_of_its_safe_state() -> None:
    """Another process has the device: what it was told last has to be overwritten before anything else."""

    async def body() -> None:
        points = number("power", POWER, period_ms=PERIOD_MS)
        safe = SafeList("plc", 20.0, {"/components/c/power": SAFE_POWER})
        client = Client(client_map(component("c", points)), lambda item: None, safe=safe)
        guard = client.guard
        assert guard is not None
        guard.leased(lease())
        assert (await client.set("/components/c/power", 500, command=fresh()))["status"] == "not_connected"
        assert guard.release(fresh())["status"] == "not_connected"
        assert guard.state.safe

    asyncio.run(body())


def test_what_a_device_could_not_take_it_gets_later_also_when_a_command_ended_the_safe_state() -> None:
    async def body() -> None:
        async with guarded(lease_s=20.0) as bench:
            await bench.commanded()
            bench.converter.deaf = True
            bench.lease(allowed=False, reason=EMERGENCY_STOP)
            bench.converter.words[POWER] = 500
            guard = bench.client.guard
            assert guard is not None
            await until(lambda: bench.client._units[1].resting, what="a unit that is known as silent")
            await until(lambda: guard._writes._under_way == 0, what="nothing on its way")
            bench.lease()
            assert guard.release(fresh())["status"] == "ok"
            assert bench.held() == set()
            bench.converter.deaf = False
            await until(lambda: bench.converter.words[POWER] == SAFE_POWER, 10.0, what="the safe value")

    asyncio.run(body())


def test_what_was_commanded_since_is_not_overwritten_by_a_safe_value_that_was_owed() -> None:
    async def body() -> None:
        async with guarded(lease_s=20.0) as bench:
            await bench.taken(SAFE_POWER)
            bench.converter.refuses = True
            bench.lease(allowed=False, reason=EMERGENCY_STOP)
            await until(lambda: any("refuses" in e.message for e in bench.heard.events), what="the event")
            bench.lease()
            reply = await bench.set("power", 400)
            assert reply["status"] == "refused"
            bench.converter.refuses = False
            while (await bench.set("power", 300))["status"] != "ok":
                pass
            written = len(bench.heard.publications)
            await until(lambda: len(bench.heard.publications) > written + 40, 20.0, what="cycles")
            assert bench.converter.words[POWER] == 300 and bench.held() == set()

    asyncio.run(body())


def test_a_device_that_keeps_another_value_is_told_of_and_leaves_room_for_polls() -> None:
    class Stubborn(Converter):
        def _take(self, call: Call) -> bool:
            self.told.append((call.address, call.count))
            return True

    async def body() -> None:
        converter = Stubborn()
        async with device(converter) as peer:
            power = replace(number("power", POWER, period_ms=PERIOD_MS), verify=True)
            found = client_map(component("c", power), port=peer.port)
            safe = SafeList("plc", 20.0, {"/components/c/power": SAFE_POWER})
            async with running(found, safe=safe) as (_, heard):
                await until(lambda: len(heard.publications) > 30, 20.0, what="cycles")
                said = [e for e in heard.events if "the device shows another one" in e.message]
                assert [e.severity for e in said] == [ALARM]
                assert 1 < len(converter.told) < len(heard.publications) / 2

    asyncio.run(body())


def test_what_is_recalled_between_its_fresh_read_and_its_write_is_not_written() -> None:
    class Slow(Memory):
        """Holds the answers to reads of one word back while it is told to."""

        def __init__(self) -> None:
            super().__init__(self._take)
            self.words = {POWER: 0}
            self.told: list[int] = []
            self.hold = False
            self.held: list[Call] = []

        async def __call__(self, call: Call) -> None:
            if self.hold and call.function <= 4:
                self.held.append(call)
            else:
                await super().__call__(call)

        def _take(self, call: Call) -> bool:
            self.told.append(call.count)
            self.store(call)
            return True

    async def body() -> None:
        slow = Slow()
        async with device(slow) as peer:
            found = client_map(
                component("c", *bits("word", POWER, {0: "run"})), port=peer.port, transfer_timeout_s=20.0
            )
            safe = SafeList("plc", 20.0, {"/components/c/run": False})
            async with running(found, safe=safe) as (client, _):
                guard = client.guard
                assert guard is not None
                await until(lambda: slow.told == [0], what="the safe value")
                guard.leased(lease())
                assert (await client.set("/components/c/run", True, command=fresh()))["status"] == "ok"
                slow.hold = True
                late = asyncio.create_task(client.set("/components/c/run", True, command=fresh()))
                await until(lambda: bool(slow.held), what="its fresh read")
                guard.leased(lease(allowed=False))
                slow.hold = False
                await slow(slow.held.pop())
                assert (await late)["status"] == "safe_state"
                await until(lambda: slow.told == [0, 1, 0], what="the safe value again")

    asyncio.run(body())


def test_a_unit_that_does_not_answer_keeps_the_others_of_its_gateway_from_nothing() -> None:
    class Gateway(Converter):
        async def __call__(self, call: Call) -> None:
            if call.unit == 1:
                await super().__call__(call)

    async def body() -> None:
        gateway = Gateway()
        async with device(gateway) as peer:
            living = component("c", number("power", POWER, period_ms=PERIOD_MS))
            dead = component("a", number("power", OTHER, unit=2, period_ms=PERIOD_MS), unit=2)
            found = client_map(dead, living, port=peer.port, transfer_timeout_s=0.05)
            values = {"/components/a/power": 3, "/components/c/power": SAFE_POWER}
            async with running(found, safe=SafeList("plc", 20.0, values)) as (client, heard):
                guard = client.guard
                assert guard is not None
                await until(lambda: gateway.powers() == [SAFE_POWER], what="the safe value of the living")
                guard.leased(lease())
                assert (await client.set("/components/c/power", 500, command=fresh()))["status"] == "ok"
                await until(lambda: client._units[2].resting, what="the dead unit to be known as dead")
                seen = len(peer.calls)
                guard.leased(lease(allowed=False))
                await until(lambda: gateway.powers()[-1] == SAFE_POWER, what="the safe value again")
                calls = [call for call in peer.calls[seen:] if call.function > 4]
                assert calls[0].unit == 1, "the dead unit's time-out comes later"
                more = len(heard.publications)
                await until(lambda: len(heard.publications) > more + 20, 20.0, what="cycles")
                assert gateway.powers().count(SAFE_POWER) == 2, "what was taken is not repeated"

    asyncio.run(body())
