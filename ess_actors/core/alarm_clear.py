"""A clear as a transaction over instances and devices: who ordered it, who answered, what is still not normal."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from ess_actors.core.alarm_peers import EVERY_ROUTER
from ess_actors.core.alarm_rules import in_words
from ess_actors.core.messages import Message

DEVICE_LIMIT_S: Final = 1.5
"""How long devices may take to answer their clear pulse before the instance reports without them."""
MEMBER_LIMIT_S: Final = 3.0
"""How long the other instances may take; longer than DEVICE_LIMIT_S, which they wait for."""
_REMEMBERED: Final = 64
_NAMED: Final = 3
"""Alarms that a text names; of more it tells the number."""
_DONE: Final = ("ok", "verified", "clamped")
"""Statuses of a device's answer that mean: the pulse was written."""
_REACHED: Final = {
    "cleared": "",
    "still active": "its source is not normal",
    "no answer in time": f"its alarm router did not answer within {MEMBER_LIMIT_S:g} s",
}


@dataclass(slots=True)
class _Clear:
    """One clear command on its way through the instances."""

    command: str
    started: float
    at: float
    """Unix seconds."""
    by: str = ""
    origin: str = ""
    asset: str = ""
    """The asset whose lists were cleared here, and whose status shows the result."""
    root: bool | None = None
    """This instance was asked first and owes the result; None = only another's outcome was heard so far."""
    own_done: bool = False
    members: set[str] = field(default_factory=set)
    outcomes: dict[str, list[str]] = field(default_factory=dict)
    """Instance -> sources that are still not normal."""
    stood: set[str] = field(default_factory=set)
    """Ids of what stood in the lists."""
    devices: dict[str, str] = field(default_factory=dict)
    """Uri of the device's clear point -> status of its answer, empty while it is awaited."""
    returned: set[str] = field(default_factory=set)
    """Sources that went back to normal since: a device needs a moment to obey."""
    again: set[str] = field(default_factory=set)
    """Sources raised anew since, because a device was read before it obeyed: latched until the next clear."""
    finished: bool = False

    def active(self, of: str = "") -> list[str]:
        """Sources that are still not normal, of one instance or of all."""
        told = {source for name, told in self.outcomes.items() if of in ("", name) for source in told}
        return sorted((told - self.returned) | (told & self.again))


