"""Writes of which nobody knows at first whether they arrived: what was read back decides, nothing is repeated."""

import asyncio
from collections.abc import Callable
from typing import Any

from ess_actors.modbus.client import Client
from tests.modbus.modbus_bench import PERIOD_MS, against, simple
from tests.modbus.modbus_maps import bits, component, number
from tests.modbus.modbus_peers import Call, Device, honest, until


class Memory:
    """A device with registers that can be written; `write` says what it does with a write, before it answers."""

    def __init__(self, write: Callable[[Call], bool]) -> None:
        self.words: dict[int, int] = {}
        self.write = write
        self.deaf = False

    async def __call__(self, call: Call) -> None:
        if call.function <= 4:
            if self.deaf:
                return
            words = [self.words.get(n, n) for n in range(call.address, call.address + call.count)]
            body = b"".join(word.to_bytes(2, "big") for word in words)
            call.send(call.frame(bytes([call.function, len(body)]) + body))
        elif self.write(call):
            await honest(call)

    def store(self, call: Call) -> None:
        if call.function == 6:
            self.words[call.address] = call.count
        else:
            for n in range(call.count):
                self.words[call.address + n] = int.from_bytes(call.pdu[6 + 2 * n : 8 + 2 * n], "big")


def outcome(memory: Memory, *sets: tuple[str, object], **settings: Any) -> tuple[list[Any], Device]:
    """The replies to `sets`, one after the other."""

    async def body() -> tuple[list[Any], Device]:
        part = settings.pop("part", None) or simple()
        async with against(memory, part, transfer_timeout_s=0.08, **settings) as (client, heard, peer):
            await until(lambda: heard.publications)
            return [await client.set(f"/components/{uri}", value) for uri, value in sets], peer

    return asyncio.run(body())


def writes(peer: Device) -> list[Call]:
    return [call for call in peer.calls if call.function > 4]


def test_a_write_that_arrived_without_an_answer_is_verified() -> None:
    def silently(call: Call) -> bool:
        memory.store(call)
        return False

    memory = Memory(silently)
    (reply, limited), peer = outcome(memory, ("c/a", 55), ("c/a", 1e9))
    assert reply == {"value": 55, "status": "verified"}
    assert limited == {"value": 65535, "status": "clamped", "requested": 1e9}
    assert [call.count for call in writes(peer)] == [55, 65535], "nothing is written twice"


def test_each_value_of_a_joined_write_has_its_own_outcome() -> None:
    def half(call: Call) -> bool:
        memory.store(call)
        memory.words[11] = 99
        return False

    memory = Memory(half)
    (reply,), peer = outcome(memory, ("c", {"a": 1, "b": 2}))
    assert reply["a"] == {"value": 1, "status": "verified"}
    assert (reply["b"]["status"], reply["b"]["read"]) == ("unknown_outcome", 99)
    assert reply["_status"] == "partial"
    assert len(writes(peer)) == 1


def test_without_a_read_back_the_outcome_stays_unknown() -> None:
    def and_then_deaf(call: Call) -> bool:
        memory.deaf = True
        return False

    memory = Memory(and_then_deaf)
    (reply,), peer = outcome(memory, ("c/a", 55))
    assert reply["status"] == "unknown_outcome" and "read" not in reply
    assert len(writes(peer)) == 1


def test_a_lost_connection_after_sending_is_no_clean_failure() -> None:
    def hang_up(call: Call) -> bool:
        call.writer.transport.abort()
        return False

    (reply,), peer = outcome(Memory(hang_up), ("c/a", 55))
    assert reply["status"] == "unknown_outcome" and len(writes(peer)) == 1


def test_a_device_that_began_and_needs_longer_is_not_told_again() -> None:
    def begin(call: Call) -> bool:
        call.send(call.frame(bytes([call.function | 0x80, 5])))
        return False

    (one, many), peer = outcome(Memory(begin), ("c/a", 55), ("c", {"a": 1, "b": 2}))
    assert (one["status"], one["read"]) == ("unknown_outcome", 10)
    assert many["a"]["status"] == many["b"]["status"] == "unknown_outcome"
    assert [call.function for call in writes(peer)] == [6, 16]


def test_a_busy_device_refuses_and_is_not_asked_point_by_point() -> None:
    def busy(call: Call) -> bool:
        call.send(call.frame(bytes([call.function | 0x80, 6])))
        return False

    (reply,), peer = outcome(Memory(busy), ("c", {"a": 1, "b": 2}))
    assert reply["_status"] == "failed"
    assert reply["a"] == reply["b"] == {"status": "refused", "code": 6}
    assert [call.function for call in writes(peer)] == [16]


def test_a_set_to_a_silent_unit_is_tried_once() -> None:
    async def body() -> None:
        async def mute(call: Call) -> None:
            return

        async with against(mute, simple(), transfer_timeout_s=0.05) as (client, _, peer):
            await until(lambda: client.stats()["silent_units"] == [1] and client.link.connected)
            mark = len(peer.calls)
            reply = await client.set("/components/c/a", 5)
            assert reply["status"] in ("unknown_outcome", "not_connected")
            written = [n for n, call in enumerate(peer.calls[mark:]) if call.function == 6]
            assert len(written) <= 1, "and its time-out is not doubled by a read back"

    asyncio.run(body())


def test_a_bit_is_not_written_when_its_register_cannot_be_read() -> None:
    async def body() -> None:
        refuse = False

        async def script(call: Call) -> None:
            if refuse and call.function == 3:
                call.send(call.frame(b"\x83\x04"))
            else:
                await honest(call)

        part = component("c", *bits("flags", 10, {2: "on"}), number("b", 11), period_ms=PERIOD_MS)
        async with against(script, part) as (client, heard, peer):
            await until(lambda: heard.publications)
            refuse = True
            reply = await client.set("/components/c", {"on": True, "b": 3})
            assert (reply["on"]["status"], reply["on"]["code"]) == ("refused", 4)  # type: ignore[index]
            assert reply["b"] == {"value": 3, "status": "ok"}
            assert [call.address for call in peer.calls if call.function > 4] == [11]

    asyncio.run(body())


def test_names_of_a_mask_that_do_not_fit_are_told() -> None:
    async def body(client: Client) -> Any:
        return await client.set("/components/c/faults", [{"value": 3}, {"value": 19}])

    from ess_actors.core.codec import Codec, Shape
    from ess_actors.core.points import Point
    from tests.modbus.modbus_maps import register

    field = Point(
        id="faults", register=register("faults", 20, period_ms=PERIOD_MS), codec=Codec(shape=Shape.FIELD)
    )

    async def run() -> None:
        async with against(honest, component("c", field, period_ms=PERIOD_MS)) as (client, heard, _):
            await until(lambda: heard.publications)
            reply = await body(client)
            assert reply["lost_bits"] == [19] and reply["status"] == "clamped"

    asyncio.run(run())
