"""What a Modbus file may ask for and this version does not do: refused when it matters, else told."""

import json
from pathlib import Path

import pytest

from ess_actors.config.json_reader import parse
from ess_actors.config.modbus_server import server_from
from ess_actors.core.findings import Severity
from tests.config.modbus_trees import client, holding, load

COMPONENT = {"id": "c", "registers": [holding({"id": "p", "offset": 1})]}
REFUSED: list[tuple[dict, str]] = [
    ({"serial_device": "/dev/ttyS1", "ip_address": None}, "serial_device"),
    ({"serial_device": 5, "ip_address": ""}, "serial_device"),
    ({"tls": {"ca": "ca.pem"}}, "tls"),
    ({"tls": {}}, "tls"),
    ({"tls": True}, "tls"),
    ({"framer": "rtu"}, "framer"),
    ({"Framer": "ascii"}, "Framer"),
]


@pytest.mark.parametrize(("connection", "key"), REFUSED)
def test_a_client_that_wants_more_than_modbus_tcp_is_not_loaded(connection: dict, key: str) -> None:
    maps, findings = load(client(COMPONENT, **connection))
    assert maps == []
    fatal = [f for f in findings if f.severity is Severity.FATAL]
    assert [(f.code, f.path) for f in fatal] == [("S06", f"$.connection.{key}")]
    assert all(f.text and f.hint for f in fatal)


def test_the_rest_of_a_refused_file_is_checked_too() -> None:
    broken = {"id": "c", "registers": [holding({"id": "p"})]}
    _, findings = load({"connection": {"serial_device": "/dev/ttyS1"}, "components": [broken]})
    assert [f.code for f in findings] == ["S06", "C26"]


@pytest.mark.parametrize(("connection", "key"), REFUSED[:1] + REFUSED[2:3] + REFUSED[5:6])
def test_so_is_a_server(connection: dict, key: str) -> None:
    tree = {"system": {"id": "/x", "ip_address": "127.0.0.1", **connection}, "registers": {}}
    found, findings = server_from(parse(json.dumps(tree), "s.json"), Path("s.json"))
    fatal = [(f.code, f.path) for f in findings if f.severity is Severity.FATAL]
    assert (found, fatal) == (None, [("S06", f"$.system.{key}")])


def test_so_is_a_legacy_file() -> None:
    groups = [holding({"id": "p", "offset": 1})]
    maps, findings = load({"system": {"id": "a", "serial_device": "/dev/ttyS1"}, "registers": groups})
    assert (maps, [(f.code, f.path) for f in findings]) == ([], [("S06", "$.system.serial_device")])


@pytest.mark.parametrize(
    "connection", [{"framer": "Socket"}, {"tls": None}, {"tls": False}, {"baud_rate": 9600}]
)
def test_what_asks_for_plain_modbus_tcp_loads(connection: dict) -> None:
    maps, findings = load(client(COMPONENT, **connection))
    assert (len(maps), findings) == (1, [])


def test_an_address_wins_over_a_serial_device() -> None:
    maps, findings = load(client(COMPONENT, serial_device="/dev/ttyS1"))
    assert maps[0].endpoint.address == ("10.0.0.9", 502)
    assert [(f.code, f.severity) for f in findings] == [("C22", Severity.WARNING)]


def test_keys_without_effect_are_told_where_they_stand() -> None:
    keys = {"max_num_connections": 4, "stats_pub_uri": "/s", "stats_pub_frequency": 500, "publish_quality": 1}
    maps, findings = load(client({**COMPONENT, "publish_quality": True}, **keys))
    assert len(maps) == 1
    told = [f for f in findings if f.code == "S07"]
    assert {f.severity for f in told} == {Severity.WARNING}
    assert sorted(f.path for f in told) == sorted(
        [*(f"$.connection.{key}" for key in keys), "$.components[0].publish_quality"]
    )


def test_keys_that_ask_for_what_is_done_anyway_are_silent() -> None:
    keys = {"max_num_connections": 1, "stats_pub_uri": "", "publish_quality": False}
    assert load(client(COMPONENT, **keys))[1] == []


def test_one_warning_for_all_connections_of_a_range() -> None:
    marked = {"id": "c#", "registers": [holding({"id": "p", "offset": 1})]}
    span = {"begin": 1, "end": 3, "replace": "#"}
    maps, findings = load(client(marked, ip_address="10.0.0.#", ip_range=span, max_num_connections=2))
    assert (len(maps), [f.code for f in findings]) == (3, ["S07"])
