"""What a client does about devices that fail: silence, refusals, lost links, frozen heartbeats."""

import asyncio
from collections import Counter
from dataclasses import replace

from ess_actors.core.points import Heartbeat, Table
from ess_actors.core.quality import EVERY_MEMBER, Quality
from tests.modbus.modbus_bench import PERIOD_MS, against, running, simple
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, device, honest, until
from tests.ports import free_port


def test_an_unreachable_device_is_published_too_and_comes_back() -> None:
    async def body() -> None:
        port = free_port()
        found = client_map(simple(), port=port)
        async with running(found) as (client, heard):
            await until(lambda: len(heard.publications) >= 3)
            assert heard.body() == {"component_connected": False}
            marks = heard.last().quality
            assert marks is not None and marks[EVERY_MEMBER] == Quality.BAD
            assert await client.get("/components/c/a") == {"status": "bad", "reason": "not_connected"}
            assert (await client.set("/components/c/a", 5))["status"] == "not_connected"
            assert [e.message.startswith("not connected") for e in heard.events] == [True]
            async with device(honest, port):
                await until(lambda: heard.body().get("a") == 10, what="data")
                assert heard.last().quality is None and heard.body()["component_connected"] is True
                assert "Timestamp" in heard.body()
            await until(lambda: "a" not in heard.body(), what="the loss")
            assert "Timestamp" not in heard.body()
            stamp = heard.last()
            assert stamp.quality is not None and stamp.quality[EVERY_MEMBER] == Quality.BAD
            states = [e.message.split(" to ")[0] for e in heard.events if e.source == "bms_1"]
            assert states == ["not connected", "connected", "not connected"]

    asyncio.run(body())


def test_a_block_that_fails_takes_no_other_with_it() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.address < 100:
                await honest(call)
            else:
                call.send(call.frame(b"\x83\x04"))

        points = (number("a", 10, period_ms=PERIOD_MS), number("far", 500, period_ms=PERIOD_MS))
        async with against(script, component("c", *points, period_ms=PERIOD_MS)) as (client, heard, _):
            await until(lambda: len(heard.publications) >= 3)
            assert heard.body()["a"] == 10 and "far" not in heard.body()
            assert heard.body()["component_connected"] is True and "Timestamp" in heard.body()
            assert heard.last().quality == {"far": Quality.BAD}
            assert await client.get("/components/c/far") == {"status": "bad", "reason": "exception_4"}

    asyncio.run(body())


def test_a_silent_unit_behind_a_gateway_does_not_slow_the_others() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.unit != 4:
                await honest(call)

        parts = [
            component(
                f"u{unit}", number("a", 10, unit=unit, period_ms=PERIOD_MS), unit=unit, period_ms=PERIOD_MS
            )
            for unit in (3, 4, 5)
        ]
        async with against(script, *parts, transfer_timeout_s=0.15) as (client, heard, peer):
            await until(lambda: client.stats()["silent_units"] == [4], what="back-off of unit 4")
            mark, quiet = len(heard.publications), len(peer.calls)
            await until(lambda: [call for call in peer.calls[quiet:] if call.unit == 4], what="a probe")
            await until(lambda: len(heard.publications) >= mark + 60)
            asked = Counter(call.unit for call in peer.calls[quiet:])
            cycles = Counter(publication.uri for publication in heard.publications[mark:])
            for unit in (3, 5):
                assert asked[unit] >= cycles[f"/components/u{unit}"] - 1, "asked in every cycle"
            assert cycles["/components/u4"] >= 10 and asked[4] <= asked[3] / 2, "only probed"
            assert heard.body("/components/u3")["a"] == 10 and heard.body("/components/u5")["a"] == 10
            assert "a" not in heard.body("/components/u4")
            assert peer.connections == 1, "the socket is not to blame"
            peer.script = honest
            await until(lambda: heard.body("/components/u4").get("a") == 10, what="unit 4 back")

    asyncio.run(body())


def test_a_wholly_silent_device_gets_a_new_socket() -> None:
    async def body() -> None:
        async def mute(call: Call) -> None:
            return

        async with against(mute, simple(), transfer_timeout_s=0.02) as (_, heard, peer):
            await until(lambda: peer.connections >= 2, what="a second socket")
            assert any("no unit answers" in event.message for event in heard.events)
            peer.script = honest
            await until(lambda: heard.body().get("a") == 10, what="data")

    asyncio.run(body())


def test_the_heartbeat_is_answered_with_one_more() -> None:
    async def body() -> None:
        beat = Heartbeat(read="beat", write="ours", write_period_ms=30, timeout_ms=500, max_value=12)
        part = component(
            "c",
            number("beat", 10, period_ms=30),
            number("ours", 20, period_ms=30),
            period_ms=30,
            heartbeat=beat,
        )
        async with against(honest, part) as (_, heard, peer):
            await until(lambda: len([c for c in peer.calls if c.function == 6]) >= 4)
            written = [(c.address, c.count) for c in peer.calls if c.function == 6]
            assert set(written) == {(20, 11)}, "the device's 10, and one more"
            assert heard.body()["modbus_heartbeat"] == 10

    asyncio.run(body())


