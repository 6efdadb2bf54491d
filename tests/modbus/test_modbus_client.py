"""Polling and publishing, against a server that is not ours (pyModbusTCP) and scripted devices."""

import asyncio
import contextlib
from itertools import pairwise
from typing import Any

import pytest
from pyModbusTCP.server import ModbusServer

from ess_actors.core.metrics import Meter
from ess_actors.core.points import Table
from tests.modbus.modbus_bench import PERIOD_MS, against, running, simple
from tests.modbus.modbus_maps import bits, client_map, coil, component, enum, number
from tests.modbus.modbus_peers import Call, device, honest, until


@contextlib.contextmanager
def foreign_server() -> Any:
    server = ModbusServer(host="127.0.0.1", port=0, no_block=True)
    server.start()
    try:
        yield server, server._service.socket.getsockname()[1]
    finally:
        server.stop()


def test_a_server_that_is_not_ours_is_polled_and_written() -> None:
    async def body() -> None:
        with foreign_server() as (server, port):
            server.data_bank.set_holding_registers(100, [874, 0xFF06, 0x86A1, 1, 8, 3])
            server.data_bank.set_input_registers(5, [731])
            server.data_bank.set_coils(7, [True, True])
            found = client_map(
                component(
                    "ess_1/bms_info",
                    number("soc", 100, scale=10, period_ms=PERIOD_MS),
                    number("power", 101, signed=True, period_ms=PERIOD_MS),
                    number("energy", 102, size=2, order=(1, 0), period_ms=PERIOD_MS),
                    *bits("flags", 104, {0: "over_voltage", 3: "over_temperature"}),
                    enum("mode", 105, {0: "Off", 3: "Run"}),
                    number("volts", 5, table=Table.INPUT, scale=0.1),
                    coil("closed", 7),
                    coil("open", 8, inverted=True),
                    period_ms=PERIOD_MS,
                ),
                port=port,
            )
            uri = "/components/ess_1/bms_info"
            async with running(found) as (client, heard):
                await until(
                    lambda: "soc" in heard.body(uri) and "open" in {k for b in heard.bodies(uri) for k in b}
                )
                await until(
                    lambda: isinstance(client.states[0].get("volts", 0.0), float), what="the slow points"
                )
                everything = await client.get(uri)
                assert isinstance(everything, dict) and everything.pop("Timestamp")
                values = {
                    "soc": 87.4,
                    "power": -250,
                    "energy": 100001,
                    "over_voltage": False,
                    "over_temperature": True,
                    "mode": [{"value": 3, "string": "Run"}],
                    "volts": 7310.0,
                    "closed": True,
                    "open": False,
                }
                assert everything == {**values, "component_connected": True}

                assert await client.set(f"{uri}/power", {"value": -7}) == {"value": -7, "status": "ok"}
                assert server.data_bank.get_holding_registers(101, 1) == [65529]
                assert await client.set(f"{uri}/soc", 7000) == {
                    "value": 6553.5,
                    "status": "clamped",
                    "requested": 7000,
                }
                server.data_bank.set_holding_registers(104, [0xA50F])
                assert (await client.set(f"{uri}/over_voltage", False))["status"] == "ok"
                assert server.data_bank.get_holding_registers(104, 1) == [0xA50E], "the other bits stay"
                reply = await client.set(
                    uri, {"energy": {"value": 70000}, "oops": 1, "mode": "Off", "volts": 3}
                )
                assert reply["_status"] == "partial"
                assert reply["energy"] == {"value": 70000, "status": "ok"}
                assert reply["oops"]["status"] == "unknown_id" and reply["volts"]["status"] == "read_only"  # type: ignore[index]
                assert server.data_bank.get_holding_registers(102, 2) == [70000 & 0xFFFF, 1]
                assert server.data_bank.get_holding_registers(105, 1) == [0]
                assert (await client.set(f"{uri}/open", True))["status"] == "ok"
                assert server.data_bank.get_coils(8, 1) == [False]
                assert (await client.set(f"{uri}/mode", "Flying"))["status"] == "bad_value"
                server.data_bank.set_holding_registers(100, [10])
                assert await client.get(f"{uri}/soc/_remote") == 1.0

    asyncio.run(body())


def test_one_publication_per_cycle_on_absolute_slots() -> None:
    async def body() -> None:
        async def slow(call: Call) -> None:
            await asyncio.sleep(0.004)
            await honest(call)

        far = [number(f"p{n}", 100 * n, period_ms=PERIOD_MS) for n in range(4)]
        async with against(slow, component("c", *far, period_ms=PERIOD_MS, offset_ms=10)) as (
            client,
            heard,
            peer,
        ):
            await until(lambda: len(heard.publications) >= 12)
            assert heard.body()["p3"] == 300 and heard.last().quality is None
            base = client._timetable.base
            starts = [call.time for call in peer.calls if call.address == 0][1:11]
            late = [(start - base - 0.010) % (PERIOD_MS / 1000) for start in starts]
            assert sorted(late)[5] < 0.008, "the middle start is on the grid"
            took = starts[-1] - starts[0]
            assert took == pytest.approx((len(starts) - 1) * PERIOD_MS / 1000, abs=0.03), (
                "no drift by the work"
            )
            assert client.stats()["missed_cycles"] == 0

    asyncio.run(body())


def test_overruns_are_skipped_and_counted_never_queued() -> None:
    async def body() -> None:
        async def slow(call: Call) -> None:
            await asyncio.sleep(0.055)
            await honest(call)

        async with against(slow, simple()) as (client, heard, peer):
            await until(lambda: len(heard.publications) >= 5)
            starts = [call.time for call in peer.calls][1:]
            assert all(b - a > 0.07 for a, b in pairwise(starts)), "every second slot"
            assert client.stats()["missed_cycles"] >= 3  # type: ignore[operator]

    asyncio.run(body())


def test_faster_points_of_a_component_come_more_often_and_together_when_both_are_due() -> None:
    async def body() -> None:
        points = (number("fast", 1, period_ms=20), number("slow", 200, period_ms=100))
        async with against(honest, component("c", *points, period_ms=20)) as (_, heard, peer):
            await until(lambda: sum("slow" in body for body in heard.bodies()) >= 3)
            together = [body for body in heard.bodies() if "slow" in body]
            assert all("fast" in body for body in together)
            assert sum("fast" in body for body in heard.bodies()) >= 2 * len(together)
            order = [call.address for call in peer.calls]
            assert all(order[n - 1] == 1 for n, address in enumerate(order) if address == 200)

    asyncio.run(body())


def test_requests_and_ages_are_counted() -> None:
    async def body() -> None:
        meter = Meter()
        async with (
            device(honest) as peer,
            running(client_map(simple(), port=peer.port), meter=meter) as (client, heard),
        ):
            await until(lambda: len(heard.publications) >= 3)
            rows = meter.snapshot()
            (labels, (count,)) = rows["ess_modbus_requests_total"][0]
            assert labels == ("bms_1", "ok") and count >= 3
            assert sum(rows["ess_modbus_request_duration_seconds"][0][1][:-1]) == count
            assert 0 <= rows["ess_point_age_seconds"][0][1][0] < 1.0
            stats = client.stats()
            assert stats["connected"] is True and stats["replies"] == stats["requests"]
            peer.script = lambda call: asyncio.sleep(0)
            await until(lambda: len(meter.snapshot()["ess_modbus_requests_total"]) == 2)
            assert meter.snapshot()["ess_modbus_requests_total"][1][0] == ("bms_1", "timeout")

    asyncio.run(body())
