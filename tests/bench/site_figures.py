"""The dual-BMS site at full size on simulators: CPU and memory of every actor, and how long a value travels."""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from pyModbusTCP.client import ModbusClient

from tests.bench.reference import Reference
from tests.system.running_site import RunningSite
from tests.waiting import wait_for

PCS_SETPOINT, SITE_SETPOINT, SITE_START = 1001, 1005, 1000
SITE_PCS_POWER_POINT = "ess_1/pcs_fast/active_power"
START = 207


def run(seconds: float, windows: int, samples: int) -> dict[str, Any]:
    """Starts the site, measures, ends it."""
    with tempfile.TemporaryDirectory(prefix="ess-bench-") as folder:
        site = RunningSite(Path(folder))
        try:
            return measure(site, seconds, windows, samples)
        finally:
            site.end()


def measure(site: RunningSite, seconds: float, windows: int, samples: int) -> dict[str, Any]:
    wait_for("energy at the site", lambda: site.word(2003), 20)
    site.modbus().write_single_register(SITE_START, START)
    pids = {i: row["pid"] for i, row in site.actors().items()}
    extra = [p for p in site.processes() if p.pid not in pids.values()]
    pids |= {f"thespian {p.name().split()[0].lower()}": p.pid for p in extra}
    shares, references, rates = [], [], []
    for _ in range(windows):
        before = sum(site.metric("ess_messages_total").values())
        shares.append(cpu_percent(pids, seconds))
        rates.append((sum(site.metric("ess_messages_total").values()) - before) / seconds)
        references.append(reference_percent(site, seconds / 2))
    cpu = {name: statistics.median(w[name] for w in shares) for name in pids}
    ours = sum(value for name, value in cpu.items() if name != "sim")
    reference = statistics.median(references)
    memory = {name: memory_of(pid) for name, pid in pids.items()}
    return {
        "cpu_percent_of_a_core": cpu,
        "cpu_total_without_simulator": ours,
        "reference": {
            "what": "one process reading the same registers with pyModbusTCP at the same rate, decoding nothing",
            "cpu_percent": reference,
            "ratio": ours / reference,
        },
        "rss_mb": {name: rss for name, (rss, _) in memory.items()},
        "pss_total_mb": sum(pss for _, pss in memory.values()),
        "messages_per_second": statistics.median(rates),
        "register_to_site_ms": latency(samples, lambda n: register_to_site(site, n)),
        "site_write_to_pcs_ms": latency(samples, lambda n: site_write_to_pcs(site, n)),
    }


def cpu_percent(pids: dict[str, int], seconds: float) -> dict[str, float]:
    """Percent of one core over a window, per process."""

    def used(pid: int) -> float:
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system

    before, started = {name: used(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - started
    return {name: 100 * (used(pid) - before[name]) / elapsed for name, pid in pids.items()}


def reference_percent(site: RunningSite, seconds: float) -> float:
    """CPU of a bare reader of the same registers, in the same session."""
    addresses = site.http.get("/api/status").json()["addresses"]
    ports = {
        name.removeprefix("simulator "): where for name, where in addresses.items() if "simulator" in name
    }
    with Reference(ports) as reference:
        return reference.cpu_percent(seconds)


def memory_of(pid: int) -> tuple[float, float]:
    """Resident and proportional megabytes."""
    full = psutil.Process(pid).memory_full_info()
    return full.rss / 1e6, full.pss / 1e6


def latency(samples: int, once: Callable[[int], float]) -> dict[str, float]:
    """Milliseconds: p50 and p99 over so many samples, the first one not counted."""
    chance = random.Random(1)

    def sample(number: int) -> float:
        # Without a pause of any length each change would fall right behind a publication.
        time.sleep(chance.uniform(0.0, 0.3))
        return once(number)

    once(0)
    found = sorted(1000 * sample(number) for number in range(1, samples + 1))
    return {
        "p50": statistics.median(found),
        "p99": found[min(len(found) - 1, int(0.99 * len(found)))],
        "n": samples,
    }


def register_to_site(site: RunningSite, number: int) -> float:
    """Seconds from a register's change in the simulated converter to the word the site controller reads."""
    value = 100 + number
    started = time.monotonic()
    site.sim_set("pcs", {SITE_PCS_POWER_POINT: value})
    address = pcs_power_address(site)
    until = started + 5
    while site.modbus().read_input_registers(address, 1) != [value * 10]:
        if time.monotonic() > until:
            raise AssertionError(f"{value} kW did not reach register {address}")
    return time.monotonic() - started


def pcs_power_address(site: RunningSite) -> int:
    """Where the shipped map shows the converter's active power."""
    server = json.loads((Path(site.command[2]) / "modbus_server/site.json").read_text())
    entries = server["registers"]["input_registers"]
    return int(next(e["offset"] for e in entries if e["id"] == "active_power"))


def site_write_to_pcs(site: RunningSite, number: int) -> float:
    """Seconds from the site controller's write to the new setpoint in the simulated converter's register."""
    device = pcs_master(site)
    value = 10 * (50 + number)
    started = time.monotonic()
    site.modbus().write_single_register(SITE_SETPOINT, value)
    until = started + 5
    while device.read_holding_registers(PCS_SETPOINT, 1) != [value]:
        if time.monotonic() > until:
            raise AssertionError(f"the setpoint {value / 10} kW did not reach the converter")
    return time.monotonic() - started


_MASTERS: dict[str, ModbusClient] = {}


def pcs_master(site: RunningSite) -> ModbusClient:
    """A second master at the simulated converter."""
    if site.api not in _MASTERS:
        where = site.http.get("/api/status").json()["addresses"]["simulator pcs"]
        host, _, port = where.partition(":")
        _MASTERS[site.api] = ModbusClient(host, int(port), unit_id=1, auto_open=True, timeout=2)
    return _MASTERS[site.api]


def show(figures: dict[str, Any]) -> None:
    print(f"{'actor':<24}{'CPU %':>8}{'RSS MB':>9}")
    for name, value in figures["cpu_percent_of_a_core"].items():
        print(f"{name:<24}{value:>8.2f}{figures['rss_mb'][name]:>9.1f}")
    reference = figures["reference"]
    print(f"{'total without simulator':<24}{figures['cpu_total_without_simulator']:>8.2f}")
    print(f"{'proportional memory':<24}{'':>8}{figures['pss_total_mb']:>9.1f}")
    print(
        f"\nreference: {reference['what']}: {reference['cpu_percent']:.2f} %; ratio {reference['ratio']:.2f}"
    )
    print(f"messages per second: {figures['messages_per_second']:.0f}")
    for key in ("register_to_site_ms", "site_write_to_pcs_ms"):
        row = figures[key]
        print(f"{key}: p50 {row['p50']:.1f}, p99 {row['p99']:.1f} (n = {row['n']})")
