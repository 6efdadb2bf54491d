"""The codes that points, groups and bits of a client file can cause."""

import pytest

from ess_actors.core.points import Table
from tests.config.modbus_trees import client, codes, holding, load, one


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([{"id": "a", "offset": 1}, {"id": "a", "offset": 2}], ["C02"]),
        ([{"id": "a", "offset": 1, "size": 2}, {"id": "b", "offset": 2}], ["C03"]),
        ([{"id": "a b", "offset": 1}], ["C08"]),
        ([{"id": "a", "offset": 65535, "size": 2}], ["C09"]),
        ([{"id": "a", "offset": -1}], ["C09"]),
        ([{"id": "a", "offset": 1, "enum": True, "signed": True, "bit_strings": ["x"]}], ["C10"]),
        ([{"id": "a", "offset": 1, "enum": True, "bit_field": True, "bit_strings": ["x"]}], ["C10"]),
        ([{"id": "a", "offset": 1, "size": 2, "float": True, "signed": True}], ["C10"]),
        ([{"id": "a", "offset": 1, "enum_field": True}], ["C10"]),
        ([{"id": "a", "offset": 1, "bit_field": True}], ["C11"]),
        ([{"id": "a", "offset": 1, "bit_field": True, "bit_strings": [f"n{n}" for n in range(19)]}], ["C12"]),
        (
            [{"id": "a", "offset": 1, "enum": True, "bit_strings": ["x", {"value": 0, "string": "y"}]}],
            ["C13"],
        ),
        ([{"id": "r", "offset": 1, "individual_bits": True, "bit_strings": ["x", "x"]}], ["C14"]),
        ([{"id": "a", "offset": 1, "invert_mask": "0x1FFFF"}], ["C15"]),
        ([{"id": "a", "offset": 1, "invert_mask": "zz"}], ["C15"]),
        ([{"id": "a", "offset": 1, "float": True}], ["C16"]),
        ([{"id": "a", "offset": 1, "size": 3}], ["C17"]),
        (
            [
                {
                    "id": "a",
                    "offset": 1,
                    "bit_ranges": [{"id": "b", "starting_bit_pos": 12, "number_of_bits": 5}],
                }
            ],
            ["C19"],
        ),
        ([{"id": "a", "offset": 1, "bit_strings": ["x"]}], ["C23"]),
        ([{"id": "a", "offset": 1, "size": 2, "word_order": 22}], ["C24"]),
        ([{"offset": 1}, {"id": "b"}], ["C26", "C26"]),
        ([{"id": "a", "offset": 1}, {"id": "b", "offset": 200}], ["C06", "C27"]),
        ([{"id": "a", "offset": 1, "frequency": 1}], ["S05"]),
        ([{"id": "a", "offset": 1, "colour": "red"}], ["S03"]),
    ],
)
def test_codes_of_points(points: list[dict], expected: list[str]) -> None:
    assert codes(*points) == expected


def test_lost_names_are_listed() -> None:
    points = {"id": "a", "offset": 1, "bit_field": True, "bit_strings": [f"n{n}" for n in range(19)]}
    (finding,) = load(client({"id": "c", "registers": [holding(points)]}))[1]
    assert all(f"{n} 'n{n}'" in finding.text for n in (16, 17, 18))
    assert "15 'n15'" not in finding.text


def test_codes_of_groups_and_bits() -> None:
    found, said = one(
        {
            "id": "c",
            "registers": [
                {"type": "Holding_Register", "starting_offset": 0, "map": [{"id": "a", "offset": 1}]},
                {"type": "Registers", "map": [{"id": "b", "offset": 1}]},
                {"type": "coils", "map": [{"id": "d", "offset": 1, "signed": True, "invert_mask": "0xb11"}]},
                {"type": "input", "map": []},
            ],
        }
    )
    assert said == ["C07", "C26", "C18", "C25"]
    assert [(p.id, p.table) for p in found.points] == [("a", Table.HOLDING), ("d", Table.COIL)]


def test_a_name_used_twice_is_read_first_and_written_where_it_can_be() -> None:
    found, said = one(
        {
            "id": "c",
            "registers": [
                {"type": "input", "map": [{"id": "p", "offset": 1}]},
                holding({"id": "p", "offset": 9}),
            ],
        }
    )
    assert said == ["C02"]
    assert [(p.table, p.published, p.shadowed) for p in found.points] == [
        (Table.INPUT, True, False),
        (Table.HOLDING, False, True),
    ]


def test_all_problems_are_listed_in_the_order_of_the_file() -> None:
    text = """{"connection": {"port": 70000},
    "components": [{"id": "c", "registers": [{"type": "Holding", "map": [
      {"id": "a", "offset": 1, "size": 7},
      {"id": "b", "offset": 2, "scale": "x"}]}]}]}"""
    maps, findings = load(text)
    assert maps == []
    assert [(f.code, f.line) for f in findings][:1] == [("S02", 1)]
    repaired, findings = load(text.replace('"port"', '"ip_address": "h", "port"'))
    assert [(f.code, f.line) for f in findings] == [("S05", 1), ("C17", 3), ("S04", 4)]
    assert repaired[0].endpoint.port == 502
