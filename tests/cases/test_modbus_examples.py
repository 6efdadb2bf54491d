"""The acceptance examples of the Modbus specification that single files decide, by number."""

import asyncio
from pathlib import Path

import pytest

from ess_actors.config.modbus_files import Kind, ModbusFile
from ess_actors.config.site_file import check
from ess_actors.core.component import ComponentState
from ess_actors.core.findings import Severity
from ess_actors.core.points import Component
from ess_actors.modbus.client import Client
from tests.cases.modbus_case import WALL, blocks, client, holding, load, server

LS, HS = "/site/ess_1/ess_ls", "/site/ess_1/ess_hs"


def only(loaded: ModbusFile) -> Component:
    (found,) = loaded.clients
    (component,) = found.components
    return component


def said(loaded: ModbusFile) -> list[tuple[str, int, int]]:
    return [(finding.code, finding.line, finding.column) for finding in loaded.findings]


def test_a01_the_style_of_the_note_loads(tmp_path: Path) -> None:
    text = """{
 "fileInfo":{ [...] },
 "connection": { "ip_address": "10.0.0.1", },
 "components": [ << data for ess_1>>
  { "id": "ess_1/rack_state", "registers": [ { "type": "Input", "map": [ { "id": "soc", "offset": 1 }, ] } ] },
 ]
}
"""
    loaded = load(tmp_path, text)
    assert only(loaded).uri == "/components/ess_1/rack_state"
    lines = text.splitlines()
    assert said(loaded) == [
        ("P05", 2, lines[1].index("[") + 1),
        ("P02", 3, lines[2].index(", }") + 1),
        ("P05", 4, lines[3].index("<<") + 1),
        ("P02", 5, lines[4].index(", ]") + 1),
        ("P02", 5, lines[4].rindex(",") + 1),
    ]


def test_a02_the_first_of_two_keys_wins_whatever_their_case(tmp_path: Path) -> None:
    text = (
        '{"connection": {"ip_address": "h"}, "components": [{"id": "c", "registers": [{"type": "Holding",\n'
    )
    text += '"map": [{"id":"v1","offset":7,"scale":20,"Scale":-1}]}]}]}'
    loaded = load(tmp_path, text)
    state = ComponentState(only(loaded), now=0.0)
    (block,) = blocks(state)
    state.good(block, b"\x01\x2c", sent=1.0, wall=WALL)
    assert state.get("v1", now=1.0) == 15.0
    (finding,) = loaded.findings
    assert (finding.code, finding.line) == ("P04", 2)
    assert "2:" in finding.text


def test_a03_two_syntax_errors_are_two_findings_and_other_files_are_still_checked(tmp_path: Path) -> None:
    lines = ["{"] + [f'"k{n}": {n},' for n in range(2, 50)] + ['"last": 1', "}"]
    lines[11] = '"k12": 12 "extra": 5,'
    lines[39] = '"k40": "never closed,'
    broken = load(tmp_path, "\n".join(lines), "broken.json")
    assert [(code, line) for code, line, _ in said(broken)] == [("P01", 12), ("P01", 40)]
    assert (broken.clients, broken.server) == ((), None)
    load(tmp_path, client({"id": "c", "registers": []}), "good.json")
    found = [finding for path in sorted(tmp_path.iterdir()) for finding in check(path).findings]
    assert [finding.code for finding in found] == ["P01", "P01", "C25"]


def test_a04_a_legacy_file_is_one_component_with_the_default_period(tmp_path: Path) -> None:
    points = holding(*({"id": f"p{n}", "offset": n} for n in range(3)))
    loaded = load(tmp_path, {"system": {"id": "rack.7", "ip_address": "h"}, "registers": points})
    assert loaded.kind is Kind.LEGACY_CLIENT
    component = only(loaded)
    assert (component.uri, component.period_ms, len(component.points)) == ("/components/rack.7", 1000, 3)


def test_a05_names_of_files_lie(tmp_path: Path) -> None:
    entries = {"coils": [{"id": "a", "offset": 1, "uri": HS}]}
    assert load(tmp_path, server(entries), "plant_client.json").kind is Kind.SERVER
    found = load(
        tmp_path, client({"id": "c", "registers": holding({"id": "a", "offset": 1})}), "plant_server.json"
    )
    assert found.kind is Kind.CLIENT


def test_a06_values_of_another_type(tmp_path: Path) -> None:
    component = {
        "id": "c",
        "off_by_one": 1,
        "device_id": "9",
        "registers": holding({"id": "a", "offset": 1, "scale": 10.0}),
    }
    loaded = load(tmp_path, client(component))
    (point,) = only(loaded).points
    assert (point.address, point.unit, point.codec.scale) == (0, 9, 10)
    assert [(f.code, f.severity) for f in loaded.findings] == [("S04", Severity.WARNING)] * 2


