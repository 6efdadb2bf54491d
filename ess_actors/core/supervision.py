"""When a child is restarted, given up or left alone: OTP's words and arithmetic, as a pure function of times."""

from collections.abc import Iterable
from typing import Final

from ess_actors.core.child import Child
from ess_actors.core.child_spec import (
    ChildReport,
    ChildSpec,
    Escalate,
    Kill,
    Orders,
    Restart,
    Start,
    State,
    Stop,
    Strategy,
    Terminate,
)
from ess_actors.core.errors import RequestError

__all__ = [
    "ITSELF", "OPERATOR", "SHUTDOWN", "SIBLING", "VERBS", "ChildReport", "ChildSpec", "Escalate", "Kill",
    "Orders", "Restart", "Start", "State", "Stop", "Strategy", "Supervision", "Terminate",
]  # fmt: skip

OPERATOR: Final = "operator"
SHUTDOWN: Final = "shutdown"
ITSELF: Final = "itself"
"""A transient or temporary child that has ended."""
SIBLING: Final = "sibling"
"""A temporary child that was ended because another one failed."""
VERBS: Final = ("restart", "stop", "start")
BACKOFF_FACTOR: Final = 4
"""A single death is mended at once; what does not go away has some seconds before its child is given up."""
_MOST_FALSE_STARTS: Final = 16
"""More make no pause longer."""
_TERMINATE_S: Final = 0.2
"""So long a process that hangs has between the signal to end and the kill."""


