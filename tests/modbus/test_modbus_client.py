"""Polling and publishing, against a server that is not ours (pyModbusTCP) and scripted devices."""

import asyncio
import contextlib
from itertools import pairwise
from typing import Any

from pyModbusTCP.server import ModbusServer

from ess_actors.core.metrics import Meter
from ess_actors.core.points import Table
from ess_actors.modbus.client import Client
from tests.modbus.modbus_bench import PERIOD_MS, Heard, against, running, simple, slot_number, watch_slots
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
            served = watch_slots(client)
            await until(lambda: len(served) >= 12)
            starts = [call.time for call in peer.calls if call.address == 0]
            published = len(heard.publications)
            (upcoming,) = client._timetable.slots
            numbers = [*(row[PERIOD_MS] for row in served), slot_number(client, upcoming)]
            assert all(abs(n - round(n)) < 0.001 for n in numbers), "the work moves no slot off the grid"
            assert all(b - a > 0.5 for a, b in pairwise(numbers)), "no slot twice"
            skipped = round(numbers[-1] - numbers[0]) - len(served)
            assert client.stats()["missed_cycles"] == skipped
            assert published - len(served) in (0, 1), "one publication per cycle"
            due = [client._timetable.base + 0.010 + n * PERIOD_MS / 1000 for n in numbers]
            assert all(start >= at for start, at in zip(starts, due, strict=False)), "never early"
            await until(lambda: heard.body().get("p3") == 300 and heard.last().quality is None)

    asyncio.run(body())


def test_overruns_are_skipped_and_counted_never_queued() -> None:
    async def body() -> None:
        async def slow(call: Call) -> None:
            await asyncio.sleep(0.055)
            await honest(call)

        async with against(slow, simple()) as (client, _, _peer):
            served = watch_slots(client)
            await until(lambda: len(served) >= 5)
            numbers = [round(row[PERIOD_MS]) for row in served]
            assert all(b - a >= 2 for a, b in pairwise(numbers)), "every second slot at most"
            missed = sum(b - a - 1 for a, b in pairwise(numbers))
            assert client.stats()["missed_cycles"] >= missed >= 4  # type: ignore[operator]

    asyncio.run(body())


def test_faster_points_of_a_component_come_more_often_and_together_when_both_are_due() -> None:
    async def body() -> None:
        points = (number("fast", 1, period_ms=20), number("slow", 200, period_ms=100))
        async with against(honest, component("c", *points, period_ms=20)) as (client, heard, peer):
            served = watch_slots(client)
            await until(lambda: sum(len(row) == 2 for row in served) >= 3 and {20} in map(set, served))
            expected = [{20: "fast", 100: "slow"}[period] for row in served for period in row]
            asked = [{1: "fast", 200: "slow"}[call.address] for call in peer.calls]
            assert asked[: len(expected)] == expected, "faster ones first"
            for row, published in zip(served, heard.bodies(), strict=False):
                assert ("fast" in published, "slow" in published) == (20 in row, 100 in row)

    asyncio.run(body())


def test_requests_are_counted() -> None:
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
            stats = client.stats()
            assert stats["connected"] is True and stats["replies"] == stats["requests"]
            peer.script = lambda call: asyncio.sleep(0)
            await until(lambda: len(meter.snapshot()["ess_modbus_requests_total"]) == 2)
            assert meter.snapshot()["ess_modbus_requests_total"][1][0] == ("bms_1", "timeout")

    asyncio.run(body())


def test_the_oldest_age_is_that_of_the_worst_point_and_grows_while_nothing_is_read() -> None:
    now = [100.0]
    found = client_map(component("c", number("a", 1), number("b", 200)))
    client = Client(found, Heard(), clock=lambda: now[0])
    (state,) = client.states
    near, far = (block for cycle in state.cycles for block in cycle.blocks)
    now[0] = 103.0
    assert client.oldest_age() == 3.0, "never read: as old as the client"
    state.good(near, b"\x00\x07", sent=102.0, wall=0.0)
    assert client.oldest_age() == 3.0
    state.good(far, b"\x00\x07", sent=102.5, wall=0.0)
    assert client.oldest_age() == 1.0
    state.failed(near, "timeout", now=103.0)
    state.command("b", "_disable")
    now[0] = 110.0
    assert client.oldest_age() == 8.0
    assert client.stats()["oldest_point_s"] == 8.0


def test_facts_and_raw_words_are_told() -> None:
    async def body() -> None:
        async with against(honest, simple()) as (client, heard, _):
            await until(lambda: heard.body().get("a") == 10)
            facts = await client.get("/components/c/a/_full")
            assert isinstance(facts, dict)
            assert (facts["value"], facts["quality"], facts["address"]) == (10, "GOOD", 10)
            raw = {"value": 11, "words": [11], "hex": "000B", "binary": "0000000000001011"}
            assert await client.get("/components/c/b/_raw") == raw
            every = await client.get("/components/c/_raw")
            assert isinstance(every, dict) and set(every) == {"a", "b"} and every["b"] == raw
            assert set(await client.get("/components/c/_full")) == {"a", "b"}  # type: ignore[call-overload]
            for unknown in ("/components/c/x/_full", "/components/c/x", "/components/d/_raw"):
                reply = await client.get(unknown)
                assert isinstance(reply, dict) and reply["status"] == "unknown_id"

    asyncio.run(body())
