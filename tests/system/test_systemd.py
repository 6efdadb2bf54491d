"""The launch command as systemd sees it: ready when the devices were heard or are known to be silent, and fed."""

import json
import shutil
import socket

import pytest

from tests.ports import free_port
from tests.system.running_site import REPOSITORY, RunningSite


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "8000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield listening


def heard_until(systemd, word):
    """Everything said up to this word."""
    said = [systemd.recv(4096).decode()]
    while said[-1] != word:
        said.append(systemd.recv(4096).decode())
    return said


def test_ready_fed_and_stopping(systemd, tmp_path):
    site = RunningSite(tmp_path / "state")
    try:
        before = heard_until(systemd, "READY=1")
        assert "STATUS=running, 11 actors" in before
        assert "WATCHDOG=1" in before or heard_until(systemd, "WATCHDOG=1")
        assert site.stop() == 0
        assert heard_until(systemd, "STOPPING=1")
    finally:
        site.end()


def test_devices_that_are_known_to_be_silent_do_not_keep_a_site_from_being_ready(systemd, tmp_path):
    """Nobody listens where these devices should be: alarms stand, and the site is there to tell so."""
    folder = tmp_path / "dual_bms"
    shutil.copytree(REPOSITORY / "configs/dual_bms", folder)
    for stem in ("bms_1", "bms_2", "pcs"):
        file = folder / "modbus_client" / f"{stem}.json"
        document = json.loads(file.read_text())
        document["connection"] |= {"ip_address": "127.0.0.1", "port": free_port()}
        file.write_text(json.dumps(document))
    place = f"site=127.0.0.1:{free_port()}"
    site = RunningSite(tmp_path / "state", folder, server="", options=["--modbus-server", place])
    try:
        assert heard_until(systemd, "READY=1")
        body = site.get("/ess_1/full/status/bms_1/SOC")
        assert body is None or body.get("SOC", body).get("quality") != "GOOD"
    finally:
        site.end()
