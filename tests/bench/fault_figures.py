"""The fault matrix: every fault of the simulator against one device and against one unit behind a gateway.

For each: how long until its data is BAD (UNCERTAIN when it is frozen), how long until it is good again after the
fault ended, how far the polling intervals of the neighbours moved, and how many values were published as good that
were older than a transaction may take, or not this unit's at all. "unit of 2": the gateway takes two requests at once
(`max_in_flight`), so that not even the first time-out is waited for by others.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import uvloop

from ess_actors.core.events import Event
from ess_actors.core.points import ClientMap
from ess_actors.core.quality import EVERY_MEMBER
from ess_actors.modbus.client import Client
from ess_actors.modbus.publication import Publication
from tests.bench.fault_map import ALONE, BROKEN_UNIT, GATEWAY, PERIOD_MS, TRANSFER_TIMEOUT_S, WIDE, maps

LONG: Final = "mute"
"""This one lasts LONG_S, so that its 99th percentile is more than the interval in which the fault began."""
LONG_S: Final = 150.0
FAULTS: dict[str, dict[str, object]] = {
    "none": {"kind": "none"},
    "offline": {"kind": "offline"},
    "mute": {"kind": "mute"},
    "delay": {"kind": "delay", "ms": 1200},
    "late": {"kind": "late", "ms": 900},
    "exception 2": {"kind": "exception", "code": 2},
    "exception 4": {"kind": "exception", "code": 4},
    "exception 6": {"kind": "exception", "code": 6},
    "exception 11": {"kind": "exception", "code": 11},
    "garble": {"kind": "garble"},
    "partial": {"kind": "partial"},
    "freeze": {"kind": "freeze"},
    "flap": {"kind": "flap", "ms": 500},
    "disconnect": {"kind": "disconnect", "for_ms": 4000},
}
BROKEN = (ALONE, GATEWAY, WIDE)
WHOLE_ENDPOINT = frozenset({"offline", "flap", "disconnect"})
"""These are faults of the connection: every unit behind it has them."""


class Timing(NamedTuple):
    """How long is polled before, during and after a fault, and what a good value may be older than a transaction."""

    before_s: float = 3.0
    during_s: float = 8.0
    after_s: float = 6.0
    slack_s: float = 0.15
    """The device's tick, and the time to decode and publish."""
    tick_ms: int = 10


@dataclass
class Seen:
    """What one component published. Times are monotonic seconds."""

    unit: int
    timing: Timing
    rows: list[tuple[float, float, bool]] = field(default_factory=list)
    """(when, when its request left, good)."""
    stale: int = 0
    foreign: int = 0

    def take(self, publication: Publication, frozen_since: float | None) -> None:
        now = time.monotonic()
        marks = publication.quality or {}
        body = orjson.loads(publication.body)
        good = "clock" in body and EVERY_MEMBER not in marks and "clock" not in marks
        if good:
            age = now - body["clock"] / 1000
            limit = TRANSFER_TIMEOUT_S + self.timing.slack_s
            if frozen_since is not None:
                # The device answers and its values stand still: only its heartbeat can tell, after three periods.
                limit += 4 * PERIOD_MS / 1000
            self.stale += age > limit
            self.foreign += body.get("name") != self.unit * 100
        self.rows.append((now, publication.sent, good))

    def first(self, good: bool, since: float) -> float | None:
        return next(
            (when - since for when, _, is_good in self.rows if when >= since and is_good is good), None
        )

    def shifts(self, since: float, until: float, period_s: float) -> list[float]:
        """Percent of the period by which the intervals between its requests differ from it."""
        sent = [sent for when, sent, good in self.rows if since <= when <= until and good]
        return [100 * abs(b - a - period_s) / period_s for a, b in pairwise(sent)]


class Devices(NamedTuple):
    """Ports by stem, and how to break a device."""

    ports: Callable[[], dict[str, int]]
    order: Callable[[str, dict[str, object]], float]


