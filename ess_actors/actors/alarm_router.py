"""The alarm routing actor of one instance: its part of the site's alarm list, orders to it, who answered a clear."""

import time
from typing import Any

from ess_actors.actors.base import TreeActor
from ess_actors.actors.process import log
from ess_actors.actors.store import FILE
from ess_actors.actors.store_link import WAKE, StoreLink
from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.control import Wake
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot
from ess_actors.store.states import read_state


class AlarmRouterActor(TreeActor):
    """Runs core.alarm_router on the messages of the instance, its devices and the other routers."""

    kind = "alarms"

    def __init__(self) -> None:
        super().__init__()
        self._alarms: AlarmRouter
        self._store: StoreLink

    def on_configure(self, settings: str) -> None:
        names = [name for name, _, child in (i.partition("/") for i in self.everybody) if child == "alarms"]
        self._alarms = AlarmRouter(settings, names)
        self._store = StoreLink(self, self._publish, self._alarms.state)
        state, problem = read_state(self.state_dir / FILE, self.actor_id)
        if problem:
            log.warning("%s", problem)
        for key in self._alarms.begin(state, time.monotonic(), time.time()):
            log.warning("%s: %s could not be restored; the instance tells what stands", self.actor_id, key)
        self.ready(self._alarms.subscriptions)
        self._emit(self._alarms.belong(self.everybody, time.monotonic(), time.time()))
        self._look_at_clock()

    def on_message(self, message: Message) -> None:
        self._emit(self._alarms.handle(message, time.monotonic(), time.time()))

    def on_directory(self, gone: frozenset[str]) -> None:
        self._alarms.running(self._running, time.monotonic())
        self._store.on_directory()
        self._look_at_clock()

    def on_control(self, message: Any, sender: Any) -> None:
        self._store.on_control(message)

    def on_wake(self, wake: Wake) -> None:
        if wake.what == WAKE:
            self._store.on_wake()
        else:
            self._emit(self._alarms.tick(time.monotonic(), time.time()))

    def _publish(self, messages: list[Message]) -> None:
        self.post_all(messages)

    def snapshot(self) -> Snapshot:
        for severity, count in self._alarms.active_by_severity().items():
            self.meter.gauge("ess_alarms_active", self.actor_id, severity, value=count)
        for result, count in self._alarms.clears.results.items():
            self.meter.total("ess_clear_faults_total", self.actor_id, result, value=count)
        self._store.note()
        return super().snapshot()

    def _emit(self, messages: list[Message]) -> None:
        changes = self._alarms.changes()
        if messages or changes:
            self._store.publish(messages, changes)
        self._look_at_clock()

    def _look_at_clock(self) -> None:
        self.wake_at(self._alarms.next_due(), "alarms")
