"""A link to a scripted device for the Modbus tests, on either event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from ess_actors.core.points import Endpoint
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.tcp_link import TcpLink
from tests.modbus.modbus_peers import Call, Device, device

TIMEOUT = 0.15

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Script = Callable[[Call], Awaitable[None]]

both_loops = pytest.mark.parametrize(
    "run", [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]
)


def read(address: int = 10, count: int = 4, unit: int = 1, function: int = 3) -> Request:
    return Request(unit, function, address, count)


def right(address: int = 10, count: int = 4) -> bytes:
    return b"".join(n.to_bytes(2, "big") for n in range(address, address + count))


def endpoint(port: int, **settings: Any) -> Endpoint:
    """On loopback, with times short enough for a test."""
    quick = {"transfer_timeout_s": TIMEOUT, "reconnect_min_s": 0.02, "reconnect_max_s": 0.08}
    return Endpoint(name="device", host="127.0.0.1", port=port, **{**quick, **settings})


@asynccontextmanager
async def linked(script: Script, **settings: Any) -> AsyncIterator[tuple[TcpLink, Device]]:
    async with device(script) as peer:
        link = open_link(endpoint(peer.port, **settings))
        assert isinstance(link, TcpLink)
        link.start()
        try:
            assert await link.wait_connected(2.0)
            yield link, peer
        finally:
            await link.stop()


async def asked(script: Script, *requests: Request, **settings: Any) -> tuple[list[Answer], TcpLink]:
    """The answers to `requests`, one after the other, from a device that follows `script`."""
    async with linked(script, **settings) as (link, _):
        return [await link.request(request) for request in requests], link
