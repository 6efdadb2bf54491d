"""CPU of one client actor at the work of polling_map, beside a plain pymodbus script and modpoll in the same run."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil

from ess_actors.actors.launch import free_port
from tests.bench.polling_map import BLOCKS, CLOCK, URI, write_modpoll, write_site
from tests.peers.programs import FOREIGN, LibmodbusDevice
from tests.waiting import wait_for

REPOSITORY = Path(__file__).parents[2]
SETTLE_S = 2.0
"""After the start, before a window: imports and first connections are not what is measured."""


def measure(seconds: float, windows: int) -> dict[str, Any]:
    """Medians over windows of `seconds`, the three in turn; shares in percent of one core."""
    found: dict[str, Any] = {}
    for rate in (1, 10):
        runs: dict[str, list[dict[str, float]]] = {}
        for _ in range(windows):
            for name, started in (("ours", ours), ("pymodbus script", script), ("modpoll", modpoll)):
                with LibmodbusDevice() as device, started(device.port, rate) as (pid, extra):
                    if pid is None:
                        continue
                    wait_for("the first requests", lambda d=device: d.requests() > BLOCKS, 30)
                    time.sleep(SETTLE_S)
                    row = window(device, pid, seconds)
                    if extra is not None:
                        row |= extra()
                    runs.setdefault(name, []).append(row)
        found[f"{rate} Hz"] = {name: medians(rows) for name, rows in runs.items()}
    return found


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def window(device: LibmodbusDevice, pid: int, seconds: float) -> dict[str, float]:
    """CPU of a process and the requests the device answered meanwhile."""

    before, asked, started = cpu_seconds(pid), device.requests(), time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - started
    return {
        "cpu_percent": 100 * (cpu_seconds(pid) - before) / elapsed,
        "requests_per_s": (device.requests() - asked) / elapsed,
        "rss_mb": psutil.Process(pid).memory_info().rss / 1e6,
    }


def cpu_seconds(pid: int) -> float:
    """What all threads of a process used, to the nanosecond: the usual figures step by 10 ms."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def ours(port: int, rate: int) -> Iterator[tuple[int | None, Any]]:
    """A site with one instance and one device, started by the launch command."""
    with tempfile.TemporaryDirectory(prefix="ess-bench-") as folder:
        site = write_site(Path(folder) / "site", port, 1000 // rate)
        api = f"127.0.0.1:{free_port()}"
        command = [str(Path(sys.executable).parent / "ess-actors"), "run", str(site), "--api", api]
        output = (Path(folder) / "output.txt").open("w")
        process = subprocess.Popen(
            [*command, "--state-dir", f"{folder}/state"], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            with httpx.Client(base_url=f"http://{api}", timeout=10) as http:
                wait_for("the site", lambda: _ready(http), 30)
                rows = http.get("/api/status").json()["actors"]
                pid = next(row["pid"] for row in rows if row["id"] == "ess_1/device")
                yield pid, lambda: {**_missed(http), **_latency(http)}
        finally:
            process.terminate()
            process.wait(20)
            output.close()


def _ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _missed(http: httpx.Client) -> dict[str, float]:
    asked = {"method": "get", "uri": f"{URI}/_stats"}
    return {"missed_cycles": http.post("/api/message", json=asked).json()["reply"]["missed_cycles"]}


def _latency(http: httpx.Client) -> dict[str, float]:
    """Milliseconds from the device's answer to a listener of the operator API: four processes and HTTP."""
    ages: list[float] = []
    with http.stream("GET", "/api/listen", params={"uri": URI}, timeout=20) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:") and CLOCK in line:
                body = orjson.loads(line[5:])["body"]
                values = orjson.loads(body) if isinstance(body, str) else body
                ages.append(time.monotonic() * 1000 - values[CLOCK])
            if len(ages) >= 30:
                break
    ages.sort()
    return {"answer_to_listener_p50_ms": statistics.median(ages), "answer_to_listener_p99_ms": ages[-1]}


@contextmanager
def script(port: int, rate: int) -> Iterator[tuple[int | None, Any]]:
    """tests/bench/plain_pymodbus.py."""
    command = [sys.executable, "-m", "tests.bench.plain_pymodbus", str(port), str(1 / rate)]
    with _process(command) as process:
        yield process.pid, None


@contextmanager
def modpoll(port: int, rate: int) -> Iterator[tuple[int | None, Any]]:
    """modpoll from PyPI without MQTT: it reads and decodes, and sends nothing."""
    program = FOREIGN / "modpoll/bin/modpoll"
    if not program.exists():
        yield None, None
        return
    with tempfile.TemporaryDirectory(prefix="ess-bench-") as folder:
        file = write_modpoll(Path(folder) / "modpoll.csv")
        where = ["--tcp", "127.0.0.1", "--tcp-port", str(port)]
        pace = ["-r", str(1 / rate), "--interval", "0", "--delay", "0", "-d", "--loglevel", "ERROR"]
        with _process([str(program), "-f", str(file), *where, *pace]) as process:
            yield process.pid, None


@contextmanager
def _process(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def show(found: dict[str, Any]) -> None:
    print(f"\n{BLOCKS} requests of 100 registers (3,397 points) per cycle; device: libmodbus in C")
    print(f"{'':<24}{'CPU %':>8}{'ratio':>8}{'requests/s':>12}{'RSS MB':>9}")
    for rate, rows in found.items():
        for name, row in rows.items():
            ratio = row["cpu_percent"] / rows["ours"]["cpu_percent"]
            print(
                f"{rate + ' ' + name:<24}{row['cpu_percent']:>8.2f}{ratio:>8.1f}"
                f"{row['requests_per_s']:>12.1f}{row['rss_mb']:>9.1f}"
            )
        mine = rows["ours"]
        print(
            f"{'':<24}missed cycles {mine['missed_cycles']:.0f}; from the device's answer to a listener "
            f"p50 {mine['answer_to_listener_p50_ms']:.1f} ms, p99 {mine['answer_to_listener_p99_ms']:.1f} ms"
        )


if __name__ == "__main__":
    show(measure(10.0, 1))
