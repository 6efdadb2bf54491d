"""The HTTP server inside an asyncio loop that belongs to somebody else: no signal, no exit, a prompt stop."""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ess_actors.core.errors import ConfigError
from ess_actors.web.origin import SOCKET_MARK

GRACE_S: Final = 0.4
"""Seconds that running requests get to finish after `stop`; what is left is cut off."""

HEAD_LIMIT_S: Final = 10.0
"""So long the head of a request may take to come."""


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


def bind_local(path: str) -> socket.socket:
    """A listening local socket for its owner and group; one that nobody serves any more is replaced.

    Raises ConfigError that says what to do.
    """
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if stat.S_ISSOCK(_mode(path)):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(path) == 0:
                    raise OSError(errno.EADDRINUSE, "somebody serves it")
            Path(path).unlink()
        bound.bind(path)
        Path(path).chmod(0o660)  # before it listens: nobody gets in between
        bound.listen(128)
    except OSError as problem:
        bound.close()
        raise ConfigError(
            f"operator API: cannot listen on {path} ({problem.strerror or problem}); correct access.socket.path"
        ) from None
    bound.setblocking(False)
    return bound


def _mode(path: str) -> int:
    try:
        return Path(path).lstat().st_mode
    except FileNotFoundError:
        return 0


class _Marked:
    """ASGI: tells the app that a request came over the local socket, which no header can claim."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves it."""
        await self._app({**scope, SOCKET_MARK: True}, receive, send)


class _Impatient(H11Protocol):
    """Closes a connection over which no whole head of a request comes: each of them costs a descriptor."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late: asyncio.TimerHandle | None = None
        self._look_at_clock()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look_at_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._put_off()
        super().connection_lost(exc)

    def _look_at_clock(self) -> None:
        """Time runs from the beginning of the connection, and from what comes while no request is under way; from an
        answer to that the server's own time for idle connections runs."""
        if self.conn.their_state is not h11.IDLE:
            self._put_off()
        elif self._late is None and self.timeout_keep_alive_task is None:
            self._late = self.loop.call_later(HEAD_LIMIT_S, self.transport.close)

    def _put_off(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


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

    def __init__(self, app: Starlette, certificate: str = "", key: str = "") -> None:
        """With a certificate (PEM files) it speaks TLS only. Raises ConfigError when that cannot be used."""
        self._app = app
        try:
            self._servers = [_guest(app, certificate, key)]
        except (OSError, ValueError) as problem:
            raise ConfigError(
                f"operator API: TLS cannot be used ({problem}); correct access.tls in site.json"
            ) from None
        self._local = _guest(_Marked(app))
        self._path = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, bound: socket.socket, local: socket.socket | None = None) -> tuple[str, int]:
        """Serves on sockets of `bind` and `bind_local` (owned by the server from now on): its (host, port)."""
        address = bound.getsockname()
        sockets = [bound]
        if local is not None:
            self._path = str(local.getsockname())
            self._servers.append(self._local)
            sockets.append(local)
        for server, one in zip(self._servers, sockets, strict=True):
            task = asyncio.ensure_future(server.serve(sockets=[one]))
            self._tasks.add(task)
            up = asyncio.ensure_future(server.up.wait())
            await asyncio.wait({up, task}, return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            if task.done():
                await task
        return str(address[0]), int(address[1])

    @property
    def ended(self) -> bool:
        """Whether nothing is served any more."""
        return all(task.done() for task in self._tasks)

    @property
    def was_cut(self) -> bool:
        """Whether its stop had to cut requests that did not end."""
        return any(server.force_exit for server in self._servers)

    async def wait(self) -> None:
        """Returns when a server has ended; raises what ended it."""
        if self._tasks:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def stop(self) -> None:
        """Ends event streams at once, gives requests GRACE_S seconds, then cuts. Takes less than 1 s."""
        if self.ended:
            return
        self._app.state.closing.set()
        for server in self._servers:
            server.should_exit = True
            server.leaving.set()
        _, running = await asyncio.wait(self._tasks, timeout=GRACE_S)
        if running:
            for server in self._servers:
                _cut(server)
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        if self._path:
            with contextlib.suppress(OSError):
                os.unlink(self._path)  # noqa: PTH108  (one call, at the end)


def _guest(app: ASGIApp, certificate: str = "", key: str = "") -> _Guest:
    config = uvicorn.Config(
        app,
        http=_Impatient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    config.load()  # reads the certificate: here it can be refused, later it would end the process
    return _Guest(config)


def _cut(server: _Guest) -> None:
    server.force_exit = True
    for task in list(server.server_state.tasks):
        task.cancel()
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
