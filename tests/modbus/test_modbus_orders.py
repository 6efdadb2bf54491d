"""Orders to a client: statuses, point commands, and nobody left waiting at the end."""

import asyncio

from ess_actors.core.quality import Quality
from ess_actors.modbus.client import Client
from tests.modbus.modbus_bench import Heard, against, running, simple
from tests.modbus.modbus_maps import client_map
from tests.modbus.modbus_peers import Call, device, honest, until


def test_orders_before_and_after_the_run_are_answered() -> None:
    async def body() -> None:
        client = Client(client_map(simple()), Heard())
        assert (await client.set("/components/c/a", 1))["status"] == "not_connected"
        assert await client.get("/components/c/a") == {"status": "bad", "reason": "never_read"}
        assert await client.get("/components/c/a/_remote") == {"status": "unsupported"}

    asyncio.run(body())


def test_forced_and_disabled_points() -> None:
    async def body() -> None:
        async with against(honest, simple()) as (client, heard, _):
            await until(lambda: heard.body().get("a") == 10)
            assert await client.set("/components/c/a/_force", 12) == {"status": "ok"}
            assert (await heard.next_body())["a"] == 12
            assert heard.last().quality == {"a": Quality.UNCERTAIN}
            assert await client.set("/components/c/a/_disable", True) == {"status": "ok"}
            assert (await heard.next_body())["a"] == 12
            assert await client.set("/components/c/a/_unforce", True) == {"status": "ok"}
            assert "a" not in await heard.next_body()
            assert (await client.set("/components/c/a", 1))["status"] == "disabled"
            assert await client.set("/components/c/a/_enable", True) == {"status": "ok"}
            await until(lambda: heard.body().get("a") == 10)
            assert [event.message for event in heard.events if event.source == "/components/c/a"] == [
                "force",
                "disable",
                "unforce",
                "enable",
            ]

    asyncio.run(body())


def test_a_client_that_stops_leaves_nobody_waiting() -> None:
    async def body() -> None:
        async def mute_writes(call: Call) -> None:
            if call.function == 3 and not [c for c in peer.calls if c.function == 6]:
                await honest(call)

        async with device(mute_writes) as peer:
            found = client_map(simple(), port=peer.port, transfer_timeout_s=30.0)
            async with running(found) as (client, heard):
                await until(lambda: heard.publications)
                orders = [
                    asyncio.create_task(client.set("/components/c/a", 1)),
                    asyncio.create_task(client.get("/components/c/b/_remote")),
                ]
                await until(lambda: [call for call in peer.calls if call.function == 6], what="the write")
                orders.append(asyncio.create_task(client.set("/components/c/b", 2)))
                await asyncio.sleep(0)
            _, waiting = await asyncio.wait(orders, timeout=20.0)
            assert not waiting
            assert orders[0].result() == {"status": "unknown_outcome"}
            assert orders[1].result() == 11, "what was read last"
            assert orders[2].result() == {"status": "not_connected"}

    asyncio.run(body())


def test_every_reply_has_its_status() -> None:
    async def body() -> None:
        async with against(honest, simple()) as (client, heard, _):
            await until(lambda: heard.publications)
            one = [
                await client.set(f"/components/{uri}", value)
                for uri, value in (
                    ("c/a", 1),
                    ("c/a", 1e9),
                    ("c/a", "x"),
                    ("c/x", 1),
                    ("d/a", 1),
                    ("c/a/_force", 1),
                )
            ]
            assert [reply["status"] for reply in one] == [
                "ok",
                "clamped",
                "bad_value",
                "unknown_id",
                "unknown_id",
                "ok",
            ]
            every: list[object] = [{"a": 1}, {"a": 1, "": 2}, {"": 2}, {"_status": 1, "a": 1}, {}, 5, None]
            many = [await client.set("/components/c", body) for body in every]
            assert [reply["_status"] for reply in many] == [
                "ok",
                "partial",
                "failed",
                "partial",
                "failed",
                "failed",
                "failed",
            ]

    asyncio.run(body())
