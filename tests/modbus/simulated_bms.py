"""A simulated battery for tests, and one call of a master that is not ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pyModbusTCP.client import ModbusClient

from ess_actors.core.points import ClientMap, Heartbeat, Table
from ess_actors.modbus.simulator import Simulator
from tests.modbus.modbus_maps import bits, client_map, coil, component, enum, number


def bms() -> ClientMap:
    return client_map(
        component(
            "ess_1/bms_info",
            number("soc", 100, scale=10),
            number("power", 101, signed=True),
            number("energy", 102, size=2, order=(1, 0)),
            *bits("flags", 104, {0: "over_voltage", 3: "over_temperature"}),
            enum("mode", 105, {0: "Off", 3: "Run"}),
            number("beat", 106),
            coil("closed", 7),
            coil("open", 8, inverted=True),
            heartbeat=Heartbeat(read="beat"),
        ),
        component("ess_1/rack_11", number("volts", 5, table=Table.INPUT, unit=11, scale=0.1), unit=11),
    )


@asynccontextmanager
async def simulated(*maps: ClientMap, **settings: Any) -> AsyncIterator[Simulator]:
    simulator = Simulator(maps or (bms(),), **settings)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


async def foreign(port: int, unit: int, call: str, *arguments: object) -> object:
    """One call of pyModbusTCP in a thread; None is its word for any failure."""

    def talk() -> object:
        client = ModbusClient(host="127.0.0.1", port=port, unit_id=unit, timeout=1.0, auto_open=True)
        try:
            return getattr(client, call)(*arguments)
        finally:
            client.close()

    return await asyncio.to_thread(talk)
