"""The operator API: which path does what, and one guard around all of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ess_actors.core.errors import RequestError
from ess_actors.core.metrics import Meter
from ess_actors.web import incoming
from ess_actors.web.answers import Refusal, complete, error_answer, json_answer, message_answer, near
from ess_actors.web.bridge import Answer, Bridge
from ess_actors.web.exposition import Exposition
from ess_actors.web.sse import EventStream

ANSWER_TIMEOUT_S: Final = 15.0
"""Last resort: the bridge itself gives up earlier."""

MAX_STREAMS: Final = 64
"""Open event streams; each costs a queue."""

VERBS: Final = ("restart", "stop", "start")

FAULTS: Final = ("offline", "mute", "delay", "exception", "freeze", "none")

T = TypeVar("T")

_log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response | EventStream]]


def create_app(bridge: Bridge, meter: Meter, exposition: Exposition, actor_id: str = "web") -> Starlette:
    """The app on a bridge. `meter` counts the answers under `actor_id`; the bridge exposes its snapshot.

    `app.state.closing` is an asyncio.Event that ends every open event stream.
    """
    api = _Api(bridge, meter, exposition, actor_id)
    app = Starlette(
        routes=[
            Route("/healthz", api.guard(api.health), methods=["GET"]),
            Route("/readyz", api.guard(api.ready), methods=["GET"]),
            Route("/metrics", api.guard(api.metrics), methods=["GET"]),
            Route("/api/status", api.guard(api.status), methods=["GET"]),
            Route("/api/alarms", api.guard(api.alarms), methods=["GET"]),
            Route("/api/journal", api.guard(api.journal), methods=["GET"]),
            Route("/api/listen", api.guard(api.listen), methods=["GET"]),
            Route("/api/message", api.guard(api.message), methods=["POST"]),
            Route("/api/actors/{actor_id:path}/{verb}", api.guard(api.order), methods=["POST"]),
            Route("/api/sim/{stem}/points", api.guard(api.sim_points), methods=["POST"]),
            Route("/api/sim/{stem}/fault", api.guard(api.sim_fault), methods=["POST"]),
        ],
        exception_handlers={HTTPException: api.no_route},
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

    def guard(self, endpoint: Endpoint) -> Endpoint:
        """Every outcome becomes an answer and is counted; nothing gets out."""

        async def guarded(request: Request) -> Response | EventStream:
            answer: Response | EventStream
            try:
                if request.method == "POST":
                    incoming.check_origin(request)
                answer = await endpoint(request)
            except Refusal as refusal:
                answer = json_answer(refusal.code, refusal.body)
            except RequestError as problem:
                said = orjson.dumps({"text": str(problem)})
                answer = message_answer(Answer(problem.status, said))
            except ClientDisconnect:
                answer = error_answer(400, "gone", "the client left before its body was complete")
            except asyncio.CancelledError:
                answer = error_answer(503, "stopping", "the operator API stops; ask again in a moment")
            except Exception as problem:
                _log.exception("%s %s", request.method, request.url.path)
                text = f"{type(problem).__name__}: {problem}; this is a defect, please report it with the log"
                answer = error_answer(500, "internal", text)
            self._count(answer.status_code)
            return answer

        return guarded

    def _count(self, code: int) -> None:
        self._meter.count("ess_http_requests_total", self._id, str(code))

    async def no_route(self, request: Request, problem: Exception) -> Response:
        """404 and 405 of the router, which never reach an endpoint."""
        code = problem.status_code if isinstance(problem, HTTPException) else 500
        self._count(code)
        known = [f"{m} {r.path}" for r in request.app.routes for m in sorted((r.methods or set()) - {"HEAD"})]
        shown = f"{request.method} {request.url.path[:200]}"
        error = "method_not_allowed" if code == 405 else "not_found"
        return error_answer(code, error, f"{shown} is not served; see `routes`", routes=known)

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
        return json_answer(200, {"alarms": await self._in_time(self._bridge.alarms())})

    async def journal(self, request: Request) -> Response:
        limit = incoming.checked_limit(request.query_params.get("limit"), 100, 10_000)
        return json_answer(200, {"records": await self._in_time(self._bridge.journal(limit))})

    async def message(self, request: Request) -> Response:
        message = incoming.message_of(await incoming.json_object(request))
        return message_answer(await self._in_time(self._bridge.message(message)))

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
        return complete(*await self._in_time(self._bridge.order(actor_id, verb)))

    async def sim_points(self, request: Request) -> Response:
        points = await incoming.json_object(request)
        if not points:
            raise Refusal(400, "bad_request", 'no point given; send {"component/point": value, ...}')
        return complete(*await self._in_time(self._bridge.sim_points(request.path_params["stem"], points)))

    async def sim_fault(self, request: Request) -> Response:
        fault = await incoming.json_object(request)
        if fault.get("kind") not in FAULTS:
            text = f'kind {fault.get("kind")!r} is unknown; send {{"kind": one of {", ".join(FAULTS)}}}'
            raise Refusal(400, "bad_request", text)
        return complete(*await self._in_time(self._bridge.sim_fault(request.path_params["stem"], fault)))

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

    async def _in_time(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await answer
        except TimeoutError:
            text = f"the tree did not answer within {ANSWER_TIMEOUT_S:g} s; look at /api/status"
            raise Refusal(504, "no_answer", text) from None


def _rows(status: dict[str, object]) -> list[dict[str, object]]:
    rows = status.get("actors")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
