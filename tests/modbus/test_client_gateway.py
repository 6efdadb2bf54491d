"""Several units behind one socket: what one of them costs the others, and how it comes back."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from ess_actors.modbus.client import Client
from tests.modbus.modbus_bench import Heard, against, running
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, device, honest, request_frame, until


def unit(number_: int, period_ms: int, offset_ms: int = 0, points: int = 1) -> object:
    return component(
        f"u{number_}",
        *(number(f"p{n}", 10 + 100 * n, unit=number_, period_ms=period_ms) for n in range(points)),
        unit=number_,
        period_ms=period_ms,
        offset_ms=offset_ms,
    )


def rests(client: Client) -> object:
    return client.stats()["silent_units"]


def test_a_silent_unit_is_asked_only_while_nobody_waits_for_the_line() -> None:
    async def body() -> None:
        silent = {4}

        async def script(call: Call) -> None:
            if call.unit not in silent:
                await honest(call)

        parts = [unit(n, 200, points=2) for n in (3, 4, 5)]
        async with against(script, *parts, transfer_timeout_s=0.06) as (client, heard, peer):  # type: ignore[arg-type]
            await until(lambda: rests(client) == [4], what="one miss")
            forced: list[float] = []
            client._units.spare = forced.append  # type: ignore[method-assign]
            mark = len(peer.calls)
            await until(lambda: len([c for c in peer.calls[mark:] if c.unit == 4]) >= 5, 8.0, "probes")
            assert len(forced) <= 1, "the line has gaps, and the probes are in them"
            bodies = heard.bodies("/components/u4")
            assert "p0" not in bodies[-1] and "p1" not in bodies[-1]
            cycles = [len(heard.bodies(f"/components/u{n}")) for n in (3, 4, 5)]
            assert max(cycles) - min(cycles) <= 1, "what is silent is published BAD on schedule"
            silent.clear()
            await until(lambda: heard.body("/components/u4").get("p1") == 110, what="unit 4 back")
            assert rests(client) == []

    asyncio.run(body())


def test_a_unit_that_was_silent_is_asked_behind_the_others_until_it_is_trusted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ess_actors.modbus.units.DOUBT", 6)

    async def body() -> None:
        silent = {4}

        async def script(call: Call) -> None:
            if call.unit not in silent:
                await honest(call)

        parts = [unit(n, 250) for n in (3, 4, 5)]
        async with against(script, *parts, transfer_timeout_s=0.15) as (client, _, peer):  # type: ignore[arg-type]
            await until(lambda: rests(client) == [4])
            silent.clear()
            await until(lambda: rests(client) == [] and client._units[4].doubt < 5, what="unit 4 back")
            mark = len(peer.calls)
            await until(lambda: client._units[4].doubt == 0, what="trust")
            doubted = "".join(str(call.unit) for call in peer.calls[mark:])
            assert "354354" in doubted
            mark = len(peer.calls)
            await until(lambda: len(peer.calls) >= mark + 12)
            assert "345345" in "".join(str(call.unit) for call in peer.calls[mark:])

    asyncio.run(body())


def test_a_line_without_a_gap_is_taken_once_per_pause() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.unit != 4:
                await honest(call)

        parts = [unit(n, 40) for n in (3, 4, 5)]
        async with against(script, *parts, transfer_timeout_s=0.1) as (client, _, peer):  # type: ignore[arg-type]
            await until(lambda: rests(client) == [4])
            mark = len(peer.calls)
            await until(lambda: len([c for c in peer.calls[mark:] if c.unit == 4]) >= 3, 8.0, "probes")
            calls = [call.unit for call in peer.calls[mark:]]
            probes = [n for n, called in enumerate(calls) if called == 4]
            assert all(b - a >= 3 for a, b in pairwise(probes)), "the others in between"

    asyncio.run(body())


def test_a_unit_a_gateway_cannot_reach_is_left_out_at_once() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.unit == 4:
                call.send(call.frame(b"\x83\x0b"))
            else:
                await honest(call)

        parts = [unit(n, 100, points=3) for n in (3, 4)]
        async with against(script, *parts) as (client, heard, peer):  # type: ignore[arg-type]
            await until(lambda: heard.bodies("/components/u4"))
            assert len([call for call in peer.calls if call.unit == 4]) == 1, "not once per block"
            reply = await client.get("/components/u4/p2")
            assert isinstance(reply, dict) and reply["reason"] == "exception_11"
            assert heard.body("/components/u3")["p2"] == 210

    asyncio.run(body())


def test_a_slow_component_is_read_as_soon_as_its_unit_is_back() -> None:
    """Its next slot is a minute away."""

    async def body() -> None:
        silent: set[int] = set()

        async def script(call: Call) -> None:
            if call.unit not in silent:
                await honest(call)

        found = client_map(unit(3, 60_000), unit(4, 100), port=0, transfer_timeout_s=0.05)  # type: ignore[arg-type]
        async with device(script) as peer:
            found = replace(found, endpoint=replace(found.endpoint, port=peer.port))
            async with running(found) as (client, heard):
                await until(lambda: client.link.connected)
                silent.add(3)
                assert isinstance(await client.get("/components/u3/p0/_remote"), dict)
                await until(lambda: rests(client) == [3])
                silent.clear()
                await until(lambda: heard.body("/components/u3").get("p0") == 10, what="read off its grid")
                assert len(heard.bodies("/components/u3")) == 1

    asyncio.run(body())


def test_after_a_lost_connection_slow_components_do_not_wait_for_their_slot() -> None:
    async def body() -> None:
        async with device(honest) as peer:
            found = client_map(unit(3, 60_000), port=peer.port)  # type: ignore[arg-type]
            async with running(found) as (client, heard):
                await until(lambda: client.link.connected)
                assert not heard.publications, "a first connection is no reason to leave the grid"
                peer.hang_up()
                await until(lambda: heard.body("/components/u3").get("p0") == 10)

    asyncio.run(body())


def test_several_requests_are_open_where_the_link_carries_them() -> None:
    async def body() -> None:
        open_now, most = 0, 0

        async def answer(call: Call) -> None:
            nonlocal open_now
            await asyncio.sleep(0.01)
            await honest(call)
            open_now -= 1

        tasks: set[asyncio.Task[None]] = set()

        async def script(call: Call) -> None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            tasks.add(asyncio.create_task(answer(call)))

        async with device(script) as peer:
            found = client_map(unit(1, 100, points=12), port=peer.port)  # type: ignore[arg-type]
            found = replace(found, endpoint=replace(found.endpoint, max_in_flight=4))
            heard = Heard()
            client = Client(found, heard)
            run = asyncio.create_task(client.run())
            try:
                await until(lambda: len(heard.publications) >= 3)
                assert most == 4
                expected = {f"p{n}": 10 + 100 * n for n in range(12)}
                body = heard.body("/components/u1")
                assert {name: body.get(name) for name in expected} == expected
                reply = await client.set("/components/u1/p3", 9)
                assert reply == {"value": 9, "status": "ok"}
            finally:
                run.cancel()
                await asyncio.wait([run])

    asyncio.run(body())


def test_with_a_second_connection_not_even_the_first_time_out_is_waited_for() -> None:
    async def body() -> None:
        async def script(call: Call) -> None:
            if call.unit != 3:
                await honest(call)

        async with device(script) as peer:
            found = client_map(
                *(unit(n, 100, points=2) for n in (3, 4, 5)), port=peer.port, transfer_timeout_s=5.0
            )  # type: ignore[arg-type]
            found = replace(found, endpoint=replace(found.endpoint, max_connections=2))
            async with running(found) as (client, heard):
                for n in (4, 5):
                    await until(lambda: len(heard.bodies(f"/components/u{n}")) >= 4)
                assert heard.body("/components/u5")["p1"] == 110
                assert len([call for call in peer.calls if call.unit == 3]) <= 2, "it is still waited for"
                assert not heard.bodies("/components/u3") and rests(client) == []
                reply = await client.set("/components/u4/p0", 1)
                assert reply["status"] == "ok"

    asyncio.run(body())


def test_when_many_fall_silent_at_once_the_others_are_served_between_their_time_outs() -> None:
    async def body() -> None:
        silent: set[int] = set()

        async def script(call: Call) -> None:
            if call.unit not in silent:
                await honest(call)

        parts = [unit(n, 300) for n in range(1, 17)]
        async with against(script, *parts, transfer_timeout_s=0.15) as (client, heard, peer):  # type: ignore[arg-type]
            await until(lambda: all(heard.bodies(f"/components/u{n}") for n in range(1, 17)))
            silent.update(range(1, 8))
            mark = len(peer.calls)
            await until(lambda: rests(client) == list(range(1, 8)), what="all of them found")
            rows, lost = [], 0
            for call in peer.calls[mark:]:
                lost = lost + 1 if call.unit in silent else 0
                rows.append(lost)
            assert max(rows) <= 3, "two suspicions, and then one probe or first miss at a time"
            mark = len(peer.calls)
            await until(lambda: len([c for c in peer.calls[mark:] if c.unit in silent]) >= 12, 8.0, "probes")
            assert not client._units.all_rest and peer.connections == 1
            healthy = [c for c in peer.calls[mark:] if c.unit not in silent]
            assert {c.unit for c in healthy} == set(range(8, 17))

    asyncio.run(body())


def test_a_unit_whose_garbage_breaks_the_connection_leaves_its_neighbours_a_line() -> None:
    async def body() -> None:
        garbles = {3}

        async def script(call: Call) -> None:
            if call.unit in garbles:
                call.send(request_frame(call.transaction, call.unit, call.pdu[:5], protocol=0x5A5A))
            else:
                await honest(call)

        parts = [unit(n, 100) for n in (3, 4, 5)]
        async with against(script, *parts) as (client, heard, peer):  # type: ignore[arg-type]
            await until(lambda: peer.connections >= 4, 10.0, "probes of it")
            for n in (4, 5):
                good = [body for body in heard.bodies(f"/components/u{n}") if "p0" in body]
                assert len(good) >= peer.connections, "the connection is theirs between two probes"
            garbles.clear()
            await until(lambda: heard.body("/components/u3").get("p0") == 10, what="unit 3 back")
            assert rests(client) == []

    asyncio.run(body())
