"""What the other routers of the site last said, who is silent, and all their lists and the own one as one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from ess_actors.core.alarm_record import Alarm
from ess_actors.core.first_out import mark
from ess_actors.core.messages import Message

BEAT_S: Final = 1.0
"""So often a router shows that it lives; a list that changed goes sooner."""
SPACING_S: Final = 0.2
"""Lists do not go out closer together than this."""
KEEP_S: Final = 5.0
"""Their lists are saved no more often."""
SILENT_S: Final = 4.0
"""A router that is not heard for so long is silent: its alarms are uncertain."""
EVERY_ROUTER: Final = "/alarm_router/all"

Alarms = Sequence[dict[str, Any]]


class Peer:
    """One other router."""

    __slots__ = ("alarms", "asked", "heard", "kept", "kept_at", "remembered", "running", "version")

    def __init__(self, now: float) -> None:
        self.heard = now
        self.running = True
        self.version: tuple[float, int] = (0.0, -1)
        """Birth and number of the list that is known."""
        self.alarms: Alarms = ()
        self.remembered = False
        """The list is from an earlier life of this router, and no other was heard since."""
        self.asked = False
        self.kept = self.version
        self.kept_at = float("-inf")

    def silent(self, now: float) -> bool:
        return not self.running or now - self.heard > SILENT_S

    def uncertain(self, now: float) -> bool:
        """Its list may be another one by now."""
        return self.remembered or self.silent(now)


class Peers:
    """The other side of one router. `now` = monotonic seconds."""

    def __init__(self, instance: str, names: Iterable[str]) -> None:
        self.instance = instance
        self.known: dict[str, Peer] = {name: Peer(float("-inf")) for name in names if name != instance}
        self.own_running = True
        self.changes: dict[str, object] = {}
        """Name -> its list as it was heard last, to be kept over a restart."""
        self._birth = 0.0
        self._told = -1
        """The version of the own list that went out last."""
        self._sent = float("-inf")
        self._wanted = True
        self._met = False
        """It is known who runs."""
        self._ask = False

    def begin(self, now: float, wall: float) -> None:
        """Everybody has a moment to be heard of."""
        self._birth = wall
        for peer in self.known.values():
            peer.heard = max(peer.heard, now)

    def restore(self, name: str, alarms: object) -> None:
        """What it had said before this router was restarted."""
        if name in self.known and isinstance(alarms, list):
            self.known[name].alarms = [a for a in alarms if _is_alarm(a)]
            self.known[name].remembered = True

    def running(self, actors: Iterable[str], now: float) -> None:
        """Who runs, of the whole site."""
        there = set(actors)
        self.own_running = self.instance in there
        if not self._met:
            self._met = self._ask = self._wanted = True
        for name, peer in self.known.items():
            runs = name in there and f"{name}/alarms" in there
            if runs and not peer.running:
                peer.heard = now
                self._wanted = True
            peer.running = runs

    def silent(self, now: float) -> list[str]:
        """Instances whose alarms are not certain."""
        return sorted(name for name, peer in self.known.items() if peer.silent(now))

    def heard(self, body: Mapping[str, Any], now: float) -> tuple[list[Message], bool]:
        """A beat of another router: what to ask it for, and whether its list is another one than before."""
        name = str(body.get("instance"))
        peer = self.known.get(name)
        version = body.get("version")
        if peer is None or not (isinstance(version, list) and [*map(type, version)] in _VERSIONS):
            return [], False
        peer.heard = now
        if peer.kept != peer.version and now - peer.kept_at >= KEEP_S:
            peer.kept, peer.kept_at = peer.version, now
            self.changes[name] = list(peer.alarms)
        told = (float(version[0]), int(version[1]))
        alarms = body.get("alarms")
        if isinstance(alarms, list):
            peer.asked = peer.remembered = False
            if told == peer.version:
                return [], False
            peer.version = told
            peer.alarms = [a for a in alarms if _is_alarm(a)]
            return [], True
        if told != peer.version and not peer.asked:
            peer.asked = True
            return [_to_all({"kind": "ask", "instance": name})], False
        if told != peer.version:
            peer.asked = False  # the next beat asks again
        return [], False

    def asked(self, body: Mapping[str, Any]) -> None:
        """Somebody missed a list."""
        self._wanted = self._wanted or body.get("instance") == self.instance

    def beat(self, version: int, own: Callable[[], Alarms], now: float) -> list[Message]:
        """The own list when it changed or somebody wants it, else only its version, when it is time."""
        if not self.known:
            return []
        fresh = self._wanted or version != self._told
        if now < self._sent + (SPACING_S if fresh else BEAT_S):
            return []
        body: dict[str, Any] = {
            "kind": "list",
            "instance": self.instance,
            "version": [self._birth, version],
        }
        if fresh:
            body["alarms"] = list(own())
        self._told, self._wanted, self._sent = version, False, now
        return [_to_all(body), *self._first_words()]

    def _first_words(self) -> list[Message]:
        """Nobody waits for the next beat of the others to know whether what is remembered still holds."""
        ask, self._ask = self._ask, False
        names = [name for name, peer in self.known.items() if ask and peer.remembered and peer.running]
        for name in names:
            self.known[name].asked = True
        return [_to_all({"kind": "ask", "instance": name}) for name in names]

    def due(self, version: int) -> float | None:
        """When `beat` has something to send."""
        if not self.known:
            return None
        return self._sent + (SPACING_S if self._wanted or version != self._told else BEAT_S)

    def combined(self, own: Alarms, now: float) -> list[dict[str, Any]]:
        """One list of the whole site, the newest first. Every router makes the same one of the same lists.

        Of what several tell, the instance it began in counts, as long as it is heard; then the others by name.
        What only comes from one that is silent, or began in it, is uncertain, not gone.
        """
        lists: list[tuple[bool, str, Alarms]] = [(False, self.instance, own)]
        lists += [(peer.uncertain(now), name, peer.alarms) for name, peer in self.known.items()]
        quiet = {name for silent, name, _ in lists if silent}
        if not self.own_running:
            quiet.add(self.instance)
        found: dict[str, dict[str, Any]] = {}
        for silent, name, alarms in sorted(lists, key=lambda one: one[:2]):
            for alarm in alarms:
                identity = alarm["id"]
                if identity in found and (silent or alarm["instance"] != name):
                    continue
                uncertain = silent or alarm["instance"] in quiet
                found[identity] = {**alarm, "quality": "UNCERTAIN" if uncertain else "GOOD"}
        listed = sorted(found.values(), key=lambda a: (-float(a["since"]), a["id"]))
        mark(listed)
        return listed

    def told_by_home(self, alarm: Alarm, now: float) -> bool:
        """Whether the instance an alarm began in is heard and lists it itself."""
        peer = self.known.get(alarm.instance)
        return peer is not None and not peer.silent(now) and any(a["id"] == alarm.id for a in peer.alarms)


def _to_all(body: Mapping[str, Any]) -> Message:
    # Not a pub: beats are not for the journal.
    return Message("set", EVERY_ROUTER, orjson.dumps(body))


_VERSIONS: Final = ([float, int], [int, int])
_NEEDED: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("id", "instance", "source", "type", "state"), str),
    **dict.fromkeys(("since", "consequence_window_s"), (int, float)),
    "leader": bool,
    "consequence_of": list,
    "cause": (str, type(None)),
}


def _is_alarm(told: object) -> bool:
    return isinstance(told, dict) and all(isinstance(told.get(k), kind) for k, kind in _NEEDED.items())
