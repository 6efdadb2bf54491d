"""What open pages see live: one look at the tree for all of them, fanned out and coalesced on this thread."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ess_actors.web.bridge import Bridge
from ess_actors.web.live_topics import Topic, topic_of

PAUSE_S: Final = 0.2
"""Between two events of one topic: a page is told at most five times a second."""
TICK_S: Final = 0.5
"""Every so often a page hears something; silence for three times as long is a lost connection."""
MAX_PAGES: Final = 200
"""Open streams; each is a connection and a few numbers."""
MAX_PAGES_OF_ONE: Final = 100
"""Of them, those of one user at one address."""
MAX_TOPICS_OF_ALL: Final = 250
"""Different ones; a table is asked for once a second, however many pages show it."""

_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Hub:
    """The topics that some page shows, and who waits for news of them. Everything runs on one event loop.

    A topic runs from the first page that shows it to the last. What it tells carries the number of the round it was
    told in; a page remembers the last round it has seen, so a slow one skips states instead of queueing them.
    """

    def __init__(self, bridge: Bridge) -> None:
        self.pages = 0
        self.round = 0
        self._bridge = bridge
        self._topics: dict[str, Topic] = {}
        self._shown: dict[str, int] = {}
        self._written: dict[tuple[str, int], bytes] = {}
        """What a page that saw a topic last in that round is sent now: most pages keep step, it is made once."""
        self._news: asyncio.Future[None] | None = None
        self._flush: asyncio.TimerHandle | None = None
        self._flushed = 0.0
        self._beat: asyncio.Task[None] | None = None
        self._ticks = 0
        self._of: Counter[str] = Counter()
        """Open pages by who has them."""

    def room_for(self, names: list[str], who: str) -> str:
        """Why this page of somebody cannot be shown; "" when it can. Nobody may take what all need."""
        if self.pages >= MAX_PAGES:
            return f"{self.pages} pages are open, {MAX_PAGES} may be; close one"
        if self._of[who] >= MAX_PAGES_OF_ONE:
            return f"{who} has {self._of[who]} pages open, {MAX_PAGES_OF_ONE} may be; close one"
        topics = len(self._topics.keys() | set(names))
        if topics > MAX_TOPICS_OF_ALL:
            return f"all pages together show {topics} things, {MAX_TOPICS_OF_ALL} may be; close some"
        return ""

    def join(self, names: list[str], who: str) -> None:
        """One more page shows these topics."""
        self.pages += 1
        self._of[who] += 1
        for name in names:
            self._shown[name] = self._shown.get(name, 0) + 1
            if name not in self._topics:
                self._topics[name] = topic_of(name, self._bridge, self._touched)
                self._topics[name].begin()
        if self._beat is None:
            self._beat = asyncio.ensure_future(self._tick())

    def leave(self, names: list[str], who: str) -> None:
        """That page is gone."""
        self.pages -= 1
        self._of[who] -= 1
        self._of += Counter()  # forgets who has none
        for name in names:
            self._shown[name] -= 1
            if not self._shown[name]:
                del self._shown[name]
                self._topics.pop(name).end()
        if not self.pages and self._beat is not None:
            self._beat.cancel()
            self._beat = None

    async def stream(self, names: list[str]) -> AsyncIterator[bytes]:
        """Chunks for one page that has joined: a snapshot of each topic as soon as there is one, then changes."""
        seen = dict.fromkeys(names, -1)
        ticks = -1
        yield b": listening\n\n"
        while True:
            news = self._next()
            parts = []
            for name in names:
                topic = self._topics[name]
                if topic.ready and topic.round > seen[name]:
                    parts.append(self._chunk(name, topic, seen[name]))
                    seen[name] = self.round
            if ticks != self._ticks:
                ticks = self._ticks
                parts.append(self._chunk_of_tick())
            if parts:
                yield b"".join(parts)
            await news

    # --- details ----------------------------------------------------------------------------------------------

    def _next(self) -> asyncio.Future[None]:
        """Done at the next flush. Shielded: a page that leaves must not cancel it for the others."""
        if self._news is None or self._news.done():
            self._news = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._news)

    def _touched(self) -> int:
        """A topic has news: the number of the round that will tell of it."""
        if self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_at(max(loop.time(), self._flushed + PAUSE_S), self._tell)
        return self.round + 1

    def _tell(self) -> None:
        self._flush = None
        self._flushed = asyncio.get_running_loop().time()
        self.round += 1
        self._written.clear()
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._ticks += 1
            self._touched()

    def _chunk(self, name: str, topic: Topic, since: int) -> bytes:
        key = (name, since)
        if key not in self._written:
            told = {"topic": name, "snapshot": since < 0, "time": time.time(), "body": topic.body(since)}
            self._written[key] = _event(told)
        return self._written[key]

    def _chunk_of_tick(self) -> bytes:
        key = ("tick", self._ticks)
        if key not in self._written:
            ages = {name: age for topic in self._topics.values() for name, age in topic.ages().items()}
            told = {"topic": "tick", "time": time.time(), "body": {"ages": ages, "pages": self.pages}}
            self._written[key] = b": alive\n\n" + _event(told)
        return self._written[key]


def _event(told: dict[str, object]) -> bytes:
    return b"data: " + orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS) + b"\n\n"


class LiveStream(StreamingResponse):
    """An ASGI answer: the stream of one page until it goes, or the server closes."""

    def __init__(
        self, hub: Hub, names: list[str], who: str, closing: asyncio.Event, changed: Callable[[], None]
    ) -> None:
        self._hub, self._names, self._who, self._closing, self._changed = hub, names, who, closing, changed
        super().__init__(self._until_closed(), headers=_HEADERS, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._hub.join(self._names, self._who)
        self._changed()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.leave(self._names, self._who)
            self._changed()

    async def _until_closed(self) -> AsyncIterator[bytes]:
        closed = asyncio.ensure_future(self._closing.wait())
        chunks = self._hub.stream(self._names)
        following: asyncio.Future[bytes] | None = None
        try:
            while True:
                following = asyncio.ensure_future(_next(chunks.__anext__()))
                await asyncio.wait({closed, following}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    return
                yield following.result()
        finally:
            closed.cancel()
            if following is not None:
                following.cancel()


async def _next(chunk: Awaitable[bytes]) -> bytes:
    return await chunk
