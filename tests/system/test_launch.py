"""Starts that must not happen, and two sites on one machine."""

import json
import shutil
import socket
import subprocess

from tests.ports import free_port
from tests.system.running_site import BIN, REPOSITORY, RunningSite
from tests.waiting import wait_for

DUAL = REPOSITORY / "configs/dual_bms"


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    command = [str(BIN / "ess-actors"), "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_a_second_start_of_the_same_site_says_who_runs(site):
    done = start(str(DUAL), "--sim", "--state-dir", str(site.state_dir))
    assert done.returncode == 2
    assert "already runs" in done.stderr and str(site.process.pid) in done.stderr and site.api in done.stderr
    assert site.is_ready()


def test_a_port_in_use_is_named_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in (
            ["--api", f"127.0.0.1:{port}"],
            ["--api", f"127.0.0.1:{free_port()}", "--modbus-server", f"site=127.0.0.1:{port}"],
        ):
            done = start(str(DUAL), "--sim", "--state-dir", str(tmp_path), *option)
            assert done.returncode == 2, done.stderr
            assert f"127.0.0.1:{port} is in use" in done.stderr


def test_one_port_for_two_is_refused(tmp_path):
    where = f"127.0.0.1:{free_port()}"
    done = start(
        str(DUAL), "--sim", "--state-dir", str(tmp_path), "--api", where, "--modbus-server", f"site={where}"
    )
    assert done.returncode == 2 and "already that of the operator API" in done.stderr


def test_an_unknown_server_stem_is_refused(tmp_path):
    done = start(str(DUAL), "--sim", "--state-dir", str(tmp_path), "--modbus-server", "sight=127.0.0.1:9")
    assert done.returncode == 2 and "sight" in done.stderr and "site" in done.stderr


def test_a_fatal_finding_starts_nothing_and_names_file_and_line(tmp_path):
    broken = tmp_path / "site"
    shutil.copytree(DUAL, broken)
    document = broken / "ess_2" / "ess_2_dual_init.json"
    document.write_text(document.read_text().replace(":", "", 1))
    (broken / "modbus_client" / "bms_2.json").unlink()
    done = start(str(broken), "--sim", "--state-dir", str(tmp_path / "state"))
    assert done.returncode == 2
    assert "ess_2_dual_init.json:" in done.stderr and "bms_2.json" in done.stderr
    assert "fatal" in done.stderr
    assert not (tmp_path / "state").exists()


def test_the_command_line_says_so_when_nothing_runs():
    for verb in (["status"], ["get", "/x"], ["set", "/x", "1"], ["restart", "ess_1"], ["listen"]):
        command = [str(BIN / "ess-actors"), *verb, "--api", f"127.0.0.1:{free_port()}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and "nothing answers" in done.stderr, verb


def test_two_sites_run_side_by_side(site, tmp_path):
    other = RunningSite(tmp_path / "state", REPOSITORY / "configs/triple")
    try:
        assert {"ess", "bms_1", "bms_2", "ess/pcs", "bms_1/bms_1", "ess/site"} <= set(other.actors())
        wait_for("energy of the other site", lambda: other.word(2003))
        wait_for("SOC of the other site", lambda: other.get("/ess/status/bms/SOC"))
        assert site.get("/ess/status/bms/SOC") is None
        assert json.loads((other.state_dir / "lock").read_text())["pid"] == other.process.pid
        assert other.stop() == 0 and other.left_over() == []
    finally:
        other.end()
    assert site.is_ready()
