"""The alarm routing actor of one instance: its alarm list, and who answered a clear."""

import time

from ess_actors.actors.base import TreeActor
from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.control import Wake
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot


class AlarmRouterActor(TreeActor):
    """Runs core.alarm_router on the messages of the instance, its devices and the other routers."""

    kind = "alarms"

    def __init__(self) -> None:
        super().__init__()
        self._alarms: AlarmRouter

    def on_configure(self, settings: str) -> None:
        self._alarms = AlarmRouter(settings)
        self.ready(self._alarms.subscriptions)

    def on_message(self, message: Message) -> None:
        self._emit(self._alarms.handle(message, time.monotonic(), time.time()))

    def on_wake(self, wake: Wake) -> None:
        self._emit(self._alarms.tick(time.monotonic()))

    def snapshot(self) -> Snapshot:
        for severity, count in self._alarms.active_by_severity().items():
            self.meter.gauge("ess_alarms_active", self.actor_id, severity, value=count)
        for result, count in self._alarms.results.items():
            self.meter.total("ess_clear_faults_total", self.actor_id, result, value=count)
        return super().snapshot()

    def _emit(self, messages: list[Message]) -> None:
        self.post_all(messages)
        self.wake_at(self._alarms.next_due(), "clear")
