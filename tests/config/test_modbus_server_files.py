"""Server files: sections, units, entries, names that do not fit, and every code a server file can cause."""

import json
from pathlib import Path

import pytest

from ess_actors.config.json_reader import parse
from ess_actors.config.modbus_server import server_from
from ess_actors.core.codec import Shape
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.points import Table
from ess_actors.core.server_points import ANY_UNIT, ServerMap, StalePolicy

URI = "/site/ess_1/ess_ls"


def load(registers: object, **system: object) -> tuple[ServerMap | None, list[Finding]]:
    tree = {"system": {"id": "/site_controller", **system}, "registers": registers}
    return server_from(parse(json.dumps(tree), "site.json"), Path("site.json"))


def good(registers: object, **system: object) -> ServerMap:
    found, findings = load(registers, **system)
    assert found is not None, findings
    return found


def entry(id_: str, offset: object, **keys: object) -> dict:
    return {"id": id_, "offset": offset, "uri": URI, **keys}


def codes(*entries: dict, section: str = "input_registers") -> list[str]:
    return [finding.code for finding in load({section: list(entries)})[1]]


def test_the_seeds_server_with_its_plain_numbers() -> None:
    found, findings = load(
        {
            "input_registers": [
                entry("dischargeable_energy", 2003, name="Dischargeable Energy", unit="kWh", scale=10),
                entry("chargeable_power", 2004, signed=True),
                entry("system_state", 2006, bit_strings=["Stop", "Run", "Fault", "Standby"]),
                entry("com_status", 2007, bit_strings=["PCS", "BMS_1", "EMS", "FSS", "BMS_1"]),
            ]
        },
        port=1502,
        bypass_init=True,
    )
    assert found is not None
    assert found.uri == "/interfaces/site_controller"
    assert (found.port, found.host, found.stale_after_ms) == (1502, "0.0.0.0", 5000)
    assert [(e.address, e.table, e.unit) for e in found.entries] == [
        (n, Table.INPUT, ANY_UNIT) for n in (2003, 2004, 2006, 2007)
    ]
    assert all(e.codec.shape is Shape.NUMBER for e in found.entries)
    assert found.entries[0].codec.scale == 10
    assert found.entries[1].codec.signed
    assert found.sources == (URI,)
    assert [(f.code, f.severity) for f in findings] == [("V07", Severity.WARNING)]
    assert "1 and 4" in findings[0].text


NAMES = [f"fault {n}" for n in range(19)]


def test_names_that_do_not_fit_are_listed_with_the_remedy() -> None:
    found, findings = load({"input_registers": [entry("ess_faults", 2009, bit_strings=NAMES)]})
    (finding,) = findings
    assert (finding.code, finding.severity) == ("V06", Severity.ERROR)
    assert "lost: 16 'fault 16', 17 'fault 17', 18 'fault 18'" in finding.text
    assert "high_word_offset" in finding.hint
    assert found is not None
    assert found.entries[0].bit_word


def test_a_high_word_takes_the_rest_and_must_be_free() -> None:
    words = [entry("ess_faults", 2009, bit_strings=NAMES, high_word_offset=2011), entry("ess_alarms", 2010)]
    found, findings = load({"input_registers": words})
    assert found is not None
    assert found.entries[0].high_word_address == 2011
    assert [(f.code, f.severity) for f in findings] == [("V06", Severity.NOTE)]
    assert "2011" in findings[0].text
    words[0]["high_word_offset"] = 2010
    found, findings = load({"input_registers": words})
    assert found is not None
    assert found.entries[0].high_word_address is None
    assert {(f.code, f.severity) for f in findings} >= {("V03", Severity.ERROR)}
    assert any("ess_alarms" in f.text for f in findings)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{"id": "a", "offset": 1}], ["V01"]),
        ([entry("a", 1), entry("a", 2)], ["V02"]),
        ([entry("a", 1, size=2), entry("b", 2)], ["V03"]),
        ([entry("a", 1, size=48)], ["C25", "C17"]),
        ([entry("a", 70000)], ["C25", "C09"]),
        ([entry("a", None)], ["C25", "C26"]),
        ([entry("a", 1, float=True)], ["C16"]),
        ([entry("a", 1, stale_policy="never")], ["S05"]),
        ([entry("a", 1, colour="red")], ["S03"]),
        ([entry("a", 1, Scale=10)], ["P06"]),
        ([], ["C25"]),
    ],
)
def test_codes_of_entries(entries: list[dict], expected: list[str]) -> None:
    assert codes(*entries) == expected


def test_an_alias_of_a_section_is_read_and_told() -> None:
    found, findings = load({"holding": [entry("a", 1)]})
    assert found is not None
    assert found.entries[0].table is Table.HOLDING
    assert [f.code for f in findings] == ["V04"]


def test_the_same_name_in_two_sections_is_legal() -> None:
    found = good({"input_registers": [entry("a", 1)], "holding_registers": [entry("a", 1)]})
    assert [e.table for e in found.entries] == [Table.INPUT, Table.HOLDING]


