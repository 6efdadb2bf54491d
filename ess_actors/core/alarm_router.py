"""One instance's alarm list as operators see it, and who answered a clear: members counted, silence named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from ess_actors.core.messages import Message, instance_of, reply_to

EVERY_ROUTER: Final = "/alarm_router/all"
DEVICE_LIMIT_S: Final = 1.5
"""How long devices may take to answer their clear pulse before the instance reports without them."""
MEMBER_LIMIT_S: Final = 3.0
"""How long the other instances may take; longer than DEVICE_LIMIT_S, which they wait for."""
_REMEMBERED_CLEARS: Final = 64

ACTIVE: Final = "active"
RETURNED: Final = "returned"


@dataclass(slots=True)
class _Clear:
    """One clear command on its way through the instances."""

    command: str
    started: float
    asset: str = ""
    """The asset whose lists were cleared here, and whose status shows the result."""
    root: bool | None = None
    """This instance was asked first and owes the result; None = only another's outcome was heard so far."""
    own_done: bool = False
    members: set[str] = field(default_factory=set)
    outcomes: dict[str, list[str]] = field(default_factory=dict)
    """Instance -> sources that are still not normal."""
    devices: dict[str, str] = field(default_factory=dict)
    """Uri of the device's clear point -> status of its answer, empty while it is awaited."""
    returned: set[str] = field(default_factory=set)
    """Sources that went back to normal since: a device needs a moment to obey."""
    again: set[str] = field(default_factory=set)
    """Sources raised anew since, because a device was read before it obeyed: latched until the next clear."""
    finished: bool = False

    def active(self) -> list[str]:
        """Sources that are still not normal."""
        told = {source for sources in self.outcomes.values() for source in sources}
        return sorted((told - self.returned) | (told & self.again))


