"""One guard around every endpoint of an API: who may pass, and each outcome an answer with its code."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ess_actors.core.errors import RequestError
from ess_actors.web.access import Access
from ess_actors.web.answers import Refusal, error_answer, json_answer, message_answer
from ess_actors.web.bridge import Answer
from ess_actors.web.origin import path_of
from ess_actors.web.served import Answered, Endpoint, Served

ANSWER_TIMEOUT_S: Final = 15.0
"""Last resort: the bridge itself gives up earlier."""

LOOK_S: Final = 5.0
"""So often it is seen whether the reader of a stream may still listen."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Guard:
    """`count` is told the HTTP status of every answer."""

    def __init__(self, count: Callable[[int], None], access: Access) -> None:
        self._count = count
        self._access = access

    def __call__(self, row: Served) -> Endpoint:
        """The endpoint of a row, guarded."""

        async def guarded(request: Request) -> Answered:
            answer: Answered
            try:
                sender = self._access.admit(request, row)
                try:
                    answer = await row.endpoint(request)
                except Refusal as refusal:
                    self._access.refused(request, refusal)
                    raise
                if row.stream:
                    answer = _Standing(answer, lambda: self._access.stands(sender))
            except Refusal as refusal:
                answer = json_answer(refusal.code, refusal.body, refusal.headers)
            except RequestError as problem:
                said = orjson.dumps({"text": str(problem)})
                answer = message_answer(Answer(problem.status, said))
            except sqlite3.Error as problem:
                _log.warning("%s: the users cannot be written: %s", path_of(request), problem)
                text = "the users cannot be written now; look at the state folder's disk, then try again"
                answer = error_answer(503, "access_unwritable", text)
            except ClientDisconnect:
                answer = error_answer(400, "gone", "the client left before its body was complete")
            except asyncio.CancelledError:
                answer = error_answer(503, "stopping", "the operator API stops; ask again in a moment")
            except Exception as problem:
                _log.exception("%s %s", request.method, path_of(request))
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
        shown = f"{request.method} {path_of(request)}"
        error = "method_not_allowed" if code == 405 else "not_found"
        return error_answer(code, error, f"{shown} is not served; see `routes`", routes=known)


class _Standing:
    """A stream that ends when its reader may not listen any more: it must not outlive the login."""

    def __init__(self, answer: Answered, stands: Callable[[], bool]) -> None:
        self.status_code = answer.status_code
        self._answer = answer
        self._stands = stands

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves it, and looks every LOOK_S seconds."""
        serving = asyncio.ensure_future(self._answer(scope, receive, send))
        try:
            while not serving.done() and self._stands():
                await asyncio.wait({serving}, timeout=LOOK_S)
        finally:
            serving.cancel()
            (outcome,) = await asyncio.gather(serving, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome


async def in_time(answer: Awaitable[T]) -> T:
    """The answer of a bridge. Raises Refusal 504 after ANSWER_TIMEOUT_S seconds."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await answer
    except TimeoutError:
        text = f"the tree did not answer within {ANSWER_TIMEOUT_S:g} s; look at /api/status"
        raise Refusal(504, "no_answer", text) from None
