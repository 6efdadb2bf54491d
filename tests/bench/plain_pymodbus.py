"""What is measured against: the script one writes with pymodbus, asyncio and json. Arguments: port, period in s.

Reads the blocks one after the other, converts every point with the library's own converter, and sends one JSON
object per cycle to a UDP port of its own. It keeps absolute time, which such scripts seldom do.
"""

import asyncio
import json
import socket
import sys
import time

from pymodbus.client import AsyncModbusTcpClient

from tests.bench.polling_map import BLOCKS, SPACING, WORDS, entries


async def main(port: int, period: float) -> None:
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    kinds = {kind.name: kind for kind in client.DATATYPE}
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    out.connect(sink.getsockname())
    points = [list(entries(block)) for block in range(BLOCKS)]
    start = time.monotonic()
    for cycle in range(1, 1 << 30):
        body: dict[str, object] = {}
        for block in range(BLOCKS):
            first = block * SPACING
            answer = await client.read_holding_registers(first, count=WORDS, device_id=1)
            for entry in points[block]:
                words = answer.registers[entry.offset - first : entry.offset - first + entry.size]
                value = client.convert_from_registers(words, kinds[entry.kind.upper()])
                body[entry.id] = value / entry.scale if entry.scale != 1 else value  # type: ignore[operator]
        message = json.dumps(body).encode()
        for place in range(0, len(message), 60000):
            out.send(message[place : place + 60000])
        while True:
            try:
                sink.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
        await asyncio.sleep(max(0.0, start + cycle * period - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
