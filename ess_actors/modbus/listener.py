"""A Modbus/TCP listener, with or without TLS: who comes in, who has to leave; requests are answered elsewhere."""

import asyncio
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ess_actors.core.points import Tls
from ess_actors.modbus.listener_places import allows, networks, who_gives_way
from ess_actors.modbus.listener_session import ListenerCounters, Respond, Session
from ess_actors.modbus.tls_context import server_context

HANDSHAKE_S: Final = 5.0
_AT_ONCE: Final = 16
"""Connections taken in before the others have their turn."""
_BREATH_S: Final = 0.5
"""How long nobody is taken in when this process has no file descriptor left."""
_BACKLOG: Final = 128


class Listener:
    """Listens on host:port (0 = a free port, see `port` after start) until stopped; may be started again.

    `allow_from` are networks in CIDR form, empty = everybody. When `max_clients` are connected, see
    `listener_places` for who gives way to a new one; without such a one it is turned away. `idle_timeout_s`
    closes a connection that sends no complete request for so long, 0 = never.
    """

    def __init__(
        self,
        host: str,
        port: int,
        respond: Respond,
        *,
        max_clients: int = 32,
        allow_from: Sequence[str] = (),
        idle_timeout_s: float = 0.0,
        tls: Tls | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host, self.port = host, port
        self.speaking = ""
        self.respond = respond
        self.clock = clock
        self.max_clients = max_clients
        self.idle_timeout_s = idle_timeout_s
        self.allowed = networks(allow_from)
        self.counters = ListenerCounters()
        self.sessions: set[Session] = set()
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._shut_until = 0.0
        self._door: socket.socket | None = None
        self._closed_until: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def place(self) -> str:
        """Host and port for people."""
        return f"{self.host}:{self.port}"

    @property
    def listening(self) -> bool:
        """True between start and stop."""
        return self._door is not None

    async def start(self) -> None:
        """Raises OSError when the address or a TLS file cannot be had."""
        if self._door is not None:
            return
        if self._tls is not None:
            self.renew_tls(self._tls)
        self._door = await _door(self.host, self.port)
        self.port = self._door.getsockname()[1]
        self._open()
        self._look_for_idle()

    def stop(self) -> None:
        """Closes the door and every connection at once."""
        for timer in (self._sweep, self._closed_until):
            if timer is not None:
                timer.cancel()
        self._sweep = self._closed_until = None
        door, self._door = self._door, None
        if door is not None:
            asyncio.get_running_loop().remove_reader(door)
            door.close()
        self.disconnect_all()

    def shut(self, seconds: float) -> None:
        """Nobody comes in for so long; who is in stays."""
        self._shut_until = self.clock() + seconds if seconds > 0 else 0.0

    def disconnect_all(self) -> None:
        """Closes every connection; the door stays open."""
        for session in tuple(self.sessions):
            session.hang_up()

    def renew(self, *, max_clients: int, allow_from: Sequence[str], idle_timeout_s: float) -> None:
        """Other limits from now on; those who are in stay, unless their network is no longer allowed."""
        self.max_clients, self.idle_timeout_s = max_clients, idle_timeout_s
        self.allowed = networks(allow_from)
        for session in tuple(self.sessions):
            if not allows(self.allowed, session.peer):
                session.hang_up()
        if self._sweep is None and self._door is not None:
            self._look_for_idle()

    def renew_tls(self, tls: Tls) -> None:
        """Reads the certificates again; who is connected stays so. Raises OSError and changes nothing."""
        self._context = server_context(tls)
        self._tls = tls

    def admits(self, peer: str) -> bool:
        """Whether one more connection from `peer` (an address) is served; another may have to go for it."""
        if self._shut_until and self.clock() < self._shut_until:
            return False
        if not allows(self.allowed, peer):
            self.counters.strangers += 1
            return False
        if len(self.sessions) < self.max_clients:
            return True
        leaves = who_gives_way(self.sessions, peer, self.clock())
        if leaves is None:
            self.counters.refused += 1
            return False
        self.counters.evicted += 1
        leaves.hang_up()
        return True

    # --- details ----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._closed_until = None
        if self._door is not None:
            asyncio.get_running_loop().add_reader(self._door, self._take_in)

    def _take_in(self) -> None:
        """A few of those who wait. They are judged before anything is spent on them."""
        for _ in range(_AT_ONCE):
            if self._door is None:
                return
            try:
                connection, address = self._door.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:
                # No descriptor or no memory left: the same connection would be reported again and again.
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._door)
                self._closed_until = loop.call_later(_BREATH_S, self._open)
                return
            peer = str(address[0])
            if not self.admits(peer):
                connection.close()
                continue
            connection.setblocking(False)
            session = Session(self, peer)
            self.sessions.add(session)
            session.opening = asyncio.get_running_loop().create_task(self._connect(session, connection))
            session.opening.add_done_callback(partial(_settle, session, connection))

    async def _connect(self, session: Session, connection: socket.socket) -> None:
        limit = HANDSHAKE_S if self._context else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: session, connection, ssl=self._context, ssl_handshake_timeout=limit
            )
        except OSError:
            self.counters.handshakes += 1
            self.sessions.discard(session)

    def _look_for_idle(self) -> None:
        """Again and again for as long as there is a limit."""
        limit = self.idle_timeout_s
        self._sweep = None
        if limit <= 0:
            return
        now = self.clock()
        for session in tuple(self.sessions):
            if now - session.heard_at >= limit:
                self.counters.idle += 1
                session.hang_up()
        pause = min(1.0, max(0.05, limit / 4))
        self._sweep = asyncio.get_running_loop().call_later(pause, self._look_for_idle)


def _settle(session: Session, connection: socket.socket, opening: asyncio.Task[None]) -> None:
    """The task that opened a connection is over: either it has its transport, or its socket goes."""
    session.opening = None
    if session.transport is None:
        connection.close()


async def _door(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError with the address in its text."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    door = socket.socket(family, kind, protocol)
    try:
        door.setblocking(False)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(_BACKLOG)
    except OSError as error:
        door.close()
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise OSError(error.errno or errno.EIO, f"cannot listen on {host}:{port}: {reason}") from error
    return door
