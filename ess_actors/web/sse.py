"""Server-sent events: one answer that carries messages until the client, the bridge or the server ends it."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import orjson
from starlette.types import Receive, Scope, Send

from ess_actors.core.messages import Message, as_json
from ess_actors.web.bridge import Listener

KEEP_ALIVE_S: Final = 1.0
"""A comment is sent after this many silent seconds, so that both ends notice a dead connection."""

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def record(message: Message, wall: float, dropped: int = 0) -> bytes:
    """One event: a `data:` line with the message as a JSON object; `time` is `wall`, unix seconds.

    `dropped` tells how many messages just before this one the reader was too slow for; absent when none.
    """
    fields: dict[str, object] = {
        "method": message.method,
        "uri": message.uri,
        "replyto": message.replyto,
        "body": _body(message.body),
        "time": wall,
    }
    for name in ("sender", "command", "status", "quality"):
        value = getattr(message, name)
        if value:
            fields[name] = value
    if dropped:
        fields["dropped"] = dropped
    return b"data: " + orjson.dumps(fields, option=orjson.OPT_NON_STR_KEYS) + b"\n\n"


def _body(body: bytes) -> object:
    shown = as_json(body)
    if isinstance(shown, orjson.Fragment) and (b"\n" in body or b"\r" in body):
        return orjson.loads(body)  # a line break would end the event in the middle of its JSON
    return shown


class EventStream:
    """An ASGI answer. Begins with a comment, so the client knows that its subscription stands."""

    def __init__(self, listener: Listener, closing: asyncio.Event, ended: Callable[[], None]) -> None:
        self.status_code = 200
        self._listener = listener
        self._closing = closing
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs until the first of: the client goes, the listener ends, the server closes."""
        tasks: list[asyncio.Future[object]] = []
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": _HEADERS})
            tasks += [
                asyncio.ensure_future(self._pump(send)),
                asyncio.ensure_future(_disconnected(receive)),
                asyncio.ensure_future(self._closing.wait()),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            self._listener.close()
            self._ended()
            outcome = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(outcome[0], Exception) and not isinstance(outcome[0], OSError):
            raise outcome[0]
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, send: Send) -> None:
        await _chunk(send, b": listening\n\n")
        told = 0
        following: asyncio.Future[Message] | None = None
        try:
            while True:
                # One pending read across the keep-alives: a cancelled read could lose its message.
                if following is None:
                    following = asyncio.ensure_future(anext(self._listener))
                done, _ = await asyncio.wait({following}, timeout=KEEP_ALIVE_S)
                if not done:
                    await _chunk(send, b": alive\n\n")
                    continue
                try:
                    message = following.result()
                except StopAsyncIteration:
                    return
                following = None
                dropped = self._listener.dropped
                await _chunk(send, record(message, time.time(), dropped - told))
                told = dropped
        finally:
            if following is not None:
                following.cancel()


async def _chunk(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