def test_a_frozen_heartbeat_makes_the_values_uncertain_and_is_told_once() -> None:
    async def body() -> None:
        beat = Heartbeat(read="beat", timeout_ms=120)
        part = component("c", number("beat", 10, period_ms=30), period_ms=30, heartbeat=beat)
        async with against(honest, part) as (_, heard, _peer):
            await until(lambda: heard.body().get("heartbeat_state") == "FROZEN")
            await heard.next_body()
            marks = heard.last().quality
            assert marks is not None and marks[EVERY_MEMBER] == Quality.UNCERTAIN
            assert len([event for event in heard.events if "heartbeat" in event.message]) == 1

    asyncio.run(body())


def test_a_refused_address_is_found_told_once_and_comes_back() -> None:
    async def body() -> None:
        broken = {333}

        async def script(call: Call) -> None:
            if broken.intersection(range(call.address, call.address + call.count)):
                call.send(call.frame(b"\x83\x02"))
            else:
                await honest(call)

        points = [number(f"p{n}", n, period_ms=PERIOD_MS) for n in range(300, 360)]
        part = replace(component("c", *points, period_ms=PERIOD_MS), bad_point_retry_s=0.4)
        async with against(script, part) as (_, heard, peer):
            await until(lambda: len(heard.bodies()) >= 4)
            assert len([key for key in heard.bodies()[3] if key.startswith("p")]) == 59
            assert "p333" not in heard.body() and heard.last().quality == {"p333": Quality.BAD}
            told = [event for event in heard.events if "p333" in event.message]
            assert len(told) == 1 and "exception_2" in told[0].message
            broken.clear()
            await until(lambda: heard.body().get("p333") == 333, what="the point back")
            assert len([event for event in heard.events if "p333" in event.message]) == 2
            quiet = len(peer.calls)
            await heard.next_body()
            assert all(call.count > 1 for call in peer.calls[quiet:]), "it rejoined its neighbours"

    asyncio.run(body())


def test_a_refused_hole_is_remembered_and_no_point_is_blamed() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.address <= 15 < call.address + call.count:
                call.send(call.frame(b"\x83\x02"))
            else:
                await honest(call)

        points = [number(f"p{n}", n, period_ms=PERIOD_MS) for n in (10, 11, 12, 20, 21)]
        async with against(script, component("c", *points, period_ms=PERIOD_MS)) as (_, heard, peer):
            await until(
                lambda: len([key for key in heard.body() if key.startswith("p")]) == 5, what="all points"
            )
            quiet = len(peer.calls)
            await heard.next_body()
            assert {(c.address, c.count) for c in peer.calls[quiet:]} == {(10, 3), (20, 2)}
            assert not [event for event in heard.events if "refused" in event.message]

    asyncio.run(body())


def test_a_device_that_refuses_everything_is_told_once_and_read_as_soon_as_it_serves_again() -> None:
    async def body() -> None:
        async def refuse(call: Call) -> None:
            call.send(call.frame(b"\x83\x02"))

        points = [number(f"p{n}", n, period_ms=PERIOD_MS) for n in (*range(10, 20), *range(300, 310))]
        async with against(refuse, component("c", *points, period_ms=PERIOD_MS)) as (client, heard, peer):
            await until(lambda: [e for e in heard.events if "everything is refused" in e.message])
            assert await client.get("/components/c/p10") == {"status": "bad", "reason": "exception_2"}
            mark = len(heard.publications)
            await until(lambda: len(heard.publications) >= mark + 5)
            assert len([event for event in heard.events if "refused" in event.message]) == 1
            quiet = len(peer.calls)
            await heard.next_body()
            assert {call.count for call in peer.calls[quiet:]} == {10}, "no search any more, and no isolation"
            peer.script = honest
            await until(lambda: heard.body().get("p309") == 309 and heard.body().get("p10") == 10)
            await until(lambda: [e for e in heard.events if "served again" in e.message])

    asyncio.run(body())


def test_a_function_the_device_does_not_know_is_told_once() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.function == 4:
                call.send(call.frame(b"\x84\x01"))
            else:
                await honest(call)

        inputs = [number(f"i{n}", n, table=Table.INPUT, period_ms=PERIOD_MS) for n in range(5)]
        part = replace(
            component("c", number("a", 10, period_ms=PERIOD_MS), *inputs, period_ms=PERIOD_MS),
            bad_point_retry_s=0.3,
        )
        async with against(script, part) as (_, heard, peer):
            await until(lambda: len(heard.publications) >= 6)
            told = [event for event in heard.events if "refused" in event.message]
            assert len(told) == 1 and "and 4 more" in told[0].message
            assert heard.body()["a"] == 10 and "i0" not in heard.body()
            peer.script = honest
            await until(lambda: heard.body().get("i4") == 4)

    asyncio.run(body())


def test_a_device_that_comes_to_its_senses_during_the_search_loses_no_point() -> None:
    async def body() -> None:
        async def refuse(call: Call) -> None:
            if len([one for one in peer.calls if one.count < 100]) > 40:
                peer.script = honest
            await (honest(call) if peer.script is honest else _refuse(call))

        async def _refuse(call: Call) -> None:
            call.send(call.frame(b"\x83\x02"))

        points = [number(f"p{n}", n, period_ms=PERIOD_MS) for n in range(100)]
        async with device(refuse) as peer:
            found = client_map(component("c", *points, period_ms=PERIOD_MS), port=peer.port)
            async with running(found) as (client, heard):
                await until(lambda: len([key for key in heard.body() if key.startswith("p")]) == 100)
                await heard.next_body()
                assert client.states[0].isolated == set()

    asyncio.run(body())
