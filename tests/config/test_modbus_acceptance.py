"""The acceptance examples of the specification that are about files."""

import json
from pathlib import Path

from click.testing import CliRunner

from ess_actors.cli.group import group
from ess_actors.config.json_reader import read
from ess_actors.config.modbus_files import Kind, any_from
from ess_actors.core.findings import Severity
from ess_actors.core.polling import plan
from tests.config.modbus_trees import client, found_in, holding, load, marked, one

NOTE_STYLE = """{
    "fileInfo": {
        ☞[...]
    },
    "connection": {
        "name": "BMS 1", "ip_address": "127.0.0.1"☞,
    },
    "components": [
        {
            "id": "ess_1/rack_state",  ☞<< data for ess_1>>

            "frequency": 1000,
            "registers": [
                { "type": "Input", "map": [ { "id": "soc", "offset": 3 } ] }☞,
            ]
        }
    ]
}
"""


def test_a_note_in_the_style_of_the_dual_bms_site_loads() -> None:  # A01
    text, places = marked(NOTE_STYLE)
    findings = found_in(text)
    assert [(f.code, (f.line, f.column)) for f in findings] == list(
        zip(("P05", "P02", "P05", "P02"), places, strict=True)
    )
    maps, _ = load(text)
    assert [c.uri for c in maps[0].components] == ["/components/ess_1/rack_state"]


def test_the_first_of_two_spellings_wins() -> None:  # A02
    found, codes = one(
        {"id": "c", "registers": [holding({"id": "v1", "offset": 7, "scale": 20, "Scale": -1})]}
    )
    assert (found.points[0].codec.scale, codes) == (20, ["P04"])


def test_a_broken_file_does_not_keep_others_from_being_checked(tmp_path: Path) -> None:  # A03
    lines = ["{"] + [f'"k{n}": {n},' for n in range(2, 50)] + ['"last": 1', "}"]
    lines[11] = '"k12": 12'
    lines[39] = '"k40": "never closed,'
    (tmp_path / "broken.json").write_text("\n".join(lines))
    component = {"id": "c", "registers": [holding({"id": "p", "offset": 1, "signed": 1})]}
    (tmp_path / "sound.json").write_text(json.dumps(client(component)))
    result = CliRunner().invoke(group, ["check", str(tmp_path / "broken.json"), str(tmp_path / "sound.json")])
    assert result.exit_code == 2
    said = [line for line in result.stdout.splitlines() if " P01 " in line]
    assert [line.split(":")[1] for line in said] == ["12", "40"]
    assert "sound.json:1:" in result.stdout
    assert "sound.json: client, 1 component" in result.stdout


def test_a_legacy_file_is_one_component() -> None:  # A04
    points = [{"id": f"p{n}", "offset": n} for n in range(3)]
    maps, findings = load({"system": {"id": "rack.7", "ip_address": "h"}, "registers": [holding(*points)]})
    (found,) = maps[0].components
    assert (found.uri, found.period_ms, len(found.points), findings) == ("/components/rack.7", 1000, 3, [])


def test_structure_counts_and_not_the_name(tmp_path: Path) -> None:  # A05
    server = {"system": {"id": "/x"}, "registers": {"coils": [{"id": "e", "offset": 1, "uri": "/u"}]}}
    (tmp_path / "plant_client.json").write_text(json.dumps(server))
    component = {"id": "c", "registers": [holding({"id": "p", "offset": 1})]}
    (tmp_path / "plant_server.json").write_text(json.dumps(client(component)))
    assert any_from(read(tmp_path / "plant_client.json"), tmp_path / "plant_client.json").kind is Kind.SERVER
    assert any_from(read(tmp_path / "plant_server.json"), tmp_path / "plant_server.json").kind is Kind.CLIENT


def test_types_are_coerced() -> None:  # A06
    point = {"id": "p", "offset": 5, "scale": 10.0}
    found, codes = one({"id": "c", "off_by_one": 1, "device_id": "9", "registers": [holding(point)]})
    (point,) = found.points
    assert (point.address, point.unit, point.codec.scale) == (4, 9, 10)
    assert codes == ["S04", "S04"]


def test_an_x_switches_off_and_a_slip_is_told() -> None:  # A07
    keys = {"XXheartbeat_enabled": True, "cXXomponent_heartbeat_read_uri": "p", "freqency": 200}
    maps, findings = load(client({"id": "c", **keys, "registers": [holding({"id": "p", "offset": 1})]}))
    (finding,) = findings
    assert (finding.code, finding.severity) == ("S03", Severity.NOTE)
    assert "'frequency'" in finding.hint
    assert (maps[0].components[0].heartbeat, maps[0].components[0].period_ms) == (None, 1000)


def test_components_below_components_load() -> None:  # A08, its files
    outer = {"id": "ess_2", "registers": [holding({"id": "soc", "offset": 1})]}
    inner = {"id": "ess_2/rack_07", "registers": [holding({"id": "dc_volts", "offset": 1})]}
    maps, findings = load(client(outer, inner))
    assert ([c.uri for c in maps[0].components], findings) == (
        ["/components/ess_2", "/components/ess_2/rack_07"],
        [],
    )


def test_one_is_subtracted_from_every_address() -> None:  # A09
    points = [{"id": "a", "offset": 0}, {"id": "b", "offset": 1}]
    found, codes = one({"id": "c", "off_by_one": True, "registers": [holding(*points)]})
    assert ([(p.id, p.address) for p in found.points], codes) == ([("b", 0)], ["C09"])
    assert [(b.address, b.count) for cycle in plan(found) for b in cycle.blocks] == [(0, 1)]


def test_templates() -> None:  # A27
    rack = {
        "id": "rack_#n#_info",
        "device_id_range": {"begin": 9, "end": 11, "replace": "#n#"},
        "registers": [holding({"id": "p", "offset": 1})],
    }
    hvac = holding(
        {"id": "hvac_#u#_temp", "offset": 700},
        decode_offset_range={"begin": 1, "end": 3, "step": 32, "replace": "#u#"},
    )
    maps, findings = load(client(rack, {"id": "hvac", "registers": [hvac]}))
    *racks, units = maps[0].components
    assert [(c.id, c.unit) for c in racks] == [
        ("rack_09_info", 9),
        ("rack_10_info", 10),
        ("rack_11_info", 11),
    ]
    assert [(p.id, p.address) for p in units.points] == [
        ("hvac_01_temp", 700),
        ("hvac_02_temp", 732),
        ("hvac_03_temp", 764),
    ]
    assert findings == []


def test_nineteen_names_on_sixteen_bits() -> None:  # A36
    names = [f"fault {n}" for n in range(19)]
    lost = "16 'fault 16', 17 'fault 17', 18 'fault 18'"
    entry = {"id": "e", "offset": 1, "bit_strings": names}
    server = {"system": {"id": "/x"}, "registers": {"input_registers": [{**entry, "uri": "/u"}]}}
    field = client({"id": "c", "registers": [holding({**entry, "bit_field": True})]})
    for tree, code in ((server, "V06"), (field, "C12")):
        (finding,) = found_in(json.dumps(tree))
        assert (finding.code, finding.severity) == (code, Severity.ERROR)
        assert lost in finding.text
