"""Carries out the orders of core.supervision: creates, configures, stops and kills the processes of children."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from thespian.actors import ActorExitRequest

from ess_actors.actors.base import TreeActor
from ess_actors.actors.process import describe_exit, log
from ess_actors.core.control import Configure, Crashed, Entry, Order, Ordered, Ready, Subscribe, Wake
from ess_actors.core.errors import RequestError
from ess_actors.core.events import ALARM, FAULT, INFO, Event
from ess_actors.core.messages import Message
from ess_actors.core.supervision import ChildSpec, Kill, Orders, Start, Stop, Supervision

_LAST_WORDS_S: Final = 0.02


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

    def __init__(self) -> None:
        super().__init__()
        self.supervision = Supervision(())
        self._plans: dict[str, ChildPlan] = {}
        self._processes: list[_Process] = []

    def on_children_changed(self) -> None:
        """The state of a child has changed."""

    def tell(self, text: str, severity: int) -> None:
        """An event for the journal and for who listens."""
        self.post(Message("post", "/events", orjson.dumps(Event(self.actor_id, text, severity).as_body())))

    def supervise(self, plans: Sequence[ChildPlan]) -> None:
        """Start these children, in order."""
        self._plans = {plan.spec.id: plan for plan in plans}
        self.supervision = Supervision(plan.spec for plan in plans)
        self._obey(self.supervision.begin(time.monotonic()))

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
                process.entry = Entry(child_id, generation, process.entry.address, subscriptions)
                return True
        return False

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
        """A child is dead. Its last words may still be on their way: they are let in first."""
        self.wake_at(time.monotonic() + _LAST_WORDS_S, "exits")

    def on_child_exited(self, address: Any) -> None:
        """Thespian's notice. It comes twice for a graceful exit, before the process is gone, and not at all for the
        second of two that die together: the process itself is what counts."""
        self.on_watch()

    def _find_exits(self) -> None:
        for process in [p for p in self._processes if not p.process.is_alive()]:
            self._exited(process)

    def _exited(self, process: _Process) -> None:
        self._processes.remove(process)
        os.close(process.pidfd)
        reason = describe_exit(process.process.exitcode)
        log.info("%s (generation %d) %s", process.child_id, process.generation, reason)
        self._obey(self.supervision.exited(process.child_id, process.generation, reason, time.monotonic()))
        report = self.supervision.report(process.child_id)
        if report.state == "FAILED":
            self.tell(
                f"{report.id} is FAILED: {report.last_error}; restart it when the cause is mended", FAULT
            )
        elif report.state == "BACKOFF":
            self.tell(f"{report.id} died and is restarted: {report.last_error}", ALARM)

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
                case Kill():
                    self._kill(order)
        self.on_children_changed()
        self.wake_at(self.supervision.next_due(), "supervision")

    def _start(self, order: Start) -> None:
        plan = self._plans[order.id]
        address = self.createActor(plan.actor)
        # The handle is private to Thespian 4.0.1 (pinned): the only way to a pid before the child speaks.
        handle = self._myRef._child_procs[-1].childProc
        self._processes.append(
            _Process(order.id, order.generation, address, handle, os.pidfd_open(handle.pid))
        )
        self.supervision.born(order.id, handle.pid)
        supervisor = self._supervisor or None
        self.send(
            address,
            Configure(
                order.id, order.generation, plan.settings, str(self.state_dir), supervisor, self.everybody
            ),
        )

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
        process.entry = Entry(ready.actor_id, ready.generation, ready.address, ready.subscriptions)
        self.on_children_changed()

    def _process_of(self, child_id: str, generation: int) -> _Process | None:
        for process in self._processes:
            if process.child_id == child_id and process.generation == generation:
                return process
        return None
