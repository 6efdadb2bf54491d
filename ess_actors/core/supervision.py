"""When a child is restarted, given up or left alone: OTP's words and arithmetic, as a pure function of times."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ess_actors.core.errors import RequestError


class State(StrEnum):
    """State of a child process."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What OTP calls a child spec. Intensity is counted per child: a web page that crashes must not stop a battery."""

    id: str
    kind: str
    intensity: int = 5
    """So many failures within `period_s` make the child FAILED."""
    period_s: float = 60.0
    backoff_min_s: float = 0.2
    """Pause before the first restart; doubled with each failure in the window."""
    backoff_max_s: float = 5.0
    shutdown_s: float = 2.0
    """How long a child may take to stop before it is killed."""
    start_limit_s: float = 15.0
    """How long a child may stay STARTING before that counts as a failure."""


@dataclass(frozen=True, slots=True)
class ChildReport:
    """A child as operators see it. Times are monotonic seconds."""

    id: str
    kind: str
    state: str
    pid: int
    generation: int
    restarts: int
    since: float
    next_try: float | None
    last_error: str
    stopped_by: str


@dataclass(frozen=True, slots=True)
class Start:
    """Order to the shell: create the process of this child, as this generation."""

    id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Order to the shell: ask the process to end."""

    id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Kill:
    """Order to the shell: it had its time, end the process."""

    id: str
    generation: int
    pid: int


Orders = list[Start | Stop | Kill]

OPERATOR: Final = "operator"
SHUTDOWN: Final = "shutdown"
VERBS: Final = ("restart", "stop", "start")


@dataclass(slots=True)
class _Child:
    spec: ChildSpec
    state: State = State.STOPPED
    generation: int = 0
    pid: int = 0
    alive: bool = False
    """A process of this generation may exist."""
    restarts: int = 0
    since: float = 0.0
    deadline: float | None = None
    """BACKOFF: when to start again; STARTING: when it is too late; stopping: when to kill."""
    failures: deque[float] = field(default_factory=deque)
    last_error: str = ""
    last_words: str = ""
    """Reason of the exit that is to come, when it is known before."""
    stopped_by: str = ""
    start_again: bool = False
    """After the running stop: an operator's restart."""


