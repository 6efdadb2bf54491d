"""The instance engine: microseconds per variable from body to stored value, loading, memory, and CPU as a process."""

import gc
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

from ess_actors.config.documents import read_folder, trees
from ess_actors.config.start_file import load_start
from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message
from tests.bench import engine_run, engine_set

SIZES: Final = (10, 60, 500)
LINES: Final = 16
STARTS: Final = 5
REPEATS: Final = 60
VALUES_PER_REPEAT: Final = 6_000
"""So that one timed stretch takes some milliseconds and the clock's step does not matter."""

Tree = dict[str, Any]


def plain(name: str) -> Tree:
    return {"value": 0}


def remap(name: str) -> Tree:
    return _with({"remap": [{"uri": f"/status/bench:{name}"}]})


def enum(name: str) -> Tree:
    """One target text, every line with another value."""
    uri = f"/status/bench:{name}"
    return _with({"enum": [{"inValue": n, "uri": uri, "outValue": f"State {n}"} for n in range(LINES)]})


def bitfield(name: str) -> Tree:
    """Every bit has a target of its own; half of them are up in every value."""
    bits = range(LINES)
    return _with(
        {"bitfield": [{"bit": n, "uri": f"/status/bench:{name}_{n}", "outValue": True} for n in bits]}
    )


def _with(block: Tree) -> Tree:
    return {"value": 0, "actions": {"onSet": [block]}}


KINDS: Final[dict[str, tuple[Callable[[str], Tree], tuple[float, float]]]] = {
    "plain": (plain, (11.25, 12.5)),
    "remap": (remap, (11.25, 12.5)),
    "enum": (enum, (3, 12)),
    "bitfield": (bitfield, (0x5555, 0xAAAA)),
}
"""Kind -> the variable, and two values in turn, so that every value of every body is a new one."""
REFERENCE: Final = {"plain": "2.0-2.5", "remap": "4.3-4.8", "enum": "20", "bitfield": "20"}
"""The C++ engine of the reference system on such a machine."""
AIMS: Final = {"plain": 0.5, "remap": 1.0, "enum": 3.0, "bitfield": 3.0}


def instance(tables: Tree) -> Ess:
    basics = {"Subs": ":/components", "Config": "first", "EssName": "ess_1"}
    ess = Ess({"/sysconfig/default": basics}, {"first": tables}, now=0.0, wall=0.0)
    ess.boot(0.0, 0.0)
    return ess


def per_value(kind: str, size: int) -> Callable[[], float]:
    """A stretch: microseconds of CPU per value, from the JSON text of a pub to the stored values."""
    variable, values = KINDS[kind]
    names = [f"{kind}_{index:03d}" for index in range(size)]
    ess = instance({"/components/ess_1/bench": {name: variable(name) for name in names}})
    bodies = [orjson.dumps(dict.fromkeys(names, value)) for value in values]
    messages = [Message("pub", "/components/ess_1/bench", body, sender="ess_1/bench") for body in bodies]
    rounds = VALUES_PER_REPEAT // size // 2
    clock = itertools.count()

    def stretch() -> float:
        handle, first, second = ess.handle, *messages
        began = time.process_time_ns()
        for _ in range(rounds):
            now = float(next(clock))
            handle(first, now, now)
            handle(second, now, now)
        return (time.process_time_ns() - began) / 1000 / (2 * rounds * size)

    return stretch


def values() -> dict[str, dict[str, dict[str, float]]]:
    """Kinds and sizes in turn, again and again: what disturbs the machine disturbs all of them."""
    stretches = {(kind, size): per_value(kind, size) for kind in KINDS for size in SIZES}
    taken: dict[tuple[str, int], list[float]] = {key: [stretch()] for key, stretch in stretches.items()}
    gc.collect()
    for _ in range(REPEATS):
        for key, stretch in stretches.items():
            taken[key].append(stretch())
    return {
        kind: {
            str(size): {"min": min(taken[kind, size]), "median": statistics.median(taken[kind, size])}
            for size in SIZES
        }
        for kind in KINDS
    }


def load() -> dict[str, float]:
    """One start with the large set, from files to the end of the load phase: CPU seconds, and megabytes more."""
    with tempfile.TemporaryDirectory(prefix="ess-bench-") as folder:
        start = engine_set.write(Path(folder))
        gc.collect()
        before, began = psutil.Process().memory_full_info().uss, time.process_time()
        first, _ = load_start(start)
        sources, _, _ = read_folder(Path(folder) / "documents")
        read = time.process_time()
        assert first is not None
        ess = Ess(first.source.tree, trees(sources), now=0.0, wall=0.0)
        ess.boot(0.0, 0.0)
        loaded = time.process_time()
        del sources, first
        gc.collect()
        size = psutil.Process().memory_full_info().uss - before
        return {"read_s": read - began, "load_s": loaded - read, "memory_mb": size / 1e6}


def loading() -> dict[str, float]:
    """Medians over fresh processes: what Python got from the system once it keeps."""
    command = [sys.executable, "-m", "tests.bench.engine_figures"]
    rows = [json.loads(subprocess.check_output(command)) for _ in range(STARTS)]
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def publication() -> float:
    """Microseconds of CPU that the engine alone takes for one RunPub, from the due item to the message."""
    ess = instance(engine_run.publishing())
    taken = []
    for _ in range(REPEATS):
        began = time.process_time_ns()
        for _ in range(100):
            due = ess.next_due()
            assert due is not None
            ess.tick(due, due)
        taken.append((time.process_time_ns() - began) / 100_000)
    return statistics.median(taken)


def measure(seconds: float, windows: int) -> dict[str, Any]:
    return {
        "values": values(),
        "publication_us": publication(),
        "loading": loading(),
        "processes": engine_run.measure(seconds, windows),
    }


def show(found: dict[str, Any]) -> None:
    print(
        "\nEngine, microseconds of CPU per variable from a pub's JSON text to the stored value (median, least):"
    )
    for kind, sizes in found["values"].items():
        row = "  ".join(f"{size:>4}: {x['median']:6.3f} {x['min']:6.3f}" for size, x in sizes.items())
        print(f"  {kind:9} {row}   aim {AIMS[kind]:.1f}, reference {REFERENCE[kind]}")
    size = f"{engine_set.VARIABLES} variables and {sum(engine_set.ITEMS.values())} action items"
    row = found["loading"]
    print(
        f"  {size}: read {row['read_s']:.2f} s, load {row['load_s']:.2f} s, {row['memory_mb']:.0f} MB  (aim < 1 s)"
    )
    share = found["publication_us"] / engine_run.PERIOD_S / 10_000
    print(
        f"  one RunPub of {engine_run.PUBLISHED}: {found['publication_us']:.0f} us, at 10 Hz {share:.3f} % of a core"
    )
    print(f"An instance as a process, percent of one core; {engine_run.PUBLISHED} variables at 10 Hz:")
    for role, process in found["processes"].items():
        print(f"  {role:9} {process['cpu_percent']:5.2f} %  {process['own_memory_mb']:5.1f} MB of its own")
    print("  reference: publishes 0.29 %, idles 0.10 %; aim for idle < 0.3 %")


if __name__ == "__main__":
    print(json.dumps(load()))
