"""The launch command's side of the tree: start the actor system, watch it, end it without leaving a process."""

import contextlib
import errno
import gc
import os
import random
import select
import signal
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from thespian.actors import ActorSystem

from ess_actors.actors import loopback
from ess_actors.actors.halted_roots import HaltedRoots
from ess_actors.actors.preparing import prepare
from ess_actors.actors.process import adopt_orphans, log, log_to, process_name
from ess_actors.actors.progress import PROGRESS, row_of
from ess_actors.actors.roots import logger_of, tie_to
from ess_actors.actors.sd_notify import Notifier
from ess_actors.actors.settings import SiteSettings, actor_ids, guarded
from ess_actors.actors.stopped import STOPPED, Stopped
from ess_actors.actors.supervisor import SupervisorActor
from ess_actors.core.control import Answer, Boot, Halt, Query, SiteStatus
from ess_actors.core.errors import ConfigError
from ess_actors.core.hung import Judge, control_goes_on

START_LIMIT_S = 20.0
HALT_LIMIT_S = 1.8
"""Time of the orderly stop; what runs then is killed, so that Ctrl-C ends everything within 3 s."""
LAST_WORDS_LIMIT_S = 0.9
"""So long clients are left to write safe values; they themselves give up earlier."""
_LOOK_S = 0.25
SUPERVISOR_HUNG_S = 1.6
_STATUS_S = 2.0


_given: set[int] = set()


class TreeDied(Exception):
    """What nothing works without is gone or hangs: exit non-zero so that systemd starts everything anew."""


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
        self._notifier = Notifier()
        self._judge = Judge(SUPERVISOR_HUNG_S)
        self._roots = HaltedRoots({}, site.hung_after_s)
        self._told_ready = False
        self._next_status = self._next_food = 0.0
        self.stop_asked = False

    def start(self) -> SiteStatus | None:
        """Start the tree; wait until it runs, or something has failed for good. None = asked to stop meanwhile."""
        adopt_orphans()
        log_to(self._state_dir)
        os.environ["THESPLOG_FILE"] = str(self._state_dir / "thespian.log")
        check_ports([Listening("Thespian's admin", loopback.LOOPBACK, self._admin_port)])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        loopback.keep_for(2 * self._site.hung_after_s)
        prepare(self._site.instances)
        # What is loaded now is shared with every actor; a collector that never looks at it never copies its pages.
        gc.collect()
        gc.freeze()
        tie_to(os.getpid())
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
        roots = {booted.body["admin"]: "Thespian's admin"}
        if (logger := logger_of(booted.body["admin"])) is not None:
            self._pids[os.pidfd_open(logger)] = roots[logger] = "Thespian's logger"
        self._roots = HaltedRoots(roots, self._site.hung_after_s)
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
            self._tell_systemd()
            if time.monotonic() >= due:
                due += every_s
                each()

    def stop(self) -> None:
        """End the tree in reverse order, then whatever is left of it. Never raises, takes less than 3 s."""
        self._notifier.stopping()
        asked, self.stop_asked = (
            self.stop_asked,
            False,
        )  # a second signal from here on cuts the orderly part short
        try:
            if self._supervisor is not None and not self._dead():
                self._ask(Halt(), Answer, HALT_LIMIT_S)
            # What is left is Thespian's own: it holds nothing, and its own shutdown may take 10 s.
        except Exception:
            log.exception("the orderly stop failed; the processes are killed")
        # Who has safe values to write does so when its owner is dead: it goes last, and so do simulators it writes to.
        clients = {client for one in self._site.instances for client in guarded(one)}
        spared = self._kill(but={*clients, "sim"})
        psutil.wait_procs([spared[name] for name in clients & spared.keys()], timeout=LAST_WORDS_LIMIT_S)
        for _ in range(3):
            left = self._descendants()
            self._kill()
            psutil.wait_procs(left, timeout=0.2)
            self._reap()
        if asked:
            Stopped(self._state_dir / STOPPED).keep(())  # also when the supervisor had not the time for it

    def _kill(self, but: Collection[str] = ()) -> dict[str, psutil.Process]:
        """End every process of the tree `but` these actors; returns those of them that run, by name."""
        spared = {}
        for process in self._descendants():
            with contextlib.suppress(psutil.Error):
                if (name := process_name(process)) in but:
                    spared[name] = process
                else:
                    process.kill()
        return spared

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
        now = time.monotonic()
        allowed = self._judge.allowance(now)
        age = PROGRESS.age(0, now)
        if age is not None and age > allowed:
            self._supervisor = None  # it would not hear that everything has to stop
            raise TreeDied(f"the supervisor does nothing for {age:.1f} s; the site is ended")
        if halted := self._roots.look(now):
            self._supervisor = None  # nothing stops in order without them
            raise TreeDied(f"{halted}; the site is ended")

    def _tell_systemd(self) -> None:
        """Ready when every device was heard or is known to be silent; fed while the control loops work."""
        now, notifier = time.monotonic(), self._notifier
        if notifier.listened_to and now >= self._next_status:
            self._next_status = now + (_STATUS_S if self._told_ready else _LOOK_S)
            status: SiteStatus | None = self._ask(Query(), SiteStatus, _LOOK_S)
            if status is not None:
                notifier.status(f"{status.state}, {len(status.actors)} actors")
                if not self._told_ready and status.state != "starting" and not status.unheard:
                    self._told_ready = True
                    notifier.ready()
        if notifier.watchdog_s and now >= self._next_food:
            everybody = actor_ids(self._site)
            ages = [PROGRESS.age(row_of(one.name, everybody), now) for one in self._site.instances]
            if control_goes_on(ages, notifier.watchdog_s / 2):
                self._next_food = now + notifier.watchdog_s / 4
                notifier.feed()

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
