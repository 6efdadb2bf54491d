"""The maps of the shipped sites: clean, of real size, and with the seed's entries where the seed has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ess_actors.config.modbus_client import load_client
from ess_actors.config.modbus_server import load_server
from ess_actors.config.site_schema import SiteShape, parse_site
from ess_actors.config.start_file import load_start
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.plant_model import Plant
from ess_actors.core.points import ClientMap, Component, Table
from ess_actors.core.polling import plan
from ess_actors.core.server_points import ServerEntry, ServerMap

CONFIGS = Path(__file__).parents[2] / "configs"
SITES = ("dual_bms", "triple")

SEED_ENTRIES = {
    "dischargeable_energy": (2003, 10, False, 0),
    "chargeable_power": (2004, None, True, 0),
    "dischargeable_power": (2005, None, True, 0),
    "system_state": (2006, None, False, 4),
    "com_status": (2007, None, False, 5),
    "ems_alarms": (2008, None, False, 8),
    "ess_faults": (2009, None, False, 19),
    "ess_alarms": (2010, None, False, 19),
}
"""The seed's entries: offset, scale, signed, number of names."""

BMS_THRESHOLDS = (
    "Max Cell Voltage Threshold Exceeded",
    "Min Cell Voltage Threshold Exceeded",
    "Max Cell Temperature Threshold Exceeded",
    "Min Cell Temperature Threshold Exceeded",
    "Current Max Threshold Exceeded",
    "Current Min Threshold Exceeded",
    "Number of Closed-in Battery Racks Below Threshold",
    "State of Health Below Threshold",
)
PCS_THRESHOLDS = (
    "PCS DC Voltage Threshold Exceeded",
    "Number of PCS Modules Below Threshold",
    "PCS Active Power Threshold Exceeded",
)


def site_of(name: str) -> SiteShape:
    return parse_site(json.loads((CONFIGS / name / "site.json").read_text(encoding="utf-8")))


def files_of(name: str, kind: str) -> list[Path]:
    return [CONFIGS / name / file for instance in site_of(name).instances for file in getattr(instance, kind)]


def above_notes(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.severity > Severity.NOTE]


def client_map(file: Path) -> ClientMap:
    maps, _ = load_client(file)
    assert len(maps) == 1
    return maps[0]


def server_map(name: str) -> ServerMap:
    server, _ = load_server(CONFIGS / name / "modbus_server" / "site.json")
    assert server is not None
    return server


def published(component: Component) -> list[str]:
    return [point.id for point in component.points if point.published]


def names_of(site: str) -> list[str]:
    """Instance names, the one that owns the site server first."""
    starts = [load_start(CONFIGS / site / instance.start)[0] for instance in site_of(site).instances]
    return [start.name for start in starts if start is not None]


def site_table(name: str) -> str:
    return f"/site/{names_of(name)[0]}/ess_ls"


def entries_of(server: ServerMap, uri: str) -> dict[str, ServerEntry]:
    return {entry.id: entry for entry in server.entries if entry.uri == uri}


CLIENT_FILES = [
    pytest.param(file, id=f"{s}-{file.stem}") for s in SITES for file in files_of(s, "modbus_clients")
]
BMS_FILES = [case for case in CLIENT_FILES if "bms_" in case.values[0].stem]
PCS_FILES = [case for case in CLIENT_FILES if case.values[0].stem == "pcs"]


@pytest.mark.parametrize("file", CLIENT_FILES)
def test_client_files_are_clean(file: Path) -> None:
    maps, findings = load_client(file)
    assert above_notes(findings) == []
    assert [found.stem for found in maps] == [file.stem]


@pytest.mark.parametrize("name", SITES)
def test_server_files_are_clean(name: str) -> None:
    for file in files_of(name, "modbus_servers"):
        server, findings = load_server(file)
        assert above_notes(findings) == []
        assert server is not None


@pytest.mark.parametrize("name", SITES)
def test_start_files_are_clean(name: str) -> None:
    for instance in site_of(name).instances:
        start, findings = load_start(CONFIGS / name / instance.start)
        assert above_notes(findings) == []
        assert start is not None
        assert start.name == Path(instance.start).stem
        assert f"/components/{start.name}" in start.subscriptions
        assert f"/shared/{start.name}" in start.subscriptions


@pytest.mark.parametrize("file", BMS_FILES)
def test_a_bms_has_about_1500_points_in_22_components(file: Path) -> None:
    components = client_map(file).components
    assert len(components) == 22
    assert 1400 <= sum(len(published(component)) for component in components) <= 1600
    assert {component.period_ms for component in components} == {1000}
    # 20 ms apart: the requests of one BMS never form one burst.
    assert [component.offset_ms for component in components] == [20 * n for n in range(22)]


@pytest.mark.parametrize("file", BMS_FILES)
def test_the_18_racks_are_alike_on_units_11_to_28(file: Path) -> None:
    racks = {c.id.rpartition("/")[2]: c for c in client_map(file).components if "/rack_" in c.id}
    assert list(racks) == [f"rack_{n:02d}" for n in range(1, 19)]
    assert [rack.unit for rack in racks.values()] == list(range(11, 29))
    shapes = {
        tuple((p.id, p.table, p.address, p.size, p.codec.scale) for p in r.points) for r in racks.values()
    }
    assert len(shapes) == 1


