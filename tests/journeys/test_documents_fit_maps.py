"""The documents of both shipped sites name points, registers and values that the Modbus files really have."""

from collections.abc import Iterator

import orjson
import pytest

from ess_actors.core.component import ComponentState
from ess_actors.core.trace_edges import edges
from ess_actors.core.uri import parse_reference
from tests.journeys.bus import WALL, Bus, shipped_site

SITES = {"dual_bms": ("ess_1", "ess_2"), "triple": ("ess", "bms_1", "bms_2")}
STATUS_KEYS = {"component_connected", "Timestamp", "modbus_heartbeat", "heartbeat_state"}


def _components(site: str) -> Iterator[tuple[str, ComponentState]]:
    for instance in shipped_site(site).instances:
        for client in instance.clients:
            for component in client.components:
                yield f"{instance.name}/{client.stem}", ComponentState(component, 0.0)


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_point_the_documents_read_is_published(site: str) -> None:
    published = {state.component.uri: set(state.published) | STATUS_KEYS for _, state in _components(site)}
    read = {
        (uri, name)
        for ess in Bus(site, SITES[site]).instances.values()
        for uri, table in ess.engine.map.tables.items()
        if uri.startswith("/components/")
        for name in table.variables
    }
    assert len(read) > 150
    assert sorted((uri, name) for uri, name in read if name not in published.get(uri, ())) == []


def test_every_point_the_documents_write_is_a_holding_register(site: str) -> None:
    writable = {
        (state.component.uri, point.id)
        for _, state in _components(site)
        for point in state.component.points
        if point.register.table.name in ("HOLDING", "COIL")
    }
    written = {
        (reference.table, reference.name)
        for ess in Bus(site, SITES[site]).instances.values()
        for edge in edges(ess.engine)
        if edge.bus == "set" and (reference := parse_reference(edge.target)).table.startswith("/components/")
    }
    assert len(written) > 8
    assert written - writable == set()


def test_every_site_register_has_its_value_and_every_value_its_register(site: str) -> None:
    bus = Bus(site, SITES[site])
    bus.run(3.0)
    servers = [server for instance in shipped_site(site).instances for server in instance.servers]
    entries = {(entry.uri, entry.id) for server in servers for entry in server.entries}
    assert len(entries) > 200
    published = {(uri, name) for uri in {uri for uri, _ in entries} for name in bus.sent("pub", uri)[-1]}
    assert (sorted(entries - published), sorted(published - entries)) == ([], [])


def test_a_full_size_cycle_of_every_client_is_taken_without_a_complaint(site: str) -> None:
    bus = Bus(site, SITES[site])
    bus.run(1.0)
    points = 0
    for sender, state in _components(site):
        blocks = [block for cycle in state.cycles for block in cycle.blocks]
        for block in blocks:
            state.good(block, bytes(block.count * (1 if block.is_bits else 2)), 1.0, WALL)
        body, marks, _ = state.publication({cycle.period_ms for cycle in state.cycles}, 1.0, WALL)
        points += len(body)
        bus.send("pub", state.component.uri, orjson.loads(orjson.dumps(body)), sender, quality=marks)
    assert points > 3000
    bus.run(2.0)
    for name, ess in bus.instances.items():
        wrong = (
            "type_mismatch",
            "loop_guard",
            "depth_guard",
            "hop_dropped",
            "function_errors",
            "expr_errors",
        )
        assert {key: n for key, n in ess.counters.items() if key.startswith(wrong) and n} == {}, name
        assert [line for line in ess.drain_log() if line.level in ("warning", "error")] == [], name
