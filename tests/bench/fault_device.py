"""Simulated devices in a process of their own, for whoever breaks them: orders as JSON lines, faults by the simulator.

The first line out is {stem: port}. A line in is [stem, fault]; the answer is the CLOCK_MONOTONIC of its effect.
Every 10 ms, or as many as the argument says, the point `clock` of every unit becomes the milliseconds of that clock;
`name` is unit * 100.
"""

import asyncio
import json
import sys
import time

from ess_actors.core.points import ClientMap
from ess_actors.modbus.simulator import Simulator
from tests.bench.fault_map import maps

TICK_S = int(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0.01


async def main() -> None:
    devices = maps({})
    simulator = Simulator(list(devices.values()))
    await simulator.start()
    loop = asyncio.get_running_loop()
    for stem, device in devices.items():
        names = {f"{c.id}/name": c.unit * 100 for c in device.components}
        simulator.set_points(stem, names)
    print(json.dumps({stem: port for stem, (_, port) in simulator.addresses.items()}), flush=True)
    ticking = asyncio.create_task(tick(simulator, devices))
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        stem, fault = json.loads(line)
        await simulator.fault(stem, fault)
        print(json.dumps(time.monotonic()), flush=True)
    ticking.cancel()
    await simulator.stop()


async def tick(simulator: Simulator, devices: dict[str, ClientMap]) -> None:
    while True:
        now = int(time.monotonic() * 1000)
        for stem, device in devices.items():
            simulator.set_points(stem, {f"{component.id}/clock": now for component in device.components})
        await asyncio.sleep(TICK_S)


if __name__ == "__main__":
    asyncio.run(main())
