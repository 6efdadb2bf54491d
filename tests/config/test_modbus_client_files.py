"""Client files: kinds, inheritance, coercion and heartbeats."""

import json
from pathlib import Path

import pytest

from ess_actors.config.json_reader import read
from ess_actors.config.modbus_files import Kind, any_from
from ess_actors.config.modbus_kind import kind_of
from ess_actors.core.codec import Shape
from ess_actors.core.findings import Severity
from ess_actors.core.points import Table
from tests.config.modbus_trees import client, holding, load, one


@pytest.mark.parametrize(
    ("tree", "kind", "code"),
    [
        ({"Components": [{}], "connection": {}}, Kind.CLIENT, ""),
        ({"connection": {}}, Kind.UNKNOWN, "S02"),
        ({"system": {"protocol": "DNP3"}, "registers": {}}, Kind.UNKNOWN, "S01"),
        ({"system": {}, "registers": [{"map": []}]}, Kind.LEGACY_CLIENT, ""),
        ({"system": {}, "registers": {"coils": []}}, Kind.SERVER, ""),
        ({"system": {}, "registers": [{"holding": []}]}, Kind.SERVER, ""),
        ({"system": {}, "registers": []}, Kind.SERVER, ""),
        ({"system": {}}, Kind.UNKNOWN, "S02"),
        ({"outputs": []}, Kind.ECHO, "S01"),
        ({"a": 1}, Kind.UNKNOWN, "S01"),
        ([1], Kind.UNKNOWN, "S01"),
    ],
)
def test_kinds_are_recognised_by_structure(tree: object, kind: Kind, code: str) -> None:
    assert kind_of(tree) is kind
    if code:
        assert [(f.code, f.severity) for f in load(tree)[1]] == [(code, Severity.FATAL)]


def test_names_of_files_do_not_matter(tmp_path: Path) -> None:
    as_client, as_server = tmp_path / "plant_client.json", tmp_path / "plant_server.json"
    as_client.write_text(
        '{"system": {"id": "/x"}, "registers": {"coils": [{"id": "a", "offset": 1, "uri": "/u"}]}}'
    )
    as_server.write_text(json.dumps(client({"id": "c", "registers": [holding({"id": "p", "offset": 1})]})))
    assert any_from(read(as_client), as_client).kind is Kind.SERVER
    assert any_from(read(as_client), as_client).server is not None
    assert [m.stem for m in any_from(read(as_server), as_server).clients] == ["plant_server"]


def test_a_broken_file_does_not_load() -> None:
    maps, findings = load('{"connection": {"ip_address": "h"},\n "components": [{"id": "a"]}')
    assert maps == []
    assert [f.code for f in findings] == ["P01"]


def test_one_of_two_spellings_wins() -> None:
    text = json.dumps(
        client({"id": "c", "registers": [holding({"id": "v", "offset": 7, "scale": 20, "Scale": -1})]})
    )
    maps, findings = load(text)
    assert maps[0].components[0].points[0].codec.scale == 20
    (finding,) = findings
    assert finding.code == "P04"
    assert f"1:{text.index('20,') + 1}" in finding.text
    assert finding.column == text.index("-1") + 1


def test_a_legacy_file_is_one_component() -> None:
    text = """{"system": {"id": "rack.7", "ip_address": "10.1.1.1", "port": 1502, "data_bits": "8 typical",
        "off_by_one": true, "device_id": 3},
      "registers": [{"type": "Input Registers", "map": [
        {"id": "a", "offset": 1}, {"id": "b", "offset": 2}, {"id": "c", "offset": 3, "size": 3}]}]}"""
    maps, findings = load(text)
    (found,) = maps[0].components
    assert found.uri == "/components/rack.7"
    assert (found.period_ms, found.unit) == (1000, 3)
    assert [(p.id, p.address, p.table) for p in found.points] == [
        ("a", 0, Table.INPUT),
        ("b", 1, Table.INPUT),
    ]
    assert maps[0].endpoint.name == "rack.7"
    assert maps[0].endpoint.address == ("10.1.1.1", 1502)
    assert [(f.code, f.severity, f.line) for f in findings] == [
        ("S04", Severity.NOTE, 1),
        ("C17", Severity.ERROR, 4),
    ]


def test_types_are_coerced_where_they_can_be() -> None:
    component = {
        "id": "c",
        "off_by_one": 1,
        "device_id": "9",
        "registers": [holding({"id": "p", "offset": 5.0, "scale": 10.0, "size": None, "signed": "true"})],
    }
    found, said = one(component)
    (point,) = found.points
    assert (point.unit, point.address, point.codec.scale, point.codec.signed) == (9, 4, 10, True)
    assert isinstance(point.codec.scale, int)
    assert said == ["S04", "S04", "S04"]


