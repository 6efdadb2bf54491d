"""Sets on their way to a device: order, replacement, refusals, read back, commands."""

import asyncio
from dataclasses import replace

from ess_actors.core.component import ComponentState
from ess_actors.modbus.simulator import Simulator
from ess_actors.modbus.writes import Ticket, WriteQueue
from tests.modbus.modbus_bench import PERIOD_MS, against, running, simple
from tests.modbus.modbus_maps import bits, client_map, coil, component, number
from tests.modbus.modbus_peers import Call, honest, until


def test_a_set_overtakes_the_poll_at_the_next_request() -> None:
    async def body() -> None:
        async def slow(call: Call) -> None:
            await asyncio.sleep(0.01)
            await honest(call)

        many = [number(f"p{n}", 200 * n) for n in range(12)]
        async with against(slow, component("c", *many)) as (client, heard, peer):
            await until(lambda: len(peer.calls) >= 4, what="a cycle under way")
            before = len(peer.calls)
            assert (await client.set("/components/c/p3", 77))["status"] == "ok"
            kinds = [call.function for call in peer.calls[before:]]
            assert kinds.index(6) <= 1, "at most the request in flight goes first"
            assert not heard.publications, "the cycle was still under way"

    asyncio.run(body())


def test_a_flood_of_sets_does_not_stop_polling() -> None:
    async def body() -> None:
        async def slow(call: Call) -> None:
            await asyncio.sleep(0.006)
            await honest(call)

        points = [number(f"p{n}", n, period_ms=PERIOD_MS) for n in range(0, 100, 2)]
        part = component("c", *points, period_ms=PERIOD_MS, allow_multi_sets=False)
        async with against(slow, part) as (client, heard, peer):
            await until(lambda: heard.publications)
            reply = await client.set("/components/c", {point.id: 7 for point in points})
            assert reply["_status"] == "ok"
            kinds = "".join("w" if call.function == 6 else " " for call in peer.calls)
            assert kinds.count("w") == len(points)
            assert max(len(run) for run in kinds.split()) <= 8, "then one poll block is let through"

    asyncio.run(body())


def test_refusals_timeouts_and_lost_links_are_answered_honestly() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.function == 3:
                await honest(call)
            elif call.address == 10:
                call.send(call.frame(b"\x86\x03"))

        async with against(script, simple(), transfer_timeout_s=0.1) as (client, heard, peer):
            await until(lambda: heard.publications)
            refused = await client.set("/components/c/a", 5)
            assert (refused["status"], refused["code"]) == ("refused", 3)
            lost = await client.set("/components/c/b", 5)
            assert (lost["status"], lost["read"]) == ("unknown_outcome", 11), "it shows another value"
            assert len([call for call in peer.calls if call.function == 6 and call.address == 11]) == 1
            assert (await client.set("/components/d/b", 5))["status"] == "unknown_id"
            assert (await client.set("/components/c", []))["status"] == "bad_value"
            assert (await client.set("/components/c/a/_reload", 1))["status"] == "unsupported"

    asyncio.run(body())


def test_a_refused_joined_write_is_repeated_point_by_point() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.function == 16:
                call.send(call.frame(b"\x90\x01"))
            else:
                await honest(call)

        async with against(script, simple()) as (client, heard, peer):
            await until(lambda: heard.publications)
            reply = await client.set("/components/c", {"a": 1, "b": 2})
            assert reply["_status"] == "ok"
            assert [call.function for call in peer.calls if call.function > 4] == [16, 6, 6]

    asyncio.run(body())


def test_verified_writes_and_mismatches() -> None:
    async def body() -> None:
        stored = {10: 0, 11: 0}

        async def script(call: Call) -> None:
            if call.function == 3:
                words = [stored.get(n, n) for n in range(call.address, call.address + call.count)]
                call.send(
                    call.frame(bytes([3, 2 * len(words)]) + b"".join(w.to_bytes(2, "big") for w in words))
                )
            else:
                stored[call.address] = call.count - (call.address == 11)
                await honest(call)

        part = component("c", number("a", 10, verify=True), number("b", 11, verify=True), period_ms=PERIOD_MS)
        async with against(script, part) as (client, heard, _):
            await until(lambda: heard.publications)
            assert (await client.set("/components/c/a", 37)) == {"value": 37, "status": "verified"}
            assert (await client.set("/components/c/b", 37)) == {
                "value": 37,
                "status": "mismatch",
                "read": 36,
            }

    asyncio.run(body())


