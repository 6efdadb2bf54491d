"""Client files: ranges that make connections, components and points, and ids that collide."""

from ess_actors.core.findings import Severity
from tests.config.modbus_trees import client, holding, load


def test_ranges_make_components_and_points() -> None:
    rack = {
        "id": "rack_#n#_info",
        "device_id_range": {"begin": 9, "end": 11, "replace": "#n#"},
        "registers": [holding({"id": "soc", "offset": 1})],
    }
    hvac = {
        "id": "hvac",
        "registers": [
            holding(
                {"id": "hvac_#u#_temp", "offset": 700},
                decode_offset_range={"begin": 1, "end": 3, "step": 32, "replace": "#u#"},
            )
        ],
    }
    maps, findings = load(client(rack, hvac))
    assert findings == []
    assert [(c.id, c.unit) for c in maps[0].components[:3]] == [
        ("rack_09_info", 9),
        ("rack_10_info", 10),
        ("rack_11_info", 11),
    ]
    assert [(p.id, p.address) for p in maps[0].components[3].points] == [
        ("hvac_01_temp", 700),
        ("hvac_02_temp", 732),
        ("hvac_03_temp", 764),
    ]


def test_a_component_range_moves_offsets_and_an_ip_range_makes_connections() -> None:
    component = {
        "id": "s@@/x!!",
        "component_offset_range": {"begin": 1, "end": 2, "step": 100, "replace": "@@"},
        "registers": [holding({"id": "a", "offset": 5, "scale": "2"})],
    }
    maps, findings = load(
        client(
            component, ip_address="10.0.0.!!", ip_range={"begin": 7, "end": 8, "replace": "!!"}, name="bms_!!"
        )
    )
    assert [m.endpoint.host for m in maps] == ["10.0.0.7", "10.0.0.8"]
    assert [m.endpoint.name for m in maps] == ["bms_07", "bms_08"]
    assert [m.stem for m in maps] == ["plant_07", "plant_08"]
    assert [(c.id, c.points[0].address) for c in maps[1].components] == [("s01/x08", 5), ("s02/x08", 105)]
    assert [f.code for f in findings] == ["S04"]


def test_a_marker_that_is_missing_makes_one_instance() -> None:
    component = {
        "id": "rack",
        "device_id_range": {"begin": 9, "end": 11, "replace": "#"},
        "registers": [holding({"id": "soc", "offset": 1})],
    }
    maps, findings = load(client(component))
    assert [c.id for c in maps[0].components] == ["rack"]
    assert [(f.code, f.severity) for f in findings] == [("C20", Severity.ERROR)]


def test_component_ids_that_collide_or_hide_points() -> None:
    inner = {"id": "/ess_1/bms_info/", "registers": [holding({"id": "soc", "offset": 1})]}
    outer = {"id": "ess_1", "registers": [holding({"id": "bms_info", "offset": 1})]}
    maps, findings = load(client(outer, inner, inner))
    assert [c.uri for c in maps[0].components] == [
        "/components/ess_1",
        "/components/ess_1/bms_info",
        "/components/ess_1/bms_info",
    ]
    assert sorted(f.code for f in findings) == ["C01", "C21"]
