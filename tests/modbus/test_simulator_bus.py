"""Simulated devices on the bus: sets, gets and faults by uri, and points that echo what others publish."""

import json
import struct
from dataclasses import replace

from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import ClientMap, Point
from ess_actors.modbus.simulator import Simulator
from ess_actors.modbus.simulator_bus import SimulatorBus
from tests.modbus.modbus_maps import client_map, coil, component, enum, number, register
from tests.modbus.modbus_peers import read_pdu
from tests.modbus.simulated import on_both_loops, raw, simulated, write_pdu


def echo(point: Point, uri: str) -> Point:
    return replace(point, echo_id=uri)


def flags() -> tuple[Point, ...]:
    """A register with two bits, of which one mirrors the bus."""
    held = register("flags", 6)
    low, high = (
        Point(id=name, register=held, codec=Codec(shape=Shape.BIT, first_bit=bit, bits=1))
        for name, bit in (("low", 0), ("high", 9))
    )
    whole = Point(id="flags", register=held, codec=Codec(shape=Shape.PARENT), published=False)
    return (whole, low, echo(high, "/site/ls/high"))


def device() -> ClientMap:
    found = client_map(
        component(
            "ess_1/info",
            number("soc", 0, scale=10),
            echo(number("power", 1, size=2, signed=True, scale=10), "/site/ls/power"),
            enum("mode", 3, {0: "Off", 3: "Run"}),
            echo(coil("on", 2), "//site/ls//on"),
            *flags(),
            echo(number("stray", 8), "nowhere"),
        ),
        component("ess_1", number("n", 20)),
        stem="bms_1",
    )
    return replace(found, endpoint=replace(found.endpoint, name="north string"))


async def answer(simulator: Simulator, method: str, uri: str, body: object = None) -> object:
    return await SimulatorBus(simulator).answer(method, uri, json.dumps(body).encode())


def test_points_and_components_are_set_and_read_by_uri() -> None:
    async def body() -> None:
        async with simulated(device()) as simulator:
            base = "/sim/north_string/ess_1/info"
            assert await answer(simulator, "set", f"{base}/soc", {"value": 55.5}) == {
                "value": 55.5,
                "status": "ok",
            }
            reply = await answer(
                simulator, "set", base, {"soc": 99999, "mode": {"value": "Run"}, "oops": 1, "on": "maybe"}
            )
            assert isinstance(reply, dict) and reply["_status"] == "partial"
            assert reply["soc"] == {"value": 6553.5, "status": "clamped", "requested": 99999}
            assert reply["mode"]["value"] == [{"value": 3, "string": "Run"}]
            assert reply["oops"]["status"] == "unknown_id" and reply["on"]["status"] == "bad_value"
            assert await answer(simulator, "get", f"{base}/soc") == 6553.5
            assert await answer(simulator, "get", "/sim/north_string/ess_1/n") == 0
            shown = await answer(simulator, "get", "/sim/bms_1/ess_1")
            assert shown == {"n": 0}, "the file's name does too; a longer component id is another component"
            everything = await answer(simulator, "get", "/sim/north_string")
            assert isinstance(everything, dict) and everything["ess_1/info/soc"] == 6553.5

    on_both_loops(body)


def test_what_cannot_be_done_is_answered_in_the_words_of_the_bus() -> None:
    async def body() -> None:
        async with simulated(device()) as simulator:
            bus = SimulatorBus(simulator)
            for uri, sent, status in (
                ("/sim/south", b"1", "unknown_id"),
                ("/sim/bms_1/ess_1/info/sok", b"1", "unknown_id"),
                ("/sim/bms_1/ess_1/info", b"{", "bad_value"),
                ("/sim/bms_1/ess_1/info", b"7", "bad_value"),
                ("/sim/bms_1/ess_1/info/mode", b'"Fly"', "bad_value"),
                ("/sim/bms_1/_fault", b'{"kind":"sulk"}', "bad_value"),
                ("/sim/bms_1/_fault", b'"mute"', "bad_value"),
                ("/sim/bms_1/_fault", b'{"kind":"mute","unit":7}', "unknown_id"),
            ):
                reply = await bus.answer("set", uri, sent)
                assert isinstance(reply, dict) and reply["status"] == status and reply["text"], uri

    on_both_loops(body)


