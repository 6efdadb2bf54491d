"""Client files against their own simulators: whatever a file says, one codec writes what the other reads."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from ess_actors.config.json_reader import read
from ess_actors.config.modbus_client import load_client
from ess_actors.config.modbus_files import any_from
from ess_actors.core.events import Event
from ess_actors.core.points import ClientMap, Component
from ess_actors.core.registers import naked
from ess_actors.modbus.client import Client
from ess_actors.modbus.publication import Publication
from ess_actors.modbus.simulator import Simulator, stand_in
from tests.modbus.modbus_peers import until
from tests.modbus.simulated import simulated

ROOT = Path(__file__).parents[2]
PERIOD_MS = 100


def client_files() -> list[Path]:
    """Every file under configs/ and tests/cases/ that a client is made from."""
    found = sorted([*ROOT.glob("configs/**/*.json"), *ROOT.glob("tests/cases/*/*.json")])
    return [file for file in found if any_from(read(file), file).clients]


def hurried(found: ClientMap) -> ClientMap:
    """The same, polled ten times a second."""

    def quick(component: Component) -> Component:
        points = tuple(
            replace(point, register=replace(point.register, period_ms=PERIOD_MS))
            for point in component.points
        )
        return replace(component, points=points, period_ms=PERIOD_MS, offset_ms=0)

    return replace(found, components=tuple(quick(component) for component in found.components))


Bodies = dict[str, dict[str, Any]]


@asynccontextmanager
async def polled(
    maps: Sequence[ClientMap], simulator: Simulator, bodies: Bodies
) -> AsyncIterator[dict[str, Client]]:
    """A client per map at its simulated device; `bodies` is the newest that each uri published."""

    def heard(thing: Publication | Event) -> None:
        if isinstance(thing, Publication):
            body = orjson.loads(thing.body)
            bodies.setdefault(thing.uri, {}).update(body)

    # In the order of the maps: two files of one name are two devices.
    addresses = list(simulator.addresses.values())
    clients = {
        f"{index}": Client(replace(one, endpoint=stand_in(one.endpoint, address)), heard)
        for index, (one, address) in enumerate(zip(maps, addresses, strict=True))
    }
    tasks = [asyncio.create_task(client.run()) for client in clients.values()]
    try:
        yield clients
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


def wrong(found: ClientMap, stem: str, simulator: Simulator, bodies: Bodies) -> list[str]:
    """Points that are not published as the device has them."""
    return [
        f"{component.id}/{point.id}"
        for component in found.components
        for point in component.points
        if point.published
        and naked(bodies.get(component.uri, {}).get(point.id))
        != simulator.value(stem, f"{component.id}/{point.id}")
    ]


@pytest.mark.parametrize("file", client_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_point_of_every_client_file_is_good_against_its_simulator(file: Path) -> None:
    async def body() -> None:
        maps = [hurried(one) for one in load_client(file)[0]]
        bodies: Bodies = {}
        async with simulated(*maps) as simulator, polled(maps, simulator, bodies):
            stems = list(simulator.addresses)

            def bad() -> list[str]:
                return [
                    path
                    for one, stem in zip(maps, stems, strict=True)
                    for path in wrong(one, stem, simulator, bodies)
                ]

            await good(bad, "every point at its start")
            for one, stem in zip(maps, stems, strict=True):
                names = [f"{c.id}/{p.id}" for c in one.components for p in c.points]
                simulator.set_points(stem, {name: 1 + n % 40 for n, name in enumerate(names)})
            await good(bad, "every point after a change")

    asyncio.run(body())


async def good(bad: Callable[[], list[str]], what: str) -> None:
    try:
        await until(lambda: not bad(), 15.0, what)
    except AssertionError as error:
        raise AssertionError(f"{what}: {bad()[:10]}") from error


A39 = {
    "connection": {"ip_address": "10.0.0.39", "off_by_one": True, "byte_swap": True, "frequency": 100},
    "components": [
        {
            "id": "ess_1/ctl",
            "device_id": 4,
            "registers": [
                {
                    "type": "Holding",
                    "starting_offset": 1,
                    "number_of_registers": 99,
                    "map": [
                        {"id": "first", "offset": 1},
                        {"id": "wide", "offset": 2, "size": 2, "signed": True},
                        {"id": "long", "offset": 4, "size": 4, "invert_mask": "0xFF00FF00"},
                        {"id": "ratio", "offset": 8, "size": 2, "float": True},
                        {"id": "ordered", "offset": 10, "size": 4, "word_order": 2413, "scale": 10},
                        {
                            "id": "word",
                            "offset": 14,
                            "packed_register": True,
                            "bit_ranges": [
                                {"id": "mode", "number_of_bits": 3, "enum": True, "bit_strings": ["A", "B"]},
                                {
                                    "id": "level",
                                    "starting_bit_pos": 4,
                                    "number_of_bits": 6,
                                    "scale": 2,
                                },
                                {
                                    "id": "trim",
                                    "starting_bit_pos": 12,
                                    "number_of_bits": 4,
                                    "signed": True,
                                },
                            ],
                        },
                        {
                            "id": "bits",
                            "offset": 15,
                            "size": 2,
                            "individual_bits": True,
                            "bit_strings": ["run", None, "trip", {"IGNORE": 20}, "far"],
                        },
                    ],
                },
                {"type": "Coils", "map": [{"id": "closed", "offset": 1, "scale": -1}]},
            ],
        }
    ],
}
WRITTEN: dict[str, object] = {
    "first": 7,
    "wide": -70000,
    "long": 2**40 + 5,
    "ratio": -2.5,
    "ordered": 123456.7,
    "mode": 1,
    "level": 23.5,
    "trim": -3,
    "run": True,
    "trip": True,
    "far": True,
    "closed": True,
}
SHOWN = {**WRITTEN, "mode": [{"value": 1, "string": "B"}]}


def test_what_is_written_to_a_file_with_every_twist_is_published_back_equal(tmp_path: Path) -> None:
    file = tmp_path / "twisted.json"
    file.write_text(json.dumps(A39))
    maps, findings = load_client(file)
    assert max(finding.severity for finding in findings) < 2, [str(finding) for finding in findings]

    async def body() -> None:
        bodies: Bodies = {}
        uri = "/components/ess_1/ctl"
        async with simulated(*maps) as simulator, polled(maps, simulator, bodies) as clients:
            await until(lambda: bodies.get(uri, {}).get("first") == 0, what="the first reading")
            for values in (WRITTEN, dict.fromkeys(WRITTEN, 0)):
                reply: Any = await clients["0"].set(uri, values)
                assert reply["_status"] == "ok", reply
                wanted = SHOWN if values is WRITTEN else None
                for name, value in values.items():
                    expected = (
                        wanted[name] if wanted else naked(simulator.value("twisted", f"ess_1/ctl/{name}"))
                    )
                    assert simulator.value("twisted", f"ess_1/ctl/{name}") == expected
                    await until(
                        lambda name=name, expected=expected: bodies[uri].get(name) == expected,
                        what=f"{name} = {value}, not {bodies[uri].get(name)}",
                    )

    asyncio.run(body())
