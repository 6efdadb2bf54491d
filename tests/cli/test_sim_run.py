"""`ess-actors sim run`: a simulated device in the foreground, read by an independent Modbus client."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pyModbusTCP.client import ModbusClient

CLIENT = """{
  "connection": {"ip_address": "10.0.0.N", "port": 502},
  "components": [
    {"id": "bms_info", "device_id": 1, "registers": [
      {"type": "Holding", "map": [{"id": "soc", "offset": 40, "scale": 10}, {"id": "cmd", "offset": 41}]}]}]
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


def free_port_pair() -> int:
    """A port that is free together with the one behind it."""
    for _ in range(50):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
        return port
    raise AssertionError("no two free ports in a row")


def sim_run(*words: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ess_actors", "sim", "run", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_each_file_is_a_device_that_reads_back_what_is_written(files):
    port = free_port_pair()
    process = sim_run(*files, "--port", str(port))
    try:
        lines = [process.stdout.readline() for _ in files]
        assert lines == [f"bms_1: 127.0.0.1:{port}\n", f"bms_2: 127.0.0.1:{port + 1}\n"]
        for offset in (0, 1):
            client = ModbusClient(host="127.0.0.1", port=port + offset, unit_id=1, timeout=5)
            assert client.write_single_register(41, 7 + offset)
            assert client.read_holding_registers(40, 2) == [0, 7 + offset]
            client.close()
        process.send_signal(signal.SIGINT)
        rest, complaint = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, rest, complaint) == (0, "", "")


def test_a_port_in_use_is_said_and_exits_2(files):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = sim_run(files[0], "--port", str(taken.getsockname()[1]))
        said, complaint = process.communicate(timeout=20)
    assert (process.returncode, said) == (2, "")
    assert "cannot listen on 127.0.0.1" in complaint and "--port" in complaint


def test_a_broken_file_is_said_and_exits_2(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    process = sim_run(tmp_path / "bad.json")
    said, complaint = process.communicate(timeout=20)
    assert (process.returncode, said) == (2, "")
    assert "bad.json:1:" in complaint and "P01" in complaint
