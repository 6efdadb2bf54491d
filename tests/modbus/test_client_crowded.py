"""More orders than polls leave room for, on a link that carries several requests: the loop must go on."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from ess_actors.core.points import ClientMap, Component
from ess_actors.modbus.client_orders import WRITES_IN_A_ROW
from tests.modbus.modbus_bench import running
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, Device, device, honest, until

SLOW = 1000
"""Where the blocks are that the device takes its time for."""


class Gates:
    """A device that answers a request when the test says so, and everything else at once."""

    def __init__(self, closed: Callable[[Call], str]) -> None:
        self.closed = closed
        self.open: dict[str, asyncio.Event] = {}
        self.waiting: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, call: Call) -> None:
        # In a task: the device goes on reading what the client sends meanwhile.
        self._tasks.add(asyncio.create_task(self._answer(call)))

    async def _answer(self, call: Call) -> None:
        if name := self.closed(call):
            gate = self.open.setdefault(name, asyncio.Event())
            self.waiting.append(name)
            await gate.wait()
        await honest(call)


def part(name: str, unit: int, *addresses: int) -> Component:
    points = (number(f"p{n}", n, unit=unit, period_ms=100) for n in addresses)
    return component(name, *points, unit=unit, period_ms=100)


async def served_while_every_slot_is_under_way(settings: dict[str, Any]) -> None:
    gates = Gates(lambda call: "poll" if call.function == 3 and call.address >= SLOW else "")
    many = range(0, 40 * 20, 40)
    async with device(gates) as peer:
        found = _wide(peer, settings, part("a", 1, *many, SLOW), part("b", 2, SLOW))
        async with running(found) as (client, _):
            await until(lambda: len(gates.waiting) == 2, what="both cycles wait for the device")
            reply = await client.set("/components/a", {f"p{n}": 7 for n in many})
            assert reply["_status"] == "ok" and len(gates.waiting) == 2
            assert client._loop.orders.row == WRITES_IN_A_ROW
            gates.open["poll"].set()
            await until(lambda: client._loop.orders.row == 0, what="a poll in between")


async def waited_for_while_a_cycle_serves(settings: dict[str, Any]) -> None:
    def closed(call: Call) -> str:
        return "write" if call.function == 6 else f"poll {call.unit}" if call.address < SLOW else ""

    gates = Gates(closed)
    async with device(gates) as peer:
        found = _wide(peer, settings, part("a", 1, 10, SLOW), part("b", 2, 10))
        async with running(found) as (client, heard):
            turns: list[None] = []
            turn = client._loop.turn

            async def counted() -> None:
                turns.append(None)
                await turn()

            client._loop.turn = counted  # type: ignore[method-assign]
            await until(lambda: sorted(gates.waiting) == ["poll 1", "poll 2"])
            first = asyncio.create_task(client.set("/components/a/p10", 7))
            await asyncio.sleep(0)
            gates.open["poll 1"].set()
            await until(lambda: "write" in gates.waiting, what="the cycle sends the write")
            gates.open["poll 2"].set()
            await until(lambda: len(heard.bodies("/components/b")) >= 3, what="others go on")
            second = asyncio.create_task(client.set("/components/b/p10", 8))
            await until(lambda: len(heard.bodies("/components/b")) >= 5, what="others go on")
            assert not first.done() and not second.done() and gates.waiting.count("write") == 1
            assert len(turns) < 100, "it waits for what it cannot do now"
            gates.open["write"].set()
            assert (await first)["status"] == (await second)["status"] == "ok"


def _wide(peer: Device, settings: dict[str, Any], *parts: Component) -> ClientMap:
    found = client_map(*parts, port=peer.port, transfer_timeout_s=10.0)
    return replace(found, endpoint=replace(found.endpoint, **settings))


def _alone(scene: Callable[[dict[str, Any]], Awaitable[None]], settings: dict[str, Any]) -> None:
    async def body() -> None:
        await scene(settings)

    asyncio.run(body())


@pytest.mark.parametrize("settings", [{"max_in_flight": 2}, {"max_connections": 2}], ids=str)
@pytest.mark.parametrize("scene", [served_while_every_slot_is_under_way, waited_for_while_a_cycle_serves])
def test_the_loop_goes_on(
    scene: Callable[[dict[str, Any]], Awaitable[None]], settings: dict[str, Any]
) -> None:
    """In a process of its own: a loop that spins cannot look at the time."""
    process = multiprocessing.get_context("spawn").Process(target=_alone, args=(scene, settings))
    process.start()
    process.join(20.0)
    spins = process.is_alive()
    process.kill()
    process.join()
    assert not spins, "it never let go of the processor"
    assert process.exitcode == 0
