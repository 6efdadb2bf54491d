"""The size and load of a file: counted by hand for small ones."""

import json
from pathlib import Path

import pytest

from ess_actors.config.json_reader import parse, read
from ess_actors.config.modbus_figures import figures, sentence
from ess_actors.config.modbus_files import any_from
from tests.config.fuzz_config import ROOT
from tests.config.modbus_trees import client, holding


def of(tree: object) -> dict[str, object] | None:
    return figures(any_from(parse(json.dumps(tree), "f.json"), Path("f.json")))


INPUTS = {"type": "Input", "map": [{"id": f"i{n}", "offset": n} for n in range(200)]}
COILS = {"type": "Coil", "map": [{"id": f"c{n}", "offset": n} for n in range(9)]}
FAST = holding({"id": "h", "offset": 1, "size": 2}, {"id": "far", "offset": 40}, frequency=100)
BITS = holding({"id": "r", "offset": 1, "individual_bits": True, "bit_strings": ["a", "b", "c"]})
ONE = {"id": "c", "registers": [COILS]}
THREE = {"begin": 1, "end": 3, "replace": "#"}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (client({"id": "c", "registers": [INPUTS]}), (1, 1, 200, 2, 200, 2 * 21 + 400)),
        (client({"id": "c", "registers": [COILS]}), (1, 1, 9, 1, 9, 21 + 2)),
        (client({"id": "c", "registers": [BITS]}), (1, 1, 3, 1, 3, 21 + 2)),
        (client({"id": "c", "registers": [COILS, FAST]}), (1, 1, 11, 3, 29, 21 + 2 + 10 * (2 * 21 + 6))),
        (client(ONE, {**ONE, "id": "d", "frequency": 500}), (1, 2, 18, 2, 27, 3 * 23)),
        (client({**ONE, "id": "c#"}, ip_address="h#", ip_range=THREE), (3, 3, 27, 3, 27, 3 * 23)),
        (client({"id": "c", "registers": [COILS]}, framer="rtu"), (1, 1, 9, 1, 9, 13 + 2)),
    ],
)  # fmt: skip
def test_clients(tree: dict, expected: tuple) -> None:
    found = of(tree)
    names = (
        "connections",
        "components",
        "points",
        "requests_per_cycle",
        "points_per_second",
        "bytes_per_second",
    )
    assert found == {"kind": "client", **dict(zip(names, expected, strict=True))}


def test_a_serial_line_has_a_load() -> None:
    tree = client({"id": "c", "registers": [INPUTS]}, ip_address=None, serial_device="/dev/x", baud_rate=9600)
    found = of(tree)
    assert found is not None
    size = 2 * 13 + 400
    assert found["bytes_per_second"] == size
    assert found["line_load"] == round((size + 2 * 7) * 10 / 9600, 3)
    assert "45.8 % of the line" in sentence("f.json", found)


def test_servers() -> None:
    entries = [
        {"id": "a", "offset": 1, "size": 2, "uri": "/x"},
        {"id": "b", "offset": 3, "uri": "/y", "high_word_offset": 9},
    ]
    maps = [{"device_id": 2, "input_registers": entries}, {"coils": [{"id": "c", "offset": 1, "uri": "/x"}]}]
    found = of({"system": {"id": "/s"}, "registers": maps})
    assert found == {
        "kind": "server",
        "entries": 3,
        "registers": 5,
        "tables": {"input": 4, "coil": 1},
        "units": 2,
        "sources": 2,
    }
    assert sentence("f.json", found) == "f.json: server, 3 entries in 5 registers, 2 units, 2 sources"


def test_a_refused_file_has_no_figures() -> None:
    assert of({"connection": {}}) is None
    assert of([1]) is None


def test_the_figures_of_the_shipped_battery() -> None:
    file = ROOT / "configs/dual_bms/modbus_client/bms_1.json"
    found = figures(any_from(read(file), file))
    assert found is not None
    assert found["components"] == 22
    assert found["points_per_second"] == found["points"]
    assert "22 components, 1,505 points" in sentence("bms_1.json", found)
