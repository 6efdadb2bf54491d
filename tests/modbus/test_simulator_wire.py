"""A simulated port that is opened and closed by several at once: the last word holds, and nothing stays open."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ess_actors.modbus.simulator_talk import Odd
from ess_actors.modbus.simulator_wire import TcpWire
from tests.modbus.modbus_peers import until
from tests.modbus.simulated import on_both_loops


def respond(unit: int, pdu: bytes) -> bytes | Odd | None:
    return None


def slow_opening(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Opening a port takes some turns of the loop; the servers that came of it."""
    loop = asyncio.get_running_loop()
    create, made = loop.create_server, []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(loop, name)

        async def create_server(self, *arguments: Any, **settings: Any) -> Any:
            await asyncio.sleep(0)
            made.append(await create(*arguments, **settings))
            await asyncio.sleep(0)
            return made[-1]

    monkeypatch.setattr("ess_actors.modbus.simulator_wire.asyncio.get_running_loop", Slow)
    return made


def sockets() -> set[str]:
    """Those of this process."""
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(str(one.readlink()))
    return {name for name in found if name.startswith("socket")}


async def opened(address: tuple[str, int]) -> bool:
    try:
        _, writer = await asyncio.open_connection(*address)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


def test_two_who_open_it_at_once_open_one_port() -> None:
    async def body() -> None:
        with pytest.MonkeyPatch.context() as patch:
            made = slow_opening(patch)
            wire = TcpWire("127.0.0.1", 0, respond)
            await asyncio.gather(wire.start(), wire.start())
        assert len(made) == 1 and await opened(wire.address)
        wire.close()
        assert not await opened(wire.address)

    on_both_loops(body)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_closing_it_while_it_opens_closes_it(turns: int) -> None:
    async def body() -> None:
        with pytest.MonkeyPatch.context() as patch:
            made = slow_opening(patch)
            wire = TcpWire("127.0.0.1", 0, respond)
            opening = asyncio.create_task(wire.start())
            for _ in range(turns):
                await asyncio.sleep(0)
            wire.stop()
            if turns == 0:  # it was closed before it was opened
                opening.cancel()
            await asyncio.wait({opening})
            assert all(not server.is_serving() for server in made)
            await wire.start()
        assert await opened(wire.address), "and it can be opened again"
        wire.close()

    on_both_loops(body)


@pytest.mark.parametrize("turns", range(1, 9))
def test_an_opening_that_is_given_up_leaves_nothing_behind(turns: int) -> None:
    async def body() -> None:
        before = sockets()
        wire = TcpWire("127.0.0.1", 0, respond)
        opening = asyncio.create_task(wire.start())
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait({opening})
        wire.close()
        await until(lambda: sockets() <= before, what="the socket closed")

    on_both_loops(body)
