"""Open questions of operators and the streams of listeners: what HTTP requests wait on, on the web actor's thread."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import orjson

from ess_actors.core.messages import Message
from ess_actors.web import bridge as web

ANSWER_LIMIT_S: Final = 3.0
"""How long an answer may take; longer than a device's time-out, shorter than a user's patience."""
QUEUE: Final = 1000
"""Messages that wait for one listener."""

_ASK_THE_NEXT: Final = frozenset({"not_found", "blocked", "unsupported"})
"""Statuses by which an actor says that somebody else may know."""


def unheard(uri: str, instances: Sequence[str]) -> web.Answer:
    """What is said when no actor hears a message: it most likely lacks the name of its instance."""
    text = f"no actor subscribes to {uri}; look at the Subs of the start files"
    if instances:
        text = f"no actor subscribes to {uri}; write /{instances[0]}/... to reach an instance whatever it subscribes to"
    near = [f"/{name}{uri.rstrip('/')}" for name in instances]
    return web.Answer("no_subscriber", orjson.dumps({"text": text, "near": near}))


class Question:
    """An operator's message on its way: who may answer, in order of authority, and what came so far."""

    def __init__(self, answerable: bool, writes: bool = False) -> None:
        self.writes = writes
        self.done: asyncio.Future[web.Answer] = asyncio.get_running_loop().create_future()
        self.answerable = answerable
        """pub and post have no answer: it is enough that somebody listens."""
        self.expected: list[str] = []
        self.answers: dict[str, web.Answer] = {}
        self.owner = ""
        """The only actor whose word counts, where there is one."""
        self.nobody = web.Answer("no_subscriber", b"")
        """What is said when no actor hears the message."""

    def settle(self) -> None:
        """Take the answer of the highest authority that has one to give: a device's refusal is final, even when
        an instance that keeps a copy of its points would say yes."""
        if self.expected and not self.answerable:
            self._finish(web.Answer("", b""))
        for actor_id in self.expected:
            answer = self.answers.get(actor_id)
            if answer is None:
                return
            if answer.status not in _ASK_THE_NEXT:
                self._finish(answer)
                return
        self._finish(next(iter(self.answers.values()), self.nobody))

    def lost(self, gone: frozenset[str]) -> None:
        """Actors are down: those who have not answered never will, and nobody may try a write again unasked."""
        for actor_id in gone.intersection(self.expected) - self.answers.keys():
            text = f"{actor_id} died before it answered"
            status = "no_answer"
            if self.writes:
                status, text = (
                    "unknown_outcome",
                    f"{text}: it is done or not; read it back before trying again",
                )
            self.answers[actor_id] = web.Answer(status, orjson.dumps({"text": text}))
            self.settle()

    def give_up(self) -> web.Answer:
        """Time is over: any good answer, else any, else none."""
        answers = list(self.answers.values())
        silent = ", ".join(actor_id for actor_id in self.expected if actor_id not in self.answers)
        text = f"no answer from {silent} within {ANSWER_LIMIT_S:g} s"
        nothing = web.Answer("no_answer", orjson.dumps({"text": text}))
        if self.owner and self.owner not in self.answers:
            return nothing
        return next((a for a in answers if not a.status), answers[0] if answers else nothing)

    def _finish(self, answer: web.Answer) -> None:
        if not self.done.done():
            self.done.set_result(answer)


class QueueListener:
    """A bounded queue of messages; the oldest is dropped for a reader that is too slow."""

    def __init__(self, prefixes: tuple[str, ...], closed: Callable[["QueueListener"], None]) -> None:
        self.prefixes = prefixes
        self.dropped = 0
        self._messages: deque[Message] = deque()
        self._news = asyncio.Event()
        self._closed = closed
        self._open = True

    def put(self, message: Message) -> None:
        if len(self._messages) >= QUEUE:
            self._messages.popleft()
            self.dropped += 1
        self._messages.append(message)
        self._news.set()

    def __aiter__(self) -> "QueueListener":
        return self

    async def __anext__(self) -> Message:
        while not self._messages:
            if not self._open:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._messages.popleft()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._news.set()
            self._closed(self)
