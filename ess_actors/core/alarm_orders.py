"""Operators' orders to alarms (acknowledge, shelve ...): carried out in every router, answered once, by one of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from ess_actors.core.alarm_clear import texts
from ess_actors.core.alarm_list import AlarmList
from ess_actors.core.alarm_peers import EVERY_ROUTER
from ess_actors.core.alarm_record import Alarm, Step
from ess_actors.core.alarm_state import LONGEST_SHELVING_MIN, State
from ess_actors.core.messages import Message, reply_to

LIMIT_S: Final = 1.5
"""How long the other routers may take."""
_REMEMBERED: Final = 64
_SHOWN: Final = 10
_NOT_FOUND: Final = "not found"
_DONE: Final = {
    "ack": "acknowledged",
    "shelve": "shelved",
    "unshelve": "taken back",
    "out_of_service": "out of service",
    "in_service": "in service",
}
"""Verb -> what an order has done, for the result and its text."""
_ALREADY: Final = "already "


@dataclass(slots=True)
class _Order:
    """One order on its way through the routers."""

    command: str
    started: float
    body: dict[str, Any]
    waiting: set[str]
    """Routers that have not answered."""
    results: dict[str, str] = field(default_factory=dict)
    asked: list[Message] = field(default_factory=list)
    answer: dict[str, Any] | None = None


class Orders:
    """The orders that one router takes part in. `now` = monotonic seconds, `wall` = unix seconds."""

    def __init__(self, instance: str, alarms: AlarmList) -> None:
        self.instance = instance
        self.last: list[dict[str, Any]] = []
        """The results of the last orders that were given here, the newest first."""
        self._alarms = alarms
        self._orders: dict[str, _Order] = {}
        self._done: dict[str, dict[str, str]] = {}
        """Command of another router's order -> what came of it here: twice is once."""
        self._count = 0

    def order(
        self, message: Message, body: Mapping[str, Any], peers: Iterable[str], now: float, wall: float
    ) -> tuple[list[Message], list[Step]]:
        """An operator's order. `peers` = the routers that are heard. The answer follows when all have done it."""
        known = self._orders.get(message.command) if message.command else None
        if known is not None:
            known.asked.append(message)
            return (self._answers(known) if known.answer is not None else []), []
        wrong = _wrong(body)
        if wrong:
            refused = {"status": "refused", "command": message.command, "results": {}, "text": wrong}
            return _replies([message], refused), []
        self._count += 1
        command = message.command or f"{self.instance}-alarms-{int(wall * 1000):x}-{self._count}"
        kept = {k: body.get(k) for k in ("verb", "ids", "all", "by", "origin", "minutes", "why")}
        order = _Order(command, now, {**kept, "at": wall}, set(peers), asked=[message])
        while len(self._orders) >= _REMEMBERED:
            del self._orders[next(iter(self._orders))]
        self._orders[command] = order
        order.results, steps = self._carry_out(order.body, wall)
        out: list[Message] = []
        if order.waiting:
            told = {"kind": "order", "instance": self.instance, **order.body}
            out.append(Message("set", EVERY_ROUTER, orjson.dumps(told), hops=1, command=command))
        else:
            out += self._finish(order)
        return out, steps

    def shared(self, command: str, body: Mapping[str, Any], wall: float) -> tuple[list[Message], list[Step]]:
        """An order that was given to another router."""
        if body.get("instance") == self.instance or _wrong(body):
            return [], []
        results = self._done.get(command)
        steps: list[Step] = []
        if results is None:
            results, steps = self._carry_out(body, wall)
            while len(self._done) >= _REMEMBERED:
                del self._done[next(iter(self._done))]
            self._done[command] = results
        told = {
            "kind": "ordered",
            "instance": self.instance,
            "root": body.get("instance"),
            "results": results,
        }
        return [Message("set", EVERY_ROUTER, orjson.dumps(told), hops=1, command=command)], steps

    def outcome(self, command: str, body: Mapping[str, Any]) -> list[Message]:
        """Another router has done an order of ours."""
        order = self._orders.get(command)
        if order is None or body.get("root") != self.instance or order.answer is not None:
            return []
        order.waiting.discard(str(body.get("instance")))
        results = body.get("results")
        for identity, result in results.items() if isinstance(results, dict) else ():
            # One that holds the alarm knows more than one that does not; a change counts more than none.
            if _weight(str(result)) > _weight(order.results.get(identity, _NOT_FOUND)):
                order.results[identity] = str(result)
            else:
                order.results.setdefault(identity, str(result))
        return [] if order.waiting else self._finish(order)

    def tick(self, now: float) -> list[Message]:
        """Answer without those who did not answer in time."""
        out: list[Message] = []
        for order in self._orders.values():
            if order.answer is None and now >= order.started + LIMIT_S:
                out += self._finish(order)
        return out

    def due(self) -> float | None:
        """Monotonic seconds of the next time-out."""
        return min((o.started + LIMIT_S for o in self._orders.values() if o.answer is None), default=None)

    # --- details ----------------------------------------------------------------------------------------------

    def _carry_out(self, body: Mapping[str, Any], wall: float) -> tuple[dict[str, str], list[Step]]:
        verb, by, why = str(body["verb"]), str(body.get("by") or ""), str(body.get("why") or "")
        ids = texts(body.get("ids"))
        if body.get("all") is True:
            ids = [alarm.id for alarm in self._alarms.listed() if _meant(verb, alarm)]
        results: dict[str, str] = {}
        steps: list[Step] = []
        for identity in dict.fromkeys(ids):
            alarm = self._alarms.alarms.get(identity)
            if alarm is None:
                results[identity] = _NOT_FOUND
                continue
            made = self._one(verb, alarm, body, by, why, wall)
            self._alarms.changed(alarm)
            steps += made
            results[identity] = _DONE[verb] if made else _unchanged(verb, alarm)
        return results, steps

    @staticmethod
    def _one(verb: str, alarm: Alarm, body: Mapping[str, Any], by: str, why: str, wall: float) -> list[Step]:
        match verb:
            case "ack":
                return alarm.acknowledge(wall, by)
            case "shelve":
                until = float(body.get("at") or wall) + 60.0 * min(
                    float(body["minutes"]), LONGEST_SHELVING_MIN
                )
                return alarm.shelve(wall, by, until, why) if until > wall else []
            case "unshelve":
                return alarm.unshelve(wall, by)
            case "out_of_service":
                return alarm.take_out(wall, by, why)
        return alarm.put_back(wall, by)

    def _finish(self, order: _Order) -> list[Message]:
        verb, results = str(order.body["verb"]), order.results
        done = sum(not r.startswith(("not ", "refused")) for r in results.values())
        parts = [f"{done} of {len(results)} {_DONE[verb]}" if results else f"nothing to be {_DONE[verb]}"]
        missing = sum(r == _NOT_FOUND for r in results.values())
        parts += [f"{missing} not found"] if missing else []
        parts += [f"{name} did not answer" for name in sorted(order.waiting)]
        complete = done == len(results) and not order.waiting
        order.answer = {
            "status": "ok" if complete else "partly" if done or not results else "refused",
            "command": order.command,
            "results": results,
            "text": "; ".join(parts),
        }
        kept = {**order.body, **order.answer, "silent": sorted(order.waiting)}
        self.last = [kept, *self.last][:_SHOWN]
        told = {"kind": "result", **kept}
        record = Message(
            "pub", f"/alarm_router/{self.instance}", orjson.dumps(told), hops=1, command=order.command
        )
        return [record, *self._answers(order)]

    @staticmethod
    def _answers(order: _Order) -> list[Message]:
        asked, order.asked = order.asked, []
        return _replies(asked, order.answer or {})


