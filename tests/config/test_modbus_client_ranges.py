"""Client files: ranges that make connections, components and points, and ids that collide."""

import json
import time

import pytest

from ess_actors.config.modbus_ranges import MAX_INSTANCES, MAX_POINTS
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


def span(begin: object, end: object, replace: object, step: object = None) -> dict:
    return {"begin": begin, "end": end, "replace": replace, "step": step}


def test_all_four_ranges_at_once() -> None:
    group = holding(
        {"id": "t##", "offset": 100, "name": "Sensor ##", "echo_id": "/a/t##"},
        {"id": "flags", "offset": 101, "individual_bits": True, "bit_strings": ["ok##", None, "hot##"]},
        {"id": "f##", "offset": 102, "bit_field": True, "bit_strings": ["name ##"]},
        decode_offset_range=span(7, 8, "##", 10),
    )
    component = {
        "id": "s%%/u@@/b!!",
        "device_id_range": span(9, 10, "@@"),
        "component_offset_range": span(1, 2, "%%", 1000),
        "registers": [group],
    }
    keys = {"ip_range": span(8, 114, "!!"), "name": "hall", "stats_pub_uri": "/stats/!!"}
    maps, findings = load(client(component, ip_address="10.0.0.!!", **keys))
    assert findings == []
    assert [m.endpoint.host for m in maps] == [f"10.0.0.{n}" for n in range(8, 115)]
    assert [m.endpoint.name for m in maps[:3]] == ["hall_08", "hall_09", "hall_10"]
    assert (maps[-1].endpoint.name, maps[-1].stem, maps[-1].endpoint.stats_uri) == (
        "hall_114",
        "plant_114",
        "/stats/114",
    )
    assert [(c.id, c.unit) for c in maps[-1].components] == [
        ("s01/u09/b114", 9),
        ("s02/u09/b114", 9),
        ("s01/u10/b114", 10),
        ("s02/u10/b114", 10),
    ]
    points = maps[0].components[1].points
    assert [(p.id, p.address, p.published) for p in points] == [
        ("t07", 1100, True),
        ("flags", 1101, False),
        ("ok07", 1101, True),
        ("hot07", 1101, True),
        ("f07", 1102, True),
        ("t08", 1110, True),
        ("ok08", 1111, True),
        ("hot08", 1111, True),
        ("f08", 1112, True),
    ]
    assert (points[5].label, points[5].echo_id) == ("Sensor 08", "/a/t08")
    assert dict(points[8].codec.texts) == {0: "name 08"}
    assert all(p.unit == 9 for p in points)


def test_a_group_keeps_its_own_unit_in_a_range() -> None:
    groups = [holding({"id": "a", "offset": 1}), holding({"id": "b", "offset": 1}, device_id=3)]
    maps, _ = load(client({"id": "r#", "device_id_range": span(9, 10, "#"), "registers": groups}))
    assert [[p.unit for p in c.points] for c in maps[0].components] == [[9, 3], [10, 3]]


def test_what_has_no_marker_is_made_once_per_range() -> None:
    marked = {"id": "a#", "registers": [holding({"id": "p", "offset": 1})]}
    lonely = {"id": "b", "registers": [holding({"id": "p", "offset": 1})]}
    maps, findings = load(client(marked, lonely, ip_address="10.0.0.#", ip_range=span(1, 3, "#")))
    assert [[c.id for c in m.components] for m in maps] == [["a01", "b"], ["a02"], ["a03"]]
    assert [(f.code, f.path) for f in findings] == [("C20", "$.connection.ip_range")]
    assert "'b'" in findings[0].text
    group = holding({"id": "p#", "offset": 1}, {"id": "q", "offset": 2}, decode_offset_range=span(1, 3, "#"))
    maps, findings = load(client({"id": "c", "registers": [group]}))
    assert [p.id for p in maps[0].components[0].points] == ["p01", "q"]
    assert [f.code for f in findings] == ["C20"]
    maps, findings = load(client(marked, ip_address="10.0.0.1", ip_range=span(1, 3, "#")))
    assert ([m.stem for m in maps], [f.code for f in findings]) == (["plant_01"], ["C20"])


