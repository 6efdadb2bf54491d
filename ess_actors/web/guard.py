"""One guard around every endpoint of an API: each outcome becomes an answer with its code, nothing gets out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ess_actors.core.errors import RequestError
from ess_actors.web import incoming
from ess_actors.web.answers import Refusal, error_answer, json_answer, message_answer
from ess_actors.web.bridge import Answer
from ess_actors.web.sse import EventStream

ANSWER_TIMEOUT_S: Final = 15.0
"""Last resort: the bridge itself gives up earlier."""

T = TypeVar("T")

Endpoint = Callable[[Request], Awaitable[Response | EventStream]]

_log = logging.getLogger(__name__)


class Guard:
    """`count` is told the HTTP status of every answer."""

    def __init__(self, count: Callable[[int], None]) -> None:
        self._count = count

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, guarded."""

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

    async def no_route(self, request: Request, problem: Exception) -> Response:
        """404 and 405 of the router, which never reach an endpoint."""
        code = problem.status_code if isinstance(problem, HTTPException) else 500
        self._count(code)
        known = [f"{m} {r.path}" for r in request.app.routes for m in sorted((r.methods or set()) - {"HEAD"})]
        shown = f"{request.method} {request.url.path[:200]}"
        error = "method_not_allowed" if code == 405 else "not_found"
        return error_answer(code, error, f"{shown} is not served; see `routes`", routes=known)


async def in_time(answer: Awaitable[T]) -> T:
    """The answer of a bridge. Raises Refusal 504 after ANSWER_TIMEOUT_S seconds."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await answer
    except TimeoutError:
        text = f"the tree did not answer within {ANSWER_TIMEOUT_S:g} s; look at /api/status"
        raise Refusal(504, "no_answer", text) from None
