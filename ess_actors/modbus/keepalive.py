"""How soon a peer that vanished without a word is noticed: the socket options of both ends of a connection."""

import asyncio
import socket
from typing import Final

KEEPALIVE: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000),
)
"""(level, option, value); seconds, the last one in ms. The kernel closes a dead connection after about 6 s."""


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Puts the options on an open TCP connection."""
    raw = transport.get_extra_info("socket")
    for level, option, value in KEEPALIVE:
        raw.setsockopt(level, option, value)
