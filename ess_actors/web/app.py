"""The operator API: which path does what, and one guard around all of them."""

import asyncio
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.answers import FLAWED
from ess_actors.core.metrics import Meter
from ess_actors.core.roles import Role
from ess_actors.web import incoming
from ess_actors.web.access import Access
from ess_actors.web.alarm_routes import alarm_routes
from ess_actors.web.answers import Refusal, complete, error_answer, json_answer, message_answer, near
from ess_actors.web.bridge import Bridge
from ess_actors.web.exposition import Exposition
from ess_actors.web.guard import Guard, in_time
from ess_actors.web.history_routes import history_routes
from ess_actors.web.login_routes import login_routes
from ess_actors.web.logins import Logins
from ess_actors.web.openapi import described
from ess_actors.web.page_routes import page_routes
from ess_actors.web.served import ANY, FLAG, OBJECT, TEXT, Served, many, one_of, routes_of, shape, whole
from ess_actors.web.shield import Shielded
from ess_actors.web.sim_app import sim_routes
from ess_actors.web.sse import EventStream
from ess_actors.web.token_routes import token_routes
from ess_actors.web.user_routes import user_routes

MAX_STREAMS: Final = 64
"""Open event streams; each costs a queue."""

UNHEARD: Final = frozenset({"no_subscriber", "not_found", "blocked"})
"""Whoever wants no answer has done his part when a message is on the bus, whether somebody takes it or not."""

VERBS: Final = ("restart", "stop", "start")

URI: Final = {"type": "string", "pattern": "^/", "maxLength": 1024}
METHOD: Final = one_of(*incoming.METHODS)


def create_app(
    bridge: Bridge, meter: Meter, exposition: Exposition, access: Access, actor_id: str = "web"
) -> Starlette:
    """The app on a bridge. `meter` counts the answers under `actor_id`; the bridge exposes its snapshot.

    `app.state.closing` is an asyncio.Event that ends every open event stream; `app.state.served` is the table.
    """
    api = _Api(bridge, meter, exposition, actor_id)
    guard, logins = Guard(api.count, access), Logins(access)
    handlers: Any = {HTTPException: guard.no_route}
    routes, table = routes_of(
        [
            *_rows_of(api, access.rules.metrics_login),
            *alarm_routes(bridge.alarm_desk),
            *history_routes(bridge.history),
            *sim_routes(bridge, access),
            *page_routes(bridge, meter, api.closing),
            *login_routes(access, logins),
            *user_routes(access, logins),
            *token_routes(access),
            Served("GET", "/openapi.json", Role.VIEWER, lambda _: described(table), "This description"),
        ],
        guard,
    )
    app = Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(Shielded)])
    app.router.redirect_slashes = False
    app.state.closing = api.closing
    app.state.served = table
    return app


def _rows_of(api: "_Api", metrics_login: bool) -> list[Served]:
    """Status, messages, records and orders."""
    limit = {"limit": whole(1, 10_000)}
    late = {
        502: "the receiver reports something unknown",
        503: "it is not running",
        504: "nobody answered in time",
    }
    sent = {
        404: "nothing has this uri",
        408: "the body came too slowly",
        409: "refused by its receiver",
        413: "the body is too large",
        **late,
    }
    metrics = Role.VIEWER if metrics_login else Role.ANYBODY
    return [
        Served("GET", "/healthz", Role.ANYBODY, api.health, "Whether the API answers"),
        Served(
            "GET", "/readyz", Role.ANYBODY, api.ready, "Whether the whole site runs",
            codes={503: "something does not run; see `missing`"},
        ),
        Served(
            "GET", "/metrics", metrics, api.metrics, "Figures for Prometheus", TEXT, media="text/plain"
        ),
        Served(
            "GET", "/api/status", Role.VIEWER, api.status, "Every actor of the tree",
            shape({"site": TEXT, "state": TEXT, "ready": FLAG, "actors": many(OBJECT)}),
        ),
        Served(
            "GET", "/api/journal", Role.VIEWER, api.journal, "The latest records of the journal",
            shape({"records": many(OBJECT)}), query=limit, codes=late,
        ),
        Served(
            "GET", "/api/audit", Role.VIEWER, api.audit, "The latest rows of the audit table",
            shape({"rows": many(OBJECT)}), query=limit, codes=late,
        ),
        Served(
            "GET", "/api/listen", Role.VIEWER, api.listen, "Messages as they pass", TEXT,
            query={"uri": many(URI)}, codes={503: "too many listeners"}, media="text/event-stream", stream=True,
        ),
        Served(
            "POST", "/api/message", Role.VIEWER, api.message,
            "Send a message. A viewer may only get; an operator writes below /site and clears faults", OBJECT,
            body=shape({"method": METHOD, "uri": URI}, {"body": ANY, "replyto": URI}), codes=sent,
        ),
        Served(
            "POST", "/api/send", Role.VIEWER, api.send, "The same with the bare body of the message",
            ANY, body=ANY, query={"method": METHOD, "uri": URI, "replyto": URI}, must=("method", "uri"),
            codes={202: "done, with findings in the document that was pushed", **sent},
        ),
        Served(
            "POST", "/api/actors/{actor_id:path}/{verb}", Role.OPERATOR, api.order,
            "Restart an actor; an engineer may stop and start one too", OBJECT,
            path_values={"verb": one_of(*VERBS)},
            codes={404: "no such actor", 409: "refused", 503: "it stops", 504: "nobody answered"},
            code=202,
        ),
    ]  # fmt: skip


