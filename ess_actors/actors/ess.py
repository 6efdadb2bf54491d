"""The ESS actor: one instance of the engine, parent of its Modbus clients, its site server and its alarm router."""

import logging
import time
from typing import Any, Final

from ess_actors.actors.alarm_router import AlarmRouterActor
from ess_actors.actors.modbus_client import ModbusClientActor
from ess_actors.actors.modbus_server import ModbusServerActor
from ess_actors.actors.process import log
from ess_actors.actors.settings import EssSettings, child_ids
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import Children, Order, Wake
from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot
from ess_actors.core.supervision import ChildSpec

_PATIENCE_S = 3.0
"""How long the first messages wait for the actors they may be meant for."""
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
        self._held: list[Message] | None = []
        self._router_generation = 0
        self._stopping = False

    def on_configure(self, settings: EssSettings) -> None:
        now, wall = time.monotonic(), time.time()
        self._ess = Ess(settings.start, settings.documents, now=now, wall=wall)
        clients = {f"{settings.name}/{client.stem}": client for client in settings.clients}
        servers = {f"{settings.name}/{server.stem}": server for server in settings.servers}
        actors: dict[str, tuple[type[Any], Any]] = {
            **{child: (ModbusClientActor, client) for child, client in clients.items()},
            **{child: (ModbusServerActor, server) for child, server in servers.items()},
            f"{settings.name}/alarms": (AlarmRouterActor, settings.name),
        }
        self.supervise(
            [ChildPlan(ChildSpec(child, kind), *actors[child]) for child, kind in child_ids(settings)]
        )
        self._emit(self._ess.boot(now, wall))
        self.wake_after(_PATIENCE_S, Wake("patience"))
        self.ready(self._ess.subscriptions)

    def on_message(self, message: Message) -> None:
        self._emit(self._ess.handle(message, time.monotonic(), time.time()))

    def on_directory(self, gone: frozenset[str]) -> None:
        now, wall = time.monotonic(), time.time()
        for actor_id in sorted(gone):
            if actor_id != self.actor_id:
                self._emit(self._ess.source_lost(actor_id, now, wall))
        self._tell_restarted_router(now, wall)
        if self._held is not None and self._running >= set(self.everybody):
            self._release()

    def _tell_restarted_router(self, now: float, wall: float) -> None:
        """A router that starts anew knows of no alarm: what stands is told again, or its empty list would lie."""
        router = self._router.entry(f"{self.actor_id}/alarms")
        if router is not None and router.generation != self._router_generation:
            if self._router_generation:
                self._emit(self._ess.retell_alarms(now, wall))
            self._router_generation = router.generation

    def on_wake(self, wake: Wake) -> None:
        match wake.what:
            case "engine":
                self._emit(self._ess.tick(time.monotonic(), time.time()))
            case "patience":
                self._release()
            case _:
                super().on_wake(wake)

    def snapshot(self) -> Snapshot:
        for line in self._ess.drain_log():
            log.log(_LEVELS.get(line.level, logging.INFO), "%s: %s", self.actor_id, line.text)
        counters = self._ess.counters
        blocked = sum(count for name, count in counters.items() if name.startswith("blocked{"))
        self.meter.total("ess_messages_blocked_total", self.actor_id, value=blocked)
        return super().snapshot()

    def on_children_changed(self) -> None:
        self.send(
            self._supervisor,
            Children(self.actor_id, self.generation, self.supervision.reports(), self.entries()),
        )

    def _emit(self, messages: list[Message]) -> None:
        if self._held is not None:
            self._held += messages
        else:
            self.post_all(messages)
        if self._ess.stop_requested and not self._stopping:
            self._stopping = True
            self.send(self._supervisor, Order(self.actor_id, "stop", 0))
        self.wake_at(self._ess.next_due(), "engine")

    def _release(self) -> None:
        held, self._held = self._held, None
        self.post_all(held or [])
