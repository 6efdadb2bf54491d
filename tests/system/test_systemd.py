"""The launch command as systemd sees it: ready when the devices were heard or are known to be silent, and fed."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import threading
import time

import pytest

from ess_actors.chaos.stage import Simulators, playable
from ess_actors.core.points import Endpoint
from ess_actors.modbus.device_lock import DeviceLock
from tests.ports import free_port
from tests.system.running_site import REPOSITORY, RunningSite
from tests.waiting import wait_for


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
    said = []

    def heard():
        said.append(systemd.recv(4096).decode())
        return said[-1] == word

    wait_for(word, heard)
    return said


def test_ready_fed_and_stopping(systemd, tmp_path):
    site = RunningSite(tmp_path / "state")
    try:
        before = heard_until(systemd, "READY=1")
        assert "STATUS=running, 12 actors" in before
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


class Gate:
    """The address of a device that takes requests and lets none through until it is opened."""

    def __init__(self, behind):
        self.behind, self.port, self.open = behind, free_port(), threading.Event()
        self.asked = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._sockets = [self._listening]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                here, _ = self._listening.accept()
                there = socket.create_connection(self.behind)
            except OSError:
                return
            self._sockets += [here, there]
            for ends in ((here, there), (there, here)):
                self._threads.append(threading.Thread(target=self._carry, args=ends, daemon=True))
                self._threads[-1].start()

    def _carry(self, out_of, into):
        try:
            while text := out_of.recv(4096):
                self.asked.set()
                self.open.wait()
                into.sendall(text)
        except OSError:
            pass

    def close(self):
        self.open.set()
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for one in self._threads:
            one.join(10)


@pytest.fixture
def gated(tmp_path):
    """A site on simulated devices of which the second battery is behind a gate: (folder, gate)."""
    folder = tmp_path / "dual_bms"
    shutil.copytree(REPOSITORY / "configs/dual_bms", folder)
    site = playable(folder)
    simulators = Simulators(folder, site, tmp_path)
    gate = Gate(simulators.ports["bms_2"])
    for stem, (host, port) in (simulators.ports | {"bms_2": ("127.0.0.1", gate.port)}).items():
        file = folder / "modbus_client" / f"{stem}.json"
        document = json.loads(file.read_text())
        document["connection"] |= {"ip_address": host, "port": port, "transfer_timeout": 30}
        file.write_text(json.dumps(document))
    yield folder, gate
    gate.close()
    simulators.end()


def test_ready_comes_only_after_every_device_was_heard(systemd, tmp_path, gated):
    folder, gate = gated
    place = f"site=127.0.0.1:{free_port()}"
    site = RunningSite(tmp_path / "state", folder, server="", options=["--modbus-server", place])
    try:
        assert gate.asked.wait(30)
        before = heard_until(systemd, "STATUS=running, 11 actors")
        # The launch command goes on to look, and to feed the watchdog, while one device is not heard.
        for _ in range(2):
            before += heard_until(systemd, "WATCHDOG=1")
        assert "READY=1" not in before
        gate.open.set()
        assert heard_until(systemd, "READY=1")
    finally:
        site.end()


def test_the_watchdog_is_fed_only_while_control_goes_on(systemd, tmp_path, monkeypatch):
    """The supervisor may not replace this instance: then systemd is the one who has to notice."""
    watchdog_s = 4
    monkeypatch.setenv("WATCHDOG_USEC", str(watchdog_s * 1_000_000))
    folder = tmp_path / "dual_bms"
    shutil.copytree(REPOSITORY / "configs/dual_bms", folder)
    document = json.loads((folder / "site.json").read_text())
    (folder / "site.json").write_text(json.dumps(document | {"hung_after_s": 600}))
    site = RunningSite(tmp_path / "state", folder)
    try:
        heard_until(systemd, "READY=1")
        heard_until(systemd, "WATCHDOG=1")
        pid = site.pid("ess_1")
        os.kill(pid, signal.SIGSTOP)
        wait_for("a silence after which systemd acts", lambda: silent(systemd, watchdog_s))
        assert site.process.poll() is None and site.pid("ess_1") == pid
        os.kill(pid, signal.SIGCONT)
        assert heard_until(systemd, "WATCHDOG=1")
    finally:
        site.end()


def silent(systemd, seconds):
    """Whether nothing feeds the watchdog for so long."""
    until = time.monotonic() + seconds
    while (rest := until - time.monotonic()) > 0:
        if select.select([systemd], [], [], rest)[0] and systemd.recv(4096) == b"WATCHDOG=1":
            return False
    return True


def test_ready_comes_while_another_process_has_a_device_and_an_alarm_tells_so(systemd, tmp_path, gated):
    folder, gate = gated
    gate.open.set()
    lock = DeviceLock(Endpoint(name="bms_2", host="127.0.0.1", port=gate.port))
    assert lock.take()
    site = RunningSite(
        tmp_path / "state", folder, server="", options=["--modbus-server", f"site=127.0.0.1:{free_port()}"]
    )

    def told() -> list[str]:
        records = site.http.get("/api/journal", params={"limit": 500}).json()["records"]
        return [str(r["body"]["message"]) for r in records if r["kind"] == "event"]

    def taken() -> float | None:
        return site.metric("ess_device_taken").get('{device="ess_2/bms_2"}')

    try:
        assert heard_until(systemd, "READY=1")
        wait_for("the alarm", lambda: any("has the device" in text for text in told()))
        wait_for("the figure", lambda: taken() == 1)
        lock.free()
        wait_for("the device to be read", lambda: taken() == 0)
    finally:
        lock.free()
        site.end()
