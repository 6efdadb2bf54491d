"""Peers for the Modbus tests: a scripted device that misbehaves on purpose, and waiting on conditions."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


async def until(condition: Callable[[], object], seconds: float = 10.0, what: str = "condition") -> None:
    """Returns once `condition()` is true; fails after `seconds`."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"{what} not met within {seconds} s"
        await asyncio.sleep(0.002)


def request_frame(transaction: int, unit: int, pdu: bytes, protocol: int = 0) -> bytes:
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1, unit) + pdu


def read_pdu(function: int, address: int, count: int) -> bytes:
    return struct.pack(">BHH", function, address, count)


def words_pdu(function: int, *words: int) -> bytes:
    return struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)


class Heard:
    """One request as a device saw it, on whatever line."""

    def __init__(self, unit: int, pdu: bytes) -> None:
        self.unit, self.pdu = unit, pdu
        self.time = time.monotonic()

    @property
    def function(self) -> int:
        return self.pdu[0]

    @property
    def address(self) -> int:
        return int.from_bytes(self.pdu[1:3], "big")

    @property
    def count(self) -> int:
        return int.from_bytes(self.pdu[3:5], "big")

    async def aged(self, seconds: float) -> None:
        """Returns when the request is so old: for devices that take their time."""
        old, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.call_later(self.time + seconds - time.monotonic(), old.set)
        await old.wait()


class Call(Heard):
    """One Modbus TCP request; every way to answer it, right or wrong."""

    def __init__(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        self.transaction, _, _, unit = struct.unpack(">HHHB", frame[:7])
        super().__init__(unit, frame[7:])
        self.writer = writer

    def frame(self, pdu: bytes, *, transaction: int | None = None, unit: int | None = None) -> bytes:
        return request_frame(
            self.transaction if transaction is None else transaction,
            self.unit if unit is None else unit,
            pdu,
        )

    def registers(self) -> bytes:
        """The right answer of a device whose register n holds n."""
        return self.frame(words_pdu(self.function, *range(self.address, self.address + self.count)))

    def send(self, *chunks: bytes) -> None:
        self.writer.write(b"".join(chunks))


class Device:
    """A TCP peer on 127.0.0.1 that does what its script says for every request it gets."""

    def __init__(self, script: Callable[[Call], Awaitable[None]]) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.connections = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(6)
                body = await reader.readexactly(int.from_bytes(head[4:6], "big"))
                call = Call(head + body, writer)
                self.calls.append(call)
                await self.script(call)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()


@asynccontextmanager
async def device(script: Callable[[Call], Awaitable[None]], port: int = 0) -> AsyncIterator[Device]:
    """A running Device; everything of it is closed at the end."""
    peer = Device(script)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", port)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        peer.hang_up()
        await asyncio.sleep(0)


async def honest(call: Call) -> None:
    """Register n holds n; writes are echoed."""
    call.send(call.registers() if call.function <= 4 else call.frame(call.pdu[:5]))


def with_the_next(address: int) -> Callable[[Call], Awaitable[None]]:
    """Answers requests for `address` too late, together with the next other one."""
    late: list[bytes] = []

    async def script(call: Call) -> None:
        if call.address == address:
            late.append(call.registers())
        else:
            call.send(*late, call.registers())
            late.clear()

    return script