@pytest.mark.parametrize("file", PCS_FILES)
def test_the_pcs_has_about_190_points_with_one_fast_component(file: Path) -> None:
    components = client_map(file).components
    assert 180 <= sum(len(published(component)) for component in components) <= 200
    assert [c.id.rpartition("/")[2] for c in components if c.period_ms == 100] == ["pcs_fast"]


@pytest.mark.parametrize("file", CLIENT_FILES)
def test_a_cycle_needs_few_requests(file: Path) -> None:
    """Bridged holes keep a cycle small: one request a component and table, a few for the long HVAC map."""
    components = client_map(file).components
    requests = sum(len(cycle.blocks) for component in components for cycle in plan(component))
    assert requests <= 2.2 * len(components) + 8


@pytest.mark.parametrize("name", SITES)
def test_every_client_publishes_below_the_instance_that_owns_it(name: str) -> None:
    for instance, owner in zip(site_of(name).instances, names_of(name), strict=True):
        for file in instance.modbus_clients:
            for component in client_map(CONFIGS / name / file).components:
                assert component.uri.startswith(f"/components/{owner}/")


def test_both_bms_files_differ_in_their_instance_and_address_only() -> None:
    for name in SITES:
        one, two = (
            file.read_text(encoding="utf-8")
            for file in files_of(name, "modbus_clients")
            if "bms" in file.stem
        )
        first, second = json.loads(one), json.loads(two)
        assert first["connection"]["ip_address"] != second["connection"]["ip_address"]

        def stripped(tree: dict[str, Any]) -> list[dict[str, Any]]:
            return [{**c, "id": c["id"].partition("/")[2]} for c in tree["components"]]

        assert stripped(first) == stripped(second)


@pytest.mark.parametrize("name", SITES)
def test_the_site_server_has_about_240_entries(name: str) -> None:
    server = server_map(name)
    assert 230 <= len(server.entries) <= 250
    tables = {entry.table for entry in server.entries}
    assert tables == {Table.HOLDING, Table.INPUT}
    assert len({(entry.uri, entry.id) for entry in server.entries}) == len(server.entries)


@pytest.mark.parametrize("name", SITES)
def test_the_seeds_entries_stand_at_the_seeds_offsets(name: str) -> None:
    entries = entries_of(server_map(name), site_table(name))
    for key, (offset, scale, signed, names) in SEED_ENTRIES.items():
        entry = entries[key]
        found = (entry.address, entry.codec.scale, entry.codec.signed, len(entry.bit_strings))
        assert (key, entry.table, *found) == (key, Table.INPUT, offset, scale, signed, names)
        assert entry.codec.size == 1


@pytest.mark.parametrize("name", SITES)
def test_no_fault_is_lost_and_both_bms_are_named(name: str) -> None:
    entries = entries_of(server_map(name), site_table(name))
    wanted = (
        *(f"BMS_1 {text}" for text in BMS_THRESHOLDS),
        *PCS_THRESHOLDS,
        *(f"BMS_2 {text}" for text in BMS_THRESHOLDS),
    )
    used = {entry.address for entry in server_map(name).entries if entry.table is Table.INPUT}
    highs = []
    for key in ("ess_faults", "ess_alarms"):
        assert entries[key].bit_strings == wanted
        high = entries[key].high_word_address
        assert high is not None and high not in used
        highs.append(high)
    assert len(set(highs)) == 2
    assert entries["com_status"].bit_strings[1] == "BMS_1 Communication Offline"
    assert entries["com_status"].bit_strings[4] == "BMS_2 Communication Offline"


@pytest.mark.parametrize("name", SITES)
def test_every_server_uri_belongs_to_an_instance(name: str) -> None:
    names = names_of(name)
    for uri in server_map(name).sources:
        _, area, owner, *_ = uri.split("/")
        assert area == "site" and owner in names
    written = {entry.uri for entry in server_map(name).entries if entry.table is Table.HOLDING}
    assert written == {f"/site/{names[0]}/ess_hs"}


@pytest.mark.parametrize("name", SITES)
def test_a_silent_controller_shows_in_com_status(name: str) -> None:
    server = server_map(name)
    own = [bit for bit in server.stale_bits if bit.entry_id == "totals_quality"]
    assert [(bit.source, bit.bit) for bit in own] == [(site_table(name), 1)]
    told = [bit for bit in server.stale_bits if bit not in own]
    marks = {bit.source: bit.bit for bit in told}
    assert marks[site_table(name)] == 2
    assert set(marks) == {uri for uri in server.sources if uri.endswith("/ess_ls")}
    assert {(bit.entry_uri, bit.entry_id) for bit in told} == {(site_table(name), "com_status")}
    assert len(set(marks.values())) == len(marks)


@pytest.mark.parametrize("name", SITES)
def test_the_plant_model_moves_points_that_exist(name: str) -> None:
    plant = Plant(site_of(name).sim)
    maps = {file.stem: client_map(file) for file in files_of(name, "modbus_clients")}
    assert set(plant.points) == set(maps)
    for stem, points in plant.points.items():
        known = {f"{c.id}/{point.id}" for c in maps[stem].components for point in c.points}
        assert {point for named in points.values() for point in named} <= known


def test_the_sites_can_run_side_by_side() -> None:
    ports = [site_of(name).api.port for name in SITES] + [server_map(name).port for name in SITES]
    assert len(set(ports)) == len(ports)
    assert {server_map(name).host for name in SITES} == {"127.0.0.1"}
