"""Another map for a running client: what is the same in it is not interrupted."""

import asyncio
from dataclasses import replace

from ess_actors.core.points import Component
from tests.modbus.modbus_bench import PERIOD_MS, running
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, device, honest, until


def part(name: str, *addresses: int, period_ms: int = PERIOD_MS) -> Component:
    points = (number(f"p{n}", n, period_ms=period_ms) for n in addresses)
    return component(name, *points, period_ms=period_ms)


def test_a_reload_that_changes_nothing_drops_nothing() -> None:
    async def body() -> None:
        async with device(honest) as peer:
            found = client_map(part("c", 10, 11), part("d", 20), port=peer.port)
            same = client_map(part("c", 10, 11), part("d", 20), port=peer.port)
            async with running(found) as (client, heard):
                await client.set("/components/c/p10/_force", 99)
                await client.set("/components/c/p11/_disable", True)
                await until(lambda: heard.body().get("p10") == 99 and heard.body("/components/d"))
                states, reading = client.states, client.states[1].reading("p20")
                await client.reload(same)
                assert client.states == states and client.states[1].reading("p20") is reading
                await heard.next_body()
                assert heard.body() == {**heard.body(), "p10": 99} and "p11" not in heard.body()
                assert peer.connections == 1 and client.stats()["missed_cycles"] == 0
                assert [event.message for event in heard.events if event.source == "bms_1"] == [
                    f"connected to 127.0.0.1:{peer.port}"
                ]

    asyncio.run(body())


def test_changed_components_start_anew_with_what_was_ordered_and_others_go_on() -> None:
    async def body() -> None:
        async with device(honest) as peer:
            found = client_map(part("c", 10, 11, 12), part("d", 20), part("e", 30), port=peer.port)
            async with running(found) as (client, heard):
                for name in ("p10", "p12"):
                    await client.set(f"/components/c/{name}/_force", 99)
                await client.set("/components/c/p11/_disable", True)
                await until(lambda: heard.body("/components/e"))
                kept = client.states[1]
                await client.reload(
                    client_map(part("f", 40), part("d", 20), part("c", 10, 11), port=peer.port)
                )
                assert [state.component.id for state in client.states] == ["f", "d", "c"]
                assert client.states[1] is kept
                await until(lambda: heard.body("/components/f").get("p40") == 40)
                body = await heard.next_body()
                assert body["p10"] == 99 and "p11" not in body and "p12" not in body
                gone = len(heard.bodies("/components/e"))
                await heard.next_body()
                assert len(heard.bodies("/components/e")) == gone
                assert (await client.set("/components/e/p30", 1))["status"] == "unknown_id"
                assert await client.set("/components/f/p40", 1) == {"value": 1, "status": "ok"}
                await client.set("/components/c/p11/_enable", True)
                await until(lambda: heard.body().get("p11") == 11)
                assert peer.connections == 1

    asyncio.run(body())


def test_a_changed_connection_is_opened_anew() -> None:
    async def body() -> None:
        async with device(honest) as peer:
            found = client_map(part("c", 10), port=peer.port)
            async with running(found) as (client, heard):
                await until(lambda: heard.body().get("p10"))
                state = client.states[0]
                named = replace(found, endpoint=replace(found.endpoint, name="other", stats_uri="/stats"))
                await client.reload(named)
                assert peer.connections == 1, "a name is not what a connection is made of"
                slower = replace(found, endpoint=replace(found.endpoint, transfer_timeout_s=0.7))
                await client.reload(slower)
                await until(lambda: peer.connections == 2)
                await heard.next_body()
                assert client.states[0] is state and heard.body()["p10"] == 10

    asyncio.run(body())


def test_a_set_that_waits_for_a_component_that_goes_is_answered() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            await gate.wait()
            await honest(call)

        gate = asyncio.Event()
        gate.set()
        async with device(script) as peer:
            waiting = component("w", number("p", 90, debounce_s=30.0), period_ms=PERIOD_MS)
            found = client_map(part("c", 10), waiting, port=peer.port, transfer_timeout_s=5.0)
            async with running(found) as (client, heard):
                await until(lambda: heard.bodies("/components/w"))
                assert (await client.set("/components/w/p", 1))["status"] == "ok"
                held = asyncio.create_task(client.set("/components/w/p", 2))
                await asyncio.sleep(0)
                await client.reload(client_map(part("c", 10), port=peer.port, transfer_timeout_s=5.0))
                reply = await held
                assert reply["status"] == "not_connected" and "anew" in str(reply["text"])

    asyncio.run(body())


def test_a_client_that_does_not_run_can_be_given_another_map() -> None:
    from ess_actors.modbus.client import Client
    from tests.modbus.modbus_bench import Heard

    async def body() -> None:
        client = Client(client_map(part("c", 10)), Heard())
        await client.reload(client_map(part("d", 10)))
        assert [state.component.id for state in client.states] == ["d"]

    asyncio.run(body())


def test_a_fresh_read_that_waits_for_a_component_that_goes_is_answered_and_not_sent() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.address == 10 and heard.bodies():
                held.append(call)
            else:
                await honest(call)

        held: list[Call] = []
        async with device(script) as peer:
            gone = component("w", number("p", 90, debounce_s=0.001, period_ms=60_000), period_ms=60_000)
            found = client_map(part("c", 10), gone, port=peer.port, transfer_timeout_s=5.0)
            async with running(found) as (client, heard):
                await client.set("/components/w/p", 1)
                await until(lambda: held, what="a poll that is waited for")
                fresh = asyncio.create_task(client.get("/components/w/p/_remote"))
                await asyncio.sleep(0)
                new = client_map(part("c", 10), port=peer.port, transfer_timeout_s=5.0)
                reload = asyncio.create_task(client.reload(new))
                await asyncio.sleep(0)
                peer.script = honest
                await honest(held[0])
                await reload
                reply = await fresh
                assert isinstance(reply, dict) and reply["status"] == "not_connected"
                assert "anew" in str(reply["text"])
                await heard.next_body()
                assert not [call for call in peer.calls if call.function == 3 and call.address == 90]
                assert not client._loop.orders.queue._windows, "debounce windows that are over are forgotten"

    asyncio.run(body())
