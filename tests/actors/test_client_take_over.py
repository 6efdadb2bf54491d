"""Reloads of a client actor that cross each other, and orders that come while one runs."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ess_actors.actors.client_reload import reread
from ess_actors.actors.modbus_client import ModbusClientActor
from ess_actors.actors.settings import ClientSettings
from ess_actors.config.modbus_client import load_client
from ess_actors.core.points import ClientMap
from tests.config.site_on_disk import CLIENT
from tests.modbus.modbus_maps import client_map, component, number

FIRST = CLIENT.replace("_N", "_1").replace("0.N", "0.1")


class _Actor(ModbusClientActor):
    """Without its thread: what it would run there the test runs."""

    def __init__(self, settings: ClientSettings) -> None:
        super().__init__()
        self.actor_id = "c"
        self.heard: list[object] = []
        self._settings = settings
        self._reloading = asyncio.Lock()
        self._clients = {one.endpoint.address: self._client(one) for one in self._endpoints(settings)}
        self._tasks_of = {address: asyncio.create_task(asyncio.Event().wait()) for address in self._clients}
        self._index()

    def from_io(self, item: Any) -> None:
        self.heard.append(item)

    def run_io(self, work: Coroutine[Any, Any, Any]) -> None:
        work.close()


def at(host: str, *addresses: int) -> ClientMap:
    points = (number(f"p{n}", n) for n in addresses)
    return replace(client_map(component(f"at_{host}", *points), host=host), file=f"{host}.json")


def test_an_order_that_comes_while_other_clients_are_renewed_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        actor = _Actor(ClientSettings((at("x", 1), at("y", 1)), {}))
        first, second = actor._clients.values()
        for name in ("_force", "_disable"):
            assert await first.set(f"/components/at_x/p1/{name}", 5) == {"status": "ok"}
        renew = second.reload

        async def renewed(*found: Any) -> None:
            assert await first.set("/components/at_x/p1/_unforce", True) == {"status": "ok"}
            assert await first.set("/components/at_x/p1/_enable", True) == {"status": "ok"}
            await renew(*found)

        monkeypatch.setattr(second, "reload", renewed)
        await actor._take_over(ClientSettings((at("x", 1, 2), at("y", 1)), {}))
        (state,) = first.states
        assert set(state.points) == {"p1", "p2"} and not state.forced and not state.disabled

    asyncio.run(body())


def test_a_component_that_moves_to_another_client_keeps_what_was_ordered() -> None:
    async def body() -> None:
        before = at("x", 1)
        actor = _Actor(ClientSettings((before, at("y", 1)), {}))
        await actor._clients[before.endpoint.address].set("/components/at_x/p1/_force", 5)
        moved = replace(before, endpoint=replace(before.endpoint, host="z"))
        await actor._take_over(ClientSettings((moved, at("y", 1)), {}))
        assert actor._by_uri["/components/at_x"].states[0].forced == {"p1": 5}

    asyncio.run(body())


def test_a_reload_behind_one_that_took_its_component_away_is_answered(tmp_path: Path) -> None:
    uri = "/components/ess_1/bms_info"

    async def body() -> None:
        actor = _Actor(ClientSettings(tuple(load_client(file)[0]), {}))
        file.write_text(FIRST.replace("bms_info", "bms_other"))
        reloads = (actor._reload(uri, "me"), actor._reload(uri, "you"))
        async with asyncio.timeout(10.0):
            one, other = await asyncio.gather(*reloads)
        assert one["status"] == "ok" and other["status"] == "unknown_id" and uri in str(other["text"])
        assert list(actor._by_uri) == ["/components/ess_1/bms_other"]

    file = tmp_path / "bms_1.json"
    file.write_text(FIRST)
    asyncio.run(body())
    settings = ClientSettings(tuple(load_client(file)[0]), {})
    assert reread(settings, uri).reply["status"] == "unknown_id"