class Supervision:
    """The children of one supervising actor. Every method returns the orders that follow, in order.

    Exits are judged by generation: a second notice of the same death, or one of an earlier process, does nothing.
    """

    def __init__(self, specs: Iterable[ChildSpec]) -> None:
        self._children = {spec.id: _Child(spec) for spec in specs}

    def __contains__(self, child_id: str) -> bool:
        return child_id in self._children

    def begin(self, now: float) -> Orders:
        """Start all children, in the order of their specs."""
        return [self._start(child, now) for child in self._children.values()]

    def born(self, child_id: str, pid: int) -> None:
        """The process of the current generation exists (its pid is known only now)."""
        self._children[child_id].pid = pid

    def ready(self, child_id: str, generation: int, pid: int, now: float) -> bool:
        """The child says it works. False for a generation that is not the current one."""
        child = self._children.get(child_id)
        if child is None or generation != child.generation or child.state is not State.STARTING:
            return False
        child.pid = pid
        child.alive = True
        if child.deadline is not None and child.stopped_by:
            return False
        child.state, child.since, child.deadline = State.RUNNING, now, None
        return True

    def crashed(self, child_id: str, generation: int, reason: str) -> None:
        """The child's last words; its exit follows."""
        child = self._children.get(child_id)
        if child is not None and generation == child.generation:
            child.last_words = reason

    def exited(self, child_id: str, generation: int, reason: str, now: float) -> Orders:
        """The process is gone. `reason` is used when the child left no last words."""
        child = self._children.get(child_id)
        if child is None or generation != child.generation or not child.alive:
            return []
        child.alive, child.pid, child.deadline = False, 0, None
        if child.stopped_by:
            child.last_words = ""
            child.state, child.since = State.STOPPED, now
            if child.start_again:
                child.start_again, child.stopped_by = False, ""
                child.restarts += 1
                return [self._start(child, now)]
            return []
        if child.state is State.FAILED:
            return []
        child.last_error, child.last_words = child.last_words or reason, ""
        return self._failed(child, now)

    def due(self, now: float) -> Orders:
        """What the clock demands: restarts whose pause is over, kills of children that do not stop or start."""
        orders: Orders = []
        for child in self._children.values():
            if child.deadline is None or now < child.deadline:
                continue
            if child.state is State.BACKOFF:
                child.restarts += 1
                orders.append(self._start(child, now))
            elif child.alive:
                if not child.stopped_by:
                    child.last_words = f"not ready within {child.spec.start_limit_s:g} s"
                child.deadline = now + child.spec.shutdown_s
                orders.append(Kill(child.spec.id, child.generation, child.pid))
        return orders

    def next_due(self) -> float | None:
        """Monotonic seconds of the next deadline."""
        return min((c.deadline for c in self._children.values() if c.deadline is not None), default=None)

    def order(self, child_id: str, verb: str, now: float) -> Orders:
        """An operator's order. Raises RequestError for an unknown child or verb, or when it makes no sense now."""
        child = self._children.get(child_id)
        if child is None:
            raise RequestError("not_found", f"no actor {child_id!r} here")
        if verb not in VERBS:
            raise RequestError("bad_verb", f"{verb!r} is not one of {', '.join(VERBS)}")
        stopping = child.alive and bool(child.stopped_by)
        if verb == "start" and child.state in (State.RUNNING, State.STARTING) and not stopping:
            raise RequestError("already_running", f"{child_id} is {child.state}; `restart` ends it first")
        if verb == "stop" and child.state is State.STOPPED:
            raise RequestError("already_stopped", f"{child_id} is STOPPED; `start` brings it back")
        if verb in ("restart", "start"):
            child.failures.clear()
            if not child.alive:
                child.stopped_by = ""
                child.restarts += verb == "restart"
                return [self._start(child, now)]
        child.start_again = verb != "stop"
        return self._stop(child, OPERATOR, now)

    def halt(self, child_id: str, now: float) -> Orders:
        """Stop one child because everything stops."""
        child = self._children[child_id]
        child.start_again = False
        return self._stop(child, SHUTDOWN, now)

    def in_reverse(self) -> list[str]:
        """Ids in stop order: the reverse of the start order."""
        return list(reversed(self._children))

    def alive(self, child_id: str) -> bool:
        """True while a process of this child may exist."""
        return self._children[child_id].alive

    def generation(self, child_id: str) -> int:
        """Number of the current process of this child, counted from 1."""
        return self._children[child_id].generation

    def report(self, child_id: str) -> ChildReport:
        """One child as operators see it."""
        return _report(self._children[child_id])

    def reports(self) -> tuple[ChildReport, ...]:
        """All children, in start order."""
        return tuple(_report(child) for child in self._children.values())

    def _start(self, child: _Child, now: float) -> Start:
        child.generation += 1
        child.state, child.since, child.alive = State.STARTING, now, True
        child.deadline = now + child.spec.start_limit_s
        return Start(child.spec.id, child.generation)

    def _stop(self, child: _Child, by: str, now: float) -> Orders:
        stopping = child.alive and bool(child.stopped_by)
        child.stopped_by = by
        if stopping:
            return []
        if not child.alive:
            child.state, child.since, child.deadline = State.STOPPED, now, None
            return []
        child.deadline = now + child.spec.shutdown_s
        return [Stop(child.spec.id, child.generation)]

    def _failed(self, child: _Child, now: float) -> Orders:
        spec, failures = child.spec, child.failures
        failures.append(now)
        while failures[0] <= now - spec.period_s:
            failures.popleft()
        child.since = now
        if len(failures) >= spec.intensity:
            child.state, child.deadline = State.FAILED, None
        else:
            pause = min(spec.backoff_max_s, spec.backoff_min_s * 2 ** (len(failures) - 1))
            child.state, child.deadline = State.BACKOFF, now + pause
        return []


def _report(child: _Child) -> ChildReport:
    return ChildReport(
        child.spec.id,
        child.spec.kind,
        str(child.state),
        child.pid,
        child.generation,
        child.restarts,
        child.since,
        child.deadline if child.state is State.BACKOFF else None,
        child.last_error,
        child.stopped_by,
    )
