"""Which router tells of a transition: of an alarm that two instances know, the one in which it began."""

from collections.abc import Container
from typing import Final

import orjson

from ess_actors.core.alarm_list import AlarmList
from ess_actors.core.alarm_peers import Peers
from ess_actors.core.alarm_record import Alarm, Step
from ess_actors.core.alarm_state import State
from ess_actors.core.messages import Message

_GRACE_S: Final = 1.0
"""So long a router waits whether the instance an alarm began in tells of it itself, before it does."""


class Telling:
    """The transitions that one router publishes. `now` = monotonic seconds."""

    def __init__(self, uri: str, alarms: AlarmList, peers: Peers) -> None:
        self._uri = uri
        self._alarms = alarms
        self._peers = peers
        self._held: dict[str, tuple[float, list[Message]]] = {}
        """Id of an alarm of another instance -> until when its transitions wait, and they."""
        self._copies: set[str] = set()
        """Alarms of other instances that those tell of themselves, until they are normal here."""

    def of(self, steps: list[Step], now: float) -> list[Message]:
        """What is published of these steps now."""
        out: list[Message] = []
        for step in steps:
            alarm = self._alarms.alarms[step.id]
            home = self._peers.known.get(alarm.instance)
            if home is None or home.silent(now):
                waited = self._held.pop(step.id, None)
                out += [*(waited[1] if waited else ()), self._message(step, alarm)]
            elif step.id in self._held:
                self._held[step.id][1].append(self._message(step, alarm))
            elif step.id not in self._copies:
                if self._peers.told_by_home(alarm, now):
                    self._copies.add(step.id)
                else:
                    self._held[step.id] = now + _GRACE_S, [self._message(step, alarm)]
            if alarm.state is State.NORMAL and step.id not in self._held:
                self._copies.discard(step.id)
        return out

    def heard(self, name: str, told: Container[str]) -> None:
        """Another instance lists these alarms: of its own it tells itself."""
        for identity in [i for i in self._held if i in told]:
            alarm = self._alarms.alarms.get(identity)
            if alarm is None or alarm.instance == name:
                del self._held[identity]
                if alarm is not None and alarm.listed:
                    self._copies.add(identity)

    def tick(self, now: float) -> list[Message]:
        """Nobody else told of these."""
        out: list[Message] = []
        for identity in [i for i, (until, _) in self._held.items() if until <= now]:
            out += self._held.pop(identity)[1]
        return out

    def due(self) -> float | None:
        """When `tick` has something to do."""
        return min((until for until, _ in self._held.values()), default=None)

    def _message(self, step: Step, alarm: Alarm) -> Message:
        told = {
            "kind": "transition",
            "id": step.id,
            "instance": alarm.instance,
            "source": alarm.source,
            "asset": alarm.asset,
            "type": alarm.type,
            "priority": alarm.rules.priority,
            "name": alarm.rules.name,
            "event": step.event.value,
            "from": step.before.value,
            "to": step.after.value,
            "active": alarm.active,
            "at": step.at,
            "by": step.by,
            "why": step.why,
            "value": alarm.value,
            "message": alarm.message,
        }
        return Message("pub", self._uri, orjson.dumps(told), hops=1)
