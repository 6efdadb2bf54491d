"""The log of writes: what a device carried out, when, over which connection; nothing a master did not write."""

import asyncio
import struct
import time

from ess_actors.modbus.simulator_log import KEPT
from tests.modbus.simulated import gateway, raw, simulated


def write_pdu(address: int, value: int) -> bytes:
    return struct.pack(">BHH", 6, address, value)


def test_writes_are_told_with_their_values_their_time_and_their_connection() -> None:
    async def body() -> None:
        async with simulated(gateway()) as simulator:
            began = time.monotonic()
            async with raw(simulator, "plc") as one, raw(simulator, "plc") as other:
                await one.asked(1, 1, write_pdu(4, 17))
                await other.asked(1, 2, write_pdu(5, 18))
                await one.asked(2, 1, struct.pack(">BHHBHH", 16, 6, 2, 4, 1, 2))
            answer = simulator.writes.since(0)
            found = answer["writes"]
            assert isinstance(found, list)
            assert [record["points"] for record in found] == [
                {"unit_1/h4": 17},
                {"unit_2/h5": 18},
                {"unit_1/h6": 1, "unit_1/h7": 2},
            ]
            assert [record["number"] for record in found] == [1, 2, 3]
            assert found[0]["connection"] == found[2]["connection"] != found[1]["connection"]
            assert began <= found[0]["at"] <= found[2]["at"] <= answer["now"]
            assert simulator.writes.since(2)["writes"] == found[2:]
            assert (answer["last"], answer["missed"]) == (3, 0)

    asyncio.run(body())


def test_what_the_device_refuses_and_what_is_put_from_inside_is_no_write() -> None:
    async def body() -> None:
        async with simulated(gateway()) as simulator, raw(simulator, "plc") as line:
            await line.asked(1, 1, write_pdu(400, 1))
            simulator.set_points("plc", {"unit_1/h1": 5})
            await simulator.fault("plc", {"kind": "exception", "code": 4})
            await line.asked(2, 1, write_pdu(1, 1))
            assert simulator.writes.since(0)["writes"] == []

    asyncio.run(body())


def test_a_reader_that_is_too_slow_learns_how_much_it_missed() -> None:
    async def body() -> None:
        async with simulated(gateway()) as simulator, raw(simulator, "plc") as line:
            await line.asked(1, 1, write_pdu(4, 17))
            for number in range(KEPT + 4):
                simulator.writes._note("plc", "", {"unit_1/h4": number})
            answer = simulator.writes.since(2)
            assert answer["missed"] == 3
            assert answer["last"] == KEPT + 5

    asyncio.run(body())
