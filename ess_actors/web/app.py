"""The operator API: which path does what, and one guard around all of them."""

import asyncio
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ess_actors.core.answers import FLAWED
from ess_actors.core.metrics import Meter
from ess_actors.web import incoming
from ess_actors.web.answers import Refusal, complete, error_answer, json_answer, message_answer, near
from ess_actors.web.bridge import Bridge
from ess_actors.web.exposition import Exposition
from ess_actors.web.guard import Guard, in_time
from ess_actors.web.history_routes import history_routes
from ess_actors.web.sim_app import sim_routes
from ess_actors.web.sse import EventStream

MAX_STREAMS: Final = 64
"""Open event streams; each costs a queue."""

UNHEARD: Final = frozenset({"no_subscriber", "not_found", "blocked"})
"""Whoever wants no answer has done his part when a message is on the bus, whether somebody takes it or not."""

VERBS: Final = ("restart", "stop", "start")


def create_app(bridge: Bridge, meter: Meter, exposition: Exposition, actor_id: str = "web") -> Starlette:
    """The app on a bridge. `meter` counts the answers under `actor_id`; the bridge exposes its snapshot.

    `app.state.closing` is an asyncio.Event that ends every open event stream.
    """
    api = _Api(bridge, meter, exposition, actor_id)
    guard = Guard(api.count)
    handlers: Any = {HTTPException: guard.no_route}
    app = Starlette(
        routes=[
            Route("/healthz", guard(api.health), methods=["GET"]),
            Route("/readyz", guard(api.ready), methods=["GET"]),
            Route("/metrics", guard(api.metrics), methods=["GET"]),
            Route("/api/status", guard(api.status), methods=["GET"]),
            Route("/api/alarms", guard(api.alarms), methods=["GET"]),
            Route("/api/journal", guard(api.journal), methods=["GET"]),
            Route("/api/audit", guard(api.audit), methods=["GET"]),
            Route("/api/listen", guard(api.listen), methods=["GET"]),
            Route("/api/message", guard(api.message), methods=["POST"]),
            Route("/api/send", guard(api.send), methods=["POST"]),
            Route("/api/actors/{actor_id:path}/{verb}", guard(api.order), methods=["POST"]),
            *sim_routes(bridge, guard),
            *history_routes(bridge.history, guard),
        ],
        exception_handlers=handlers,
    )
    app.state.closing = api.closing
    return app


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

    async def alarms(self, _: Request) -> Response:
        return json_answer(200, {"alarms": await in_time(self._bridge.alarms())})

    async def journal(self, request: Request) -> Response:
        limit = incoming.checked_limit(request.query_params.get("limit"), 100, 10_000)
        return json_answer(200, {"records": await in_time(self._bridge.journal(limit))})

    async def audit(self, request: Request) -> Response:
        limit = incoming.checked_limit(request.query_params.get("limit"), 100, 10_000)
        return json_answer(200, {"rows": await in_time(self._bridge.audited(limit))})

    async def message(self, request: Request) -> Response:
        message = incoming.message_of(await incoming.json_object(request))
        return message_answer(await in_time(self._bridge.message(message, incoming.by_whom(request))))

    async def send(self, request: Request) -> Response:
        message, problem = incoming.message_from(request.query_params, await incoming.bare_body(request))
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