class AlarmRouter:
    """Pure. `handle` and `tick` take monotonic seconds (`now`) and return the messages that follow."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.uri = f"/alarm_router/{instance}"
        self.subscriptions = (self.uri, EVERY_ROUTER)
        self.alarms: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.results = {"complete": 0, "incomplete": 0}
        self.last_clear: dict[str, Any] | None = None
        self._clears: dict[str, _Clear] = {}

    def handle(self, message: Message, now: float, wall: float) -> list[Message]:
        """Take what the instance, its devices and the other routers say. Unknown kinds are ignored."""
        if message.method == "get":
            return self._answer(message)
        try:
            body = orjson.loads(message.body)
        except orjson.JSONDecodeError:
            return []
        if message.uri == self.uri + "/device":
            return self._device_answered(message, body, now)
        if not isinstance(body, dict) or not instance_of(message.sender):
            return []  # only instances and their routers speak of alarms; an operator asks for a clear at the instance
        match body.get("kind"):
            case "raised":
                self._raise(body, wall)
            case "normal":
                return self._returned(body.get("source"), now)
            case "cleared":
                sources = set(_texts(body.get("sources")))
                kind = body.get("type")
                for key in [k for k in self.alarms if k[1] in sources and k[2] == kind]:
                    del self.alarms[key]
            case "clear":
                return self._clear(message.command, body, now)
            case "outcome":
                return self._outcome(message.command, body, now)
        return []

    def tick(self, now: float) -> list[Message]:
        """Give up on those who did not answer in time."""
        out: list[Message] = []
        for clear in list(self._clears.values()):
            if clear.finished:
                continue
            if clear.own_done and now >= clear.started + DEVICE_LIMIT_S:
                for uri, status in clear.devices.items():
                    clear.devices[uri] = status or "no answer"
                out += self._progress(clear, now)
            if not clear.finished and now >= clear.started + MEMBER_LIMIT_S:
                out += self._finish(clear) if clear.root else []
                clear.finished = True
        return out

    def next_due(self) -> float | None:
        """Monotonic seconds of the next time-out."""
        waiting = [c for c in self._clears.values() if not c.finished]
        limits = [
            c.started + (DEVICE_LIMIT_S if any(not s for s in c.devices.values()) else MEMBER_LIMIT_S)
            for c in waiting
        ]
        return min(limits, default=None)

    def active_by_severity(self) -> dict[str, int]:
        """Alarms in the list (active or latched), by `fault` and `alarm`."""
        counts = {"fault": 0, "alarm": 0}
        for alarm in self.alarms.values():
            counts[alarm["type"]] = counts.get(alarm["type"], 0) + 1
        return counts

    def _raise(self, body: Mapping[str, Any], wall: float) -> None:
        kind = "fault" if body.get("type") == "fault" else "alarm"
        instance = str(body.get("instance", self.instance))
        source = str(body.get("source", ""))
        known = self.alarms.get((instance, source, kind))
        for clear in self._clears.values():
            if not clear.finished and clear.own_done:
                clear.again.add(source)
        self.alarms[instance, source, kind] = {
            "instance": instance,
            "type": kind,
            "severity": body.get("severity"),
            "asset": body.get("asset"),
            "source": source,
            "message": body.get("message"),
            "value": body.get("value"),
            "state": ACTIVE,
            "since": known["since"] if known else _number(body.get("since"), wall),
            "count": known["count"] + 1 if known else int(_number(body.get("count"), 1)),
        }

    def _returned(self, source: object, now: float) -> list[Message]:
        """A source is normal again: its entry stays until it is cleared, and a clear need not name it."""
        for alarm in self.alarms.values():
            if alarm["source"] == source:
                alarm["state"] = RETURNED
        out: list[Message] = []
        for clear in self._clears.values():
            if not clear.finished and isinstance(source, str):
                clear.returned.add(source)
                out += self._progress(clear, now) if clear.own_done else []
        return out

    def _clear(self, command: str, body: Mapping[str, Any], now: float) -> list[Message]:
        clear = self._transaction(command, now)
        if clear.finished:
            return []
        clear.own_done = True
        clear.root = bool(body.get("root"))
        clear.asset = str(body.get("asset") or self.instance)
        clear.members.add(self.instance)
        clear.members.update(_texts(body.get("instances")))
        clear.outcomes[self.instance] = _texts(body.get("remaining"))
        for uri in _texts(body.get("devices")):
            clear.devices.setdefault(uri, "")
        return self._progress(clear, now)

    def _device_answered(self, message: Message, body: Any, now: float) -> list[Message]:
        # A quick device answers before the instance has told of the clear: the answer opens the transaction.
        clear = self._transaction(message.command, now)
        if clear.finished:
            return []
        status = message.status or (
            body.get("status") or body.get("_status") if isinstance(body, dict) else ""
        )
        clear.devices[message.corr] = str(status or "ok")
        return self._progress(clear, now) if clear.own_done else []

    def _outcome(self, command: str, body: Mapping[str, Any], now: float) -> list[Message]:
        if body.get("instance") == self.instance:
            return []
        clear = self._transaction(command, now)
        if clear.finished:
            return []
        clear.outcomes[str(body.get("instance"))] = _texts(body.get("remaining"))
        devices = body.get("devices")
        for uri, status in devices.items() if isinstance(devices, dict) else ():
            clear.devices[uri] = str(status)
        return self._progress(clear, now) if clear.own_done else []

    def _progress(self, clear: _Clear, now: float) -> list[Message]:
        if not all(clear.devices.values()):
            return []
        if not clear.root:
            clear.finished = True
            outcome = {
                "kind": "outcome",
                "instance": self.instance,
                "remaining": clear.outcomes[self.instance],
                "devices": clear.devices,
            }
            return [Message("pub", EVERY_ROUTER, orjson.dumps(outcome), hops=1, command=clear.command)]
        if clear.members <= clear.outcomes.keys() and (
            not clear.active() or now >= clear.started + MEMBER_LIMIT_S
        ):
            return self._finish(clear)
        return []

    def _finish(self, clear: _Clear) -> list[Message]:
        clear.finished = True
        silent = sorted(clear.members - clear.outcomes.keys())
        answered = len(clear.members) - len(silent)
        refused = sorted(f"{uri}: {status}" for uri, status in clear.devices.items() if status not in _DONE)
        active = clear.active()
        remarks = [f"{name} did not answer" for name in silent] + refused
        if active:
            remarks.append("still active: " + ", ".join(active))
        text = "; ".join([f"{answered} of {len(clear.members)}", *remarks])
        self.results["incomplete" if silent or refused else "complete"] += 1
        self.last_clear = {
            "command": clear.command,
            "result": text,
            "members": sorted(clear.members),
            "silent": silent,
            "devices": dict(clear.devices),
            "remaining": active,
        }
        status = {
            "ClearFaultsResult": text,
            "ClearFaultsMembers": len(clear.members),
            "ClearFaultsAnswered": answered,
        }
        event = {"source": self.instance, "message": f"clear_faults: {text}", "severity": 3 if remarks else 2}
        ambient = {"hops": 1, "command": clear.command}
        return [
            Message("set", f"/{self.instance}/status/{clear.asset}", orjson.dumps(status), **ambient),  # type: ignore[arg-type]
            Message("pub", self.uri + "/result", orjson.dumps(self.last_clear), **ambient),  # type: ignore[arg-type]
            Message("post", "/events", orjson.dumps(event), **ambient),  # type: ignore[arg-type]
        ]

    def _transaction(self, command: str, now: float) -> _Clear:
        clear = self._clears.get(command)
        if clear is None:
            while len(self._clears) >= _REMEMBERED_CLEARS:
                del self._clears[next(iter(self._clears))]
            clear = self._clears[command] = _Clear(command, now)
        return clear

    def _answer(self, message: Message) -> list[Message]:
        if not (message.replyto or message.explain):
            return []
        body = {
            "instance": self.instance,
            "alarms": list(self.alarms.values()),
            "last_clear": self.last_clear,
        }
        return [reply_to(message, orjson.dumps(body))]


def _number(value: object, otherwise: float) -> float:
    """What an instance that tells its list again says of an entry, else what is known here."""
    return float(value) if isinstance(value, (int, float)) else otherwise


def _texts(value: object) -> list[str]:
    """The texts of a list; what else a sender may put there is left out."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


_DONE: Final = ("ok", "verified", "clamped")
"""Statuses of a device's answer that mean: the pulse was written."""