def test_what_cannot_be_coerced_is_absent() -> None:
    found, said = one(
        {"id": "c", "frequency": [], "registers": [holding({"id": "p", "offset": 1, "scale": "ten"})]}
    )
    assert (found.period_ms, found.points[0].codec.scale) == (1000, None)
    assert said == ["S04", "S04"]
    finding = load(client({"id": "c", "registers": [holding({"id": "p", "offset": 1, "scale": "ten"})]}))[1][
        0
    ]
    assert finding.path == "$.components[0].registers[0].map[0].scale"
    assert str(finding).startswith("plant.json:1:")


def test_an_x_switches_a_key_off_and_a_typo_is_told() -> None:
    found, said = one(
        {
            "id": "c",
            "XXheartbeat_enabled": True,
            "cXXomponent_heartbeat_read_uri": "p",
            "freqency": 200,
            "xanything": 1,
            "registers": [holding({"id": "p", "offset": 1, "xenum": True, "web_ui_x": 1})],
        }
    )
    assert said == ["S03"]
    assert found.heartbeat is None
    assert found.period_ms == 1000
    finding = load(client({"id": "c", "freqency": 200, "registers": [holding({"id": "p", "offset": 1})]}))[1][
        0
    ]
    assert "'frequency'" in finding.hint


def test_the_nearest_level_wins_false_included() -> None:
    component = {
        "id": "c",
        "byte_swap": True,
        "device_id": 0,
        "frequency": 200,
        "registers": [
            holding(
                {"id": "a", "offset": 1, "size": 2}, {"id": "b", "offset": 3, "size": 2, "byte_swap": False}
            ),
            holding(
                {"id": "d", "offset": 9, "size": 2, "frequency": 50},
                byte_swap=False,
                device_id=7,
                frequency=400,
            ),
        ],
    }
    found, said = one(component, frequency=5000, byte_swap=False, device_id=11, format="clothed")
    assert said == []
    assert [(p.codec.order, p.unit, p.period_ms) for p in found.points] == [
        ((1, 0), 0, 200),
        ((0, 1), 0, 200),
        ((0, 1), 7, 50),
    ]
    assert all(p.clothed for p in found.points)
    assert (found.unit, found.period_ms) == (0, 200)


def test_defaults_of_the_connection() -> None:
    maps, _ = load(client({"id": "c", "registers": [holding({"id": "p", "offset": 1})]}))
    endpoint = maps[0].endpoint
    assert (endpoint.name, endpoint.port, endpoint.transfer_timeout_s) == ("plant", 502, 0.5)
    assert maps[0].components[0].unit == 255


def test_debounce_is_ms_on_a_component_and_seconds_on_a_point() -> None:
    found, _ = one(
        {
            "id": "c",
            "debounce": 200,
            "registers": [holding({"id": "a", "offset": 1}, {"id": "b", "offset": 2, "debounce": 1.5})],
        }
    )
    assert [p.debounce_s for p in found.points] == [0.2, 1.5]


def test_heartbeats_that_cannot_work_are_off() -> None:
    points = holding({"id": "beat", "offset": 1})
    keys = {"id": "c", "frequency": 500, "heartbeat_enabled": True, "registers": [points]}
    found, said = one({**keys, "component_heartbeat_read_uri": "best"})
    assert (found.heartbeat, said) == (None, ["C04"])
    found, said = one({**keys, "component_heartbeat_read_uri": "beat", "component_heartbeat_timeout_ms": 200})
    assert found.heartbeat is not None
    assert (found.heartbeat.timeout_ms, found.connected_timeout_ms, said) == (1000, 1000, ["C05"])


def test_a_packed_register_has_children_that_inherit() -> None:
    found, said = one(
        {
            "id": "c",
            "registers": [
                holding(
                    {
                        "id": "pk",
                        "offset": 3,
                        "size": 2,
                        "byte_swap": True,
                        "enum": True,
                        "bit_ranges": [
                            {"id": "mode", "number_of_bits": 4, "bit_strings": ["Off", "On"]},
                            {
                                "id": "flags",
                                "starting_bit_pos": 4,
                                "number_of_bits": 4,
                                "individual_bits": True,
                                "bit_strings": ["x", None, "y"],
                            },
                        ],
                    }
                )
            ],
        }
    )
    assert said == []
    assert [(p.id, p.codec.shape, p.codec.first_bit, p.codec.bits, p.published) for p in found.points] == [
        ("pk", Shape.PARENT, 0, 32, False),
        ("mode", Shape.ENUM, 0, 4, True),
        ("x", Shape.BIT, 4, 1, True),
        ("y", Shape.BIT, 6, 1, True),
    ]