def test_faults_go_by_uri_too() -> None:
    async def body() -> None:
        async with simulated(device()) as simulator, raw(simulator, "bms_1") as line:
            order = {"kind": "exception", "code": 4, "unit": None, "type": None, "count": 1}
            assert await answer(simulator, "set", "/sim/bms_1/_fault", order) == {"status": "ok"}
            assert await answer(simulator, "get", "/sim/bms_1/_fault") == [
                {"kind": "exception", "code": 4, "count": 1, "units": [1], "left": 1}
            ]
            assert await line.asked(1, 1, read_pdu(3, 0, 1)) == b"\x83\x04"
            assert await line.asked(2, 1, read_pdu(3, 0, 1)) == b"\x03\x02\0\0"

    on_both_loops(body)


def test_echoing_points_follow_publications() -> None:
    async def body() -> None:
        async with simulated(device()) as simulator:
            bus = SimulatorBus(simulator)
            assert bus.subscriptions == ("get:/sim", "set:/sim", "pub:/site/ls")
            bus.heard("/site/ls", b'{"power":{"value":-12.5},"on":true,"high":1,"low":1,"other":7}')
            values = {p: simulator.value("bms_1", f"ess_1/info/{p}") for p in ("power", "on", "high", "low")}
            assert values == {"power": -12.5, "on": True, "high": True, "low": False}
            for useless in (b"", b"[1]", b'{"power":"high"}', b'{"power":null}'):
                bus.heard("/site/ls", useless)
            bus.heard("/site", b'{"power":1}')
            assert simulator.value("bms_1", "ess_1/info/power") == -12.5

    on_both_loops(body)


def test_a_write_to_an_echoing_point_becomes_a_set_and_is_not_stored() -> None:
    async def body() -> None:
        sent: list[tuple[str, object]] = []
        found = device()
        async with (
            simulated(found, set_field=lambda uri, value: sent.append((uri, value))) as simulator,
            raw(simulator, "bms_1") as line,
        ):
            assert (await line.asked(1, 1, write_pdu(0, 7, 0xFFFF, 0xFFF6, 3)))[0] == 16
            assert sent == [("/site/ls/power", -1.0)]
            assert await line.asked(2, 1, read_pdu(3, 0, 4)) == struct.pack(">BB4H", 3, 8, 7, 0, 0, 3)

            sent.clear()
            assert (await line.asked(3, 1, struct.pack(">BHH", 6, 2, 30)))[0] == 6, "half of it"
            assert (await line.asked(4, 1, struct.pack(">BHH", 5, 2, 0xFF00)))[0] == 5
            assert (await line.asked(5, 1, struct.pack(">BHH", 6, 6, 0x0201)))[0] == 6
            assert sent == [("/site/ls/power", 3.0), ("/site/ls/on", True), ("/site/ls/high", True)]
            assert simulator.value("bms_1", "ess_1/info/low") is True, "its neighbour is stored"
            assert simulator.value("bms_1", "ess_1/info/high") is False

            sent.clear()
            mask = struct.pack(">BHHH", 22, 6, 0xFFFE, 0)
            assert (await line.asked(6, 1, mask))[0] == 22
            assert sent == [], "a bit that was not changed is not sent"
            assert (await line.asked(7, 1, struct.pack(">BHH", 6, 8, 5)))[0] == 6
            assert simulator.value("bms_1", "ess_1/info/stray") == 5, "an echo of nothing is a point"

    on_both_loops(body)


def test_without_a_bus_an_echoing_point_stays_as_it_is() -> None:
    async def body() -> None:
        async with simulated(device()) as simulator, raw(simulator, "bms_1") as line:
            assert (await line.asked(1, 1, write_pdu(1, 0, 5)))[0] == 16
            assert simulator.value("bms_1", "ess_1/info/power") == 0
            (told,) = simulator.devices()
            assert told["echoes"] == ["ess_1/info/power", "ess_1/info/on", "ess_1/info/high"]

    on_both_loops(body)