class Supervision:
    """The children of one supervising actor. Every method returns the orders that follow, in order.

    Exits are judged by generation: a second notice of the same death, or one of an earlier process, does nothing.
    """

    def __init__(
        self,
        specs: Iterable[ChildSpec],
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        stopped: Iterable[str] = (),
    ) -> None:
        """`stopped` were stopped by an operator while an earlier supervisor had them: they wait for his order."""
        self._children = {spec.id: Child(spec) for spec in specs}
        self._strategy = strategy
        self._sweep_due = 0.0
        for child_id in stopped:
            if child_id in self._children:
                self._children[child_id].stopped_by = OPERATOR

    def __contains__(self, child_id: str) -> bool:
        return child_id in self._children

    def begin(self, now: float) -> Orders:
        """Start all children, in the order of their specs."""
        return [self._start(child, now) for child in self._children.values() if not child.stopped_by]

    def born(self, child_id: str, pid: int) -> None:
        """The process of the current generation exists (its pid is known only now)."""
        self._children[child_id].pid = pid

    def ready(self, child_id: str, generation: int, pid: int, now: float) -> bool:
        """The child says it works. False for a generation that is not the current one."""
        child = self._current(child_id, generation)
        if child is None or child.state is not State.STARTING:
            return False
        child.pid = pid
        child.alive = True
        if child.asked:
            return False
        child.state, child.since, child.deadline = State.RUNNING, now, None
        return True

    def crashed(self, child_id: str, generation: int, reason: str) -> None:
        """The child's last words; its exit follows."""
        child = self._current(child_id, generation)
        if child is not None:
            child.last_words = reason

    def hung(self, child_id: str, generation: int, reason: str, now: float) -> Orders:
        """The child makes no progress: a hung child is a failed one, it is ended whether it listens or not."""
        child = self._current(child_id, generation)
        if child is None or not child.alive or child.asked:
            return []
        child.last_words, child.asked = reason, True
        child.deadline = now + _TERMINATE_S
        return [Terminate(child_id, generation, child.pid)]

    def exited(
        self, child_id: str, generation: int, reason: str, now: float, normal: bool = False, draw: float = 0.0
    ) -> Orders:
        """The process is gone. `reason` is used when the child left no last words.

        `normal`: it ended in order, of itself. `draw`: a random number of 0 to 1, for the pause.
        """
        child = self._current(child_id, generation)
        if child is None or not child.alive:
            return []
        if child.state is State.RUNNING and now - child.since >= child.spec.steady_s:
            child.false_starts = 0
        child.alive, child.pid, child.deadline, child.since = False, 0, None, now
        words, child.last_words = child.last_words, ""
        if child.stopped_by:
            child.state = State.STOPPED
            if child.start_again:
                child.start_again, child.stopped_by = False, ""
                child.restarts += 1
                return [self._start(child, now), *self._sweep(now)]
            return self._sweep(now)
        if child.swept:
            if child.spec.restart is Restart.TEMPORARY:
                child.state, child.stopped_by, child.swept = State.STOPPED, SIBLING, False
            else:
                child.state, child.deadline = State.BACKOFF, self._sweep_due
            return self._sweep(now)
        normal = normal and not words
        kind = child.spec.restart
        if not normal:
            child.last_error = words or reason
        if kind is Restart.TEMPORARY or (kind is Restart.TRANSIENT and normal):
            child.state, child.stopped_by = State.STOPPED, ITSELF
            return []
        return self._failed(child, now, draw)

    def due(self, now: float) -> Orders:
        """What the clock demands: restarts whose pause is over, kills of children that do not stop or start."""
        orders: Orders = []
        held = self._sweeping()
        for child in self._children.values():
            if child.deadline is None or now < child.deadline:
                continue
            if child.state is State.BACKOFF and not child.alive:
                if not held:
                    child.restarts += 1
                    orders.append(self._start(child, now))
            elif child.alive:
                if not child.asked:
                    child.last_words = f"not ready within {child.spec.start_limit_s:g} s"
                child.deadline = now + max(child.spec.shutdown_s, _TERMINATE_S)
                orders.append(Kill(child.spec.id, child.generation, child.pid))
        return orders

    def next_due(self) -> float | None:
        """Monotonic seconds of the next deadline."""
        held = self._sweeping()
        deadlines = (c.deadline for c in self._children.values() if c.alive or not held)
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def order(self, child_id: str, verb: str, now: float) -> Orders:
        """An operator's order. Raises RequestError for an unknown child or verb, or when it makes no sense now."""
        child = self._children.get(child_id)
        if child is None:
            raise RequestError("not_found", f"no actor {child_id!r} here")
        if verb not in VERBS:
            raise RequestError("bad_verb", f"{verb!r} is not one of {', '.join(VERBS)}")
        if verb == "start" and child.state in (State.STARTING, State.RUNNING) and not child.stopped_by:
            raise RequestError("already_running", f"{child_id} is {child.state}; `restart` ends it first")
        if verb == "stop" and child.state is State.STOPPED:
            raise RequestError("already_stopped", f"{child_id} is STOPPED; `start` brings it back")
        if verb in ("restart", "start"):
            child.failures.clear()
            child.false_starts = 0
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
        return self._children[child_id].report()

    def reports(self) -> tuple[ChildReport, ...]:
        """All children, in start order."""
        return tuple(child.report() for child in self._children.values())

    # --- details ----------------------------------------------------------------------------------------------

    def _current(self, child_id: str, generation: int) -> Child | None:
        child = self._children.get(child_id)
        return child if child is not None and child.generation == generation else None

    def _start(self, child: Child, now: float) -> Start:
        child.generation += 1
        child.state, child.since, child.alive = State.STARTING, now, True
        child.swept = child.asked = False
        child.deadline = now + child.spec.start_limit_s
        return Start(child.spec.id, child.generation)

    def _stop(self, child: Child, by: str, now: float) -> Orders:
        child.stopped_by, child.swept = by, False
        if not child.alive:
            child.state, child.since, child.deadline = State.STOPPED, now, None
            return []
        return self._end(child, now)

    def _end(self, child: Child, now: float) -> Orders:
        if child.asked:
            return []
        child.asked = True
        # Should even the kill not be carried out it is ordered again.
        child.deadline = now + max(child.spec.shutdown_s, _TERMINATE_S)
        if child.spec.shutdown_s <= 0:
            return [Kill(child.spec.id, child.generation, child.pid)]
        return [Stop(child.spec.id, child.generation)]

    def _failed(self, child: Child, now: float, draw: float) -> Orders:
        spec, failures = child.spec, child.failures
        failures.append(now)
        while failures[0] <= now - spec.period_s:
            failures.popleft()
        if len(failures) >= spec.intensity:
            child.state = State.FAILED
            return [Escalate(spec.id, child.last_error)] if spec.significant else []
        pause = min(spec.backoff_max_s, spec.backoff_min_s * BACKOFF_FACTOR**child.false_starts)
        child.false_starts = min(child.false_starts + 1, _MOST_FALSE_STARTS)
        child.state, child.deadline = State.BACKOFF, now + pause * (1 + spec.jitter * draw)
        self._sweep_due = max(child.deadline, self._sweep_due)
        for sibling in self._who_else(child):
            self._mark(sibling, now)
        return self._sweep(now)

    def _who_else(self, child: Child) -> list[Child]:
        """The siblings that are to be started anew with this one."""
        everybody = list(self._children.values())
        match self._strategy:
            case Strategy.ONE_FOR_ONE:
                return []
            case Strategy.REST_FOR_ONE:
                return everybody[everybody.index(child) + 1 :]
            case Strategy.ONE_FOR_ALL:
                return [other for other in everybody if other is not child]

    def _mark(self, child: Child, now: float) -> None:
        if child.alive:
            child.swept = not child.stopped_by
        elif child.stopped_by == ITSELF and child.spec.restart is Restart.TRANSIENT:
            child.stopped_by, child.state, child.since = "", State.BACKOFF, now
            child.deadline = self._sweep_due
        elif child.state is State.BACKOFF:
            child.deadline = self._sweep_due

    def _sweeping(self) -> bool:
        return any(child.swept and child.alive for child in self._children.values())

    def _sweep(self, now: float) -> Orders:
        """End the swept children one after the other, the last started first."""
        for child in reversed(self._children.values()):
            if child.swept and child.alive:
                return self._end(child, now)
        return []
