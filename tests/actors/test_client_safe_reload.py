"""A client file is read anew while its devices have safe values: none is forgotten, none speaks for another."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ess_actors.actors.client_reload import reread
from ess_actors.actors.settings import ClientSettings
from ess_actors.config.modbus_client import load_client
from ess_actors.core.lease import Lease, SafeList
from ess_actors.core.messages import Message
from ess_actors.core.safe_state import stamped
from tests.actors.test_client_take_over import FIRST, _Actor, at
from tests.modbus.modbus_bench import PERIOD_MS
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import device, until
from tests.modbus.test_safe_guard import POWER, SAFE_POWER, Converter

SOC = "/components/ess_1/bms_info/soc"


def listed(**values: object) -> SafeList:
    return SafeList("x", 20.0, {f"/components/at_{host}/p1": value for host, value in values.items()})


def test_endpoints_of_one_file_have_names_of_their_own() -> None:
    async def body() -> None:
        actor = _Actor(ClientSettings((at("x", 1), at("y", 1)), {}, listed(x=1, y=2)))
        assert [client.stem for client in actor._clients.values()] == ["/bms_1", "/bms_1_2"]

    asyncio.run(body())


def test_a_component_that_moves_to_another_endpoint_takes_its_safe_value_along() -> None:
    async def body() -> None:
        one, other = at("x", 1), at("y", 1)
        actor = _Actor(ClientSettings((one, other), {}, listed(x=1)))
        first, second = actor._clients.values()
        assert first.guard is not None and second.guard is None
        bare = replace(one, components=at("z", 1).components)
        both = replace(other, components=(*other.components, *one.components))
        await actor._take_over(ClientSettings((bare, both), {}, listed(x=1)))
        guard = actor._by_uri["/components/at_x"].guard
        assert guard is not None and guard is second.guard
        assert [(item.name, item.value) for _, item in guard._writes.items] == [("p1", 1)]
        assert not first.guard._writes.items

    asyncio.run(body())


def test_a_device_that_is_served_no_more_is_left_at_its_safe_values() -> None:
    async def body() -> None:
        converter = Converter()
        async with device(converter) as peer:
            uri = "/components/c/power"
            found = client_map(component("c", number("power", POWER, period_ms=PERIOD_MS)), port=peer.port)
            settings = ClientSettings((found,), {}, SafeList("x", 20.0, {uri: SAFE_POWER}))
            actor = _Actor(settings)
            (client,) = actor._clients.values()
            (address,) = actor._tasks_of
            actor._tasks_of[address].cancel()
            running = actor._tasks_of[address] = asyncio.create_task(client.run())
            await until(lambda: converter.powers() == [SAFE_POWER], what="the safe value")
            assert client.guard is not None
            client.guard.leased(Lease("e", 1, time.monotonic(), allowed=True, reason=""))
            command = stamped("c", time.monotonic())
            assert (await client.set(uri, 500, command=command))["status"] == "ok"
            elsewhere = replace(found, endpoint=replace(found.endpoint, host="127.0.0.2"))
            await actor._take_over(replace(settings, maps=(elsewhere,)))
            assert converter.powers() == [SAFE_POWER, 500, SAFE_POWER]
            await asyncio.wait([running])
            told = actor._io_meter.snapshot()["ess_safe_state"]
            assert not any(values[0] for _, values in told), "nobody looks after it any more"

    asyncio.run(body())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"id": "soc"', '"id": "sox"'), "would be no writable point any more"),
        (('"Holding"', '"Input"'), "would be no writable point any more"),
        (('"offset": 0}', '"offset": 0, "scale": 1000}'), "could not be told its safe value 70"),
    ],
    ids=["renamed", "an input", "scaled"],
)
def test_a_file_that_takes_a_safe_value_away_is_not_taken_over(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    file = tmp_path / "bms_1.json"
    file.write_text(FIRST)
    settings = ClientSettings(tuple(load_client(file)[0]), {}, SafeList("bms_1", 1.0, {SOC: 70}))
    assert reread(settings, SOC.rpartition("/")[0]).settings is not None
    assert change[0] in FIRST
    file.write_text(FIRST.replace(*change))
    told = reread(settings, SOC.rpartition("/")[0])
    assert told.settings is None and told.reply["status"] == "failed"
    assert said in str(told.reply["text"]) and "site.json" in str(told.reply["text"])


@pytest.mark.parametrize(
    ("body", "status"), [(b"false", "bad_value"), (b"{", "bad_value"), (b"true", "not_connected")]
)
def test_a_release_says_true(body: bytes, status: str) -> None:
    async def told() -> None:
        actor = _Actor(ClientSettings((at("x", 1),), {}, listed(x=1)))
        reply = actor._release("/components/at_x", Message("set", "/components/at_x/_release", body))
        assert reply["status"] == status

    asyncio.run(told())


def test_a_device_without_safe_values_cannot_be_released() -> None:
    async def told() -> None:
        actor = _Actor(ClientSettings((at("x", 1),), {}))
        assert actor._release("/components/at_x", Message("set", "/x", b"true"))["status"] == "refused"

    asyncio.run(told())
