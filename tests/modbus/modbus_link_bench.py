"""A link to a scripted device for the Modbus tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.link import Link
from tests.modbus.modbus_peers import Call, Device, device

TIMEOUT = 0.15


def read(address: int = 10, count: int = 4, unit: int = 1, function: int = 3) -> Request:
    return Request(unit, function, address, count)


def right(address: int = 10, count: int = 4) -> bytes:
    return b"".join(n.to_bytes(2, "big") for n in range(address, address + count))


@asynccontextmanager
async def linked(
    script: Callable[[Call], Awaitable[None]], **settings: float
) -> AsyncIterator[tuple[Link, Device]]:
    async with device(script) as peer:
        link = Link(
            "127.0.0.1",
            peer.port,
            transfer_timeout=settings.pop("transfer_timeout", TIMEOUT),
            backoff_min=settings.pop("backoff_min", 0.02),
            backoff_max=settings.pop("backoff_max", 0.08),
        )
        link.start()
        try:
            assert await link.wait_connected(2.0)
            yield link, peer
        finally:
            await link.stop()


def ask(script: Callable[[Call], Awaitable[None]], *requests: Request) -> tuple[list[Answer], Link]:
    """The answers to `requests`, one after the other, from a device that follows `script`."""

    async def body() -> tuple[list[Answer], Link]:
        async with linked(script) as (link, _):
            return [await link.request(request) for request in requests], link

    return asyncio.run(body())
