"""A site as a user runs it: the real launch command, its operator API, its Modbus server, its processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
from pyModbusTCP.client import ModbusClient

from tests.ports import free_port
from tests.waiting import wait_for

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


class RunningSite:
    """Started by the constructor, ready when it returns."""

    def __init__(
        self,
        state_dir: Path,
        site_dir: Path = REPOSITORY / "configs/dual_bms",
        server: str = "site",
        options: Sequence[str] = (),
    ) -> None:
        self.api_port, self.modbus_port = free_port(), free_port()
        self.api = f"127.0.0.1:{self.api_port}"
        self.state_dir = state_dir
        state_dir.mkdir(parents=True, exist_ok=True)
        self.output = state_dir / "output.txt"
        self.command = [
            str(BIN / "ess-actors"), "run", str(site_dir), "--live",
            "--api", self.api, "--state-dir", str(state_dir), "--admin-port", str(free_port()), *options,
        ]  # fmt: skip
        if server:  # a site without one has no devices either
            self.command += ["--sim", "--modbus-server", f"{server}=127.0.0.1:{self.modbus_port}"]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=subprocess.STDOUT)
        self.launcher = psutil.Process(self.process.pid)
        self.http = httpx.Client(base_url=f"http://{self.api}", timeout=10)
        self._modbus: ModbusClient | None = None
        self._seen: dict[int, psutil.Process] = {}
        try:
            wait_for("the site to be ready", self.is_ready, 30)
        except BaseException:
            self.end()
            raise

    # --- operator API -----------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the site ended: {self.output.read_text()}")
        self.processes()
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def actors(self) -> dict[str, dict[str, Any]]:
        try:
            rows = self.http.get("/api/status").json()["actors"]
        except httpx.TransportError:
            return {}
        return {row["id"]: row for row in rows}

    def pid(self, actor_id: str) -> int | None:
        return self.actors().get(actor_id, {}).get("pid")

    def message(self, method: str, uri: str, body: object = None, **more: object) -> httpx.Response:
        return self.http.post("/api/message", json={"method": method, "uri": uri, "body": body, **more})

    def get(self, uri: str) -> Any:
        """Body of the reply; None when there is none (the web actor may just be restarting)."""
        try:
            answer = self.message("get", uri)
        except httpx.TransportError:
            return None
        return answer.json()["reply"] if answer.status_code == 200 else None

    def set(self, uri: str, body: object) -> Any:
        answer = self.message("set", uri, body)
        assert answer.status_code == 200, answer.text
        return answer.json()["reply"]

    def order(self, actor_id: str, verb: str) -> httpx.Response:
        return self.http.post(f"/api/actors/{actor_id}/{verb}")

    def sim_points(self, stem: str, **points: object) -> None:
        """Points by `component__point`, the instance's prefix left out by giving full names in a dict."""
        self.sim_set(stem, {name.replace("__", "/"): value for name, value in points.items()})

    def sim_set(self, stem: str, points: dict[str, object]) -> None:
        answer = self.http.post(f"/api/sim/{stem}/points", json=points)
        assert answer.status_code == 200, answer.text

    def sim_fault(self, stem: str, kind: str, **more: object) -> None:
        answer = self.http.post(f"/api/sim/{stem}/fault", json={"kind": kind, **more})
        assert answer.status_code == 200, answer.text

    def metric(self, name: str) -> dict[str, float]:
        """Series of one metric: label text -> value."""
        found = {}
        for line in self.http.get("/metrics").text.splitlines():
            if line.startswith((name + "{", name + " ")):
                series, _, value = line.rpartition(" ")
                found[series.removeprefix(name)] = float(value)
        return found

    # --- the site controller's side ---------------------------------------------------------------------------

    def modbus(self) -> ModbusClient:
        """A Modbus master that is not ours."""
        if self._modbus is None or not self._modbus.is_open:
            self._modbus = ModbusClient("127.0.0.1", self.modbus_port, unit_id=1, auto_open=True, timeout=2)
        return self._modbus

    def word(self, address: int) -> int | None:
        words = self.modbus().read_input_registers(address, 1)
        return words[0] if words else None

    # --- processes --------------------------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """Everything below the launch command that lives; remembered for `left_over`."""
        try:
            found = self.launcher.children(recursive=True)
        except psutil.Error:
            found = []
        for process in found:
            self._seen.setdefault(process.pid, process)
        return [process for process in found if self._lives(process)]

    @staticmethod
    def _lives(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False  # it went between the two questions

    def named(self, actor_id: str) -> list[psutil.Process]:
        """Processes that ps shows under this actor's name."""
        found = []
        for process in self.processes():
            try:
                if " ".join(process.cmdline()).strip() == f"ess: {actor_id}":
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def left_over(self) -> list[str]:
        """Processes of this site that still live although the launch command ended."""
        alive = []
        for process in (self.launcher, *self._seen.values()):
            try:
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(f"{process.pid} {process.cmdline()}")
            except psutil.Error:
                continue
        return alive

    def kill(self, actor_id: str) -> int:
        """kill -9; returns the pid that died."""
        pid = self.pid(actor_id)
        assert pid, actor_id
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_back(self, actor_id: str, old_pid: int) -> bool:
        row = self.actors().get(actor_id, {})
        return row.get("state") == "RUNNING" and row.get("pid") not in (None, old_pid)

    def clear_until(self, what: str, gone: Callable[[], Any]) -> None:
        """A clear that came before the end of its cause was heard everywhere is given again, as an operator would."""

        def is_gone() -> bool:
            if gone():
                return True
            self.set("/ess_1/faults/ess/clear_faults", "Clear")
            return False

        wait_for(what, is_gone, pause_s=2.0)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Exit code of the launch command."""
        self.processes()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        self.http.close()
        return code

    def end(self) -> None:
        """For teardown: stop, and leave nothing whatever happened."""
        try:
            self.stop()
        finally:
            for process in self._seen.values():
                try:
                    if process.is_running():
                        process.kill()
                except psutil.Error:
                    continue
