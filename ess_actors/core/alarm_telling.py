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
        self._held: dict[str, tuple[float, list[dict[str, object]]]] = {}
        """Id of an alarm of another instance -> until when its transitions wait, and they."""
        self._copies: set[str] = set()
        """Alarms of other instances that those tell of themselves, until they are normal here."""
        self.changes: dict[str, object] = {}
        """Id -> the bodies that wait, None = no more: they must outlive the router."""

    def restore(self, identity: str, kept: object, now: float) -> None:
        """What an earlier life had still to tell."""
        bodies = [body for body in kept if isinstance(body, dict)] if isinstance(kept, list) else []
        if bodies:
            self._held[identity] = now + _GRACE_S, bodies

    def waiting(self) -> dict[str, object]:
        """Id -> the bodies that wait."""
        return {identity: list(bodies) for identity, (_, bodies) in self._held.items()}

    def of(self, steps: list[Step], now: float) -> list[Message]:
        """What is published of these steps now."""
        out: list[Message] = []
        for step in steps:
            alarm = self._alarms.alarms[step.id]
            home = self._peers.known.get(alarm.instance)
            if home is None or home.silent(now):
                out += [*self._release(step.id), self._message(_body(step, alarm))]
            elif step.id in self._held or not self._told_by_home(alarm, now):
                _, bodies = self._held.setdefault(step.id, (now + _GRACE_S, []))
                bodies.append(_body(step, alarm))
                self.changes[step.id] = list(bodies)
            if alarm.state is State.NORMAL and step.id not in self._held:
                self._copies.discard(step.id)
        return out

    def _told_by_home(self, alarm: Alarm, now: float) -> bool:
        if alarm.id not in self._copies and self._peers.told_by_home(alarm, now):
            self._copies.add(alarm.id)
        return alarm.id in self._copies

    def _release(self, identity: str) -> list[Message]:
        if identity not in self._held:
            return []
        self.changes[identity] = None
        return [self._message(body) for body in self._held.pop(identity)[1]]

    def heard(self, name: str, told: Container[str]) -> None:
        """Another instance lists these alarms: of its own it tells itself."""
        for identity in [i for i in self._held if i in told]:
            alarm = self._alarms.alarms.get(identity)
            if alarm is None or alarm.instance == name:
                self._release(identity)
                if alarm is not None and alarm.listed:
                    self._copies.add(identity)

    def tick(self, now: float) -> list[Message]:
        """Nobody else told of these."""
        out: list[Message] = []
        for identity in [i for i, (until, _) in self._held.items() if until <= now]:
            out += self._release(identity)
        return out

    def due(self) -> float | None:
        """When `tick` has something to do."""
        return min((until for until, _ in self._held.values()), default=None)

    def _message(self, body: dict[str, object]) -> Message:
        return Message("pub", self._uri, orjson.dumps(body), hops=1)


def _body(step: Step, alarm: Alarm) -> dict[str, object]:
    return {
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
