"""How long an actor is away after kill -9 or SIGSTOP, and the CPU its return costs; by hand, two trees side by side.

    .venv/bin/python -m tests.bench.restart_figures [--stop] [--times N] [--only ID,ID] NAME=TREE...

Each TREE is a checkout of this project. Both sites run at once and are hit in turns, so that whatever else the machine
does is done to both. The wall time includes the looks of this program, 10 ms apart; the CPU does not: it is that of the
parent from the signal on and of every process that was made for it, until the site is complete again.
"""

import argparse
import os
import random
import signal
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from ess_actors.chaos.tree import ROOTS, Process, Tree, named
from tests.system.running_site import RunningSite

_STEADY_S = 6.0
"""An actor that ran for so long comes back after the shortest pause."""
_ROUND_S = 16.0
"""Not more than four deaths of one actor in a minute: the fifth is the last."""


def cpu_s(pid: int) -> float:
    """Seconds on a processor, in nanoseconds' resolution; 0 for one that has died meanwhile."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


class Hit:
    """One signal to one actor of a site, and its return."""

    def __init__(self, site: RunningSite, target: str, number: int) -> None:
        rows = site.actors()
        self._site, self._target, self._names = site, target, (*rows, *ROOTS)
        self._before = {row["pid"] for row in rows.values()}
        self._tree = Tree()
        self._tree.look(site.process.pid)
        self._pid = rows[target]["pid"]
        parent = rows[target.rpartition("/")[0] or "supervisor"]["pid"]
        self._parent, self._parent_cpu = parent, cpu_s(parent)
        self._began = time.monotonic()
        os.kill(self._pid, number)

    def over(self) -> tuple[float, float]:
        """Wall and CPU seconds until every actor is there once and the site is ready."""
        while not (there := self._complete()):
            time.sleep(0.01)
        wall = time.monotonic() - self._began
        made = {one.pid for one in there if one.name in self._names and one.name not in ROOTS} - self._before
        return wall, sum(map(cpu_s, made)) + cpu_s(self._parent) - self._parent_cpu

    def _complete(self) -> list[Process]:
        there = self._tree.look(self._site.process.pid)
        ready = self._site.http.get("/api/status").json().get("ready")
        once = all(len(named(there, name)) == 1 for name in self._names)
        return there if ready and once and all(one.pid != self._pid for one in there) else []


def measure(trees: dict[str, str], targets: list[str], times: int, number: int, folder: Path) -> None:
    """Prints every hit, and a table at the end."""
    sites: dict[str, RunningSite] = {}
    found: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    try:
        for name, tree in trees.items():
            os.environ["PYTHONPATH"] = tree
            sites[name] = RunningSite(folder / name, Path(tree) / "configs/dual_bms")
        for _ in range(times):
            for target in targets:
                time.sleep(max(_STEADY_S / 2, _ROUND_S / len(targets)))
                for name in random.sample(sorted(sites), len(sites)):
                    found[target, name].append(Hit(sites[name], target, number).over())
                    wall, cpu = found[target, name][-1]
                    load = os.getloadavg()[0]
                    print(
                        f"{target} {name}: {wall:.3f} s, {cpu * 1000:.0f} ms CPU, load {load:.1f}", flush=True
                    )
    finally:
        for site in sites.values():
            site.end()
        for (target, name), each in ((key, each) for key, each in found.items() if each):
            print(
                f"{target:14} {name:8} n {len(each):3}  {_spread(each, 0, 1)} s  {_spread(each, 1, 1000)} ms CPU"
            )


def _spread(each: list[tuple[float, float]], column: int, factor: float) -> str:
    values: list[Any] = sorted(one[column] * factor for one in each)
    return f"min {values[0]:.4g} p50 {statistics.median(values):.4g} max {values[-1]:.4g}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trees", nargs="+", metavar="NAME=TREE")
    parser.add_argument("--stop", action="store_true", help="SIGSTOP instead of kill -9")
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--only", default="ess_2,ess_2/bms_2,ess_1,ess_1/pcs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    number = signal.SIGSTOP if options.stop else signal.SIGKILL
    trees = dict(one.split("=", 1) for one in options.trees)
    with tempfile.TemporaryDirectory(prefix="restart-figures-") as folder:
        measure(trees, options.only.split(","), options.times, number, Path(folder))


if __name__ == "__main__":
    main()
