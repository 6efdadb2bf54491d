"""A running client for the Modbus tests and everything it says, sorted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from ess_actors.core.events import Event
from ess_actors.core.points import ClientMap, Component
from ess_actors.core.safe_state import Holding
from ess_actors.modbus.client import Client
from ess_actors.modbus.polling_loop import Slot
from ess_actors.modbus.publication import Publication
from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import Call, Device, device, until

PERIOD_MS = 40


class Heard:
    """What a client emitted, sorted."""

    def __init__(self) -> None:
        self.publications: list[Publication] = []
        self.events: list[Event] = []
        self.holdings: list[Holding] = []

    def __call__(self, thing: Publication | Event | Holding) -> None:
        match thing:
            case Publication():
                self.publications.append(thing)
            case Event():
                self.events.append(thing)
            case Holding():
                self.holdings.append(thing)

    def bodies(self, uri: str = "/components/c") -> list[dict[str, Any]]:
        return [orjson.loads(p.body) for p in self.publications if p.uri == uri]

    def last(self, uri: str = "/components/c") -> Publication:
        return [p for p in self.publications if p.uri == uri][-1]

    def body(self, uri: str = "/components/c") -> dict[str, Any]:
        found = self.bodies(uri)
        return found[-1] if found else {}

    async def next_body(self, uri: str = "/components/c") -> dict[str, Any]:
        """The first body of a cycle that begins from now on."""
        seen = len(self.bodies(uri))
        await until(lambda: len(self.bodies(uri)) >= seen + 2, what="two publications")
        return self.body(uri)


@asynccontextmanager
async def running(found: ClientMap, **settings: Any) -> AsyncIterator[tuple[Client, Heard]]:
    heard = Heard()
    client = Client(found, heard, **settings)
    task = asyncio.create_task(client.run())
    try:
        yield client, heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def against(
    script: Callable[[Call], Awaitable[None]], *components: Component, **settings: Any
) -> AsyncIterator[tuple[Client, Heard, Device]]:
    async with device(script) as peer:
        found = client_map(*components, port=peer.port, **settings)
        async with running(found) as (client, heard):
            yield client, heard, peer


def watch_slots(client: Client) -> list[dict[int, float]]:
    """From now on, one row per served cycle: period (ms) -> number of its slot, counted from the common base."""
    served: list[dict[int, float]] = []
    table = client._timetable
    advance = table.advance

    def watching(slots: Iterable[Slot], now: float) -> None:
        served.append({slot.period_ms: slot_number(client, slot) for slot in slots})
        advance(slots, now)

    table.advance = watching  # type: ignore[method-assign]
    return served


def slot_number(client: Client, slot: Slot) -> float:
    """A whole number (but for rounding) when the slot is on the grid."""
    phase_ms = slot.phase_s * 1000
    return ((slot.at - client._timetable.base) * 1000 - phase_ms) / slot.period_ms


def simple(**settings: Any) -> Component:
    return component(
        "c",
        number("a", 10, period_ms=PERIOD_MS),
        number("b", 11, period_ms=PERIOD_MS),
        period_ms=PERIOD_MS,
        **settings,
    )
