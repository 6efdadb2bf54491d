"""The HTTP server inside an asyncio loop that belongs to somebody else: no signal, no exit, a prompt stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.applications import Starlette

from ess_actors.core.errors import ConfigError

GRACE_S: Final = 0.4
"""Seconds that running requests get to finish after `stop`; what is left is cut off."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 = any free one. Raises ConfigError that says what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise ConfigError(
            f"operator API: no address for {host}:{port} ({problem}); correct api.host"
        ) from None
    try:
        # A port in TIME_WAIT is free for us; one that somebody listens on is still refused.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except OSError as problem:
        bound.close()
        raise ConfigError(
            f"operator API: cannot listen on {host}:{port} ({problem.strerror}); "
            "stop what uses it, or choose another with --api HOST:PORT"
        ) from None
    bound.setblocking(False)
    return bound


class _Guest(uvicorn.Server):
    """Leaves the process's signals alone: they belong to the main thread. Sleeps when idle."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.leaving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        # uvicorn's own wakes up ten times a second; one is enough for the date header.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.leaving.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves one app (of `create_app`) from `start` to `stop`, both called on the loop it runs in."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._server = _Guest(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, bound: socket.socket) -> tuple[str, int]:
        """Serves on a socket made by `bind` (owned by the server from now on): its (host, port)."""
        address = bound.getsockname()
        self._task = asyncio.ensure_future(self._server.serve(sockets=[bound]))
        up = asyncio.ensure_future(self._server.up.wait())
        await asyncio.wait({up, self._task}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._task.done():
            await self._task
        return str(address[0]), int(address[1])

    async def wait(self) -> None:
        """Returns when the server has ended; raises what ended it."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Ends event streams at once, gives requests GRACE_S seconds, then cuts. Takes less than 1 s."""
        if self._task is None or self._task.done():
            return
        self._app.state.closing.set()
        self._server.should_exit = True
        self._server.leaving.set()
        done, _ = await asyncio.wait({self._task}, timeout=GRACE_S)
        if not done:
            self._cut()
            await asyncio.wait({self._task}, timeout=GRACE_S)

    def _cut(self) -> None:
        self._server.force_exit = True
        for task in list(self._server.server_state.tasks):
            task.cancel()
        for connection in list(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
