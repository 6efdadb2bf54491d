"""The launch command's side of the tree: start the actor system, watch it, end it without leaving a process."""

import contextlib
import errno
import fcntl
import gc
import json
import os
import random
import select
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from thespian.actors import ActorSystem

from ess_actors.actors import loopback
from ess_actors.actors.process import adopt_orphans, log, log_to
from ess_actors.actors.settings import SiteSettings
from ess_actors.actors.supervisor import SupervisorActor
from ess_actors.core.control import Answer, Boot, Halt, Query, SiteStatus
from ess_actors.core.errors import ConfigError

START_LIMIT_S = 20.0
HALT_LIMIT_S = 1.8
"""Time of the orderly stop; what runs then is killed, so that Ctrl-C ends everything within 3 s."""
_LOOK_S = 0.25


_given: set[int] = set()


class TreeDied(Exception):
    """The supervisor or Thespian's admin is gone: exit non-zero so that systemd starts everything anew."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A port the site listens on, for the checks before and after the start."""

    what: str
    host: str
    port: int


def free_port(avoid: Collection[int] = ()) -> int:
    """A loopback port nobody uses now, below those the kernel hands to outgoing connections by itself.

    Never one of `avoid`, nor one that was given out before: those may be used only a moment later.
    """
    for port in random.sample(range(20_000, 32_000), 200):
        if port in avoid or port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((loopback.LOOPBACK, port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise ConfigError("no free port on 127.0.0.1 between 20000 and 32000; end what uses them")


def check_ports(ports: list[Listening]) -> None:
    """Raise ConfigError that names every port given twice or in use."""
    seen: dict[int, Listening] = {}
    taken = []
    for port in ports:
        if (other := seen.setdefault(port.port, port)) is not port:
            taken.append(f"{port.what}: port {port.port} is already that of the {other.what}")
            continue
        family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((port.host, port.port))
            except OSError as error:
                why = "in use" if error.errno == errno.EADDRINUSE else error.strerror
                taken.append(f"{port.what}: {port.host}:{port.port} is {why}")
    if taken:
        raise ConfigError("\n".join(taken))


@contextlib.contextmanager
def only_one(state_dir: Path, about: dict[str, object]) -> Iterator[None]:
    """Hold the site's lock; raise ConfigError that tells who has it.

    Every process of the tree inherits the lock: it is free only when the last of them is gone.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip()
            with contextlib.suppress(ValueError):
                told = json.loads(holder)
                holder = f"process {told['pid']}, operator API http://{told['api']}"
            raise ConfigError(
                f"this site already runs: {holder}; stop it there, "
                f"or start a second one with its own --state-dir and ports (state: {state_dir})"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), **about}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


class Launcher:
    """One running site. Use `start`, then `watch`, and `stop` in a finally."""

    def __init__(self, site: SiteSettings, state_dir: Path, admin_port: int, public: list[Listening]) -> None:
        self._site = site
        self._state_dir = state_dir
        self._admin_port = admin_port or free_port([port.port for port in public])
        self._public = {port.port for port in public}
        self._system: Any = None
        self._supervisor: Any = None
        self._pids: dict[int, str] = {}
        self.stop_asked = False

    def start(self) -> SiteStatus | None:
        """Start the tree; wait until it runs, or something has failed for good. None = asked to stop meanwhile."""
        adopt_orphans()
        log_to(self._state_dir)
        os.environ["THESPLOG_FILE"] = str(self._state_dir / "thespian.log")
        check_ports([Listening("Thespian's admin", loopback.LOOPBACK, self._admin_port)])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        # What is loaded now is shared with every actor; a collector that never looks at it never copies its pages.
        gc.collect()
        gc.freeze()
        self._system = ActorSystem(
            "multiprocTCPBase",
            {"Admin Port": self._admin_port, "Process Startup Method": "fork"},
            logDefs=_QUIET,
        )
        self._supervisor = self._system.createActor(SupervisorActor, globalName="supervisor")
        booted = self._ask(Boot(self._site, str(self._state_dir), os.getpid()), Answer, 10.0)
        if booted is None:
            if self.stop_asked:
                return None
            raise TreeDied("the supervisor did not start; see thespian.log in the state folder")
        self._pids = {
            os.pidfd_open(booted.body["pid"]): "the supervisor",
            os.pidfd_open(booted.body["admin"]): "Thespian's admin",
        }
        until = time.monotonic() + START_LIMIT_S
        while True:
            status: SiteStatus | None = self._ask(Query(), SiteStatus, 2.0)
            if self.stop_asked:
                return None
            if status is not None and (status.state == "running" or time.monotonic() > until):
                break
            if status is not None and any(actor.state == "FAILED" for actor in status.actors):
                break
            if time.monotonic() > until:
                raise TreeDied("the supervisor does not answer")
            self._look(0.05)
        exposed = loopback.exposed_sockets(self._descendants(), self._public)
        if exposed:
            raise ConfigError(
                "refusing to run: these sockets can be reached from outside and nobody configured them: "
                + ", ".join(exposed)
            )
        return status

    def watch(self, every_s: float, each: Callable[[], None]) -> None:
        """Return when a signal asks to stop, raise TreeDied when the tree dies; calls `each` in between."""
        due = time.monotonic() + every_s
        while not self.stop_asked:
            self._look(min(_LOOK_S, max(0.0, due - time.monotonic())))
            if time.monotonic() >= due:
                due += every_s
                each()

    def stop(self) -> None:
        """End the tree in reverse order, then whatever is left of it. Never raises, takes less than 3 s."""
        self.stop_asked = False  # a second signal from here on cuts the orderly part short
        try:
            if self._supervisor is not None and not self._dead():
                self._ask(Halt(), Answer, HALT_LIMIT_S)
            # What is left is Thespian's own: it holds nothing, and its own shutdown may take 10 s.
        except Exception:
            log.exception("the orderly stop failed; the processes are killed")
        for _ in range(3):
            left = self._descendants()
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=0.2)
            self._reap()

    def _ask(self, message: object, kind: type[Any], limit_s: float) -> Any:
        """The supervisor's answer of this kind; older ones to earlier questions are skipped.

        None when there is none in time, or when a signal asks to stop.
        """
        until = time.monotonic() + limit_s
        answer = self._system.ask(self._supervisor, message, min(limit_s, _LOOK_S))
        while not isinstance(answer, kind):
            rest = until - time.monotonic()
            if rest <= 0 or self.stop_asked:
                return None
            answer = self._system.listen(min(rest, _LOOK_S))
        return answer

    def _asked_to_stop(self, _signal: int, _frame: object) -> None:
        self.stop_asked = True

    def _look(self, seconds: float) -> None:
        """Wait, but see at once when a process the tree cannot do without is dead."""
        dead, _, _ = select.select(list(self._pids), [], [], seconds)
        self._reap()
        if dead:
            raise TreeDied(f"{self._pids[dead[0]]} died; the site is ended, see ess.log in the state folder")

    def _dead(self) -> bool:
        return bool(self._pids) and bool(select.select(list(self._pids), [], [], 0)[0])

    def _descendants(self) -> list[psutil.Process]:
        self._reap()
        return [
            process
            for process in psutil.Process().children(recursive=True)
            if process.status() != psutil.STATUS_ZOMBIE
        ]

    @staticmethod
    def _reap() -> None:
        """Orphans of the tree become children of this process: take their exit status."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


_QUIET = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"none": {"class": "logging.NullHandler", "level": "ERROR"}},
    "root": {"handlers": ["none"], "level": "ERROR"},
}