def test_a_newer_set_replaces_one_that_still_waits() -> None:
    async def body() -> None:
        gate = asyncio.Event()

        async def script(call: Call) -> None:
            if call.function == 3:
                await gate.wait()
            await honest(call)

        async with against(script, simple(), transfer_timeout_s=5.0) as (client, _, peer):
            await until(lambda: peer.calls, what="a poll in flight")
            first = asyncio.create_task(client.set("/components/c", {"a": 1, "b": 2}))
            await asyncio.sleep(0)
            second = asyncio.create_task(client.set("/components/c/a", 3))
            await asyncio.sleep(0)
            gate.set()
            reply = await first
            assert reply["a"] == {"status": "superseded"} and reply["b"] == {"value": 2, "status": "ok"}
            assert await second == {"value": 3, "status": "ok"}
            writes = [(call.address, call.count) for call in peer.calls if call.function == 6]
            assert sorted(writes) == [(10, 3), (11, 2)]

    asyncio.run(body())


def test_debounce_writes_the_first_at_once_and_the_last_at_the_end() -> None:
    async def body() -> None:
        part = component("c", number("a", 10, debounce_s=0.1), period_ms=1000)
        async with against(honest, part) as (client, _, peer):
            await until(lambda: client.link.connected)
            assert (await client.set("/components/c/a", 1))["status"] == "ok"
            tasks = [asyncio.create_task(client.set("/components/c/a", value)) for value in (2, 3, 4)]
            assert [(await task)["status"] for task in tasks] == ["superseded", "superseded", "ok"]
            writes = [call for call in peer.calls if call.function == 6]
            assert [call.count for call in writes] == [1, 4]

    asyncio.run(body())


def test_a_debounce_window_holds_only_the_newest() -> None:
    """Sets at 0, 50, 100 and 150 ms with a window of 200 ms: 1 goes at 0 and 4 at 200 ms."""

    async def body() -> None:
        state = ComponentState(component("c", number("a", 10, debounce_s=0.2)), now=0.0)
        queue, replies, sent = WriteQueue(), [], []
        for now, value in ((0.0, 1), (0.05, 2), (0.1, 3), (0.15, 4)):
            ticket = Ticket(["a"])
            replies.append(ticket.done)
            (job,), _ = state.jobs("a", value)
            queue.add(state, job, ticket, now)
            sent += [(now, one.job.items[0].value) for one in [queue.pop(now)] if one]
        assert queue.next_ready() == 0.2 and queue.pop(0.199) is None
        last = queue.pop(0.2)
        assert last is not None and last.job.items[0].value == 4
        assert sent == [(0.0, 1)]
        assert [done.result() for done in replies[1:3]] == [{"a": {"status": "superseded"}}] * 2
        assert queue.pop(9.0) is None

    asyncio.run(body())


def test_what_the_client_writes_the_simulator_shows_and_the_client_reads_back() -> None:
    """The shared codec both ways over real sockets; its truth is proven against foreign tools elsewhere."""

    async def body() -> None:
        found = client_map(
            component(
                "c",
                number("wide", 10, size=4, order=(1, 3, 0, 2), signed=True, period_ms=PERIOD_MS),
                number("tenths", 14, scale=10, signed=True, period_ms=PERIOD_MS),
                *bits("flags", 15, {2: "low", 14: "high"}),
                coil("on", 3, inverted=True),
                period_ms=PERIOD_MS,
            )
        )
        simulator = Simulator([found])
        await simulator.start()
        host, port = simulator.addresses["bms_1"]
        here = replace(found, endpoint=replace(found.endpoint, host=host, port=port))
        values = {"wide": -123456789012, "tenths": -12.3, "low": True, "high": True, "on": True}
        try:
            async with running(here) as (client, heard):
                await until(lambda: heard.body().get("tenths") == 0)
                assert (await client.set("/components/c", values))["_status"] == "ok"
                for name, value in values.items():
                    assert simulator.value("bms_1", f"c/{name}") == value
                    assert await client.get(f"/components/c/{name}/_remote") == value
        finally:
            await simulator.stop()

    asyncio.run(body())
