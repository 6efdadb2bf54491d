"""The ESS actor: one instance of the engine, parent of its Modbus clients, its site server and its alarm router."""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from ess_actors.actors.alarm_router import AlarmRouterActor
from ess_actors.actors.lease import Lessor
from ess_actors.actors.modbus_client import ModbusClientActor
from ess_actors.actors.modbus_server import ModbusServerActor
from ess_actors.actors.process import log
from ess_actors.actors.recorder import Recorder
from ess_actors.actors.settings import EssSettings, child_ids
from ess_actors.actors.store import FILE
from ess_actors.actors.store_link import WAKE, StoreLink
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import Children, Heartbeat, Order, Wake
from ess_actors.core.ess import Ess
from ess_actors.core.events import Event
from ess_actors.core.live import Shown, shown_rows
from ess_actors.core.local_time import UTC_OFFSET
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot
from ess_actors.core.recording import Call, birth_line, carry_out, digest_of
from ess_actors.core.turns import Turns
from ess_actors.store.states import read_state

_PATIENCE_S = 3.0
"""How long the first messages wait for the actors they may be meant for."""
_ANSWER_S: Final = 0.2
"""So long an instance lives on that was asked to stop, for its answer to leave."""
_OVERDUE_S: Final = 3.0
"""An instance under load runs its items late; one that does not run them at all hangs."""
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class EssActor(SupervisingActor):
    """Lets the pure engine handle what arrives, and the clock drive its scheduler."""

    kind = "ess"

    def __init__(self) -> None:
        super().__init__()
        self._ess: Ess
        self._store: StoreLink
        self._lessor: Lessor
        self._shown: tuple[Shown, ...] = ()
        self._recorder: Recorder | None = None
        self._turns = Turns()
        self._told = 0
        """Changes of its children that it told of."""
        self._held: list[Message] | None = []
        self._router_generation = 0
        self._stopping = False
        self._cpu_seen = (0.0, 0.0)
        """Monotonic and CPU seconds of the last look at what the process costs."""

    def on_configure(self, settings: EssSettings) -> None:
        now, wall = time.monotonic(), time.time()
        self._ess = Ess(settings.start, settings.documents, now=now, wall=wall, csv=settings.csv)
        self._store = StoreLink(self, self._emit, self._ess.saved)
        if settings.record:
            self._record(settings, now, wall)
        self._shown = settings.shown
        self._lessor = Lessor(self, settings.guarding)
        clients = {
            f"{settings.name}/{client.stem}": replace(client, again=client.again or self.generation > 1)
            for client in settings.clients
        }
        servers = {f"{settings.name}/{server.stem}": server for server in settings.servers}
        actors: dict[str, tuple[type[Any], Any]] = {
            **{child: (ModbusClientActor, client) for child, client in clients.items()},
            **{child: (ModbusServerActor, server) for child, server in servers.items()},
            f"{settings.name}/alarms": (AlarmRouterActor, settings.name),
        }
        self.supervise(
            [ChildPlan(self._lessor.spec(child, kind), *actors[child]) for child, kind in child_ids(settings)]
        )
        self._measure(now, wall, time.process_time(), self._process.memory_info().rss)
        state, problem = read_state(self.state_dir / FILE, settings.name)
        if problem:
            log.warning("%s", problem)
        self._let(Call("boot", now, wall, state=state or None))
        if settings.keep_changes:
            self._ess.keep_changes()
        self.wake_after(_PATIENCE_S, Wake("patience"))
        self.ready(self._ess.subscriptions)

    def on_message(self, message: Message) -> None:
        now, wall = time.monotonic(), time.time()
        if self._turns.items_now(self._ess.next_due(), now):
            self._run_items(now, wall)
            now, wall = time.monotonic(), time.time()
        self._turns.handled()
        self._let(Call("handle", now, wall, message))

    def on_directory(self, gone: frozenset[str]) -> None:
        self._store.on_directory()  # before anything is said to a store that does not know us yet
        now, wall = time.monotonic(), time.time()
        for actor_id in sorted(gone):
            if actor_id != self.actor_id:
                self._let(Call("source_lost", now, wall, source=actor_id))
        self._tell_restarted_router(now, wall)
        if self._held is not None and self._running >= set(self.everybody):
            self._release()

    def _tell_restarted_router(self, now: float, wall: float) -> None:
        """A router that starts anew may have missed something: it is told what stands, and what no longer does."""
        router = self._router.entry(f"{self.actor_id}/alarms")
        if router is not None and router.generation != self._router_generation:
            if self._router_generation or self._held is None:
                self._let(Call("retell", now, wall))
            self._router_generation = router.generation

    def on_wake(self, wake: Wake) -> None:
        match wake.what:
            case "engine":
                now, wall = time.monotonic(), time.time()
                if self._turns.items_now(self._ess.next_due(), now):
                    self._run_items(now, wall)
                else:  # the items ran between two messages meanwhile
                    self._wake_for_items(now)
            case "patience":
                self._release()
            case "lease":
                self._look_after_leases()
            case "stop":
                self.send(self._supervisor, Order(self.actor_id, "stop", 0))
            case str() as what if what == WAKE:
                self._store.on_wake()
            case _:
                super().on_wake(wake)

    def at_work(self) -> bool:
        due = self._ess.next_due()
        return due is None or time.monotonic() - due < _OVERDUE_S

    def on_exit(self) -> None:
        if self._recorder is not None:
            self._recorder.close()

    def snapshot(self) -> Snapshot:
        for line in self._ess.drain_log():
            log.log(_LEVELS.get(line.level, logging.INFO), "%s: %s", self.actor_id, line.text)
        counters = self._ess.counters
        blocked = sum(count for name, count in counters.items() if name.startswith("blocked{"))
        self.meter.total("ess_messages_blocked_total", self.actor_id, value=blocked)
        self._store.note()
        return {
            **super().snapshot(),
            "ess_live_value": shown_rows(self.actor_id, self._ess, self._shown),
        }

    def own_heartbeat(self) -> Heartbeat:
        beat = super().own_heartbeat()
        self._measure(beat.at, time.time(), beat.cpu_s, beat.rss_bytes)
        return beat

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        super().heartbeat(heartbeat)
        self._tell_of_children()

    def on_children_changed(self) -> None:
        self._told += 1
        self._tell_of_children()
        self._lessor.renew(self._ess, time.monotonic())
        self.wake_at(self._lessor.due(), "lease")

    def _tell_of_children(self) -> None:
        reports, entries = self.supervision.reports(), self.entries()
        self.send(self._supervisor, Children(self.actor_id, self.generation, self._told, reports, entries))

    def on_control(self, message: Any, sender: Any) -> None:
        super().on_control(message, sender)
        self._store.on_control(message)

    def _record(self, settings: EssSettings, now: float, wall: float) -> None:
        """Where the recording cannot be kept the plant runs all the same."""
        file = Path(settings.record) / f"{settings.name}.jsonl"
        documents = settings.start, settings.documents, settings.csv
        try:
            self._recorder = Recorder(
                file, lambda: birth_line(settings.name, digest_of(*documents), now, wall)
            )
        except OSError as error:
            log.error("%s: %s cannot be recorded: %s", self.actor_id, file, error.strerror)

    def _measure(self, now: float, wall: float, cpu_s: float, rss_bytes: int) -> None:
        """Tell the instance what its process costs, and how far local time is ahead."""
        before, cpu_before = self._cpu_seen
        self._cpu_seen = now, cpu_s
        percent = 100.0 * (cpu_s - cpu_before) / (now - before) if before and now > before else 0.0
        offset = float(time.localtime(wall).tm_gmtoff)
        lost = self.meter.sum("ess_messages_dropped_total")
        figures = {
            "cpu_percent": percent,
            "memory_bytes": float(rss_bytes),
            "sends_failed": lost,
            UTC_OFFSET: offset,
        }
        self._let(Call("measured", now, wall, figures=figures))

    def _run_items(self, now: float, wall: float) -> None:
        self._let(Call("tick", now, wall))
        self._turns.ran(now, time.monotonic())
        self._wake_for_items(time.monotonic())

    def _let(self, call: Call) -> None:
        """Let something happen to the instance, record it, and send what follows from it."""
        messages: list[Message] = []
        try:
            messages = carry_out(self._ess, call)
        finally:  # what ends the actor is what a recording is wanted for
            if self._recorder is not None:
                self._recorder.keep(call, messages)
        changes = self._ess.changed_state()
        if messages or changes:
            self._store.publish(messages, changes)
        if self._ess.stop_requested and not self._stopping:
            self._stopping = True
            self.wake_after(_ANSWER_S, Wake("stop"))
        self._look_after_leases()
        if call.what != "tick":
            self._wake_for_items(call.now)

    def _look_after_leases(self) -> None:
        self._lessor.look(self._ess)
        self.wake_at(self._lessor.due(), "lease")

    def tell(self, text: str, severity: int) -> None:
        # The store keeps an instance's records only from its own hand.
        event = Event(self.actor_id, text, severity)
        self._store.publish([Message("post", "/events", orjson.dumps(event.as_body()))])

    def _emit(self, messages: list[Message]) -> None:
        if self._held is not None:
            self._held += messages
        else:
            self.post_all(messages)

    def _wake_for_items(self, now: float) -> None:
        self.wake_at(self._turns.wake_at(self._ess.next_due(), now), "engine")

    def _release(self) -> None:
        held, self._held = self._held, None
        self.post_all(held or [])
