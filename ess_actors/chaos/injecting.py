"""Makes a fault happen, and ends it: signals, orders to actors, the simulators, limits, floods and garbage."""

import contextlib
import os
import random
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from ess_actors.actors.disturb import order_file
from ess_actors.chaos.controller import SiteController
from ess_actors.chaos.faults import HOLD_S, MEMORY_MB, SLOW_S, Fault
from ess_actors.chaos.stage import Simulators, Stage
from ess_actors.chaos.tree import Process, named, send

TAKEN_LIMIT_S = 3.0
"""An actor looks for orders once a second."""
_FLOODERS = 4
_ORDERS: Final[dict[str, dict[str, object]]] = {
    "off": {"kind": "offline"},
    "mute": {"kind": "mute"},
    "flap": {"kind": "flap", "ms": 500},
}

End = Callable[[], None]


class PlantInputs(NamedTuple):
    """What is tried from outside the tree."""

    controller: SiteController
    emergency_stop: tuple[str, str, object]
    """Stem, `component/point` and the value that means stop; empty texts = there is none."""


class Injector:
    """Faults into one site."""

    def __init__(
        self, stage: Stage, simulators: Simulators, flood_uri: str, inputs: PlantInputs, seed: int
    ) -> None:
        self._stage = stage
        self._simulators = simulators
        self._flood_uri = flood_uri
        self._inputs = inputs
        self._dice = random.Random(seed)  # noqa: S311
        self.sent = 0
        """Requests and frames of the present flood."""

    def inject(self, fault: Fault, tree: list[Process]) -> tuple[float, End]:
        """Monotonic time at which the fault began, and what ends it."""
        if fault.on_device:
            return self._device(fault)
        if fault.on_process:
            return self._process(fault, named(tree, fault.target)[0])
        return {
            "disk full": self._disk_full,
            "disk read-only": self._disk_read_only,
            "clock": self._clock,
            "set flood": self._set_flood,
            "http flood": self._http_flood,
            "garbage": self._garbage,
            "site silent": self._site_silent,
            "emergency stop": self._emergency_stop,
        }[fault.kind](tree)

    # --- processes and devices --------------------------------------------------------------------------------

    def _process(self, fault: Fault, victim: Process) -> tuple[float, End]:
        if fault.kind == "kill":
            began = time.monotonic()
            send(victim.pid, signal.SIGKILL)
            return began, _nothing
        if fault.kind == "stop":
            began = time.monotonic()
            send(victim.pid, signal.SIGSTOP)
            return began, lambda: send(victim.pid, signal.SIGCONT)
        amount = {"slow": SLOW_S, "memory": MEMORY_MB}.get(fault.kind, 0)
        began = self._order(fault.target, f"{fault.kind} {amount}")
        return began, self._free(fault.target) if fault.kind == "memory" else _nothing

    def _free(self, actor_id: str) -> End:
        def end() -> None:
            self._lay(actor_id, "free")

        return end

    def _lay(self, actor_id: str, text: str) -> Path:
        file = order_file(self._stage.orders, actor_id)
        fresh = file.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(file)
        return file

    def _order(self, actor_id: str, text: str) -> float:
        file = self._lay(actor_id, text)
        until = time.monotonic() + TAKEN_LIMIT_S
        while file.exists() and time.monotonic() < until:
            time.sleep(0.002)
        # One that hangs must not find it later.
        file.unlink(missing_ok=True)
        return time.monotonic()

    def _device(self, fault: Fault) -> tuple[float, End]:
        began = time.monotonic()
        self._simulators.fault(fault.target, **_ORDERS[fault.kind])
        return began, lambda: self._simulators.fault(fault.target, kind="none")

    def _site_silent(self, _: list[Process]) -> tuple[float, End]:
        return self._inputs.controller.fall_silent(), self._inputs.controller.speak

    def _emergency_stop(self, _: list[Process]) -> tuple[float, End]:
        stem, path, value = self._inputs.emergency_stop
        began = time.monotonic()
        self._simulators.put(stem, {path: value})
        return began, lambda: self._simulators.put(stem, {path: not value})

    # --- the machine ------------------------------------------------------------------------------------------

    def _disk_full(self, tree: list[Process]) -> tuple[float, End]:
        pid = named(tree, "store")[0].pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        began = time.monotonic()
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

        return began, end

    def _disk_read_only(self, tree: list[Process]) -> tuple[float, End]:
        folder = self._stage.state
        files = [folder, *(one for one in folder.rglob("*") if not one.is_symlink())]
        modes = {one: one.stat().st_mode & 0o777 for one in files}
        for one, mode in modes.items():
            one.chmod(mode & 0o555)
        began = time.monotonic()
        send(named(tree, "store")[0].pid, signal.SIGKILL)

        def end() -> None:
            for one, mode in modes.items():
                if one.exists():
                    one.chmod(mode)

        return began, end

    def _clock(self, tree: list[Process]) -> tuple[float, End]:
        actors = sorted({one.name for one in tree} - {"admin", "logger", "launcher"})
        began = time.monotonic()
        for name in actors:
            self._lay(name, "clock 3600")

        def end() -> None:
            for name in actors:
                self._lay(name, "clock 0")

        return began, end

    # --- floods -----------------------------------------------------------------------------------------------

    def _set_flood(self, _: list[Process]) -> tuple[float, End]:
        def once(number: int) -> None:
            self._stage.api.set(self._flood_uri, number % 100)

        return self._flood(once)

    def _http_flood(self, _: list[Process]) -> tuple[float, End]:
        def once(number: int) -> None:
            self._stage.api.get(("/api/status", "/metrics", "/api/alarms", "/nothing")[number % 4])

        return self._flood(once)

    def _flood(self, once: Callable[[int], None]) -> tuple[float, End]:
        ended = threading.Event()
        until = time.monotonic() + HOLD_S

        def run() -> None:
            while not ended.is_set() and time.monotonic() < until:
                self.sent += 1
                once(self.sent)

        threads = [threading.Thread(target=run, daemon=True) for _ in range(_FLOODERS)]
        began = time.monotonic()
        for one in threads:
            one.start()

        def end() -> None:
            ended.set()
            for one in threads:
                one.join()

        return began, end

    def _garbage(self, tree: list[Process]) -> tuple[float, End]:
        places = {
            (one.laddr.ip, one.laddr.port)
            for process in tree
            for one in _sockets(process.pid)
            if one.status == psutil.CONN_LISTEN
        }
        began = time.monotonic()
        open_ones = [spoilt for place in sorted(places) for spoilt in self._spoil(place)]

        def end() -> None:
            for one in open_ones:
                one.close()

        return began, end

    def _spoil(self, place: tuple[str, int]) -> list[socket.socket]:
        """Noise, a frame of the actor system that no key has sealed, one that promises more than it brings, nothing."""
        noise = self._dice.randbytes(4096)
        open_ones = []
        for text in (noise, b"512" + noise[:512], b"99999999" + noise[:64], b"\0\1\0\0\0\6\1", b""):
            with contextlib.suppress(OSError):
                one = socket.create_connection(place, 1.0)
                open_ones.append(one)
                one.settimeout(1.0)
                one.sendall(text)
                self.sent += 1
        return open_ones


def keep_root_in_bounds() -> None:
    """Processes started from now on cannot write where the file modes forbid it, also when root starts them."""
    import ctypes

    drop, dac_override, dac_read_search = 24, 1, 2
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (dac_override, dac_read_search):
            libc.prctl(drop, capability, 0, 0, 0)


def _sockets(pid: int) -> list[Any]:
    try:
        return list(psutil.Process(pid).net_connections("tcp"))
    except psutil.Error:
        return []


def _nothing() -> None:
    return
