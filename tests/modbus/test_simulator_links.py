"""The connections of simulated devices as a raw socket sees them: flapping, refused, shared, and none left behind."""

import asyncio
import contextlib
from collections.abc import Mapping

import pytest

from ess_actors.core.errors import RequestError
from ess_actors.core.points import Heartbeat
from ess_actors.modbus.simulator import Simulator
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import read_pdu, request_frame, until
from tests.modbus.simulated import (
    faults,
    gateway,
    good,
    on_both_loops,
    raw,
    refused,
    served,
    simulated,
)

NONE: Mapping[str, object] = {"kind": "none"}


def test_connections_flap_and_are_served_in_between() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            await simulator.fault("plc", {"kind": "flap", "ms": 30})
            served_well = closed = 0
            while closed < 3 or not served_well:
                async with raw(simulator) as line:
                    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                        served_well += await line.is_well()
                    closed += await line.closed()
            await simulator.fault("plc", {"kind": "flap", "ms": 10, "count": 2})
            await until(lambda: not faults(simulator), what="the last flap")
            async with raw(simulator) as line:
                assert await line.is_well()

    on_both_loops(body)


def test_a_flapping_unit_takes_only_connections_that_ask_for_it() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as bystander:
            await simulator.fault("plc", {"kind": "flap", "ms": 1, "unit": 1, "count": 1})
            async with raw(simulator) as line:
                for transaction in range(1, 1000):
                    line.ask(transaction, 1)
                    if line.reader.at_eof() or not await line.reader.read(15):
                        break
                assert await line.closed()
            assert await bystander.is_well(2)

    on_both_loops(body)


def test_a_disconnect_is_over_at_once_or_lasts() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            async with raw(simulator) as line:
                await simulator.fault("plc", {"kind": "disconnect"})
                assert await line.closed() and faults(simulator) == []
            address = simulator.addresses["plc"]
            async with raw(simulator) as line:
                assert await line.is_well()
                await simulator.fault("plc", {"kind": "disconnect", "for_ms": 600})
                assert await line.closed() and await refused(simulator)
            await until(lambda: not faults(simulator), what="the end of the fault")
            await served(simulator)
            assert simulator.addresses["plc"] == address
            async with raw(simulator) as line:
                assert await line.is_well()
                await simulator.fault("plc", {"kind": "disconnect", "unit": 2})
                assert await line.is_well()
                line.ask(1, 2)
                assert await line.closed()
            async with raw(simulator) as line:
                assert await line.is_well(2), "once"

    on_both_loops(body)


def test_offline_closes_the_door_or_is_said_by_the_gateway() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            async with raw(simulator) as line:
                await simulator.fault("plc", {"kind": "offline", "unit": 2})
                assert await line.asked(1, 2) == b"\x83\x0b"
                assert await line.is_well()
                await simulator.fault("plc", {"kind": "offline", "unit": 1})
                assert await line.closed() and await refused(simulator), "both units, one by one"
            await simulator.fault("plc", {"kind": "none", "unit": 1})
            async with raw(simulator) as line:
                assert await line.is_well()
                assert await line.asked(2, 2) == b"\x83\x0b"

    on_both_loops(body)


def test_two_files_of_one_endpoint_share_the_door_and_not_the_faults() -> None:
    async def body() -> None:
        other = client_map(component("x", number("n", 1, unit=7), unit=7), stem="more", host="10.0.0.1")
        async with simulated(gateway(), other) as simulator, raw(simulator) as line:
            assert simulator.addresses["plc"] == simulator.addresses["more"]
            await simulator.fault("more", {"kind": "offline"})
            assert await line.asked(1, 7, read_pdu(3, 1, 1)) == b"\x83\x0b"
            assert (await line.asked(2, 1))[0] == 3
            with pytest.raises(RequestError, match="has the units 1, 2"):
                await simulator.fault("plc", {"kind": "mute", "unit": 7})

    on_both_loops(body)


def test_a_port_that_somebody_took_meanwhile_is_had_again_later() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            await simulator.fault("plc", {"kind": "offline"})
            host, port = simulator.addresses["plc"]
            squatter = await asyncio.start_server(lambda r, w: w.close(), host, port)
            with pytest.raises(RequestError, match="tried until it can"):
                await simulator.fault("plc", NONE)
            squatter.close()
            await squatter.wait_closed()
            await served(simulator)
            async with raw(simulator) as line:
                assert await line.is_well()

    on_both_loops(body)


def test_everything_ends_with_the_simulator_whatever_is_under_way() -> None:
    async def body() -> None:
        simulator = Simulator([gateway()])
        await simulator.start()
        async with raw(simulator) as line:
            await simulator.fault("plc", {"kind": "flap", "ms": 5000, "for_ms": 60000})
            await simulator.fault("plc", {"kind": "delay", "ms": 60000, "for_ms": 60000})
            line.ask(1, 1)
            await simulator.fault("plc", {"kind": "disconnect", "unit": 2, "for_ms": 60000})
            await simulator.stop()
            assert await line.closed()
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    on_both_loops(body)


def test_pipelined_requests_split_anywhere_are_all_answered_and_a_foreign_protocol_ends_the_line() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            stream = b"".join(request_frame(n, 1 + n % 2, read_pdu(3, 2, 3)) for n in range(8))
            for cut in range(0, len(stream), 5):
                line.writer.write(stream[cut : cut + 5])
                await asyncio.sleep(0)
            assert [await line.answer() for _ in range(8)] == [
                (n, 1 + n % 2, good(1 + n % 2)) for n in range(8)
            ]
            line.writer.write(request_frame(9, 1, read_pdu(3, 2, 3), protocol=7))
            assert await line.closed()

    on_both_loops(body)


def test_a_device_without_units_answers_every_unit() -> None:
    async def body() -> None:
        plain = client_map(
            component("c", number("n", 1, unit=255), unit=255, heartbeat=Heartbeat()), stem="plc"
        )
        async with simulated(plain) as simulator, raw(simulator) as line:
            simulator.set_points("plc", {"c/n": 5})
            for unit in (0, 1, 17, 255):
                assert await line.asked(unit, unit, read_pdu(3, 1, 1)) == b"\x03\x02\0\x05"

    on_both_loops(body)