class _Api:
    def __init__(self, bridge: Bridge, meter: Meter, exposition: Exposition, actor_id: str) -> None:
        self.closing = asyncio.Event()
        self._bridge = bridge
        self._meter = meter
        self._exposition = exposition
        self._id = actor_id
        self._streams = 0
        self._meter.gauge("ess_listeners", self._id, value=0)

    def count(self, code: int) -> None:
        """One more answer of this HTTP status."""
        self._meter.count("ess_http_requests_total", self._id, str(code))

    async def health(self, _: Request) -> Response:
        return json_answer(200, {"status": "ok"})

    async def ready(self, _: Request) -> Response:
        status = self._bridge.status()
        if status.get("ready") is True:
            return json_answer(200, {"ready": True, "state": status.get("state")})
        waiting = [
            {key: row.get(key) for key in ("id", "state", "last_error", "next_try_s")}
            for row in _rows(status)
            if str(row.get("state")).upper() != "RUNNING"
        ]
        names = (
            ", ".join(f"{row['id']} is {row['state']}" for row in waiting)
            or f"the site is {status.get('state')}"
        )
        return error_answer(503, "not_ready", f"{names}; see /api/status", missing=waiting)

    async def metrics(self, request: Request) -> Response:
        body, content_type = self._exposition.render(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def status(self, _: Request) -> Response:
        return json_answer(200, self._bridge.status())

    async def journal(self, request: Request) -> Response:
        limit = incoming.checked_limit(request.query_params.get("limit"), 100, 10_000)
        return json_answer(200, {"records": await in_time(self._bridge.journal(limit))})

    async def audit(self, request: Request) -> Response:
        limit = incoming.checked_limit(request.query_params.get("limit"), 100, 10_000)
        return json_answer(200, {"rows": await in_time(self._bridge.audited(limit))})

    async def message(self, request: Request) -> Response:
        message = incoming.message_of(await incoming.json_object(request))
        incoming.message_allowed(request, message)
        return message_answer(await in_time(self._bridge.message(message, incoming.by_whom(request))))

    async def send(self, request: Request) -> Response:
        message, problem = incoming.message_from(request.query_params, await incoming.bare_body(request))
        incoming.message_allowed(request, message)
        answer = await in_time(self._bridge.message(message, incoming.by_whom(request)))
        if problem is not None:
            raise problem
        if answer.status in UNHEARD and message.method != "get" and not message.replyto:
            return Response(b"", 200, media_type="application/json")
        if answer.status == FLAWED:
            return Response(answer.body, 202, media_type="application/json")
        if answer.status:
            return message_answer(answer)
        return Response(answer.body, 200, media_type="application/json")

    async def order(self, request: Request) -> Response:
        actor_id, verb = request.path_params["actor_id"].strip("/"), request.path_params["verb"]
        if verb not in VERBS:
            text = f"{verb!r} is no order; use one of {', '.join(VERBS)}"
            raise Refusal(400, "bad_verb", text)
        if verb != "restart":
            incoming.must_be(request, Role.ENGINEER, f"to {verb} an actor")
        known = [str(row.get("id")) for row in _rows(self._bridge.status())]
        if actor_id not in known:
            like = near(actor_id, known)
            text = f"no actor is called {actor_id!r}; near it: {', '.join(like) or 'nothing'}"
            raise Refusal(404, "not_found", text, near=like)
        return complete(*await in_time(self._bridge.order(actor_id, verb, incoming.by_whom(request))))

    async def listen(self, request: Request) -> EventStream:
        prefixes = [incoming.checked_uri(text, "uri") for text in request.query_params.getlist("uri")]
        if self.closing.is_set() or self._streams >= MAX_STREAMS:
            text = f"{self._streams} event streams are open, {MAX_STREAMS} may be; close one"
            raise Refusal(503, "too_many_listeners", text)
        listener = self._bridge.listen(prefixes or ["/"])
        self._streamed(1)
        return EventStream(listener, self.closing, lambda: self._streamed(-1))

    def _streamed(self, change: int) -> None:
        self._streams += change
        self._meter.gauge("ess_listeners", self._id, value=self._streams)


def _rows(status: dict[str, object]) -> list[dict[str, object]]:
    rows = status.get("actors")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
