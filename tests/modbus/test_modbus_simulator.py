"""Simulated devices judged by tools that are not ours: mbpoll (C, libmodbus) and pyModbusTCP."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ess_actors.core.errors import RequestError
from ess_actors.core.transaction import Request
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.link import Link
from ess_actors.modbus.simulator import Simulator
from tests.modbus.modbus_link_bench import endpoint
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import until
from tests.modbus.simulated_bms import bms, foreign, simulated


async def mbpoll(port: int, *arguments: str) -> tuple[int, str]:
    """One mbpoll run against our port: exit status and output."""
    command = ["mbpoll", "-0", "-1", "-q", "-o", "1", "-p", str(port), "127.0.0.1", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=10)
    return done.returncode, done.stdout + done.stderr


def test_points_are_shown_in_the_files_own_codec() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            port = simulator.addresses["bms_1"][1]
            simulator.set_points(
                "bms_1",
                {
                    "ess_1/bms_info/soc": 87.4,
                    "ess_1/bms_info/power": {"value": -250},
                    "ess_1/bms_info/energy": 100001,
                    "ess_1/bms_info/over_temperature": True,
                    "ess_1/bms_info/mode": "Run",
                    "ess_1/bms_info/closed": True,
                    "ess_1/bms_info/open": True,
                    "ess_1/rack_11/volts": 7310,
                },
            )
            assert await foreign(port, 1, "read_holding_registers", 100, 6) == [874, 65286, 0x86A1, 1, 8, 3]
            assert await foreign(port, 1, "read_coils", 7, 2) == [True, False]
            assert await foreign(port, 11, "read_input_registers", 5, 1) == [731]
            status, text = await mbpoll(port, "-a", "1", "-t", "4", "-r", "100", "-c", "2")
            assert status == 0 and "[100]: \t874" in text and "65286 (-250)" in text
            status, text = await mbpoll(port, "-a", "1", "-t", "4:int", "-r", "102", "-c", "1")
            assert status == 0 and "[102]: \t100001" in text, "libmodbus reads the low word first too"

    asyncio.run(body())


def test_what_a_master_writes_is_read_back_and_seen() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            port = simulator.addresses["bms_1"][1]
            assert (await mbpoll(port, "-a", "1", "-t", "4", "-r", "100", "555", "65529"))[0] == 0
            assert simulator.value("bms_1", "ess_1/bms_info/soc") == 55.5
            assert simulator.value("bms_1", "ess_1/bms_info/power") == -7
            assert (await mbpoll(port, "-a", "1", "-t", "0", "-r", "8", "1"))[0] == 0
            assert simulator.value("bms_1", "ess_1/bms_info/open") is False
            assert await foreign(port, 1, "write_multiple_coils", 7, [True, False])
            assert await foreign(port, 1, "read_coils", 7, 2) == [True, False]
            assert await foreign(port, 1, "write_read_multiple_registers", 105, [3], 104, 2) == [0, 3]

    asyncio.run(body())


def test_refusals_reach_a_foreign_master_with_their_code() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            port = simulator.addresses["bms_1"][1]
            status, text = await mbpoll(port, "-a", "1", "-t", "4", "-r", "99", "-c", "1")
            assert status == 1 and "Illegal data address" in text
            status, text = await mbpoll(port, "-a", "77", "-t", "4", "-r", "100", "-c", "1")
            assert status == 1 and "Target device failed to respond" in text

    asyncio.run(body())


def test_strict_gaps() -> None:
    async def body() -> None:
        gappy = client_map(component("c", number("a", 10), number("b", 13)))
        async with simulated(gappy) as simulator:
            assert (
                await foreign(simulator.addresses["bms_1"][1], 1, "read_holding_registers", 10, 4) == [0] * 4
            )
        async with simulated(gappy, strict_gaps=True) as simulator:
            port = simulator.addresses["bms_1"][1]
            assert await foreign(port, 1, "read_holding_registers", 10, 4) is None
            assert await foreign(port, 1, "read_holding_registers", 13, 1) == [0]

    asyncio.run(body())


def test_the_heartbeat_counts_by_itself_and_wraps() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            simulator.set_points("bms_1", {"ess_1/bms_info/beat": 65535})
            await until(lambda: simulator.value("bms_1", "ess_1/bms_info/beat") in (0, 1), 3.0, "the wrap")

    asyncio.run(body())


@asynccontextmanager
async def linked(simulator: Simulator, stem: str = "bms_1") -> AsyncIterator[Link]:
    link = open_link(endpoint(simulator.addresses[stem][1], reconnect_min_s=0.01, reconnect_max_s=0.05))
    link.start()
    try:
        assert await link.wait_connected(2.0)
        yield link
    finally:
        await link.stop()


SOC = Request(1, 3, 100, 1)
RACK = Request(11, 4, 5, 1)


def test_faults_on_demand_and_their_end() -> None:
    async def body() -> None:
        async with simulated() as simulator, linked(simulator) as link:
            assert (await link.request(SOC)).error == ""

            await simulator.fault("bms_1", {"kind": "mute"})
            assert (await link.request(SOC)).error == "timeout"

            await simulator.fault("bms_1", {"kind": "exception", "code": 4})
            assert (await link.request(SOC)).reason == "exception_4"

            await simulator.fault("bms_1", {"kind": "delay", "ms": 60})
            slow = await link.request(SOC)
            assert slow.error == "" and slow.received - slow.sent >= 0.055

            await simulator.fault("bms_1", {"kind": "delay", "ms": 200})
            assert (await link.request(SOC)).error == "timeout"
            await simulator.fault("bms_1", {"kind": "none"})
            await until(lambda: link.counters.late == 1, what="the late answer")
            assert (await link.request(SOC)).error == ""

            await simulator.fault("bms_1", {"kind": "mute", "unit": 11})
            assert (await link.request(RACK)).error == "timeout"
            assert (await link.request(SOC)).error == ""

            await simulator.fault("bms_1", {"kind": "freeze"})
            simulator.set_points("bms_1", {"ess_1/bms_info/soc": 12.0})
            assert (await link.request(SOC)).payload == b"\0\0"
            await simulator.fault("bms_1", {"kind": "none"})
            assert (await link.request(SOC)).payload == b"\0\x78"

            await simulator.fault("bms_1", {"kind": "offline"})
            await until(lambda: link.counters.failed_connects >= 2, what="refused connections")
            await simulator.fault("bms_1", {"kind": "none"})
            assert await link.wait_connected(2.0)
            assert (await link.request(SOC)).payload == b"\0\x78"

    asyncio.run(body())


def test_offline_takes_one_device_only() -> None:
    async def body() -> None:
        other = client_map(component("ess_2/x", number("n", 1)), stem="bms_2", host="10.0.0.2")
        async with simulated(bms(), other) as simulator, linked(simulator, "bms_2") as link:
            await simulator.fault("bms_1", {"kind": "offline"})
            assert (await link.request(Request(1, 3, 1, 1))).error == ""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*simulator.addresses["bms_1"])

    asyncio.run(body())


@pytest.mark.parametrize(
    ("values", "status", "part"),
    [
        ({"ess_1/bms_info/soc": 1, "ess_1/bms_info/sco": 2}, "unknown_id", "ess_1/bms_info/soc"),
        ({"ess_1/bms_info/soc": 1, "ess_1/bms_info/mode": "Flying"}, "bad_value", "Flying"),
    ],
)
def test_a_wrong_order_changes_nothing_and_says_why(
    values: dict[str, object], status: str, part: str
) -> None:
    async def body() -> None:
        async with simulated() as simulator:
            with pytest.raises(RequestError, match=part) as refused:
                simulator.set_points("bms_1", values)
            assert refused.value.status == status
            assert simulator.value("bms_1", "ess_1/bms_info/soc") == 0

    asyncio.run(body())


@pytest.mark.parametrize(
    ("stem", "fault"),
    [
        ("bms_9", {"kind": "mute"}),
        ("bms_1", {"kind": "sulk"}),
        ("bms_1", {}),
        ("bms_1", {"kind": "delay"}),
        ("bms_1", {"kind": "exception", "code": "two"}),
        ("bms_1", {"kind": "mute", "unit": 99}),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(stem: str, fault: dict[str, object]) -> None:
    async def body() -> None:
        async with simulated() as simulator:
            with pytest.raises(RequestError):
                await simulator.fault(stem, fault)

    asyncio.run(body())
