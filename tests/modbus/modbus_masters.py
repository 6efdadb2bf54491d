"""A listener of ours with masters on it, whose clock is what a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ess_actors.modbus.listener import Listener
from ess_actors.modbus.listener_session import Session
from tests.modbus.modbus_peers import read_pdu, request_frame, until, words_pdu

ASK = request_frame(7, 1, read_pdu(3, 10, 125))
ANSWER = request_frame(7, 1, words_pdu(3, *range(125)))

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def respond(unit: int, pdu: bytes) -> bytes:
    return words_pdu(3, *range(125))


class Site:
    """A listener and the masters on it; the time is what a test says."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.now = 100.0
        listener.clock = lambda: self.now
        self._writers: list[asyncio.StreamWriter] = []

    async def master(self, source: str = "127.0.0.1") -> Streams:
        before = self.listener.counters.accepted
        streams = await asyncio.open_connection("127.0.0.1", self.listener.port, local_addr=(source, 0))
        self._writers.append(streams[1])
        await until(lambda: self.listener.counters.accepted > before, what="the connection")
        return streams

    async def stranger(self, source: str = "127.0.0.1") -> Streams:
        """A connection that may not be let in."""
        streams = await asyncio.open_connection("127.0.0.1", self.listener.port, local_addr=(source, 0))
        self._writers.append(streams[1])
        return streams

    async def asked(self, streams: Streams) -> None:
        streams[1].write(ASK)
        assert await asyncio.wait_for(streams[0].readexactly(len(ANSWER)), 5.0) == ANSWER

    def session(self, streams: Streams) -> Session | None:
        own = streams[1].get_extra_info("sockname")
        for session in self.listener.sessions:
            if session.transport is not None and session.transport.get_extra_info("peername") == own:
                return session
        return None

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


async def gone(streams: Streams) -> bool:
    """True when the other end closed the connection without another byte."""
    try:
        return await asyncio.wait_for(streams[0].read(1), 5.0) == b""
    except ConnectionError:
        return True


@asynccontextmanager
async def site(answers: Any = respond, **limits: Any) -> AsyncIterator[Site]:
    listener = Listener("127.0.0.1", 0, answers, **limits)
    await listener.start()
    found = Site(listener)
    try:
        yield found
    finally:
        found.close()
        listener.stop()
        await until(lambda: not listener.sessions, what="all connections gone")
