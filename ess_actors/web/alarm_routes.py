"""Alarms over HTTP: the list, orders to single alarms, a clear with its result, figures, history."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.alarm_history import TransitionFilter
from ess_actors.core.alarm_state import LONGEST_SHELVING_MIN
from ess_actors.core.roles import Role
from ess_actors.web import incoming
from ess_actors.web.answers import Refusal, complete, json_answer
from ess_actors.web.bridge import AlarmDesk
from ess_actors.web.guard import in_time
from ess_actors.web.served import FLAG, OBJECT, TEXT, Endpoint, Schema, Served, many, one_of, shape, whole

PRIORITIES: Final = ("critical", "high", "medium", "low")
_MOST_IDS: Final = 10_000
_LONGEST_WHY: Final = 500
_MOST_ROWS: Final = 10_000

_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "ack": frozenset({"ids", "all"}),
    "shelve": frozenset({"ids", "minutes", "why"}),
    "unshelve": frozenset({"ids"}),
    "out_of_service": frozenset({"ids", "why"}),
    "in_service": frozenset({"ids"}),
}
"""Verb -> what its body may have."""


def alarm_routes(desk: AlarmDesk) -> list[Served]:
    """GET and POST at and below /api/alarms."""
    api = _AlarmApi(desk)
    late = {503: "it is not running", 504: "nobody answered in time"}
    done = {404: "no such alarm", 408: "the body came too slowly", 409: "refused", 413: "too large", **late}
    ids, why = many(TEXT), {"type": "string", "minLength": 1, "maxLength": _LONGEST_WHY}
    outcome = shape({"status": TEXT, "results": OBJECT, "text": TEXT})
    times = {"since": TEXT, "until": TEXT, "instance": TEXT, "text": TEXT, "limit": whole(1, _MOST_ROWS)}
    minutes = {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_SHELVING_MIN}

    def order(verb: str, role: Role, endpoint: Endpoint, summary: str, body: Schema) -> Served:
        return Served("POST", f"/api/alarms/{verb}", role, endpoint, summary, outcome, body=body, codes=done)

    return [
        Served(
            "GET", "/api/alarms", Role.VIEWER, api.listed, "The alarms of all instances",
            shape({"alarms": many(OBJECT), "flood": FLAG, "unknown": many(TEXT)}), codes=late,
        ),
        Served("GET", "/api/alarms/figures", Role.VIEWER, api.figures, "Rates, floods, the most frequent", codes=late),
        Served(
            "GET", "/api/alarms/history", Role.VIEWER, api.history, "Steps of alarms from state to state, newest first",
            shape({"transitions": many(OBJECT)}), query={**times, "priority": one_of(*PRIORITIES)}, codes=late,
        ),
        order("ack", Role.OPERATOR, api.ack, "Acknowledge alarms", shape({}, {"ids": ids, "all": FLAG})),
        order(
            "shelve", Role.OPERATOR, api.shelve, "Put alarms aside for a while",
            shape({"ids": ids, "minutes": minutes, "why": why}),
        ),
        order("unshelve", Role.OPERATOR, api.unshelve, "Take alarms back before that", shape({"ids": ids})),
        order(
            "out_of_service", Role.ENGINEER, api.out_of_service, "Take alarms out of service",
            shape({"ids": ids, "why": why}),
        ),
        order("in_service", Role.ENGINEER, api.in_service, "Take alarms back into service", shape({"ids": ids})),
        Served(
            "POST", "/api/alarms/clear", Role.OPERATOR, api.clear,
            "Clear the faults of an asset, or of the whole site, and wait for every member's answer",
            body=shape({}, {"asset": TEXT}), codes=done,
        ),
    ]  # fmt: skip


class _AlarmApi:
    def __init__(self, desk: AlarmDesk) -> None:
        self._desk = desk

    async def listed(self, _: Request) -> Response:
        return json_answer(200, await in_time(self._desk.listed()))

    async def figures(self, _: Request) -> Response:
        return json_answer(200, await in_time(self._desk.figures()))

    async def history(self, request: Request) -> Response:
        query = request.query_params
        priority = query.get("priority", "")
        if priority and priority not in PRIORITIES:
            text = f"priority={priority[:20]} is none; use one of {', '.join(PRIORITIES)}"
            raise Refusal(400, "bad_request", text)
        wanted = TransitionFilter(
            _moment(query.get("since"), "since"),
            _moment(query.get("until"), "until"),
            query.get("instance", "")[:200],
            priority,
            query.get("text", "")[:200],
            incoming.checked_limit(query.get("limit"), 500, _MOST_ROWS),
        )
        return json_answer(200, {"transitions": await in_time(self._desk.history(wanted))})

    async def ack(self, request: Request) -> Response:
        return await self._order("ack", request)

    async def shelve(self, request: Request) -> Response:
        return await self._order("shelve", request)

    async def unshelve(self, request: Request) -> Response:
        return await self._order("unshelve", request)

    async def out_of_service(self, request: Request) -> Response:
        return await self._order("out_of_service", request)

    async def in_service(self, request: Request) -> Response:
        return await self._order("in_service", request)

    async def clear(self, request: Request) -> Response:
        tree = await incoming.json_object(request)
        _refuse_unknown(tree, frozenset({"asset"}))
        asset = _text(tree, "asset", 200)
        if "/" in asset or not asset.isprintable():
            raise Refusal(
                400, "bad_request", f"asset {asset[:40]!r} is none; give a name such as ess or bms_1"
            )
        return complete(*await in_time(self._desk.clear(asset, incoming.by_whom(request))))

    async def _order(self, verb: str, request: Request) -> Response:
        tree = await incoming.json_object(request)
        _refuse_unknown(tree, _MEMBERS[verb])
        ids = _ids(tree, verb)
        minutes = _minutes(tree) if verb == "shelve" else None
        why = _text(tree, "why", _LONGEST_WHY).strip()
        if "why" in _MEMBERS[verb] and not why:
            raise Refusal(400, "bad_request", 'why is missing; add "why": the reason, others will read it')
        by = incoming.by_whom(request)
        return complete(*await in_time(self._desk.order(verb, ids, by, minutes, why)))


def _refuse_unknown(tree: Mapping[str, object], known: frozenset[str]) -> None:
    unknown = sorted(set(tree) - known)
    if unknown:
        text = f"unknown member {', '.join(unknown)[:80]}; known are {', '.join(sorted(known))}"
        raise Refusal(400, "bad_request", text)


def _ids(tree: Mapping[str, object], verb: str) -> list[str] | None:
    """The ids of an order, None for all alarms. Raises Refusal 400."""
    if "all" in _MEMBERS[verb] and "all" in tree:
        if tree["all"] is not True or "ids" in tree:
            raise Refusal(400, "bad_request", 'give "ids": [...] or "all": true, one of them')
        return None
    ids = tree.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) and one for one in ids):
        either = ' or "all": true' if "all" in _MEMBERS[verb] else ""
        raise Refusal(400, "bad_request", f'no alarm given; send "ids": [the id of an alarm, ...]{either}')
    if len(ids) > _MOST_IDS:
        raise Refusal(400, "bad_request", f"{len(ids)} ids are too many; {_MOST_IDS} at once may be")
    return list(dict.fromkeys(ids))


def _minutes(tree: Mapping[str, object]) -> float:
    value = tree.get("minutes")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_SHELVING_MIN:
        text = f'shelving ends by itself: send "minutes": a number up to {LONGEST_SHELVING_MIN} (a week)'
        raise Refusal(400, "bad_request", text)
    return value


def _text(tree: Mapping[str, object], member: str, longest: int) -> str:
    value = tree.get(member, "")
    if not isinstance(value, str):
        raise Refusal(400, "bad_request", f"{member} is {type(value).__name__}; make it a string")
    if len(value) > longest:
        raise Refusal(400, "bad_request", f"{member} is longer than {longest} characters; shorten it")
    return value


def _moment(text: str | None, name: str) -> float | None:
    """Unix seconds, or ISO 8601 with a time zone (without one: of this host). Raises Refusal 400."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        try:
            # In a query a plus sign that was not escaped arrives as a blank.
            number = datetime.fromisoformat(
                text.strip().replace(" ", "+") if "T" in text else text
            ).timestamp()
        except (ValueError, OverflowError, OSError):
            number = -1.0
    if not 0 <= number < 1e11:
        shown = f"{name}={text[:40]} is no time; give unix seconds or 2026-11-23T14:00:00+01:00"
        raise Refusal(400, "bad_time", shown)
    return number