@contextmanager
def devices(timing: Timing) -> Iterator[Devices]:
    """A process of them, which may still be starting; `ports` waits for it and comes first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.fault_device", str(timing.tick_ms)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    reader, writer = process.stdout, process.stdin

    def order(stem: str, fault: dict[str, object]) -> float:
        writer.write(json.dumps([stem, fault]) + "\n")
        writer.flush()
        return float(json.loads(reader.readline()))

    try:
        yield Devices(lambda: json.loads(reader.readline()), order)
    finally:
        writer.close()
        process.wait(5)
        reader.close()


async def one_fault(
    ports: dict[str, int],
    order: Callable[[str, dict[str, object]], float],
    name: str,
    timing: Timing,
) -> dict[str, dict[str, float | None]]:
    """Both layouts under one fault: `device` and `unit` -> figures."""
    found = maps(ports)
    seen = {c.uri: Seen(c.unit, timing) for device in found.values() for c in device.components}
    frozen: list[float] = []

    def hear(thing: Publication | Event) -> None:
        if isinstance(thing, Publication) and thing.uri in seen:
            seen[thing.uri].take(thing, frozen[0] if frozen else None)

    tasks = [asyncio.create_task(_client(device, hear).run()) for device in found.values()]
    fault = FAULTS[name]
    try:
        await asyncio.sleep(timing.before_s)
        for one in seen.values():
            one.rows.clear()
        if fault["kind"] == "freeze":
            frozen.append(time.monotonic())
        began = max([await asyncio.to_thread(order, stem, _at(stem, fault)) for stem in BROKEN])
        await asyncio.sleep(timing.during_s)
        ended = max([await asyncio.to_thread(order, stem, {"kind": "none"}) for stem in BROKEN])
        if fault["kind"] == "disconnect":
            ended = began + float(str(fault["for_ms"])) / 1000
        await asyncio.sleep(timing.after_s)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
    stop, whole = time.monotonic(), fault["kind"] in WHOLE_ENDPOINT
    return {
        layout: _figures(seen, broken, neighbours, (began, ended, stop))
        for layout, broken, neighbours in (
            ("device", "/components/alone_01", ["/components/neighbour_01"]),
            *(
                (layout, f"/components/{stem}_{BROKEN_UNIT:02d}", [] if whole else _others(seen, stem))
                for layout, stem in (("unit", GATEWAY), ("unit of 2", WIDE))
            ),
        )
    }


def _others(seen: dict[str, Seen], stem: str) -> list[str]:
    """The other units behind the gateway."""
    return [uri for uri in seen if stem in uri and not uri.endswith(f"{BROKEN_UNIT:02d}")]


def _client(device: ClientMap, hear: Callable[[Publication | Event], None]) -> Client:
    return Client(device, hear)


def _at(stem: str, fault: dict[str, object]) -> dict[str, object]:
    """Behind the gateway only one unit is broken, where the fault is one of a unit."""
    one = stem != ALONE and fault["kind"] not in WHOLE_ENDPOINT | {"none"}
    return fault | {"unit": BROKEN_UNIT} if one else fault


def _figures(
    seen: dict[str, Seen], broken: str, neighbours: list[str], times: tuple[float, float, float]
) -> dict[str, float | None]:
    began, ended, stop = times
    bad_after = seen[broken].first(False, began)

    def shifts(since: float) -> list[float]:
        return sorted(s for uri in neighbours for s in seen[uri].shifts(since, stop, PERIOD_MS / 1000))

    # The interval in which the fault begins holds one time-out; what comes after it must not.
    whole, later = shifts(began), shifts(began + (bad_after or 0.0) + PERIOD_MS / 1000)
    return {
        "bad_after_s": bad_after,
        "good_after_s": seen[broken].first(True, ended),
        "neighbours_p99_shift_percent": whole[int(0.99 * (len(whole) - 1))] if whole else None,
        "neighbours_p99_shift_after_onset_percent": later[int(0.99 * (len(later) - 1))] if later else None,
        "neighbours_max_shift_percent": whole[-1] if whole else None,
        "stale_as_good": float(sum(one.stale + one.foreign for one in seen.values())),
    }


def measure() -> dict[str, Any]:
    """Fault -> layout -> figures; one fault after the other, that none disturbs the figures of another."""
    found: dict[str, Any] = {}
    with devices(Timing()) as started:
        ports = started.ports()
        for name in FAULTS:
            timing = Timing(during_s=LONG_S) if name == LONG else Timing()
            found[name] = uvloop.run(one_fault(ports, started.order, name, timing))
    return found


def at_once(timing: Timing) -> dict[str, Any]:
    """The same with all faults at the same time, each on devices of its own: quick, and no place for percentages."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(devices(timing)) for _ in FAULTS]
        found = [(one.ports(), one.order, name) for one, name in zip(started, FAULTS, strict=True)]

        async def together() -> list[dict[str, dict[str, float | None]]]:
            return list(await asyncio.gather(*(one_fault(*one, timing) for one in found)))

        return dict(zip(FAULTS, uvloop.run(together()), strict=True))


def show(found: dict[str, Any]) -> None:
    print(
        f"\nfault matrix (polled every {PERIOD_MS} ms, time-out {TRANSFER_TIMEOUT_S:g} s; seconds, percent)"
    )
    heads = ("BAD after", "good after", "p99 shift", "then", "max shift", "stale")
    print(f'"then": p99 of the shift behind the interval in which the fault began; {LONG} lasts {LONG_S:g} s')
    print(f"{'':<14}{'':<10}" + "".join(f"{head:>12}" for head in heads))
    for name, layouts in found.items():
        for layout, row in layouts.items():
            cells = "".join(f"{'-':>12}" if value is None else f"{value:>12.2f}" for value in row.values())
            print(f"{name:<14}{layout:<10}{cells}")


if __name__ == "__main__":
    show(measure())
