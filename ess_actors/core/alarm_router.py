"""One instance's alarm router: what it, its devices, operators and the other routers say of alarms, put together."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from ess_actors.core import alarm_holding as holding
from ess_actors.core.alarm_clear import Clears, texts
from ess_actors.core.alarm_list import AlarmList
from ess_actors.core.alarm_orders import Orders
from ess_actors.core.alarm_peers import EVERY_ROUTER, Peers
from ess_actors.core.alarm_record import FAULT, Step
from ess_actors.core.alarm_state import Event, State
from ess_actors.core.alarm_telling import Telling
from ess_actors.core.first_out import Known, cause_of, known_of, leads
from ess_actors.core.messages import Message, instance_of, reply_to

_ALARM: Final = "alarm "
_PEER: Final = "peer "
_HELD: Final = "untold "


class AlarmRouter:
    """Pure. `now` is monotonic seconds, `wall` unix seconds; what follows is returned as messages, and what must be
    kept for the next life as `changes`."""

    def __init__(self, instance: str, peers: Iterable[str] = ()) -> None:
        """`peers` = names of all instances of the site, this one may be among them."""
        self.instance = instance
        self.uri = f"/alarm_router/{instance}"
        self.subscriptions = (self.uri, EVERY_ROUTER)
        self.list = AlarmList(instance)
        self.peers = Peers(instance, peers)
        self.clears = Clears(instance, self._name_of)
        self.orders = Orders(instance, self.list)
        self._telling = Telling(self.uri, self.list, self.peers)
        self._changes: dict[str, object] = {}
        self._ahead = 0.0
        """Unix minus monotonic seconds."""

    # --- life -------------------------------------------------------------------------------------------------

    def begin(self, state: Mapping[str, object], now: float, wall: float) -> list[str]:
        """Go on from what an earlier life kept; keys of what could not be used."""
        self.peers.begin(now, wall)
        own = {key.removeprefix(_ALARM): kept for key, kept in state.items() if key.startswith(_ALARM)}
        for key, kept in state.items():
            if key.startswith(_PEER):
                self.peers.restore(key.removeprefix(_PEER), kept)
            elif key.startswith(_HELD):
                self._telling.restore(key.removeprefix(_HELD), kept, now)
        wrong = self.list.restore(own)
        self._settle(now, wall)
        return wrong

    def changes(self) -> dict[str, object]:
        """What has changed since the last call: key -> value, None = gone."""
        taken, self._changes = self._changes, {}
        return taken

    def state(self) -> dict[str, object]:
        """All that is to be kept."""
        own = {_ALARM + identity: kept for identity, kept in self.list.all().items()}
        held = {_HELD + identity: kept for identity, kept in self._telling.waiting().items()}
        return {**own, **held, **{_PEER + name: list(peer.alarms) for name, peer in self.peers.known.items()}}

    def belong(self, everybody: Collection[str], now: float, wall: float) -> list[Message]:
        """All actors that the site has, running or not."""
        return self._publish(holding.part(self.list, everybody, wall), now) + self._settle(now, wall)

    def running(self, actors: Iterable[str], now: float) -> None:
        """Who runs, of the whole site."""
        self.peers.running(actors, now)

    # --- what happens -----------------------------------------------------------------------------------------

    def handle(self, message: Message, now: float, wall: float) -> list[Message]:
        """Take what the instance, its devices, operators and the other routers say. Unknown kinds are ignored."""
        if message.method == "get":
            return self._answer(message, now)
        try:
            body = orjson.loads(message.body)
        except orjson.JSONDecodeError:
            return []
        out: list[Message] = []
        if message.uri == self.uri + "/device":
            out = self.clears.device(message, body, now, wall)
        elif not isinstance(body, dict):
            return []
        elif message.uri == self.uri + "/order":
            out = self._ordered(message, body, now, wall)
        elif instance_of(message.sender):
            # Only instances and their routers speak of alarms; an operator asks for a clear at the instance.
            if message.uri == EVERY_ROUTER:
                out = self._heard(message, body, now, wall)
            elif message.uri == self.uri:
                out = self._told(message, body, now, wall)
        return out + self._settle(now, wall)

    def tick(self, now: float, wall: float) -> list[Message]:
        """Delays, shelves and time-outs that are over, and the beat to the other routers."""
        out = self._publish(self.list.tick(wall), now)
        out += self.clears.tick(now) + self.orders.tick(now)
        out += self._telling.tick(now)
        return out + self._settle(now, wall)

    def next_due(self) -> float | None:
        """Monotonic seconds of the next thing `tick` does."""
        timed = self.list.due()
        times = [
            timed - self._ahead if timed is not None else None,
            self.clears.due(),
            self.orders.due(),
            self.peers.due(self.list.version),
            self._telling.due(),
        ]
        return min((time for time in times if time is not None), default=None)

    def alarms(self, now: float) -> list[dict[str, Any]]:
        """The alarms of the whole site as JSON, the newest first."""
        return self.peers.combined([alarm.as_json() for alarm in self.list.listed()], now)

    def active_by_severity(self) -> dict[str, int]:
        """Own alarms in the list (active or latched), by `fault` and `alarm`."""
        counts = {"fault": 0, "alarm": 0}
        for alarm in self.list.listed():
            counts[alarm.type] += 1
        return counts

    # --- details ----------------------------------------------------------------------------------------------

    def _told(self, message: Message, body: dict[str, Any], now: float, wall: float) -> list[Message]:
        """The instance speaks."""
        match body.get("kind"):
            case "raised":
                alarm, steps = self.list.raised(body, wall)
                if not body.get("again"):
                    self.clears.raised(alarm.source)
                return self._publish(steps, now)
            case "normal":
                source = body.get("source")
                out = self._publish(self.list.normal(source, wall), now)
                return out + (self.clears.returned(source, now) if isinstance(source, str) else [])
            case "cleared":
                by = self.clears.ordered_by(message.command) or str(body.get("by") or "")
                stood, steps = self.list.cleared(texts(body.get("sources")), body.get("type"), wall, by)
                self.clears.stood(message.command, stood, now, wall)
                return self._publish(steps, now)
            case "clear":
                gone, steps = holding.clear(self.list, wall, self.clears.ordered_by(message.command))
                self.clears.stood(message.command, gone, now, wall)
                out = self._publish(steps, now)
                return out + self.clears.cleared(message.command, body, now, wall)
            case holding.KIND if instance_of(message.sender) == self.instance:
                held, unknown = body.get("held"), body.get("unknown")
                return self._publish(holding.tell(self.list, message.sender, held, unknown, wall), now)
            case "suppressed":
                return self._publish(
                    self.list.suppressed(body.get("source"), body.get("on") is True, wall), now
                )
            case "stands":
                told = body.get("told")
                rows = told if isinstance(told, list) else []
                return self._publish(self.list.reconcile(rows, texts(body.get("present")), wall), now)
        return []

    def _heard(self, message: Message, body: dict[str, Any], now: float, wall: float) -> list[Message]:
        """Another router speaks."""
        match body.get("kind"):
            case "outcome":
                return self.clears.outcome(message.command, body, now, wall)
            case "list":
                out, fresh = self.peers.heard(body, now)
                return out + (self._compare(str(body.get("instance")), now, wall) if fresh else [])
            case "ask":
                self.peers.asked(body)
            case "order":
                out, steps = self.orders.shared(message.command, body, wall)
                return self._publish(steps, now) + out
            case "ordered":
                return self.orders.outcome(message.command, body)
            case "announced":
                by, origin = str(body.get("by") or ""), str(body.get("origin") or "")
                self.clears.announced(message.command, by, origin, now, wall)
        return []

    def _ordered(self, message: Message, body: dict[str, Any], now: float, wall: float) -> list[Message]:
        if body.get("verb") == "clear":
            # Who orders a clear says so first; the clear itself goes the way of every clear.
            by, origin = str(body.get("by") or ""), str(body.get("origin") or "")
            self.clears.announced(message.command, by, origin, now, wall)
            told = {"kind": "announced", "instance": self.instance, "by": by, "origin": origin}
            out = [Message("set", EVERY_ROUTER, orjson.dumps(told), hops=1, command=message.command)]
            answer = {"status": "ok", "command": message.command, "results": {}, "text": "noted"}
            if message.replyto or message.explain:
                out.append(reply_to(message, orjson.dumps(answer)))
            return out
        silent = self.peers.silent(now)
        heard = [name for name in self.peers.known if name not in silent]
        out, steps = self.orders.order(message, body, heard, now, wall)
        return self._publish(steps, now) + out

    def _publish(self, steps: list[Step], now: float) -> list[Message]:
        for step in steps:
            if step.event is Event.RAISE:
                alarm = self.list.alarms[step.id]
                alarm.leader = alarm.type == FAULT and leads(self._faults(), alarm.id)
                if alarm.rules.consequence_of:
                    alarm.cause = cause_of(alarm.as_json(), self._times())
        return self._telling.of(steps, now)

    def _faults(self) -> Iterator[tuple[str, str]]:
        """Id and state of every fault of the site."""
        yield from ((a.id, a.state.value) for a in self.list.alarms.values() if a.listed and a.type == FAULT)
        for peer in self.peers.known.values():
            yield from ((a["id"], a["state"]) for a in peer.alarms if a["type"] == FAULT)

    def _times(self) -> Iterator[Known]:
        """When every alarm of the site was raised."""
        inf = float("inf")
        for a in self.list.alarms.values():
            if a.listed:
                yield a.since, a.id, a.source, inf if a.active else a.ended
        for peer in self.peers.known.values():
            yield from map(known_of, peer.alarms)

    def _compare(self, name: str, now: float, wall: float) -> list[Message]:
        """Another router's list: what was acknowledged there is acknowledged, and a cause may have come late."""
        told = {alarm["id"]: alarm for alarm in self.peers.known[name].alarms}
        steps: list[Step] = []
        self._telling.heard(name, told)
        for alarm in self.list.listed():
            other = told.get(alarm.id)
            seen = other and other.get("acknowledged")
            if isinstance(seen, dict) and alarm.state in (State.UNACKNOWLEDGED, State.RETURNED):
                at = seen.get("at")
                if isinstance(at, (int, float)) and at >= alarm.called:
                    steps += alarm.acknowledge(wall, str(seen.get("by") or ""))
                    self.list.changed(alarm)
            if not alarm.cause and alarm.rules.consequence_of:
                alarm.cause = cause_of(alarm.as_json(), self._times())
                if alarm.cause:
                    self.list.changed(alarm)
        return self._publish(steps, now)

    def _settle(self, now: float, wall: float) -> list[Message]:
        """After everything: what is to be kept, and the beat."""
        self._ahead = wall - now
        self._changes.update((_ALARM + key, kept) for key, kept in self.list.changes().items())
        self._changes.update((_PEER + name, kept) for name, kept in self.peers.changes.items())
        self._changes.update((_HELD + key, kept) for key, kept in self._telling.changes.items())
        self.peers.changes.clear()
        self._telling.changes.clear()
        return self.peers.beat(
            self.list.version, lambda: [alarm.as_json() for alarm in self.list.listed()], now
        )

    def _name_of(self, source: str) -> str:
        """The name of the alarm of a source; of those known here, else of those of the others."""
        for alarm in self.list.alarms.values():
            if alarm.source == source:
                return alarm.rules.name
        for peer in self.peers.known.values():
            for told in peer.alarms:
                if told["source"] == source:
                    return str(told.get("name") or "")
        return ""

    def _answer(self, message: Message, now: float) -> list[Message]:
        if not (message.replyto or message.explain):
            return []
        body = {
            "instance": self.instance,
            "alarms": self.alarms(now),
            "last_clear": self.clears.last,
            "last_orders": self.orders.last,
            "silent": self.peers.silent(now),
        }
        return [reply_to(message, orjson.dumps(body))]
