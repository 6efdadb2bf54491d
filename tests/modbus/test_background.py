"""Tasks nobody waits for: what goes wrong in them is heard of, and ending them swallows no cancellation."""

import asyncio
from typing import Any

import pytest

from ess_actors.core.events import Event
from ess_actors.modbus.simulator_endpoint import SimulatedEndpoint
from ess_actors.modbus.simulator_talk import Odd
from ess_actors.modbus.simulator_wire import TcpWire
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import until
from tests.modbus.modbus_site import serving
from tests.modbus.simulated import simulated


def heard() -> list[BaseException]:
    """What reaches the exception handler of the running loop from now on."""
    found: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: found.append(told["exception"]))
    return found


def test_a_fault_in_the_watch_over_silent_sources_is_heard_of() -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError

    async def body() -> None:
        errors = heard()
        async with serving() as bench:
            bench.server._on_event = broken
            bench.now += 1e6
            await until(lambda: errors, what="the fault")
            assert isinstance(errors[0], ZeroDivisionError)
        assert len(errors) == 1, "and the server could be stopped all the same"

    asyncio.run(body())


def test_a_fault_in_the_life_of_simulated_devices_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        errors = heard()
        async with simulated(client_map(component("c", number("a", 1))), step_s=0.01) as simulator:
            monkeypatch.setattr(simulator, "_step", lambda dt: 1 / 0)
            await until(lambda: errors, what="the fault")
        assert isinstance(errors[0], ZeroDivisionError)

    asyncio.run(body())


def test_a_fault_in_opening_a_simulated_port_again_is_heard_of() -> None:
    class Broken(TcpWire):
        async def start(self) -> None:
            raise ZeroDivisionError

    def respond(unit: int, pdu: bytes) -> bytes | Odd | None:
        return None

    async def body() -> None:
        errors = heard()
        endpoint = SimulatedEndpoint({})
        endpoint.attach(Broken("127.0.0.1", 0, respond))
        with pytest.raises(ZeroDivisionError):
            await endpoint.start()
        endpoint._reopen_soon()
        kept = tuple(endpoint.tasks)  # else it would be heard of when the task is collected
        await until(lambda: errors, what="the fault")
        assert all(task.done() for task in kept)
        endpoint.close()

    asyncio.run(body())


class Stubborn:
    """Takes its time to be cancelled."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_go = asyncio.Event()

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.asked.set()
            await self.may_go.wait()


@pytest.mark.parametrize("which", ["server", "simulator"])
def test_who_is_cancelled_while_it_stops_something_is_cancelled(which: str) -> None:
    async def stopping(owner: Any, name: str) -> None:
        slow = Stubborn()
        await asyncio.sleep(0)
        getattr(owner, name).cancel()
        task = asyncio.create_task(slow.run())
        await asyncio.sleep(0)
        setattr(owner, name, task)
        stop = asyncio.create_task(owner.stop())
        await slow.asked.wait()
        stop.cancel()
        slow.may_go.set()
        await asyncio.wait({stop, task})
        assert stop.cancelled()

    async def body() -> None:
        if which == "server":
            async with serving() as bench:
                await stopping(bench.server, "_watch")
        else:
            async with simulated() as simulator:
                await stopping(simulator, "_task")

    asyncio.run(body())
