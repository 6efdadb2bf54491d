"""What is measured against: a process that only reads the site's registers, with a library that is not ours."""

import multiprocessing
import time
from multiprocessing.sharedctypes import Synchronized

import psutil

from ess_actors.config.modbus_client import load_client
from ess_actors.core.polling import plan
from tests.system.running_site import REPOSITORY


class Reference:
    """Reads every block of every client of the dual site at its period until the block ends."""

    def __init__(self, ports: dict[str, str]) -> None:
        self._stop: Synchronized[int] = multiprocessing.Value("i", 0)
        self._process = multiprocessing.get_context("fork").Process(target=_read, args=(ports, self._stop))

    def __enter__(self) -> "Reference":
        self._process.start()
        return self

    def cpu_percent(self, seconds: float) -> float:
        process = psutil.Process(self._process.pid)
        process.cpu_percent()
        time.sleep(seconds)
        return process.cpu_percent()

    def __exit__(self, *_: object) -> None:
        self._stop.value = 1
        self._process.join(5)
        self._process.kill()


def _read(ports: dict[str, str], stop: "Synchronized[int]") -> None:
    from pyModbusTCP.client import ModbusClient

    jobs = []
    for stem, where in ports.items():
        host, _, port = where.partition(":")
        client = ModbusClient(host, int(port), auto_open=True, timeout=2)
        maps, _ = load_client(REPOSITORY / f"configs/dual_bms/modbus_client/{stem}.json")
        for component in maps[0].components:
            jobs += [
                [time.monotonic(), cycle.period_ms / 1000, client, cycle.blocks] for cycle in plan(component)
            ]
    reads = {
        1: "read_coils",
        2: "read_discrete_inputs",
        3: "read_holding_registers",
        4: "read_input_registers",
    }
    while not stop.value:
        job = min(jobs, key=lambda j: j[0])
        time.sleep(max(0.0, job[0] - time.monotonic()))
        job[0] += job[1]
        for block in job[3]:
            job[2].unit_id = block.unit
            getattr(job[2], reads[block.function])(block.address, block.count)