def test_several_units_with_uris_and_policies_of_their_own() -> None:
    found = good(
        [
            {"device_id": 2, "uri": "/two", "stale_policy": "exception", "coils": [{"id": "a", "offset": 1}]},
            {
                "device_id": 7,
                "holding_registers": [{"id": "a", "offset": 1, "uri": "//seven/", "stale_policy": "zero"}],
            },
        ],
        byte_swap=True,
    )
    assert [(e.unit, e.uri, e.policy) for e in found.entries] == [
        (2, "/two", StalePolicy.EXCEPTION),
        (7, "/seven", StalePolicy.ZERO),
    ]


def test_word_order_of_the_server_and_of_an_entry() -> None:
    found = good(
        {
            "holding_registers": [
                entry("a", 1, size=2),
                entry("b", 3, size=2, byte_swap=False),
                entry("c", 5, size=2, word_order=12),
            ]
        },
        byte_swap=True,
    )
    assert [e.codec.order for e in found.entries] == [(1, 0), (0, 1), (0, 1)]


def test_flags_of_entries() -> None:
    found = good(
        {
            "holding_registers": [
                entry("a", 1, bool=True),
                entry("b", 2, bit_field=True),
                entry("c", 3, enum=True),
                entry("d", 4, individual_bits=True, bit_strings=["x"], invert_mask="0x1"),
            ]
        }
    )
    assert [e.codec.shape for e in found.entries] == [Shape.BIT, Shape.FIELD, Shape.ENUM, Shape.NUMBER]
    assert found.entries[3].codec.mask == 0


def test_stale_bits_must_name_what_exists() -> None:
    bits = [
        {"uri": URI, "id": "com_status", "bit": 2},
        {"uri": "/nowhere", "id": "com_status", "entry_uri": URI, "bit": 2},
        {"uri": URI, "id": "absent", "bit": 2},
        {"uri": URI, "id": "com_status"},
    ]
    found, findings = load({"input_registers": [entry("com_status", 2007)]}, stale_bits=bits)
    assert found is not None
    assert [(b.source, b.entry_uri, b.entry_id, b.bit) for b in found.stale_bits] == [
        (URI, URI, "com_status", 2)
    ]
    assert [f.code for f in findings] == ["S05", "S05", "C26"]


def test_what_is_no_server_is_not_loaded() -> None:
    found, findings = server_from(
        parse('{"connection": {"ip_address": "h"}, "components": [{}]}', "x"), Path("x")
    )
    assert (found, [f.code for f in findings]) == (None, ["S01"])
    found, findings = server_from(parse('{"system": {}, "registers": {}}', "x"), Path("x"))
    assert (found, [f.code for f in findings]) == (None, ["S02", "C25"])


def test_a_commit_counter_needs_no_uri() -> None:
    counter = {"id": "commits", "offset": 5, "size": 2, "commit_counter": True}
    found, findings = load({"input_registers": [entry("a", 1), counter]})
    assert found is not None
    assert [(e.commit_counter, e.uri) for e in found.entries] == [
        (False, URI),
        (True, "/interfaces/site_controller"),
    ]
    assert findings == []


def test_an_alias_and_its_proper_name_are_one_table() -> None:
    found, findings = load({"holding": [entry("a", 1)], "holding_registers": [entry("b", 1), entry("a", 2)]})
    assert found is not None
    assert [e.id for e in found.entries] == ["a"]
    assert sorted(f.code for f in findings) == ["V02", "V03", "V04"]


def test_units_are_compared_as_numbers() -> None:
    maps = [
        {"device_id": 2, "coils": [entry("a", 1)]},
        {"device_id": "2", "coils": [entry("b", 1)]},
        {"coils": [entry("a", 1)]},
    ]
    found, findings = load(maps)
    assert found is not None
    assert [(e.unit, e.id) for e in found.entries] == [(2, "a"), (ANY_UNIT, "a")]
    assert [f.code for f in findings] == ["S04", "V03"]


def test_keys_without_effect_on_an_entry() -> None:
    dead = {
        "individual_bits": True,
        "invert_mask": "0xFF",
        "packed_register": True,
        "bit_ranges": [{"id": "x"}],
    }
    found, findings = load(
        {"input_registers": [entry("a", 1, bit_field=True, **dead), entry("b", 2, **dead)]}
    )
    assert found is not None
    assert [(e.codec.shape, e.codec.mask) for e in found.entries] == [(Shape.FIELD, 0), (Shape.NUMBER, 0)]
    assert findings == []


def test_what_the_system_ignores_is_silent() -> None:
    keys = (
        "bypass_init",
        "name",
        "protocol",
        "version",
        "off_by_one",
        "server_delay",
        "eth_dev",
        "low_debug",
    )
    more = ("dbi_save_frequency_seconds", "connection name", "standard version", "device_id")
    system = dict.fromkeys(keys, True) | dict.fromkeys(more, 5)
    found, findings = load({"coils": [entry("a", 1)]}, **system)
    assert found is not None
    assert (found.entries[0].unit, found.entries[0].address, findings) == (ANY_UNIT, 1, [])


@pytest.mark.parametrize("section", ["input_registers", "coils"])
def test_names_and_limits_of_entries(section: str) -> None:
    assert codes(entry("a b", 1), section=section) == ["C08"]
    last, beyond = entry("a", 65535), entry("b", 65536)
    found, findings = load({section: [last, beyond]})
    assert found is not None
    assert ([e.id for e in found.entries], [f.code for f in findings]) == (["a"], ["C09"])
