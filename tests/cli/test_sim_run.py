"""`ess-actors sim FILE...`: simulated devices in the foreground, read by independent Modbus clients, and their API."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyModbusTCP.client import ModbusClient

from tests.ports import free_port
from tests.waiting import wait_for

CLIENT = """{
  "connection": {"ip_address": "10.0.0.N", "port": 502},
  "components": [
    {"id": "bms_info", "device_id": 1, "registers": [
      {"type": "Holding", "map": [{"id": "soc", "offset": 40, "scale": 10}, {"id": "cmd", "offset": 41},
                                  {"id": "power", "offset": 44, "signed": true}]}]},
    {"id": "rack", "device_id": 11, "registers": [
      {"type": "Input", "map": [{"id": "mode", "offset": 7, "enum": true, "bit_strings": ["Off", "Run"]}]}]}]
}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = []
    for number in "12":
        file = tmp_path / f"bms_{number}.json"
        file.write_text(CLIENT.replace("0.N", f"0.{number}"))
        found.append(file)
    return found


def ess_actors(*words: str | Path) -> tuple[int, str, str]:
    """One command to its end: exit code, output, complaints."""
    command = [sys.executable, "-m", "ess_actors", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


class Simulated:
    """A simulator in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        for line in process.stdout or ():
            self.lines.append(line.rstrip("\n"))
            if line.startswith("control API: "):
                break
        self.api = self.lines[-1].removeprefix("control API: ")

    def place(self, stem: str) -> str:
        line = next(line for line in self.lines if line.startswith(f"{stem}: "))
        return line.split()[1]

    def client(self, stem: str, unit: int = 1) -> ModbusClient:
        host, port = self.place(stem).split(":")
        return ModbusClient(host=host, port=int(port), unit_id=unit, timeout=5)

    def sim(self, verb: str, *words: str) -> tuple[int, str, str]:
        return ess_actors("sim", verb, *words, "--api", self.api)


@contextmanager
def simulated(*words: str | Path) -> Iterator[Simulated]:
    """Runs until the end of the block, then is ended by Ctrl-C without a word."""
    command = [sys.executable, "-m", "ess_actors", "sim", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield Simulated(process)
        process.send_signal(signal.SIGINT)
        rest, complaint = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    assert (process.returncode, rest, complaint) == (0, "", "")


@pytest.mark.parametrize("verb", [(), ("run",)], ids=["files", "run"])
def test_each_file_is_a_device_that_reads_back_what_is_written(files, verb):
    port = free_port(2)
    with simulated(*verb, *files, "--port", str(port)) as site:
        assert site.lines[:2] == [
            f"bms_1: 127.0.0.1:{port} (units 1, 11; 4 points)",
            f"bms_2: 127.0.0.1:{port + 1} (units 1, 11; 4 points)",
        ]
        assert re.fullmatch(r"control API: 127\.0\.0\.1:\d+", site.lines[2]) and len(site.lines) == 3
        for stem, written in (("bms_1", 7), ("bms_2", 8)):
            client = site.client(stem)
            assert client.write_single_register(41, written)
            assert client.read_holding_registers(40, 2) == [0, written]
            client.close()
    for number in (port, port + 1):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", number), 5)


def test_two_files_of_one_name_are_told_apart(files):
    other = files[0].parent / "second" / files[0].name
    other.parent.mkdir()
    other.write_text(files[1].read_text())
    with simulated(files[0], other) as site:
        assert [line.partition(":")[0] for line in site.lines[:2]] == ["bms_1", "bms_1_2"]
        assert site.sim("set", "bms_1_2", "bms_info/soc=55.5")[0] == 0
        client = site.client("bms_1_2")
        assert client.read_holding_registers(40, 1) == [555]
        client.close()


def test_the_control_api_shows_sets_and_breaks_a_device(files):
    with simulated("--strict-gaps", files[0]) as site:
        client, rack = site.client("bms_1"), site.client("bms_1", 11)
        code, said, _ = site.sim("set", "bms_1", "bms_info/soc=55.5", "rack/mode=Run", "bms_info/power=99999")
        assert code == 0 and json.loads(said)["points"]["bms_info/power"]["status"] == "clamped"
        assert client.read_holding_registers(40, 2) == [555, 0]
        assert client.read_holding_registers(40, 5) is None, "strict gaps"
        assert rack.read_input_registers(7, 1) == [1]

        assert client.write_single_register(41, 9)
        code, said, _ = site.sim("get", "bms_1", "bms_info/cmd")
        assert (code, json.loads(said)) == (0, {"value": 9, "words": [9]})
        code, said, _ = site.sim("get", "bms_1", "rack")
        assert said.splitlines()[1].split("  ")[0] == "rack/mode" and '"Run"' in said and "0001" in said
        code, said, _ = site.sim("get", "bms_1", "--json")
        assert list(json.loads(said)["points"]) == [
            "bms_info/soc", "bms_info/cmd", "bms_info/power", "rack/mode"
        ]  # fmt: skip
        code, said, _ = site.sim("get")
        assert "bms_1" in said and site.place("bms_1") in said and "1, 11" in said

        fault = ("fault", "bms_1", "exception", "--code", "4", "--unit", "11", "--for-ms", "600000")
        assert site.sim(*fault)[0] == 0
        assert rack.read_input_registers(7, 1) is None and rack.last_except == 4
        assert client.read_holding_registers(40, 2) == [555, 9]
        code, said, _ = site.sim("fault", "bms_1")
        (active,) = json.loads(said)["faults"]
        assert (active["kind"], active["code"], active["units"]) == ("exception", 4, [11])
        assert site.sim("fault", "bms_1", "none")[0] == 0
        assert rack.read_input_registers(7, 1) == [1]
        assert site.sim("fault", "bms_1", "offline")[0] == 0
        client.close()
        assert client.read_holding_registers(40, 2) is None
        assert site.sim("fault", "bms_1", "none")[0] == 0
        assert client.read_holding_registers(40, 2) == [555, 9]
        client.close()
        rack.close()

        for words, part in (
            (("get", "bms_9"), "unknown_device"),
            (("get", "bms_1", "rack/mod"), "rack/mode"),
            (("set", "bms_1", "rack/mode=Fly"), "bad_value"),
            (("fault", "bms_1", "delay"), "delay needs ms"),
            (("fault", "bms_1", "mute", "--unit", "5"), "units 1, 11"),
            (("fault", "bms_9"), "unknown_device"),
        ):
            code, said, complaint = site.sim(*words)
            assert (code, said) == (1, "") and part in complaint, words
        assert site.sim("fault", "bms_1", "sulk")[0] == 2


def test_a_serial_file_is_a_pseudo_terminal_and_tls_is_left_out(tmp_path):
    tree = json.loads(CLIENT)
    (tmp_path / "a.pem").touch()
    for name, connection in (
        ("line", {"serial_device": "/dev/ttyUSB3", "baud_rate": 9600}),
        ("gateway", {"ip_address": "10.0.0.9", "framer": "rtu"}),
        ("secret", {
            "ip_address": "10.0.0.8",
            "tls": {"certificate": "a.pem", "key": "a.pem", "authorities": "a.pem"}
        }),
    ):  # fmt: skip
        (tmp_path / f"{name}.json").write_text(json.dumps(tree | {"connection": connection}))
    with simulated(*(tmp_path / f"{name}.json" for name in ("line", "gateway", "secret"))) as site:
        path = site.place("line")
        assert path.startswith("/dev/") and "(RTU for /dev/ttyUSB3, units 1, 11; 4 points)" in site.lines[0]
        assert "(RTU over TCP, units" in site.lines[1] and "(without TLS, units" in site.lines[2]
        command = ["mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-0", "-1", "-q", "-o", "2", path]
        written = subprocess.run([*command, "-r", "40", "123"], capture_output=True, text=True, timeout=20)
        assert written.returncode == 0, written.stdout + written.stderr
        assert json.loads(site.sim("get", "line", "bms_info/soc")[1]) == {"value": 12.3, "words": [123]}
    assert not Path(path).exists()


def test_a_plant_moves_the_points_of_its_model(files, tmp_path):
    plant = tmp_path / "plant.json"
    points = {"soc": "bms_info/soc", "power_setpoint": "bms_info/power"}
    model = {"model": "battery", "capacity_kwh": 0.1, "power_kw": 500, "soc": 50, "points": points}
    for tree in ({"bms_1": model, "bms_9": model}, {"name": "x", "instances": [], "sim": {"bms_1": model}}):
        plant.write_text(json.dumps(tree))
        with simulated(files[0], "--plant", plant) as site:
            client = site.client("bms_1")
            assert client.read_holding_registers(40, 1) == [500]
            assert client.write_single_register(44, 65536 - 100)
            wait_for("soc to rise", lambda: client.read_holding_registers(40, 1)[0] > 510)
            client.close()


@pytest.mark.parametrize(
    ("tree", "part"),
    [("{", "P01"), ('{"bms_1": 5}', "sim-model"), (None, "does not exist")],
    ids=["syntax", "no model", "missing"],
)
def test_a_plant_that_is_none_is_said_and_exits_2(files, tmp_path, tree, part):
    plant = tmp_path / "plant.json"
    if tree is not None:
        plant.write_text(tree)
    code, said, complaint = ess_actors("sim", files[0], "--plant", plant)
    assert (code, said) == (2, "") and part in complaint


def test_a_point_the_plant_names_wrongly_is_said_and_the_rest_runs(files, tmp_path):
    plant = tmp_path / "plant.json"
    points = {"soc": "bms_info/sok"}
    plant.write_text(json.dumps({"bms_1": {"model": "battery", "points": points}}))
    with pytest.raises(AssertionError, match="sim-point"), simulated(files[0], "--plant", plant) as site:
        assert site.client("bms_1").read_holding_registers(40, 1) == [0]


def test_what_echoes_the_bus_is_said(tmp_path):
    tree = json.loads(CLIENT)
    tree["components"][0]["registers"][0]["map"][1]["echo_id"] = "/site/ls/cmd"
    file = tmp_path / "set"
    file.write_text(json.dumps(tree))
    with simulated(tmp_path / "set") as site:
        assert site.lines[1] == "set: there is no bus to echo, so bms_info/cmd show 0 and take no writes"
        client = site.client("set")
        assert client.write_single_register(41, 9)
        assert client.read_holding_registers(41, 1) == [0]
        client.close()


def test_a_port_in_use_is_said_and_exits_2(files):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said, complaint = ess_actors("sim", files[0], "--port", port)
        assert (code, said) == (2, "")
        assert "cannot listen on 127.0.0.1" in complaint and "--port" in complaint
        code, said, complaint = ess_actors("sim", files[0], "--api", f"127.0.0.1:{port}")
        assert (code, said) == (2, "") and "--api" in complaint


def test_a_broken_file_is_said_and_exits_2(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    code, said, complaint = ess_actors("sim", "run", tmp_path / "bad.json")
    assert (code, said) == (2, "")
    assert "bad.json:1:" in complaint and "P01" in complaint
    code, said, complaint = ess_actors("sim", "fualt", "bms_1", "none")
    assert (code, said) == (2, "") and "fualt" in complaint
