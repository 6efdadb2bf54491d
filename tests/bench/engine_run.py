"""CPU of instances as processes of a running site: one publishes 100 variables at 10 Hz, one hears it, one idles."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from ess_actors.actors.launch import free_port
from tests.bench.polling_figures import cpu_seconds
from tests.waiting import wait_for

PUBLISHED: Final = 100
PERIOD_S: Final = 0.1
SETTLE_S: Final = 3.0
ROLES: Final = {"ess_1": "publishes", "ess_2": "hears it", "ess_3": "idles"}


def measure(seconds: float, windows: int) -> dict[str, dict[str, float]]:
    """Percent of one core and megabytes, medians over the windows."""
    found: dict[str, list[tuple[float, float]]] = {role: [] for role in ROLES.values()}
    with tempfile.TemporaryDirectory(prefix="ess-bench-") as folder, site(Path(folder)) as pids:
        time.sleep(SETTLE_S)
        for _ in range(windows):
            before, began = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
            time.sleep(seconds)
            elapsed = time.monotonic() - began
            for name, pid in pids.items():
                share = 100 * (cpu_seconds(pid) - before[name]) / elapsed
                found[ROLES[name]].append((share, psutil.Process(pid).memory_full_info().uss / 1e6))
    return {
        role: {
            "cpu_percent": statistics.median(share for share, _ in rows),
            "own_memory_mb": statistics.median(size for _, size in rows),
        }
        for role, rows in found.items()
    }


@contextmanager
def site(folder: Path) -> Iterator[dict[str, int]]:
    """Process ids of the instances of a running site."""
    api = f"127.0.0.1:{free_port()}"
    command = [
        str(Path(sys.executable).parent / "ess-actors"),
        "run",
        str(write(folder / "site")),
        "--api",
        api,
    ]
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen([*command, "--state-dir", f"{folder}/state"], stdout=output, stderr=output)
        try:
            with httpx.Client(base_url=f"http://{api}", timeout=10) as http:
                wait_for("the site", lambda: _ready(http), 60)
                rows = http.get("/api/status").json()["actors"]
            yield {row["id"]: row["pid"] for row in rows if row["id"] in ROLES}
        finally:
            process.terminate()
            process.wait(20)


def _ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def write(folder: Path) -> Path:
    """The site: instances without devices."""
    instances = []
    for name in ROLES:
        hears = ":/assets" if name == "ess_2" else ":/components"
        files = {
            f"{name}.json": {"/sysconfig/default": {"Subs": hears, "Config": "init", "EssName": name}},
            f"{name}/init.json": publishing() if name == "ess_1" else {},
        }
        for file, content in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(json.dumps(content))
        instances.append({"start": f"{name}.json", "documents": name, "modbus_clients": []})
    site = {"name": "bench", "instances": instances, "access": {"loopback": "engineer"}, "history": False}
    (folder / "site.json").write_text(json.dumps(site))
    return folder


def publishing() -> dict[str, Any]:
    """The document of the one that publishes."""
    values = {f"value_{n:03d}": n + 0.5 for n in range(PUBLISHED)}
    every = {"value": 0, "table": "/assets/bench", "mode": "naked"}
    publish = {"pub": every | {"actions": {"onSet": [{"func": [{"func": "RunPub"}]}]}}}
    begin = {"value": 0, "uri": "/sched/bench:pub", "every": PERIOD_S, "offset": 0}
    start = {"run": begin | {"actions": {"onSet": [{"func": [{"func": "RunSched"}]}]}}}
    return {"/assets/bench": values, "/sched/bench": publish, "/system/commands": start}
