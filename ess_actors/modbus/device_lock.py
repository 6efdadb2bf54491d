"""One writer per device: a lock of the whole machine that the kernel frees when its process dies, however it dies."""

import hashlib
import os
import socket
import struct
from typing import Final

from ess_actors.core.points import Endpoint

_CREDENTIALS: Final = struct.Struct("3i")
_ASKED_AT_MOST: Final = 256
"""Nobody answers the questions for the holder; behind so many of them it cannot be told any more."""
_LONGEST: Final = 90
"""Bytes of an abstract socket's name that are free for the place."""


class DeviceLock:
    """The lock of one endpoint: an abstract Unix socket, which only one socket of a network namespace can be bound to.

    Unlike a locked file it leaves nothing behind, needs no folder that all may write to, and tells who holds it. A
    forked child would share it; whoever holds one must not fork.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        place = os.path.realpath(endpoint.place) if endpoint.serial else endpoint.place.lower()
        name = place.encode()
        if len(name) > _LONGEST:
            name = hashlib.sha256(name).hexdigest().encode()
        self._name = b"\0ess_actors/device/" + name
        self._socket: socket.socket | None = None

    def take(self) -> bool:
        """True when this process has it from now on (or had it)."""
        if self._socket is not None:
            return True
        mine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mine.bind(self._name)
            mine.listen(_ASKED_AT_MOST)
        except OSError:
            mine.close()
            return False
        self._socket = mine
        return True

    def free(self) -> None:
        """Somebody else may have it now."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def holder(self) -> int | None:
        """The process that has it, also one that is stopped; None when nobody does, or it cannot be told.

        Ask seldom: each question stays in the holder's queue.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.setblocking(False)
            try:
                asking.connect(self._name)
                told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            except OSError:
                return None
        pid: int = _CREDENTIALS.unpack(told)[0]
        return pid or None