BROKEN = [
    # range, the units of what is made
    (span(5, 1, "#"), [5]),
    (span(5, None, "#"), [5]),
    (span(5, "x", "#"), [5]),
    (span(None, 5, "#"), [255]),
    (span(5, 256, "#"), [5]),
    (span(256, 300, "#"), [255]),
    (span(-1, 3, "#"), [255]),
    (span(5, 6, ""), [5]),
    (span(5, 6, None), [5]),
    (span(5, 6, "?"), [5]),
    (span(5, 10**30, "#"), [5]),
    (span(-(10**300), 10**300, "#"), [255]),
]


@pytest.mark.parametrize(("broken", "units"), BROKEN)
def test_a_range_that_makes_no_sense_is_made_once(broken: dict, units: list[int]) -> None:
    component = {"id": "c#", "device_id_range": broken, "registers": [holding({"id": "p", "offset": 1})]}
    maps, findings = load(client(component))
    assert [c.unit for c in maps[0].components] == units
    assert [f.code for f in findings if f.code != "S04"] == ["C20"]
    assert all(len(str(f)) < 300 for f in findings)


def test_a_range_of_one_needs_no_marker() -> None:
    component = {
        "id": "c",
        "device_id_range": {"begin": 7, "end": 7},
        "registers": [holding({"id": "p", "offset": 1})],
    }
    maps, findings = load(client(component))
    assert ([(c.id, c.unit) for c in maps[0].components], findings) == ([("c", 7)], [])


def test_a_serial_line_has_units_1_to_247() -> None:
    component = {
        "id": "c#",
        "device_id_range": span(240, 250, "#"),
        "registers": [holding({"id": "p", "offset": 1})],
    }
    maps, findings = load(client(component, ip_address=None, serial_device="/dev/ttyS1"))
    assert ([c.unit for c in maps[0].components], [f.code for f in findings]) == ([240], ["C20"])


def test_addresses_that_a_range_moves_too_far_are_told_once() -> None:
    group = holding({"id": "p#", "offset": 60000}, decode_offset_range=span(1, 9, "#", 3000))
    maps, findings = load(client({"id": "c", "registers": [group]}))
    assert [p.address for p in maps[0].components[0].points] == [60000, 63000]
    (told,) = [f for f in findings if f.code != "C06"]
    assert (told.code, told.path) == ("C09", "$.components[0].registers[0].map[0].offset")


def huge(**ranges: dict) -> dict:
    group = holding(*({"id": f"p{n}#", "offset": n} for n in range(20)), **ranges.pop("group", {}))
    return {"id": "c@%", "registers": [group], **ranges}


TOO_MUCH = [
    (huge(group={"decode_offset_range": span(1, MAX_INSTANCES + 1, "#", 0)}), {}),
    (huge(group={"decode_offset_range": span(1, MAX_POINTS // 20 + 1, "#", 0)}), {}),
    (huge(component_offset_range=span(1, MAX_INSTANCES, "@", 0)), {}),
    (huge(component_offset_range=span(1, 1000, "@", 0), device_id_range=span(0, 255, "%")), {}),
    (
        huge(component_offset_range=span(1, 100, "@", 0)),
        {"ip_address": "10.0.0.c", "ip_range": span(1, 255, "c")},
    ),
]


@pytest.mark.parametrize(("component", "connection"), TOO_MUCH)
def test_ranges_that_make_too_much_are_made_once(component: dict, connection: dict) -> None:
    started = time.process_time()
    maps, findings = load(client(component, **connection))
    assert len(maps) == 1
    assert len({f.path for f in findings if f.code == "C20"}) == 1
    assert time.process_time() - started < 20


def test_the_largest_ranges_load() -> None:
    started = time.process_time()
    group = holding({"id": "p#", "offset": 0}, decode_offset_range=span(1, MAX_INSTANCES, "#"))
    maps, findings = load(client({"id": "c", "registers": [group]}))
    assert (len(maps[0].components[0].points), [f.code for f in findings]) == (MAX_INSTANCES, ["C06"])
    component = {"id": "c#", "registers": [holding({"id": "p", "offset": 0})]}
    maps, _ = load(client({**component, "component_offset_range": span(1, MAX_INSTANCES, "#")}))
    assert len(maps[0].components) == MAX_INSTANCES
    assert time.process_time() - started < 20


def test_many_components_load_in_time() -> None:
    components = [{"id": f"a/b{n}", "registers": [holding({"id": "p", "offset": 0})]} for n in range(3000)]
    text = json.dumps(client(*components))
    started = time.process_time()
    maps, findings = load(text)
    assert (len(maps[0].components), findings) == (3000, [])
    assert time.process_time() - started < 10
