"""Random and mutated requests against the whole site server, on TCP and on a serial line, beside honest masters.

As a script: `python -m tests.modbus.fuzz_server --seconds 600`; the last line is the verdict.
"""

import argparse
import asyncio
import os
import sys
import time
import tty
from dataclasses import dataclass, field, replace
from typing import Any, Final

import psutil
import uvloop

from ess_actors.core.bank import Bank
from ess_actors.core.codec import Shape
from ess_actors.core.points import Serial, Table
from ess_actors.core.rtu import seal
from ess_actors.core.server_points import ServerMap
from ess_actors.modbus.answering import answer
from ess_actors.modbus.server import Server
from ess_actors.modbus.server_unit import BankUnit
from tests.modbus.fuzz_requests import Chance
from tests.modbus.modbus_peers import read_pdu, request_frame
from tests.modbus.modbus_site import HS, entry, site

UNIT: Final = 3
_WARM_S: Final = 5.0
"""Before this much time memory still grows to what the work needs."""


@dataclass
class Figures:
    """What a run came to."""

    frames: int = 0
    """Broken or random frames sent on sockets and on the line."""
    units: int = 0
    """Data units given to the server without a wire."""
    honest: int = 0
    """Right answers that honest masters got meanwhile."""
    crashes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    rss_growth: int = 0
    """Bytes, after warming up."""

    def __str__(self) -> str:
        return (
            f"{self.seconds:.0f} s: {self.frames} frames on wires ({self.frames / self.seconds:.0f}/s), "
            f"{self.units} data units ({self.units / self.seconds:.0f}/s), {self.honest} honest answers, "
            f"{len(self.crashes)} crashes, RSS {self.rss_growth / 1024:+.0f} KiB"
        )


def attacked() -> ServerMap:
    """Every kind of entry, on one unit that a line can have."""
    kinds = (
        entry("n", 0, HS, table=Table.HOLDING, signed=True, scale=10),
        entry("w", 1, HS, table=Table.HOLDING, size=2),
        entry("f", 4, HS, table=Table.HOLDING, size=2, is_float=True),
        entry("l", 8, HS, table=Table.HOLDING, size=4),
        entry("b", 14, HS, table=Table.HOLDING, shape=Shape.FIELD),
        entry("e", 15, HS, table=Table.HOLDING, shape=Shape.ENUM),
        entry("i", 2, HS, table=Table.INPUT),
    )
    coils = tuple(one for one in site().entries if one.id == "enable")
    own = tuple(replace(one, unit=UNIT) for one in (*kinds, *coils))
    truth = entry("truth", 100, "/truth", table=Table.INPUT, unit=UNIT, size=2)
    return ServerMap(
        stem="s", file="s", system_id="s", host="127.0.0.1", port=0, entries=(*own, truth), stale_after_ms=50
    )


