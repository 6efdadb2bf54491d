"""What every actor of the tree has: identity, routing by uri, heartbeat, and one crash with its reason."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import psutil
from thespian.actors import (
    ActorExitRequest,
    ChildActorExited,
    DeadEnvelope,
    PoisonMessage,
    ThespianWatch,
    WakeupMessage,
    WatchMessage,
)

from ess_actors.actors import loopback as _loopback  # noqa: F401  (must be in force before thespian is imported)
from ess_actors.actors import one_way as _one_way  # noqa: F401
from ess_actors.actors import sparing_transport as _sparing_transport  # noqa: F401
from ess_actors.actors.disturb import disturb
from ess_actors.actors.posting import Posting
from ess_actors.actors.process import describe_crash, die_with_parent, keep_own_logging, name_process
from ess_actors.actors.progress import PROGRESS, Concern, row_of
from ess_actors.core.arrivals import Arrival
from ess_actors.core.control import Begin, Configure, Crashed, Directory, Heartbeat, Ready, Taken, Wake
from ess_actors.core.flow import TAKEN_EVERY, Parcel
from ess_actors.core.messages import Message, from_wire
from ess_actors.core.metrics import Snapshot

HEARTBEAT_S = 1.0


class TreeActor(Posting):
    """Base of all actors. Subclasses override the `on_...` methods; an exception in any of them is a crash."""

    kind: ClassVar[str]
    patient: ClassVar[bool] = False
    """Publications for it may be gathered for PATIENCE_S; `sent` tells when each was made."""
    pulse_s: ClassVar[float] = 0.4
    """So often an actor that has nothing to do shows that it could."""

    def __init__(self) -> None:
        super().__init__()
        die_with_parent()
        keep_own_logging()
        self.generation = 0
        self.edition = 0
        """Of the directory in force."""
        self.state_dir = Path()
        self.everybody: tuple[str, ...] = ()
        self.sent = 0.0
        """When the message at hand was sent, monotonic seconds."""
        self._parent: Any = None
        self._supervisor: Any = None
        self._running: frozenset[str] = frozenset()
        self._next_heartbeat = 0.0
        self.row = -1
        self._process = psutil.Process()
        self._crashed = False
        self._armed: dict[str, float] = {}

    # --- what subclasses override -----------------------------------------------------------------------------

    def on_configure(self, settings: Any) -> None:
        """First message. Call `self.ready(...)` as soon as the actor works."""

    def on_message(self, message: Message) -> None:
        """A uri-addressed message for this actor."""

    def on_directory(self, gone: frozenset[str]) -> None:
        """A new directory is in force; `gone` are the actors that are no longer running (or run anew)."""

    def on_control(self, message: Any, sender: Any) -> None:
        """Any other message of core.control."""

    def on_wake(self, wake: Wake) -> None:
        """A timer set with `self.wake_after`."""

    def on_watch(self) -> None:
        """A watched file descriptor is readable."""

    def on_child_exited(self, address: Any) -> None:
        """The process of a child is gone."""

    def on_exit(self) -> None:
        """The actor ends: release what the process holds. Must not take longer than a second."""

    def watched(self) -> list[int]:
        """File descriptors to watch; asked after every message, because Thespian forgets them each time."""
        return []

    def at_work(self) -> bool:
        """False while something is left undone that is long due."""
        return True

    def snapshot(self) -> Snapshot:
        """Metrics for the heartbeat."""
        return self.meter.snapshot()

    # --- what subclasses use ----------------------------------------------------------------------------------

    def wake_at(self, due: float | None, what: str) -> None:
        """Ask for `on_wake` at a monotonic time, unless an earlier one of this kind is armed. None = not needed."""
        armed = self._armed.get(what)
        if due is not None and (armed is None or due < armed):
            self._armed[what] = due
            self.wake_after(due - time.monotonic(), Wake(what, due))

    def ready(self, subscriptions: Iterable[str] = ()) -> None:
        """Tell the parent that this actor works and what it listens to."""
        self.send(
            self._parent,
            Ready(
                self.actor_id,
                self.generation,
                os.getpid(),
                self.myAddress,
                tuple(subscriptions),
                self.patient,
            ),
        )
        self._next_heartbeat = time.monotonic()
        self._beat()

    def wake_after(self, seconds: float, wake: Wake) -> None:
        """Ask for `on_wake(wake)`; it cannot be taken back."""
        self.wakeupAfter(timedelta(seconds=max(0.0, seconds)), wake)

    # --- the only entry point ---------------------------------------------------------------------------------

    def receiveMessage(self, message: Any, sender: Any) -> ThespianWatch | None:
        """Thespian's entry. Nothing escapes: an exception would run the message twice and drop the watches."""
        if self._crashed:
            return None
        PROGRESS.beat(self.row)
        try:
            self._dispatch(message, sender)
        except Exception as error:
            self._crash(error)
            return None
        descriptors = self.watched()
        return ThespianWatch(descriptors) if descriptors else None

    def _dispatch(self, message: Any, sender: Any) -> None:
        match message:
            case Parcel():
                self._handle(self._arrivals.come(message, sender, time.monotonic()))
            case Taken():
                self._taken(message)
            case WatchMessage():
                self.on_watch()
            case WakeupMessage():
                self._woken(message.payload)
            case Begin() if (told := self.take()) is not None:
                self._configure(*told)
            case Directory() if message.edition > self.edition:
                self.edition = message.edition
                gone = self._go_by(message.entries)
                self._running = frozenset(entry.actor_id for entry in message.entries)
                early, self._early = self._early, []
                self.post_all(early)
                self.on_directory(gone)
            case ChildActorExited():
                self.on_child_exited(message.childAddress)
            case ActorExitRequest():
                self._send_all(self._outbox.release(time.monotonic()))
                self.on_exit()
            case DeadEnvelope():
                # Its receiver died with it; only the supervisor, who asked for dead letters, gets these.
                dead = message.deadMessage
                self._count_undeliverable(len(dead.frames) if isinstance(dead, Parcel) else 1)
            case PoisonMessage():
                pass
            case _:
                self.on_control(message, sender)

    def _handle(self, arrivals: Iterable[Arrival[Any]]) -> None:
        for parcel, sender, _ in arrivals:
            for frame in parcel.frames:
                self._receive(frame)
            if parcel.number % TAKEN_EVERY == 0:
                self.send(sender, Taken(self.actor_id, self.generation, parcel.number, parcel.flow))

    def _receive(self, frame: tuple[object, ...]) -> None:
        message, recipient, sent = from_wire(frame)
        if recipient != self.actor_id:
            # A port of the operating system was given to another actor than the sender meant.
            self.meter.count("ess_messages_dropped_total", self.actor_id, "not_for_me")
            return
        self.sent = sent
        if not self.patient:
            self.meter.observe("ess_message_latency_seconds", self.actor_id, seconds=time.monotonic() - sent)
        self.meter.count("ess_messages_total", self.actor_id, message.method)
        self.on_message(message)

    def _configure(self, message: Configure, parent: Any) -> None:
        self.name_self(message.actor_id)
        self.generation = message.generation
        self.state_dir, self.everybody = Path(message.state_dir), message.everybody
        self._parent = parent
        self._supervisor = message.supervisor or parent
        name_process(self.actor_id)
        self.row = row_of(self.actor_id, self.everybody)
        self.on_configure(message.settings)
        self._pulse()

    def _woken(self, payload: Any) -> None:
        if not isinstance(payload, Wake):
            return
        if payload.due:
            if self._armed.get(payload.what) != payload.due:
                return
            del self._armed[payload.what]
        if payload.what == "heartbeat":
            self._beat()
        elif payload.what == "pulse":
            self._pulse()
        elif payload.what == "gathered":
            self._send_all(self._outbox.release(time.monotonic()))
        else:
            self.on_wake(payload)

    def _pulse(self) -> None:
        self._show_work()
        self._handle(self._arrivals.overdue(time.monotonic()))
        self.wake_at(time.monotonic() + self.pulse_s, "pulse")

    def _show_work(self) -> None:
        if self.at_work():
            PROGRESS.beat(self.row, Concern.WORK)

    def _beat(self) -> None:
        disturb(self.actor_id)
        now = time.monotonic()
        self._look_after_flows(now)
        self.heartbeat(self.own_heartbeat())
        # On a grid, so that heartbeats do not drift apart from the second they describe.
        self._next_heartbeat += HEARTBEAT_S * (1 + max(0, int((now - self._next_heartbeat) / HEARTBEAT_S)))
        self.wake_after(self._next_heartbeat - now, Wake("heartbeat"))

    def own_heartbeat(self) -> Heartbeat:
        """This process as it stands: CPU seconds of all its threads, resident bytes, metrics."""
        now, cpu_s, rss = time.monotonic(), time.process_time(), self._process.memory_info().rss
        return Heartbeat(
            self.actor_id, self.generation, os.getpid(), now, cpu_s, rss, self.snapshot(), self.edition
        )

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """Where the heartbeat goes: to the supervisor, which overrides this for its own."""
        self.send(self._supervisor, heartbeat)

    def _crash(self, error: Exception) -> None:
        self._crashed = True
        with suppress(Exception):  # what was sent before the crash was sent
            self._send_all(self._outbox.release(time.monotonic()))
        reason = describe_crash(self.actor_id or self.kind, self.generation, error)
        if self._parent is not None:
            self.send(self._parent, Crashed(self.actor_id, self.generation, reason))
        self.send(self.myAddress, ActorExitRequest(recursive=True))
