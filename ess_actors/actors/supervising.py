"""Carries out the orders of core.supervision: creates, configures, stops and kills the processes of children."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import orjson
from thespian.actors import ActorExitRequest

from ess_actors.actors.base import TreeActor
from ess_actors.actors.process import describe_exit, is_stopped, log
from ess_actors.actors.progress import PROGRESS, Concern, row_of
from ess_actors.core.control import Configure, Crashed, Entry, Order, Ordered, Ready, Subscribe, Wake
from ess_actors.core.errors import RequestError
from ess_actors.core.events import ALARM, FAULT, INFO, Event
from ess_actors.core.hung import LOOK_S, Judge
from ess_actors.core.messages import Message
from ess_actors.core.supervision import (
    ChildSpec,
    Escalate,
    Kill,
    Orders,
    Start,
    Stop,
    Strategy,
    Supervision,
    Terminate,
)

_LAST_WORDS_S: Final = 0.02


class SignificantChildFailed(Exception):
    """A child this actor cannot do without is given up: it crashes, and its own supervisor decides."""


class ChildPlan(NamedTuple):
    """A child to supervise: its spec, its actor class and the settings of its kind."""

    spec: ChildSpec
    actor: type[TreeActor]
    settings: Any


@dataclass(slots=True)
class _Process:
    child_id: str
    generation: int
    address: Any
    """As createActor returned it; the child's own address comes with Ready."""
    process: Any
    """multiprocessing's handle: pid and exit code."""
    pidfd: int
    """Readable when the process is dead."""
    entry: Entry | None = None


