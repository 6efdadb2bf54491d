"""What a device's refusals lead to: which registers are left out, which are not, and what is told."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from ess_actors.core.component import ComponentState
from ess_actors.core.events import Event
from ess_actors.core.points import Component, Table
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_stats import Tally
from ess_actors.modbus.isolation import Isolation
from ess_actors.modbus.units import Units
from tests.modbus.modbus_bench import PERIOD_MS, against
from tests.modbus.modbus_maps import component, number
from tests.modbus.modbus_peers import Call, honest, until


def eight() -> Component:
    return component("c", *(number(f"p{n}", n, period_ms=PERIOD_MS) for n in range(8)), period_ms=PERIOD_MS)


def asks(call: Call, address: int) -> bool:
    return call.address <= address < call.address + call.count


@pytest.mark.parametrize("code", [4, 5, 6, 10])
def test_a_device_that_is_busy_or_broken_for_a_moment_loses_no_point(code: int) -> None:
    """While the search looks for p5, its neighbour p6 is answered with another exception."""

    async def body() -> None:
        moments = [1, 2, 3]

        async def script(call: Call) -> None:
            if asks(call, 5):
                call.send(call.frame(b"\x83\x02"))
            elif asks(call, 6) and call.count <= 2 and moments:
                moments.pop()
                call.send(call.frame(bytes((0x83, code))))
            else:
                await honest(call)

        async with against(script, eight()) as (client, heard, _):
            await until(lambda: client.states[0].isolated == {"p5"} and not moments, what="p5 found")
            await until(lambda: heard.body().get("p6") == 6 and heard.body().get("p4") == 4)
            assert client.states[0].isolated == {"p5"}
            assert not [event for event in heard.events if "p6" in event.message]

    asyncio.run(body())


def test_every_register_that_was_found_is_asked_once_more() -> None:
    async def body() -> None:
        once = [5]

        async def script(call: Call) -> None:
            refused = asks(call, 2) or (asks(call, 5) and bool(once))
            if asks(call, 5) and call.count == 1:
                once.clear()
            if refused:
                call.send(call.frame(b"\x83\x02"))
            else:
                await honest(call)

        async with against(script, eight()) as (client, heard, _):
            await until(lambda: heard.body().get("p5") == 5 and heard.body().get("p1") == 1)
            assert client.states[0].isolated == {"p2"}
            assert [
                e.message for e in heard.events if "refused" in e.message and "p2 " not in e.message
            ] == []

    asyncio.run(body())


def test_a_function_the_device_does_not_know_costs_the_whole_table_and_one_event() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.function == 4:
                call.send(call.frame(b"\x84\x01"))
            else:
                await honest(call)

        inputs = [
            number(f"i{n}", n, table=Table.INPUT, period_ms=PERIOD_MS) for n in (*range(5), *range(300, 330))
        ]
        part = component("c", number("a", 10, period_ms=PERIOD_MS), *inputs, period_ms=PERIOD_MS)
        async with against(script, replace(part, bad_point_retry_s=0.3)) as (client, heard, peer):
            await until(lambda: len(client.states[0].isolated) == 35)
            mark = len(peer.calls)
            await until(lambda: [c for c in peer.calls[mark:] if c.function == 4], what="a retry")
            await heard.next_body()
            asked = [c for c in peer.calls[mark:] if c.function == 4]
            assert {call.count for call in asked} == {1}, "one register stands for all"
            (told,) = [event for event in heard.events if "refused" in event.message]
            assert "and 34 more" in told.message and heard.body()["a"] == 10
            peer.script = honest
            await until(lambda: heard.body().get("i4") == 4 and heard.body().get("i329") == 329)
            assert len([event for event in heard.events if "served again" in event.message]) == 1
            assert client.states[0].isolated == set()

    asyncio.run(body())


def test_an_unknown_function_that_was_said_once_is_not_believed() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if len([c for c in peer.calls if c.function == 3]) == 2:
                call.send(call.frame(b"\x83\x01"))
            else:
                await honest(call)

        async with against(script, eight()) as (client, heard, peer):
            await until(lambda: len(heard.publications) >= 5)
            assert client.states[0].isolated == set()
            assert heard.publications[1].quality and heard.body()["p5"] == 5

    asyncio.run(body())


class _Asked:
    """Stands for the line: every request is answered well."""

    def __init__(self) -> None:
        self.units = Units([1, 2])
        self.addresses: list[int] = []

    async def ask(self, request: Request, tally: Tally, pause: float) -> Answer:
        self.addresses.append(request.address)
        return Answer(payload=bytes(2 * request.count), sent=1.0, received=1.0)


def test_retries_are_spent_on_points_that_are_asked() -> None:
    points = [number(f"p{n}", n, unit=2 if n < 10 else 1) for n in range(40)]
    state = ComponentState(component("c", *points), 0.0)
    line = _Asked()
    search = Isolation(state, cast(Asker, line), Tally())
    told: list[Event] = []
    for point in points:
        search._isolate(point.register, Answer(error="exception", code=2), -1000.0, told.append)
    line.units[2].resting = True
    state.disabled.update(f"p{n}" for n in range(10, 20))
    assert asyncio.run(search.after_cycle(1.0, told.append))
    assert line.addresses == list(range(20, 36))
    asyncio.run(search.after_cycle(2.0, told.append))
    assert line.addresses == list(range(20, 40))
    state.disabled.clear()
    asyncio.run(search.after_cycle(3.0, told.append))
    assert line.addresses[20:] == list(range(10, 20))