class Fuzz:
    """One run; `stop` ends it."""

    def __init__(self, seed: int) -> None:
        self.figures = Figures()
        self.chance = Chance(seed)
        self.until = 0.0
        server_map = attacked()
        self.bank = Bank(server_map, time.monotonic())
        self.tcp = Server(self.bank, "127.0.0.1", 0, self.taken, max_clients=16, idle_timeout_s=5.0)
        self.ours, self.theirs = os.openpty()
        tty.setraw(self.theirs)
        os.set_blocking(self.ours, False)
        self.line = Server(
            self.bank, "", 0, self.taken, serial=Serial(device=os.ttyname(self.theirs), baud_rate=1_000_000)
        )
        self.truth = 0

    def taken(self, written: list[Any]) -> None:
        if not written:
            self.figures.crashes.append("a write of nothing was told")

    @property
    def running(self) -> bool:
        return time.monotonic() < self.until

    async def run(self, seconds: float) -> Figures:
        loop, figures = asyncio.get_running_loop(), self.figures
        loop.set_exception_handler(
            lambda _, context: figures.crashes.append(str(context.get("exception") or context["message"]))
        )
        await self.tcp.start()
        await self.line.start()
        begin = time.monotonic()
        self.until = begin + seconds
        tasks = [self.hostile(n) for n in range(4)] + [self.honest(), self.hostile_line(), self.bus()]
        jobs = [asyncio.create_task(self.guarded(task)) for task in (*tasks, self.watch(begin))]
        await asyncio.gather(*jobs)
        figures.seconds = time.monotonic() - begin
        await self.tcp.stop()
        await self.line.stop()
        loop.remove_reader(self.ours)
        os.close(self.ours)
        os.close(self.theirs)
        return figures

    async def guarded(self, work: Any) -> None:
        try:
            await work
        except Exception as error:
            self.figures.crashes.append(f"{type(error).__name__}: {error}")
            self.until = 0.0

    async def watch(self, begin: float) -> None:
        process, warm = psutil.Process(), 0
        while self.running:
            await asyncio.sleep(min(1.0, max(0.05, self.until - time.monotonic())))
            if not warm and time.monotonic() - begin >= _WARM_S:
                warm = process.memory_info().rss
        self.figures.rss_growth = process.memory_info().rss - warm if warm else 0

    async def bus(self) -> None:
        """Publications, silence of 50 ms now and then, and data units that need no wire."""
        image = BankUnit(self.bank, UNIT, lambda: False)
        while self.running:
            self.truth += 1
            self.tcp.commit("/truth", {"truth": self.truth * 0x10001})
            self.tcp.commit(HS, {name: self.chance.value() for name in "nwflbei"})
            for _ in range(50):
                pdu = self.chance.pdu()
                reply = answer(pdu, image)
                if not 2 <= len(reply) <= 253 or reply[0] & 0x7F != pdu[0] & 0x7F:
                    self.figures.crashes.append(f"{pdu.hex()} -> {reply.hex()}")
                image.taken()
            self.figures.units += 50
            await asyncio.sleep(self.chance.random.choice((0, 0, 0, 0.001, 0.06)))

    async def honest(self) -> None:
        """Always the same connection, and always an answer that is one commit."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.tcp.port)
        transaction = 0
        while self.running:
            transaction = (transaction + 1) & 0xFFFF
            before = self.truth
            writer.write(request_frame(transaction, UNIT, read_pdu(4, 100, 2)))
            heard = await asyncio.wait_for(reader.readexactly(13), 10.0)
            high, low = int.from_bytes(heard[9:11], "big"), int.from_bytes(heard[11:13], "big")
            late = (low - before) & 0xFFFF > 0x7FFF  # the number wraps
            if heard[:2] != transaction.to_bytes(2, "big") or high != low or late:
                raise AssertionError(f"{heard.hex()} where {before:x} or later was due")
            self.figures.honest += 1
        writer.close()

    async def hostile(self, number: int) -> None:
        """Connections that send anything in any pieces; some never read, some vanish, some stay silent."""
        draw = self.chance.random
        while self.running:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.tcp.port)
                for _ in range(draw.randint(1, 40)):
                    frame = request_frame(
                        draw.randrange(65536), draw.choice((0, UNIT, UNIT, 9, 255)), self.chance.pdu()
                    )
                    if draw.random() < 0.1:
                        frame = self.chance.mutated(frame)
                    cut = draw.randrange(len(frame) + 1)
                    writer.write(frame[:cut])
                    await asyncio.sleep(0)
                    writer.write(frame[cut:] * draw.choice((1, 1, 1, 30)))
                    self.figures.frames += 1
                    if draw.random() < 0.3:
                        await asyncio.wait_for(reader.read(4096), 0.01)
            except (ConnectionError, TimeoutError, RuntimeError):
                pass  # uvloop's word for a connection that is gone is RuntimeError
            if draw.random() < 0.5:
                writer.transport.abort()
            else:
                writer.close()

    async def hostile_line(self) -> None:
        """Anything on the line, with a good request in between that must be answered."""
        draw, heard = self.chance.random, bytearray()
        ours, loop = self.ours, asyncio.get_running_loop()
        loop.add_reader(ours, lambda: heard.extend(os.read(ours, 4096)))
        while self.running:
            for _ in range(draw.randint(1, 10)):
                frame = seal(draw.choice((0, UNIT, UNIT, 9, 247)), self.chance.pdu())
                self.say(self.chance.mutated(frame) if draw.random() < 0.3 else frame)
                self.figures.frames += 1
                await asyncio.sleep(draw.choice((0, 0.0001, 0.003)))
            await self.asked_on_line(heard)
            self.figures.honest += 1

    async def asked_on_line(self, heard: bytearray) -> None:
        """As a master does: asked again after a time-out, for the line may not have been silent for long enough."""
        for _ in range(20):
            await asyncio.sleep(0.07)  # the silence that ends whatever was begun
            heard.clear()
            self.say(seal(UNIT, read_pdu(4, 100, 2)))
            limit = time.monotonic() + 0.5
            while time.monotonic() < limit:
                words = heard[3:7]
                if words[:2] == words[2:] and heard == seal(UNIT, b"\x04\x04" + words):
                    return
                await asyncio.sleep(0.001)
        raise AssertionError(f"no answer on the line but {heard.hex()}")

    def say(self, frame: bytes) -> None:
        try:
            os.write(self.ours, frame)
        except BlockingIOError:
            return  # the line is full: on a real one the bytes would meet others


def fuzz(seconds: float, seed: int) -> Figures:
    """One run on a loop of its own."""
    return uvloop.run(Fuzz(seed).run(seconds))


def main() -> int:
    """For the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    figures = fuzz(options.seconds, options.seed)
    for crash in dict.fromkeys(figures.crashes):
        sys.stdout.write(f"crash: {crash}\n")
    sys.stdout.write(f"{figures}\n")
    return 1 if figures.crashes else 0


if __name__ == "__main__":
    sys.exit(main())
