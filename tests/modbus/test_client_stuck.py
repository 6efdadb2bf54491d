"""A client whose loop stopped turning says so; one whose device is silent, or that rests, does not."""

import asyncio
from dataclasses import replace

from ess_actors.modbus.client import Client
from tests.modbus.modbus_bench import running
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, device, until


def test_a_device_that_never_answers_does_not_make_the_client_stuck() -> None:
    async def body() -> None:
        asked = []

        async def mute(call: Call) -> None:
            asked.append(call)

        async with device(mute) as peer:
            found = client_map(component("u", number("p", 10, period_ms=50), period_ms=50), port=peer.port)
            async with running(found) as (client, _):
                await until(lambda: len(asked) >= 3)
                assert not client.stuck

    asyncio.run(body())


def test_a_turn_that_does_not_end_is_seen_and_a_rest_is_none() -> None:
    async def body() -> None:
        now = 1000.0
        found = client_map(component("u", number("p", 10, period_ms=50), period_ms=50), port=1)
        found = replace(found, endpoint=replace(found.endpoint, connect_timeout_s=0.01))
        client = Client(found, lambda _: None, clock=lambda: now)

        async def never(slots: object) -> None:
            await asyncio.Event().wait()

        client._timetable.due = lambda now: ["a slot"]  # type: ignore[assignment]
        client._loop._cycle = never  # type: ignore[method-assign]
        client._loop._begin = never  # type: ignore[method-assign]
        task = asyncio.create_task(client.run())
        await until(lambda: client._loop.busy_since is not None)
        now += 29.0
        assert not client.stuck
        now += 10_000.0
        assert client.stuck
        client._loop.busy_since = None
        assert not client.stuck
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not client.stuck

    asyncio.run(body())