def _replies(asked: Iterable[Message], answer: Mapping[str, Any]) -> list[Message]:
    body = orjson.dumps(answer)
    return [reply_to(message, body) for message in asked if message.replyto or message.explain]


def _wrong(body: Mapping[str, Any]) -> str:
    """What the order lacks, for who gave it; empty when it can be carried out."""
    if body.get("verb") not in _DONE:
        return f"the verb must be one of {', '.join(_DONE)}"
    if body.get("all") is not True and not texts(body.get("ids")):
        return 'name alarms in "ids", or say "all": true'
    if body["verb"] == "shelve":
        minutes = body.get("minutes")
        if (
            isinstance(minutes, bool)
            or not isinstance(minutes, (int, float))
            or not 0 < minutes <= LONGEST_SHELVING_MIN
        ):
            return f'a shelf needs an end: "minutes" from 1 to {LONGEST_SHELVING_MIN:g}'
    if body["verb"] in ("shelve", "out_of_service") and not str(body.get("why") or "").strip():
        return 'say in "why" for what reason, for those who come after you'
    return ""


def _meant(verb: str, alarm: Alarm) -> bool:
    """Whether an order to all means this one."""
    match verb:
        case "ack":
            return alarm.state in (State.UNACKNOWLEDGED, State.RETURNED)
        case "unshelve":
            return alarm.state is State.SHELVED
        case "in_service":
            return alarm.state is State.OUT_OF_SERVICE
    return not alarm.hidden


def _unchanged(verb: str, alarm: Alarm) -> str:
    """Why an order changed nothing."""
    match verb:
        case "ack" if alarm.state in (State.ACKNOWLEDGED, State.LATCHED):
            return _ALREADY + _DONE[verb]
        case "unshelve" if not alarm.hidden:
            return "already not shelved"
        case "in_service" if not alarm.hidden:
            return _ALREADY + _DONE[verb]
        case "out_of_service":
            return _ALREADY + _DONE[verb]
    return f"not possible while {alarm.state.value.replace('_', ' ')}"


def _weight(result: str) -> int:
    return (
        0
        if result == _NOT_FOUND
        else 1
        if result.startswith("not ")
        else 2
        if result.startswith(_ALREADY)
        else 3
    )
