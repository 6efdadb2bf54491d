"""A thousand losses of the connection: nothing grows, and the link works afterwards."""

import asyncio
import gc
import os
import tracemalloc
from pathlib import Path

from ess_actors.modbus.lines import open_link
from tests.modbus.modbus_link_bench import Run, both_loops, endpoint, read, right
from tests.modbus.modbus_peers import Call, until

pytestmark = both_loops

FLAPS = 1000


class Flapper(asyncio.Protocol):
    """Loses every connection in one of several ways until it has lost `left` of them; then it is honest."""

    left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport
        self.way = Flapper.left % 4 if Flapper.left > 0 else 9
        Flapper.left -= 1
        if self.way == 0:
            transport.close()

    def data_received(self, chunk: bytes) -> None:
        call = Call(chunk, self.transport)  # type: ignore[arg-type]
        if self.way == 9:
            call.send(call.registers())
        elif self.way == 1:
            self.transport.abort()  # type: ignore[attr-defined]
        elif self.way == 2:
            call.send(call.registers()[:7])
            self.transport.close()
        else:
            call.send(b"\x00\x01\x00\x07garbage of another protocol")


def _open_files() -> int:
    return len(os.listdir(Path("/proc/self/fd")))  # noqa: PTH208 - the folder changes while it is listed


def test_a_thousand_flaps_in_a_row_leave_nothing_behind(run: Run) -> None:
    async def body() -> None:
        server = await asyncio.get_running_loop().create_server(Flapper, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        link = open_link(endpoint(port, reconnect_min_s=0.0001, reconnect_max_s=0.0001))
        link.start()

        async def flap(times: int) -> None:
            Flapper.left = times
            link.drop("again")
            while Flapper.left > 0:
                if await link.wait_connected(2.0):
                    await link.request(read())
            assert await link.wait_connected(2.0)
            while (await link.request(read())).payload != right():
                assert await link.wait_connected(2.0)
            gc.collect()

        await flap(FLAPS // 10)
        files, _ = _open_files(), tracemalloc.start()
        await flap(FLAPS // 10)
        before = tracemalloc.get_traced_memory()[0]
        await flap(FLAPS)
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert link.counters.connects >= FLAPS
        assert _open_files() == files
        assert grown < 20_000, f"{grown} bytes more after {FLAPS} losses"
        await link.stop()
        server.close()
        await until(lambda: _open_files() <= files, what="all sockets closed")

    try:
        run(body())
    finally:
        tracemalloc.stop()


def test_a_thousand_refused_connections_leave_nothing_behind(run: Run) -> None:
    async def body() -> None:
        server = await asyncio.get_running_loop().create_server(Flapper, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        link = open_link(endpoint(port, reconnect_min_s=0.0001, reconnect_max_s=0.0001))
        link.start()
        await until(lambda: link.counters.failed_connects >= 100, what="the first refusals")
        files = _open_files()
        await until(lambda: link.counters.failed_connects >= FLAPS, 60.0, "a thousand refusals")
        await link.stop()
        assert _open_files() <= files + 1

    run(body())
