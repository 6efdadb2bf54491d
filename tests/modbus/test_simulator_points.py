"""The points of simulated devices: every one found, read and put, whatever their names, shapes and registers."""

import asyncio
from dataclasses import replace

import pytest

from ess_actors.core.codec import Codec
from ess_actors.core.errors import RequestError
from ess_actors.core.points import Heartbeat, Point, Table
from ess_actors.modbus.simulator import Simulator
from tests.modbus.modbus_maps import bits, client_map, coil, component, enum, number, register
from tests.modbus.modbus_peers import read_pdu, until
from tests.modbus.simulated import gateway, raw, simulated

FLOAT = Point(
    id="ratio",
    register=register("ratio", 30, size=2),
    codec=Codec(size=2, bits=32, order=(0, 1), is_float=True),
)


def test_one_point_a_component_and_the_whole_device() -> None:
    async def body() -> None:
        found = client_map(
            component("a/b", number("n", 1, size=2, order=(1, 0)), *bits("flags", 4, {0: "x", 3: "y"})),
            component("a", coil("b", 1)),
        )
        async with simulated(found) as simulator:
            simulator.set_points("bms_1", {"a/b/n": 65537, "/a/b/y/": True, "a/b": 1})
            assert simulator.read("bms_1", "a/b/n") == {"value": 65537, "words": [1, 1]}
            assert simulator.read("bms_1", "a/b/flags") == {"value": 8, "words": [8]}
            assert simulator.read("bms_1", "a/b") == {"value": True, "words": [1]}, "the point a/b wins"
            points = simulator.read("bms_1")["points"]
            assert isinstance(points, dict)
            assert list(points) == ["a/b/n", "a/b/flags", "a/b/x", "a/b/y", "a/b"]
            assert simulator.read("bms_1", "a") == {"points": {"a/b": {"value": True, "words": [1]}}}
            for stem, path, status in (("bms_9", "", "unknown_device"), ("bms_1", "a/n", "unknown_id")):
                with pytest.raises(RequestError) as refused:
                    simulator.read(stem, path)
                assert refused.value.status == status

    asyncio.run(body())


def test_a_name_used_twice_means_the_first_and_the_other_is_reached_by_its_table() -> None:
    async def body() -> None:
        shown, written = number("p_set", 1, table=Table.INPUT), number("p_set", 1)
        found = client_map(component("c", shown, replace(written, shadowed=True, published=False)))
        async with simulated(found) as simulator, raw(simulator, "bms_1") as line:
            simulator.set_points("bms_1", {"c/p_set": 5, "c/p_set@holding": 6})
            assert await line.asked(1, 1, read_pdu(4, 1, 1)) == b"\x04\x02\0\x05"
            assert await line.asked(2, 1, read_pdu(3, 1, 1)) == b"\x03\x02\0\x06"

    asyncio.run(body())


def test_points_on_the_same_words_are_decoded_from_the_same_words() -> None:
    async def body() -> None:
        found = client_map(component("c", number("wide", 10, size=2), number("low", 11, signed=True)))
        async with simulated(found) as simulator:
            simulator.set_points("bms_1", {"c/wide": 0x1FFFF})
            assert simulator.value("bms_1", "c/low") == -1
            simulator.set_points("bms_1", {"c/low": 2})
            assert simulator.value("bms_1", "c/wide") == 0x10002

    asyncio.run(body())


def test_heartbeats_of_every_type_beat_once_a_second_each() -> None:
    async def body() -> None:
        beat = Heartbeat(read="beat")
        found = client_map(
            component("wide", number("beat", 1, size=2, order=(1, 0)), heartbeat=beat),
            component("again", number("beat", 1, size=2, order=(1, 0)), heartbeat=beat),
            component("bit", coil("beat", 1), heartbeat=beat),
            component("float", replace(FLOAT, id="beat"), heartbeat=beat),
            component("none", number("n", 20), heartbeat=Heartbeat(read="missing")),
        )
        async with simulated(found) as simulator:
            simulator.set_points("bms_1", {"wide/beat": 0xFFFFFFFF, "float/beat": 6.5})
            await until(lambda: simulator.value("bms_1", "bit/beat") is True, what="the first beat")
            values = [simulator.value("bms_1", f"{name}/beat") for name in ("wide", "again", "float")]
            assert values == [0, 0, 7.5], "one register of two components beats once"

    asyncio.run(body())


def test_a_number_beyond_64_bits_can_be_told() -> None:
    async def body() -> None:
        huge = Point(
            id="n",
            register=register("n", 1, size=4),
            codec=Codec(size=4, bits=64, order=(0, 1, 2, 3), shift=10),
        )
        async with simulated(client_map(component("c", huge, FLOAT))) as simulator:
            simulator.set_points("bms_1", {"c/n": 2**64 + 9})
            assert simulator.read("bms_1", "c/n") == {"value": float(2**64), "words": [0xFFFF] * 4}

    asyncio.run(body())


def test_two_files_of_one_name_are_two_devices() -> None:
    async def body() -> None:
        maps = [
            client_map(component("c", number("n", 1)), stem="pcs", host=f"10.0.0.{host}") for host in (1, 2)
        ]
        async with simulated(*maps) as simulator:
            simulator.set_points("pcs_2", {"c/n": 5})
            assert [simulator.value(stem, "c/n") for stem in ("pcs", "pcs_2")] == [0, 5]
            assert [device["stem"] for device in simulator.devices()] == ["pcs", "pcs_2"]
            assert simulator.connections == {"pcs": "pcs", "pcs_2": "pcs_2"}

    asyncio.run(body())


def test_an_operator_drives_a_battery_that_has_no_converter_and_leaves_it_again() -> None:
    async def body() -> None:
        found = client_map(component("c", number("soc", 1, scale=100), number("power", 2, signed=True)))
        plant: dict[str, dict[str, object]] = {
            "bms_1": {
                "model": "battery",
                "capacity_kwh": 1,
                "power_kw": 500,
                "points": {"soc": "c/soc", "dc_power": "c/power"},
            }
        }
        async with simulated(found, plant=plant, step_s=0.01) as simulator:
            simulator.set_points("bms_1", {"c/power": -400})
            await until(lambda: simulator.value("bms_1", "c/soc") > 60.5, what="soc rising")  # type: ignore[operator]
            simulator.set_points("bms_1", {"c/power": 9999})
            await until(lambda: simulator.value("bms_1", "c/power") == 500, what="its own limit")
            await until(lambda: simulator.value("bms_1", "c/soc") < 60, what="soc falling")  # type: ignore[operator]
            simulator.set_points("bms_1", {"c/power": None})
            await until(lambda: simulator.value("bms_1", "c/power") == 0, what="nobody asking")

    asyncio.run(body())


def test_enums_show_their_text_for_0_before_anything_is_written() -> None:
    simulator = Simulator([client_map(component("c", enum("mode", 1, {0: "Off"}), number("n", 2)))])
    assert simulator.value("bms_1", "c/mode") == [{"value": 0, "string": "Off"}]


def test_the_list_of_devices_says_where_and_what() -> None:
    async def body() -> None:
        async with simulated() as simulator:
            (told,) = simulator.devices()
            host, port = simulator.addresses["plc"]
            assert told == {
                "stem": "plc",
                "connection": "plc",
                "place": f"{host}:{port}",
                "framing": "tcp",
                "stands_for": gateway().endpoint.place,
                "units": [1, 2],
                "components": ["unit_1", "unit_2"],
                "points": 22,
                "echoes": [],
                "faults": [],
            }

    asyncio.run(body())
