"""Devices that want a pause between two requests get it, however many the link could carry."""

import asyncio
import time
from dataclasses import replace

from tests.modbus.modbus_bench import running
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, device, honest, until


def test_the_pause_between_two_requests_is_kept_where_several_may_be_open() -> None:
    async def body() -> None:
        pause, open_now, most = 0.03, 0, 0
        answered: list[float] = []
        between: list[float] = []

        async def answer(call: Call) -> None:
            nonlocal open_now
            await asyncio.sleep(0.01)
            open_now -= 1
            answered.append(time.monotonic())
            await honest(call)

        tasks: set[asyncio.Task[None]] = set()

        async def script(call: Call) -> None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            if answered:
                between.append(time.monotonic() - answered[-1])
            tasks.add(asyncio.create_task(answer(call)))

        parts = [component(f"u{n}", number("p", 10, period_ms=100), period_ms=100) for n in range(3)]
        parts = [replace(one, inter_message_delay_s=pause) for one in parts]
        async with device(script) as peer:
            found = client_map(*parts, port=peer.port)
            found = replace(found, endpoint=replace(found.endpoint, max_in_flight=4))
            async with running(found) as (_, heard):
                await until(lambda: len(heard.publications) >= 9)
        assert most == 1 and min(between) >= pause

    asyncio.run(body())
