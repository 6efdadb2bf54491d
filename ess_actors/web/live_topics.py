"""The topics that a page may show live: the tree, the alarms, the bus below a uri, one table of an instance."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import orjson

from ess_actors.core.errors import RequestError
from ess_actors.core.messages import Message, as_json
from ess_actors.core.uri import covers
from ess_actors.web.answers import Refusal
from ess_actors.web.bridge import Bridge
from ess_actors.web.incoming import checked_uri
from ess_actors.web.live_figures import Figures

LOOK_S: Final = 1.0
"""Between two looks at what does not tell by itself."""
ALARM_PAUSE_S: Final = 0.25
"""Between two questions for the alarms while they change."""
ALARMS: Final = "/alarm_router"
_REPLY: Final = "/web/live"

Touch = Callable[[], int]
"""To be called with every change; gives the number of the round that will tell of it."""


class Topic(Protocol):
    """One topic while a page shows it. `round` is that of its last change; nothing is told before it is `ready`."""

    ready: bool
    round: int

    def begin(self) -> None:
        """The first page came."""

    def end(self) -> None:
        """The last one went."""

    def body(self, since: int) -> object:
        """What changed after that round, for JSON; everything for -1."""

    def ages(self) -> Mapping[str, float]:
        """Actor id -> seconds since this topic heard of it last."""


def topic_of(name: str, bridge: Bridge, touch: Touch) -> Topic:
    """The topic of this name. Raises Refusal 400 that tells which there are."""
    kind, _, rest = name.partition(":")
    if name == "status":
        return Status(bridge, touch)
    if name == "alarms":
        return Alarms(bridge, touch)
    if kind == "uri" and rest:
        return Values(checked_uri(rest, "topic"), bridge, touch)
    if kind == "table" and rest:
        return OneTable(checked_uri(rest, "topic"), bridge, touch)
    known = "status, alarms, uri:/below/this, table:/instance/table"
    raise Refusal(400, "bad_topic", f"topic {name[:80]!r} is none; use one of {known}")


class _Looking:
    """Looks again and again as long as it is shown, and tells when it sees something else."""

    pause_s = LOOK_S

    def __init__(self, bridge: Bridge, touch: Touch) -> None:
        self.ready = False
        self.round = 0
        self._bridge = bridge
        self._touch = touch
        self._seen: object = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def body(self, since: int) -> object:
        return self._seen

    def ages(self) -> Mapping[str, float]:
        return {}

    async def _run(self) -> None:
        while True:
            try:
                seen = await self._look()
            except RequestError as problem:
                seen = {"error": problem.status, "text": str(problem)}
            if seen != self._seen or not self.ready:
                self._seen, self.ready = seen, True
                self.round = self._touch()
            await self._wait()

    async def _wait(self) -> None:
        await asyncio.sleep(self.pause_s)

    async def _look(self) -> object:
        raise NotImplementedError


class Status(_Looking):
    """The tree, each actor with its figures."""

    def __init__(self, bridge: Bridge, touch: Touch) -> None:
        super().__init__(bridge, touch)
        self._figures = Figures()

    async def _look(self) -> object:
        return self._figures.added(self._bridge.status(), self._bridge.snapshots())


class Alarms(_Looking):
    """The alarm list: looked at when a router tells of a change, and every second in case one fell silent."""

    def begin(self) -> None:
        self._told = asyncio.Event()
        self._listener = self._bridge.listen([ALARMS])
        self._hearing = asyncio.ensure_future(self._hear())
        super().begin()

    def end(self) -> None:
        super().end()
        self._hearing.cancel()
        self._listener.close()

    async def _hear(self) -> None:
        while True:
            try:
                await anext(self._listener)
            except StopAsyncIteration:
                return
            self._told.set()

    async def _wait(self) -> None:
        await asyncio.sleep(ALARM_PAUSE_S)
        try:
            async with asyncio.timeout(LOOK_S - ALARM_PAUSE_S):
                await self._told.wait()
        except TimeoutError:
            pass
        self._told.clear()

    async def _look(self) -> object:
        return await self._bridge.alarm_desk.listed()


class OneTable(_Looking):
    """A table of an instance in every detail, asked for once a second whatever the number of pages."""

    def __init__(self, uri: str, bridge: Bridge, touch: Touch) -> None:
        super().__init__(bridge, touch)
        instance, _, table = uri[1:].partition("/")
        self._uri = f"/{instance}/browse/{table}"

    async def _look(self) -> object:
        answer = await self._bridge.message(Message("get", self._uri, replyto=_REPLY, explain=True))
        said = orjson.loads(answer.body) if answer.body else {}
        return said if not answer.status else {"error": answer.status, "text": said.get("text", "")}


class Values:
    """The bodies of a prefix as they come over the bus, the last of each uri and sender; a snapshot first.

    A body: {"from": actor id, "uri", "body"}.
    """

    def __init__(self, prefix: str, bridge: Bridge, touch: Touch) -> None:
        self.ready = False
        self.round = 0
        self._prefix = prefix
        self._bridge = bridge
        self._touch = touch
        self._values: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._heard: dict[str, float] = {}

    def begin(self) -> None:
        self._listener = self._bridge.listen([self._prefix])
        self._tasks = [asyncio.ensure_future(self._hear()), asyncio.ensure_future(self._snapshot())]

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._listener.close()

    def body(self, since: int) -> object:
        return [
            {"from": sender, "uri": uri, "body": as_json(body)}
            for (sender, uri), (changed, body) in self._values.items()
            if changed > since
        ]

    def ages(self) -> Mapping[str, float]:
        now = time.monotonic()
        return {sender: round(now - at, 1) for sender, at in self._heard.items()}

    async def _hear(self) -> None:
        while True:
            try:
                message = await anext(self._listener)
            except StopAsyncIteration:
                return
            if message.method in ("pub", "set") and message.body and message.uri != _REPLY:
                self._heard[message.sender] = time.monotonic()
                self._put(message.sender, message.uri, message.body)

    def _put(self, sender: str, uri: str, body: bytes) -> None:
        known = self._values.get((sender, uri))
        if known is None or known[1] != body:
            self.round = self._touch()
            self._values[sender, uri] = (self.round, body)

    async def _snapshot(self) -> None:
        """What every instance has below the prefix; what came over the bus meanwhile is newer."""
        rows = self._bridge.status().get("actors")
        names = [str(row["id"]) for row in rows if row.get("kind") == "ess"] if isinstance(rows, list) else []
        named, _, rest = self._prefix[1:].partition("/")
        asked = {named: rest} if named in names else dict.fromkeys(names, self._prefix[1:])
        await asyncio.gather(*(self._ask(name, path) for name, path in asked.items()))
        self.ready = True
        self.round = self._touch()

    async def _ask(self, name: str, path: str) -> None:
        answer = await self._bridge.message(
            Message("get", f"/{name}/ui/{path}", replyto=_REPLY, explain=True)
        )
        if answer.status or not answer.body:
            return
        self._heard.setdefault(name, time.monotonic())
        for uri, members in tables_of("/" + path, orjson.loads(answer.body)):
            if covers(self._prefix, uri) or not covers("/assets", uri):
                self._values.setdefault((name, uri), (self._touch(), orjson.dumps(members)))


def tables_of(uri: str, body: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables inside an answer to a get: (uri, members). They are keyed by their uri, or nested by segment."""
    if not isinstance(body, dict):
        return
    own = {name: one for name, one in body.items() if not isinstance(one, dict) or "value" in one}
    if own:
        yield uri, own
    for name, inner in body.items():
        if name not in own:
            yield from tables_of(name if name.startswith("/") else f"{uri.rstrip('/')}/{name}", inner)