class SupervisingActor(TreeActor):
    """An actor with children. Subclasses say what happens when the state of a child changes."""

    pulse_s = LOOK_S

    def __init__(self) -> None:
        super().__init__()
        self.supervision = Supervision(())
        self._plans: dict[str, ChildPlan] = {}
        self._processes: list[_Process] = []
        self._judge = Judge()
        self._stopped: tuple[str, ...] = ()
        """Children that an operator has stopped in an earlier life of this actor."""

    def on_children_changed(self) -> None:
        """The state of a child has changed."""

    def tell(self, text: str, severity: int) -> None:
        """An event for the journal and for who listens."""
        self.publish(Message("post", "/events", orjson.dumps(Event(self.actor_id, text, severity).as_body())))

    def publish(self, message: Message) -> None:
        """How a message of this actor's own goes out."""
        self.post(message)

    def stopped_below(self, child_id: str) -> tuple[str, ...]:
        """What the operator has stopped among the children of this child."""
        return ()

    def supervise(self, plans: Sequence[ChildPlan], strategy: Strategy = Strategy.ONE_FOR_ONE) -> None:
        """Start these children, in order; those an operator has stopped wait for his order."""
        self._plans = {plan.spec.id: plan for plan in plans}
        for child_id in self._plans:
            # Who watches sees the first time only when the series was there before.
            self.meter.count("ess_actor_hung_total", child_id, by=0)
        self.supervision = Supervision((plan.spec for plan in plans), strategy, self._stopped)
        self._obey(self.supervision.begin(time.monotonic()))
        self._pulse()

    def progress_age(self, child_id: str, concern: Concern | None = None) -> float | None:
        """Seconds since a child has last done something; None = it did not begin yet."""
        return PROGRESS.age(row_of(child_id, self.everybody), time.monotonic(), concern)

    def end_hung(self, child_id: str, reason: str) -> None:
        """Signal a running child to end, kill it soon after, and start it anew."""
        generation = self.supervision.generation(child_id)
        orders = self.supervision.hung(child_id, generation, reason, time.monotonic())
        if orders:
            self.meter.count("ess_actor_hung_total", child_id)
            log.error("%s (generation %d) %s; it is ended", child_id, generation, reason)
            self._obey(orders)

    def entries(self) -> tuple[Entry, ...]:
        """Directory lines of the children that are running."""
        reports = self.supervision.reports()
        running = {r.id: r.generation for r in reports if r.state == "RUNNING" and not r.stopped_by}
        return tuple(
            p.entry
            for p in self._processes
            if p.entry is not None and running.get(p.child_id) == p.generation
        )

    def resubscribe(self, child_id: str, generation: int, subscriptions: tuple[str, ...]) -> bool:
        """A child listens to something else from now on. False when it is not the current generation."""
        for process in self._processes:
            if (
                process.child_id == child_id
                and process.generation == generation
                and process.entry is not None
            ):
                process.entry = replace(process.entry, subscriptions=subscriptions)
                return True
        return False

    def _configure(self, message: Configure, parent: Any) -> None:
        self._stopped, self._judge = message.stopped, Judge(message.hung_after_s)
        super()._configure(message, parent)

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Ready():
                self._child_ready(message)
            case Crashed():
                self.supervision.crashed(message.actor_id, message.generation, message.reason)
            case Order():
                self._order(message, sender)
            case Subscribe() if self.resubscribe(message.actor_id, message.generation, message.subscriptions):
                self.on_children_changed()

    def on_wake(self, wake: Wake) -> None:
        if wake.what == "exits":
            self._find_exits()
        elif wake.what == "supervision":
            self._obey(self.supervision.due(time.monotonic()))

    def watched(self) -> list[int]:
        return [process.pidfd for process in self._processes]

    def on_watch(self) -> None:
        """A child is dead. Its last words may still be on their way: they are let in first.

        One that was killed had no time for any.
        """
        for process in [p for p in self._processes if (p.process.exitcode or 0) < 0]:
            self._exited(process)
        self.wake_at(time.monotonic() + _LAST_WORDS_S, "exits")

    def on_child_exited(self, address: Any) -> None:
        """Thespian's notice. It comes twice for a graceful exit, before the process is gone, and not at all for the
        second of two that die together: the process itself is what counts."""
        self.on_watch()

    def _pulse(self) -> None:
        self._look()
        super()._pulse()

    def _look(self) -> None:
        """A hung child is a failed one: nobody else notices it, its last values would stand for ever."""
        now = time.monotonic()
        allowed = self._judge.allowance(now)
        for report in self.supervision.reports():
            if report.stopped_by or now - report.since <= allowed:
                continue
            age = self.progress_age(report.id)
            if report.state == "RUNNING" and age is not None and age > allowed:
                self.end_hung(report.id, f"hung: no progress for {age:.1f} s")
            elif report.state == "STARTING" and is_stopped(report.pid):
                self.end_hung(report.id, f"hung: halted in its start, {now - report.since:.1f} s ago")

    def _find_exits(self) -> None:
        for process in [p for p in self._processes if not p.process.is_alive()]:
            self._exited(process)

    def _exited(self, process: _Process) -> None:
        self._processes.remove(process)
        os.close(process.pidfd)
        code = process.process.exitcode
        reason = describe_exit(code)
        log.info("%s (generation %d) %s", process.child_id, process.generation, reason)
        self._ended(process.child_id, process.generation, reason, normal=code == 0)

    def _ended(self, child_id: str, generation: int, reason: str, normal: bool) -> None:
        draw = random.random()  # noqa: S311  (it spreads restarts, it keeps no secret)
        orders = self.supervision.exited(child_id, generation, reason, time.monotonic(), normal, draw)
        report = self.supervision.report(child_id)
        if report.state == "STOPPED":
            PROGRESS.clear(row_of(report.id, self.everybody))
        if report.state == "FAILED":
            PROGRESS.give_up(row_of(report.id, self.everybody))
            self.tell(
                f"{report.id} is FAILED: {report.last_error}; restart it when the cause is mended", FAULT
            )
        elif report.state == "BACKOFF":
            self.tell(f"{report.id} died and is restarted: {report.last_error}", ALARM)
        self._obey(orders)

    def _order(self, order: Order, sender: Any) -> None:
        status = text = ""
        orders: Orders = []
        try:
            orders = self.supervision.order(order.actor_id, order.verb, time.monotonic())
        except RequestError as error:
            status, text = error.status, str(error)
        # The answer first: the order may be for the actor that passes it on.
        answer = Ordered(order.actor_id, order.verb, order.ticket, status, text)
        self.send(order.reply_to or sender, answer)
        if not status:
            self.tell(f"operator: {order.verb} {order.actor_id}", INFO)
        self._obey(orders)

    def _obey(self, orders: Orders) -> None:
        for order in orders:
            match order:
                case Start():
                    self._start(order)
                case Stop():
                    process = self._process_of(order.id, order.generation)
                    if process is not None:
                        self.send(process.address, ActorExitRequest(recursive=True))
                case Terminate():
                    # A stopped process hears nothing but the kill.
                    number = signal.SIGKILL if is_stopped(order.pid) else signal.SIGTERM
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(order.pid, number)
                case Kill():
                    self._kill(order)
                case Escalate():
                    raise SignificantChildFailed(f"{order.id} is FAILED: {order.reason}")
        self.on_children_changed()
        self.wake_at(self.supervision.next_due(), "supervision")

    def _start(self, order: Start) -> None:
        plan = self._plans[order.id]
        PROGRESS.clear(row_of(order.id, self.everybody))
        told = Configure(
            order.id,
            order.generation,
            plan.settings,
            str(self.state_dir),
            self._supervisor or None,
            self.everybody,
            self.stopped_below(order.id),
            self._judge.limit_s,
        )
        address, handle = self.create(plan.actor, told)
        if handle is None:
            reason = "no process could be started for it: the machine or the service's TasksMax has no room"
            log.error("%s (generation %d): %s", order.id, order.generation, reason)
            self._ended(order.id, order.generation, reason, normal=False)
            return
        self._processes.append(
            _Process(order.id, order.generation, address, handle, os.pidfd_open(handle.pid))
        )
        self.supervision.born(order.id, handle.pid)

    def _kill(self, order: Kill) -> None:
        process = self._process_of(order.id, order.generation)
        if process is None or process.process.exitcode is not None:
            return
        log.warning("%s (generation %d) had its time and is killed", order.id, order.generation)
        os.kill(process.process.pid, signal.SIGKILL)

    def _child_ready(self, ready: Ready) -> None:
        process = self._process_of(ready.actor_id, ready.generation)
        if process is None or not self.supervision.ready(
            ready.actor_id, ready.generation, ready.pid, time.monotonic()
        ):
            return
        process.entry = Entry(
            ready.actor_id, ready.generation, ready.address, ready.subscriptions, ready.patient
        )
        self.on_children_changed()

    def _process_of(self, child_id: str, generation: int) -> _Process | None:
        for process in self._processes:
            if process.child_id == child_id and process.generation == generation:
                return process
        return None