class Clears:
    """The clears that one router takes part in. `now` = monotonic seconds, `wall` = unix seconds."""

    def __init__(self, instance: str, named: Callable[[str], str]) -> None:
        """`named` gives the name of the alarm of a source, empty when there is none."""
        self.instance = instance
        self.uri = f"/alarm_router/{instance}"
        self.results = {"complete": 0, "incomplete": 0}
        self.last: dict[str, Any] | None = None
        self._named = named
        self._clears: dict[str, _Clear] = {}

    def announced(self, command: str, by: str, origin: str, now: float, wall: float) -> None:
        """Who orders the clear with this command id, and from where; the order itself goes its usual way."""
        clear = self._transaction(command, now, wall)
        clear.by, clear.origin = by, origin

    def ordered_by(self, command: str) -> str:
        """Who ordered it, as far as it is known."""
        clear = self._clears.get(command)
        return clear.by if clear is not None else ""

    def stood(self, command: str, ids: Iterable[str], now: float, wall: float) -> None:
        """What stood in the lists that this clear has emptied here."""
        if command:
            self._transaction(command, now, wall).stood.update(ids)

    def raised(self, source: str) -> None:
        for clear in self._clears.values():
            if not clear.finished and clear.own_done:
                clear.again.add(source)

    def returned(self, source: str, now: float) -> list[Message]:
        out: list[Message] = []
        for clear in self._clears.values():
            if not clear.finished:
                clear.returned.add(source)
                out += self._progress(clear, now) if clear.own_done else []
        return out

    def cleared(self, command: str, body: Mapping[str, Any], now: float, wall: float) -> list[Message]:
        """The own instance has done its part."""
        clear = self._transaction(command, now, wall)
        if clear.finished:
            return []
        clear.own_done = True
        clear.root = bool(body.get("root"))
        clear.asset = str(body.get("asset") or self.instance)
        clear.by = clear.by or str(body.get("by") or "")
        clear.members.add(self.instance)
        clear.members.update(texts(body.get("instances")))
        clear.outcomes[self.instance] = texts(body.get("remaining"))
        for uri in texts(body.get("devices")):
            clear.devices.setdefault(uri, "")
        return self._progress(clear, now)

    def device(self, message: Message, body: Any, now: float, wall: float) -> list[Message]:
        """A device answered. A quick one answers before the instance has told of the clear."""
        clear = self._transaction(message.command, now, wall)
        if clear.finished:
            return []
        status = message.status or (
            body.get("status") or body.get("_status") if isinstance(body, dict) else ""
        )
        clear.devices[message.corr] = str(status or "ok")
        return self._progress(clear, now) if clear.own_done else []

    def outcome(self, command: str, body: Mapping[str, Any], now: float, wall: float) -> list[Message]:
        """Another instance has done its part."""
        if body.get("instance") == self.instance:
            return []
        clear = self._transaction(command, now, wall)
        if clear.finished:
            return []
        clear.outcomes[str(body.get("instance"))] = texts(body.get("remaining"))
        clear.stood.update(texts(body.get("stood")))
        devices = body.get("devices")
        for uri, status in devices.items() if isinstance(devices, dict) else ():
            clear.devices[uri] = str(status)
        return self._progress(clear, now) if clear.own_done else []

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

    def due(self) -> float | None:
        """Monotonic seconds of the next time-out."""
        waiting = [c for c in self._clears.values() if not c.finished]
        limits = [
            c.started + (DEVICE_LIMIT_S if any(not s for s in c.devices.values()) else MEMBER_LIMIT_S)
            for c in waiting
        ]
        return min(limits, default=None)

    def _progress(self, clear: _Clear, now: float) -> list[Message]:
        if not all(clear.devices.values()):
            return []
        if not clear.root:
            clear.finished = True
            outcome = {
                "kind": "outcome",
                "instance": self.instance,
                "remaining": clear.outcomes[self.instance],
                "stood": sorted(clear.stood),
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
        counted = "; ".join([f"{answered} of {len(clear.members)}", *remarks])
        self.results["incomplete" if silent or refused else "complete"] += 1
        text = self._text(clear, active, silent)
        self.last = {
            "command": clear.command,
            "by": clear.by,
            "origin": clear.origin,
            "at": clear.at,
            "asked": len(clear.members),
            "answered": answered,
            "members": [self._member(clear, name) for name in sorted(clear.members)],
            "devices": dict(clear.devices),
            "remaining": active,
            "result": counted,
            "text": text,
        }
        status = {
            "ClearFaultsResult": counted,
            "ClearFaultsMembers": len(clear.members),
            "ClearFaultsAnswered": answered,
        }
        event = {
            "source": self.instance,
            "message": f"clear_faults: {counted} ({text})",
            "severity": 3 if remarks else 2,
        }
        ambient = {"hops": 1, "command": clear.command}
        return [
            Message("set", f"/{self.instance}/status/{clear.asset}", orjson.dumps(status), **ambient),  # type: ignore[arg-type]
            Message("pub", self.uri + "/result", orjson.dumps(self.last), **ambient),  # type: ignore[arg-type]
            Message("post", "/events", orjson.dumps(event), **ambient),  # type: ignore[arg-type]
        ]

    @staticmethod
    def _member(clear: _Clear, name: str) -> dict[str, Any]:
        remaining = clear.active(name) if name in clear.outcomes else []
        outcome = (
            "still active" if remaining else "cleared" if name in clear.outcomes else "no answer in time"
        )
        return {"instance": name, "outcome": outcome, "remaining": remaining, "because": _REACHED[outcome]}

    def _text(self, clear: _Clear, active: list[str], silent: list[str]) -> str:
        """The result in words: "14 of 15 cleared; BMS_2 over temperature still active"."""
        sources = {identity.split(":", 2)[-1] for identity in clear.stood}
        total = len(sources | set(active))
        parts = [f"{total - len(active)} of {total} cleared" if total else "nothing to clear"]
        names = list(dict.fromkeys(self._named(source) or in_words(source) for source in active))
        more = len(names) - _NAMED
        if names:
            listed = names[:_NAMED] + ([f"{more} more"] if more > 0 else [])
            parts.append(" and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]])) + " still active")
        parts += [f"{name} gave no answer in time" for name in silent]
        for uri, status in sorted(clear.devices.items()):
            if status not in _DONE:
                parts.append(f"the clear pulse to {'/'.join(uri.split('/')[2:4])} failed ({status})")
        return "; ".join(parts)

    def _transaction(self, command: str, now: float, wall: float) -> _Clear:
        clear = self._clears.get(command)
        if clear is None:
            while len(self._clears) >= _REMEMBERED:
                del self._clears[next(iter(self._clears))]
            clear = self._clears[command] = _Clear(command, now, wall)
        return clear


def texts(value: object) -> list[str]:
    """The texts of a list; what else a sender may put there is left out."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
