"""Where a device is found or a server listens: TCP, TLS, serial lines, and what does not go together."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ess_actors.config.json_reader import parse, read
from ess_actors.config.modbus_files import any_from
from ess_actors.config.modbus_server import server_from
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.points import Endpoint, Serial
from ess_actors.core.server_points import ServerMap
from tests.config.modbus_trees import client, holding, load

COMPONENT = {"id": "c", "registers": [holding({"id": "p", "offset": 1})]}
PLAIN = Endpoint(name="plant", host="10.0.0.9")
LINE = {"ip_address": None, "serial_device": "/dev/ttyS1"}
SERIAL = Endpoint(name="plant", serial=Serial(device="/dev/ttyS1"), transfer_timeout_s=1.0)


def on_line(**keys: object) -> Endpoint:
    return replace(SERIAL, serial=Serial(device="/dev/ttyS1", **keys))


def endpoint(**keys: object) -> tuple[Endpoint, list[str]]:
    maps, findings = load(client(COMPONENT, **keys))
    return maps[0].endpoint, [finding.code for finding in findings]


def server(**system: object) -> tuple[ServerMap, list[Finding]]:
    tree = {
        "system": {"id": "/x", **system},
        "registers": {"coils": [{"id": "e", "offset": 1, "uri": "/u"}]},
    }
    found, findings = server_from(parse(json.dumps(tree), "s.json"), Path("s.json"))
    assert found is not None, findings
    return found, findings


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, PLAIN),
        ({"port": 1502, "framer": "Socket", "tls": False, "baud_rate": 9600}, replace(PLAIN, port=1502)),
        ({"port": 1502, "service": "mbap"}, PLAIN),
        ({"service": "mbaps"}, replace(PLAIN, port=802)),
        ({"ip_address": " bms.local "}, replace(PLAIN, host="bms.local")),
        ({"ip_address": "fe80::1%eth0"}, replace(PLAIN, host="fe80::1%eth0")),
        ({"framer": "RTU", "max_in_flight": 4}, replace(PLAIN, rtu=True)),
        ({"max_num_connections": 32, "max_in_flight": 16}, replace(PLAIN, max_connections=32, max_in_flight=16)),
        ({"connection_timeout": 0.1}, replace(PLAIN, connect_timeout_s=0.1)),
        ({"transfer_timeout": 30}, replace(PLAIN, transfer_timeout_s=30)),
        ({"reconnect_min_s": 1, "reconnect_max_s": 60}, replace(PLAIN, reconnect_min_s=1, reconnect_max_s=60.0)),
        ({"reconnect_max_s": 0.1}, replace(PLAIN, reconnect_min_s=0.1, reconnect_max_s=0.1)),
        ({"stats_pub_uri": "stats//bms/"}, replace(PLAIN, stats_uri="/stats/bms")),
        ({"stats_pub_frequency": 250}, replace(PLAIN, stats_period_ms=250)),
        ({"name": "bms 1", "id": "x"}, replace(PLAIN, name="bms 1")),
        ({"id": "x"}, replace(PLAIN, name="x")),
        (LINE, SERIAL),
        ({**LINE, "transfer_timeout": 0.3}, replace(SERIAL, transfer_timeout_s=0.3)),
        ({**LINE, "max_num_connections": 4, "max_in_flight": 4, "framer": "rtu"}, SERIAL),
        ({**LINE, "baud_rate": 9600, "stop_bits": 2}, on_line(baud_rate=9600, stop_bits=2)),
        ({**LINE, "parity": "Even", "data_bits": 7}, on_line(parity="E", data_bits=7)),
        ({**LINE, "parity": "O"}, on_line(parity="O")),
        ({**LINE, "parity": "NONE"}, SERIAL),
        ({**LINE, "parity": "n"}, SERIAL),
        ({**LINE, "parity": "e"}, on_line(parity="E")),
    ],
)  # fmt: skip
def test_endpoints(keys: dict, expected: Endpoint) -> None:
    found, said = endpoint(**keys)
    assert (found, said) == (expected, [])


def test_the_device_id_of_a_serial_line_is_1_and_stays_on_the_line() -> None:
    groups = [
        holding({"id": "p", "offset": 1}, device_id=248),
        holding({"id": "q", "offset": 1}, device_id=247),
    ]
    maps, findings = load(client({"id": "c", "registers": groups}, **LINE))
    assert [point.unit for point in maps[0].components[0].points] == [1, 247]
    assert [(f.code, f.path) for f in findings] == [("S05", "$.components[0].registers[0].device_id")]


def test_an_address_wins_over_a_serial_device() -> None:
    maps, findings = load(client(COMPONENT, serial_device="/dev/ttyS1", device_id=0))
    assert maps[0].endpoint.address == ("10.0.0.9", 502)
    assert maps[0].components[0].unit == 0
    assert [(f.code, f.severity) for f in findings] == [("C22", Severity.WARNING)]


@pytest.mark.parametrize("device", [None, "", "  "])
def test_an_empty_serial_device_is_none(device: object) -> None:
    assert endpoint(serial_device=device) == (PLAIN, [])


@pytest.mark.parametrize("host", ["a b", "x" * 64, "a..b", "\x00", ".", "a." * 127 + "com"])
def test_an_address_that_no_resolver_takes_is_refused(host: str) -> None:
    maps, findings = load(client(COMPONENT, ip_address=host))
    assert (maps, [(f.code, f.severity) for f in findings]) == ([], [("S02", Severity.FATAL)])


@pytest.mark.parametrize("service", ["\x00", "x" * 300, "é"])
def test_odd_service_names_are_only_unknown(service: str) -> None:
    assert endpoint(service=service) == (PLAIN, ["S05"])


def test_a_tls_connection_names_files_beside_its_own(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    for name in ("own.pem", "pki/own.key"):
        (tmp_path / name).touch()
    tls = {"certificate": "own.pem", "key": "pki/own.key", "authorities": "ca.pem", "server_name": "bms"}
    file = tmp_path / "bms.json"
    file.write_text(json.dumps(client(COMPONENT, tls=tls)))
    found = any_from(read(file), file)
    endpoint = found.clients[0].endpoint
    assert endpoint.tls is not None
    assert (endpoint.port, endpoint.tls.server_name) == (802, "bms")
    assert endpoint.tls.certificate == str(tmp_path / "own.pem")
    assert endpoint.tls.key == str(tmp_path / "pki" / "own.key")
    (finding,) = found.findings
    assert (finding.code, finding.severity, finding.path) == (
        "file-missing",
        Severity.ERROR,
        "$.connection.tls.authorities",
    )
    assert str(tmp_path / "ca.pem") in finding.text


@pytest.mark.parametrize(
    ("tls", "said"), [({}, ["C26"] * 3), (True, ["S04"] + ["C26"] * 3), ("x", ["S04"] + ["C26"] * 3)]
)
def test_what_asks_for_tls_is_never_spoken_to_in_plain(tls: object, said: list[str]) -> None:
    found, codes = endpoint(tls=tls)
    assert found.tls is not None
    assert (found.tls.certificate, found.port, sorted(codes)) == ("", 802, sorted(said))


def test_tls_has_no_rtu_frames() -> None:
    found, codes = endpoint(tls={}, framer="rtu")
    assert not found.rtu
    assert codes.count("C22") == 1


@pytest.mark.parametrize("text", ["8 data bits, fixed", "8 typical"])
def test_the_spreadsheets_note_in_data_bits_is_no_error(text: str) -> None:
    group = holding({"id": "p", "offset": 1})
    for where in ({"ip_address": "h"}, {"serial_device": "/dev/ttyS1"}):
        maps, findings = load({"system": {"id": "a", "data_bits": text, **where}, "registers": [group]})
        assert len(maps) == 1
        assert [(f.code, f.severity, f.path) for f in findings] == [
            ("S04", Severity.NOTE, "$.system.data_bits")
        ]


def test_a_legacy_file_may_be_a_serial_line() -> None:
    system = {"id": "a", "Serial_Device": "/dev/ttyS1", "parity": "even", "data_bits": "7", "device_id": 3}
    maps, findings = load({"system": system, "registers": [holding({"id": "p", "offset": 1})]})
    assert maps[0].endpoint.serial == Serial(device="/dev/ttyS1", parity="E", data_bits=7)
    assert maps[0].components[0].unit == 3
    assert [(f.code, f.path) for f in findings] == [
        ("P06", "$.system.Serial_Device"),
        ("S04", "$.system.data_bits"),
    ]


def test_servers_listen_on_tcp_tls_or_a_serial_line() -> None:
    found, findings = server(port=1502, idle_timeout_s=30, max_clients=4)
    assert (found.host, found.port, found.idle_timeout_s, found.max_clients) == ("0.0.0.0", 1502, 30.0, 4)
    assert findings == []
    found, findings = server(tls={})
    assert (found.port, found.tls is not None, {f.code for f in findings}) == (802, True, {"C26"})
    found, findings = server(serial_device="/dev/ttyS3", device_id=17, stop_bits=2)
    assert (found.serial, found.host) == (Serial(device="/dev/ttyS3", stop_bits=2), "")
    assert ([entry.unit for entry in found.entries], findings) == ([17], [])


def test_a_server_on_a_serial_line_never_answers_for_others() -> None:
    for system in ({}, {"device_id": 0}, {"device_id": 248}, {"device_id": "x"}):
        found, findings = server(serial_device="/dev/ttyS3", **system)
        assert found.entries == ()
        assert [f.code for f in findings if f.code != "S04"] == ["V05"]
    maps = [
        {"device_id": 5, "coils": [{"id": "e", "offset": 1, "uri": "/u"}]},
        {"coils": []},
        {"device_id": 255, "coils": []},
    ]
    tree = {"system": {"id": "/x", "serial_device": "/dev/ttyS3"}, "registers": maps}
    found, findings = server_from(parse(json.dumps(tree), "s.json"), Path("s.json"))
    assert found is not None
    assert [entry.unit for entry in found.entries] == [5]
    assert [(f.code, f.path) for f in findings] == [("V05", "$.system"), ("V05", "$.registers[2].device_id")]


@pytest.mark.parametrize(
    ("written", "expected", "errors"),
    [
        (None, (), 0),
        ([], (), 0),
        (["10.0.0.0/8", "192.168.1.7", "fd00::/8"], ("10.0.0.0/8", "192.168.1.7/32", "fd00::/8"), 0),
        (["10.1.2.3/8"], ("10.0.0.0/8",), 0),
        ("10.0.0.0/8", ("10.0.0.0/8",), 0),
        (["10.0.0.0/8", "somewhere", 5], ("10.0.0.0/8",), 2),
        (["somewhere"], ("255.255.255.255/32",), 1),
        ({"a": 1}, ("255.255.255.255/32",), 1),
        (5, ("255.255.255.255/32",), 1),
    ],
)
def test_a_list_of_masters_never_opens_by_mistake(written: object, expected: tuple, errors: int) -> None:
    found, findings = server(allow_from=written)
    assert found.allow_from == expected
    assert [f.code for f in findings] == ["S05"] * errors
