"""What a client counts and tells: figures per component and point, who set what, and the figures as a publication."""

import asyncio
from dataclasses import replace

from ess_actors.core.events import INFO
from tests.modbus.modbus_bench import PERIOD_MS, against, running, simple
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, device, honest, until


def two_blocks(name: str = "c") -> object:
    points = (number("near", 10, period_ms=PERIOD_MS), number("far", 500, period_ms=PERIOD_MS))
    return component(name, *points, period_ms=PERIOD_MS)


def test_figures_of_a_component_and_of_a_point() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.address == 500 and call.function == 3:
                call.send(call.frame(b"\x83\x04"))
            else:
                await honest(call)

        async with against(script, two_blocks()) as (client, heard, _):  # type: ignore[arg-type]
            await until(lambda: len(heard.publications) >= 4)
            await client.set("/components/c/near", 3)
            await client.set("/components/c/near", "x")
            await client.set("/components/c/nobody", 3)
            stats = await client.get("/components/c/_stats")
            assert isinstance(stats, dict)
            assert stats["requests"] == stats["replies"] >= 8 and stats["exceptions"].keys() == {"4"}
            assert stats["sets"] == {"ok": 1, "bad_value": 1, "unknown_id": 1}
            assert (
                0 < stats["min_transaction_ms"] <= stats["avg_transaction_ms"] <= stats["max_transaction_ms"]
            )
            assert 0 < stats["min_cycle_ms"] <= stats["avg_cycle_ms"] <= stats["max_cycle_ms"]
            assert stats["cycles"] >= 4 and stats["missed_cycles"] >= 0
            assert stats["reconnects"] == stats["timeouts"] == stats["late_answers"] == 0
            assert stats["link"]["requests"] >= stats["requests"] and stats["link"]["connected"] is True
            near = await client.get("/components/c/near/_stats")
            far = await client.get("/components/c/far/_stats")
            assert isinstance(near, dict) and isinstance(far, dict)
            assert near["exceptions"] == {} and near["sets"] == {"ok": 1, "bad_value": 1}
            assert far["exceptions"]["4"] == far["requests"] and far["sets"] == {}

    asyncio.run(body())


def test_figures_begin_anew_for_one_component_only() -> None:
    async def body() -> None:
        async with against(honest, two_blocks("c"), two_blocks("d")) as (client, heard, _):  # type: ignore[arg-type]
            await until(lambda: len(heard.bodies("/components/d")) >= 5)
            await client.set("/components/c/near", 3)
            before = await client.get("/components/c/_rstats")
            after = await client.get("/components/c/_stats")
            other = await client.get("/components/d/_stats")
            assert isinstance(before, dict) and isinstance(after, dict) and isinstance(other, dict)
            assert before["cycles"] >= 4 and after["cycles"] <= 1 and other["cycles"] >= 5
            assert before["sets"] == {"ok": 1} and after["sets"] == {}
            assert after["requests"] < before["requests"] <= after["link"]["requests"]
            await until(lambda: len(heard.bodies("/components/c")) >= 12)
            assert await client.set("/components/c/_stats", "reset", by="web") == {"status": "ok"}
            again = await client.get("/components/c/_stats")
            assert isinstance(again, dict) and again["cycles"] <= 1
            assert (await client.set("/components/c/_stats", 5))["status"] == "bad_value"
            told = [event for event in heard.events if event.source == "/components/c"]
            assert [(event.message, event.severity) for event in told] == [("stats reset by web", INFO)]

    asyncio.run(body())


def test_reconnects_and_late_answers_are_counted() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if len(peer.calls) == 3:
                await asyncio.sleep(0.12)
            await honest(call)

        async with device(script) as peer:
            found = client_map(simple(), port=peer.port, transfer_timeout_s=0.06)
            async with running(found) as (client, heard):
                await until(lambda: len(heard.publications) >= 8)
                peer.hang_up()
                await until(lambda: peer.connections == 2)
                await until(lambda: heard.last().quality is None)
                stats = await client.get("/components/c/_stats")
                assert isinstance(stats, dict)
                assert (stats["timeouts"], stats["late_answers"], stats["reconnects"]) == (1, 1, 1)

    asyncio.run(body())


def test_the_last_setter_is_told() -> None:
    async def body() -> None:
        async with against(honest, simple()) as (client, heard, _):
            await until(lambda: heard.publications)
            full = await client.get("/components/c/a/_full")
            assert isinstance(full, dict) and "last_setter" not in full
            await client.set("/components/c", {"a": {"value": 7000}, "b": 1e9}, by="ess_1")
            full = await client.get("/components/c/a/_full")
            assert isinstance(full, dict)
            setter = full["last_setter"]
            assert isinstance(setter, dict) and setter.pop("time")
            assert setter == {"process": "ess_1", "value": 7000, "status": "ok"}
            every = await client.get("/components/c/_full")
            assert isinstance(every, dict) and every["b"]["last_setter"]["status"] == "clamped"
            await client.set("/components/c/a/_force", 1, by="web")
            assert [e.message for e in heard.events if e.source == "/components/c/a"] == ["force by web"]

    asyncio.run(body())


def test_figures_are_published_where_the_file_wants_it() -> None:
    async def body() -> None:
        async with device(honest) as peer:
            found = client_map(simple(), port=peer.port)
            endpoint = replace(found.endpoint, stats_uri="/stats/bms_1", stats_period_ms=50)
            async with running(replace(found, endpoint=endpoint)) as (_, heard):
                await until(lambda: len(heard.bodies("/stats/bms_1")) >= 3)
                body = heard.body("/stats/bms_1")
                assert body["connected"] is True and body["replies"] >= 1 and "sets" in body

    asyncio.run(body())


def test_points_that_are_not_good_are_published_beside_the_body() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.address != 500:
                await honest(call)

        part = replace(two_blocks(), publish_quality=True)  # type: ignore[type-var]
        async with against(script, part, transfer_timeout_s=0.05) as (_, heard, peer):
            uri = "/components/c/_quality"
            await until(lambda: heard.body(uri).get("far"))
            assert heard.body(uri)["far"]["quality"] == "BAD"
            peer.script = honest
            await until(lambda: heard.body(uri) == {}, what="the last one, empty")

    asyncio.run(body())
