"""Where a chaos run plays: simulators in a process of their own, and a copy of the site that knows only those."""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ess_actors.actors.disturb import FOLDER_VARIABLE
from ess_actors.actors.launch import free_port
from ess_actors.chaos.asking import Address, Asker
from ess_actors.config.documents import read_object
from ess_actors.config.render import for_people
from ess_actors.config.site import SITE_FILE, Site, load_site
from ess_actors.core.errors import ConfigError
from ess_actors.core.findings import Severity
from ess_actors.core.points import ClientMap
from ess_actors.modbus.simulator import device_names

START_LIMIT_S: Final = 40.0
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)
_COMMAND: Final = (sys.executable, "-m", "ess_actors")


class Unplayable(Exception):
    """The site or its simulators could not be started."""


@dataclass(frozen=True, slots=True)
class Safe:
    """What one device must be told when nobody commands it any more."""

    stem: str
    actor: str
    owner: str
    values: Mapping[str, Any]
    """`component/point` -> safe value."""
    lease_s: float


def playable(site_dir: Path) -> Site:
    """The checked site. Raises ConfigError for one that cannot be run on simulators alone."""
    site, findings = load_site(site_dir)
    if site is None:
        fatal = [finding for finding in findings if finding.severity is Severity.FATAL]
        raise ConfigError("\n".join(for_people(fatal)))
    maps = maps_of(site)
    if not maps:
        raise ConfigError(f"{site_dir}: the site has no devices; there is nothing a fault could do to them")
    real = [name for name in device_names(maps) if name not in site.sim]
    if real:
        raise ConfigError(
            f"{site_dir}: {', '.join(real)}: no model under `sim` in site.json; faults are injected only where every "
            "device is simulated, never into a site on its devices"
        )
    files = [one.file for one in maps]
    odd = sorted(
        {one.stem for one in maps if one.endpoint.serial or one.endpoint.tls or files.count(one.file) > 1}
        | {one.stem for one in maps if not Path(one.file).resolve().is_relative_to(site_dir.resolve())}
    )
    if odd:
        raise ConfigError(
            f"{', '.join(odd)}: serial lines, TLS, address ranges and client files outside the site's folder cannot be "
            "pointed at simulators here"
        )
    return site


def maps_of(site: Site) -> list[ClientMap]:
    """The clients of all instances, in order."""
    return [client for instance in site.instances for client in instance.clients]


def safe_devices(site: Site) -> list[Safe]:
    """The devices with safe values in site.json."""
    return [
        Safe(
            one.stem,
            f"{instance.name}/{one.stem}",
            instance.name,
            {device_point(site, uri)[1]: value for uri, value in one.values.items()},
            one.lease_s,
        )
        for instance in site.instances
        for one in instance.safe
    ]


def device_point(site: Site, uri: str) -> tuple[str, str]:
    """(stem, `component/point`) of a device's point on the bus; empty when it is none."""
    table, _, point = uri.rpartition("/")
    for client in maps_of(site):
        for component in client.components:
            if component.uri == table:
                return client.stem, f"{component.id}/{point}"
    return "", ""


class Simulators:
    """`ess-actors sim` on the site's client files, in a process of its own: it outlives every death of the site."""

    def __init__(self, site_dir: Path, site: Site, folder: Path) -> None:
        output = folder / "simulators.txt"
        files = [str(Path(one.file)) for one in maps_of(site)]
        command = [*_COMMAND, "sim", "run", *files, "--plant", str(site_dir / SITE_FILE)]
        self._process = _started(command, output, {})
        try:
            self.api = Asker(_wait_for_address(self._process, output))
        except Unplayable:
            self.end()
            raise
        self.ports: dict[str, Address] = {}
        for device in self.api.get("/api/sim").get("devices", []):
            host, _, port = str(device["place"]).rpartition(":")
            self.ports[str(device["stem"])] = (host, int(port))

    def writes(self, since: int) -> dict[str, Any]:
        """What the devices were told behind a number; see `modbus.simulator_log`."""
        answer = self.api.get(f"/api/sim/writes?since={since}")
        if "writes" not in answer:
            raise Unplayable("the simulators do not answer any more; they were no part of the trial")
        return answer

    def put(self, stem: str, points: Mapping[str, object]) -> None:
        """Points of a device, as it shows them from now on."""
        self.api.post(f"/api/sim/{stem}/points", points)

    def fault(self, stem: str, **order: object) -> None:
        """Lets a device misbehave."""
        self.api.post(f"/api/sim/{stem}/fault", order)

    def end(self) -> None:
        _end(self._process)


class Stage:
    """The copy of the site, its launch command, and the ports it is reached at."""

    def __init__(self, site_dir: Path, site: Site, simulators: Simulators, folder: Path) -> None:
        self.folder = folder
        self.orders = folder / "orders"
        self.state = folder / "state"
        for one in (self.orders, self.state):
            one.mkdir()
        self._site_dir = folder / "site"
        shutil.copytree(site_dir, self._site_dir)
        for name, client in zip(device_names(maps_of(site)), maps_of(site), strict=True):
            host, port = simulators.ports[name]
            file = self._site_dir / Path(client.file).resolve().relative_to(site_dir.resolve())
            source, _ = read_object(file, "")
            assert source is not None
            connection: Any = source.tree["connection"]
            file.write_text(
                json.dumps(source.tree | {"connection": {**connection, "ip_address": host, "port": port}})
            )
        # The copy runs on this host and its own ports: whose login it would need is not what is tried here.
        source, _ = read_object(self._site_dir / SITE_FILE, "")
        assert source is not None
        file = self._site_dir / SITE_FILE
        file.write_text(json.dumps(source.tree | {"access": {"loopback": "engineer"}}))
        api_port = free_port()
        self.api = Asker(("127.0.0.1", api_port))
        self._options = ["--api", f"127.0.0.1:{api_port}", "--admin-port", str(free_port())]
        self._options += ["--state-dir", str(self.state)]
        for server in (server for instance in site.instances for server in instance.servers):
            self._options += ["--modbus-server", f"{server.stem}=127.0.0.1:{free_port()}"]
        self.process: subprocess.Popen[bytes]
        """The launch command, once started."""
        self.starts = 0

    def start(self) -> float:
        """Run the site; seconds until it was complete. Raises Unplayable."""
        began = time.monotonic()
        output = self.folder / f"site-{self.starts}.txt"
        self.process = _started(
            [*_COMMAND, "run", str(self._site_dir), *self._options],
            output,
            {FOLDER_VARIABLE: str(self.orders)},
        )
        self.starts += 1
        while self.api.code("/readyz") != 200:
            if self.process.poll() is not None or time.monotonic() - began > START_LIMIT_S:
                raise Unplayable(f"the site did not start:\n{output.read_text()[-2000:]}")
            time.sleep(0.02)
        return time.monotonic() - began

    def stop(self) -> None:
        """End the site; nothing when it was never started."""
        if self.starts:
            _end(self.process)


def _started(command: Sequence[str], output: Path, more: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    with output.open("wb") as stream:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **more},
            preexec_fn=_end_with_us,
        )


def _end_with_us() -> None:
    """In the new process: the kernel asks it to stop when the chaos run itself is killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _wait_for_address(process: "subprocess.Popen[bytes]", output: Path) -> Address:
    until = time.monotonic() + START_LIMIT_S
    while not (found := re.search(r"control API: (.+):(\d+)", output.read_text())):
        if process.poll() is not None or time.monotonic() > until:
            raise Unplayable(f"the simulators did not start:\n{output.read_text()[-2000:]}")
        time.sleep(0.02)
    return found[1], int(found[2])


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