def test_a07_crossed_out_and_misspelt_keys(tmp_path: Path) -> None:
    keys = {"XXheartbeat_enabled": True, "cXXomponent_heartbeat_read_uri": "a", "freqency": 200}
    loaded = load(tmp_path, client({"id": "c", **keys, "registers": holding({"id": "a", "offset": 1})}))
    (finding,) = loaded.findings
    assert (finding.code, "'frequency'" in finding.text + finding.hint) == ("S03", True)
    assert (only(loaded).heartbeat, only(loaded).period_ms) == (None, 1000)


def test_a08_the_longest_component_id_takes_the_uri(tmp_path: Path) -> None:
    outer = {"id": "ess_2", "registers": holding({"id": "soc", "offset": 1})}
    inner = {"id": "ess_2/rack_07", "registers": holding({"id": "dc_volts", "offset": 2})}
    (found,) = load(tmp_path, client(outer, inner)).clients

    async def body() -> list[object]:
        device = Client(found, lambda *_: None, clock=lambda: 1.5)
        for number, state in enumerate(device.states):
            for block in blocks(state):
                state.good(block, bytes((0, 50 + number)), sent=1.0, wall=WALL)
        uris = ("ess_2/rack_07/dc_volts", "ess_2/soc", "/ess_2//rack_07/dc_volts", "ess_2/rack_08/soc")
        return [await device.get(f"/components/{uri}") for uri in uris]

    *good, unknown = asyncio.run(body())
    assert good == [51, 50, 51]
    assert isinstance(unknown, dict)
    assert unknown["status"] == "unknown_id"


def test_a09_off_by_one_at_the_edge(tmp_path: Path) -> None:
    points = holding({"id": "under", "offset": 0}, {"id": "first", "offset": 1})
    loaded = load(tmp_path, client({"id": "c", "off_by_one": True, "registers": points}))
    assert [finding.code for finding in loaded.findings] == ["C09"]
    (block,) = blocks(ComponentState(only(loaded), now=0.0))
    assert (block.address, block.count, [point.id for point in block.points]) == (0, 1, ["first"])


def test_a27_templates(tmp_path: Path) -> None:
    racks = {
        "id": "rack_#n#_info",
        "device_id_range": {"begin": 9, "end": 11, "replace": "#n#"},
        "registers": holding({"id": "soc", "offset": 1}),
    }
    span = {"begin": 1, "end": 3, "step": 32, "replace": "#u#"}
    hvac = {
        "id": "hvac",
        "registers": holding({"id": "hvac_#u#_temp", "offset": 700}, decode_offset_range=span),
    }
    loaded = load(tmp_path, client(racks, hvac))
    (found,) = loaded.clients
    assert [c.id for c in found.components] == ["rack_09_info", "rack_10_info", "rack_11_info", "hvac"]
    assert [c.unit for c in found.components[:3]] == [9, 10, 11]
    points = [(point.id, point.address) for point in found.components[3].points]
    assert points == [("hvac_01_temp", 700), ("hvac_02_temp", 732), ("hvac_03_temp", 764)]
    assert loaded.findings == ()


def test_a27_a_component_without_the_marker_of_the_addresses_is_made_once(tmp_path: Path) -> None:
    span = {"begin": 7, "end": 9, "replace": "!!"}
    marked = {"id": "bms_!!", "registers": holding({"id": "soc", "offset": 1})}
    plain = {"id": "header", "registers": holding({"id": "soc", "offset": 1})}
    loaded = load(tmp_path, client(marked, plain, ip_address="10.0.0.!!", ip_range=span))
    assert [finding.code for finding in loaded.findings] == ["C20"]
    assert [[c.id for c in found.components] for found in loaded.clients] == [
        ["bms_07", "header"],
        ["bms_08"],
        ["bms_09"],
    ]


@pytest.mark.parametrize("kind", ["server", "client"])
def test_a36_nineteen_names_on_sixteen_bits(tmp_path: Path, kind: str) -> None:
    names = [f"fault {n}" for n in range(19)]
    point = {"id": "f", "offset": 1, "bit_strings": names}
    if kind == "server":
        loaded = load(tmp_path, server({"input_registers": [{**point, "uri": LS}]}))
        assert loaded.server is not None
        assert len(loaded.server.entries) == 1
    else:
        loaded = load(tmp_path, client({"id": "c", "registers": holding({**point, "bit_field": True})}))
        assert only(loaded).points[0].id == "f"
    (finding,) = loaded.findings
    assert (finding.code, finding.severity) == ("V06" if kind == "server" else "C12", Severity.ERROR)
    assert all(f"fault {n}" in finding.text for n in (16, 17, 18))
