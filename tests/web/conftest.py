"""A small site behind the operator API: real values, queues and orders, and the real server in a thread."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import httpx
import orjson
import pytest

from ess_actors.core.messages import Message
from ess_actors.core.metrics import Meter
from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess
from ess_actors.core.uri import covers
from ess_actors.web.access import Access
from ess_actors.web.app import create_app
from ess_actors.web.bridge import ANYBODY, Answer, By, Source
from ess_actors.web.exposition import Exposition
from ess_actors.web.server import ApiServer, bind
from tests.alarm_desk import SmallDesk, alarm
from tests.web.small_history import SmallHistory

T = TypeVar("T")

OPEN = Access(SiteAccess(loopback=Role.ENGINEER))
"""Whoever is on this host is an engineer."""


class QueueListener:
    """A bounded queue that drops its oldest message."""

    def __init__(self, site: "SmallSite", prefixes: Sequence[str], size: int) -> None:
        self.prefixes = list(prefixes)
        self.dropped = 0
        self._site = site
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self._size = size

    def put(self, message: Message) -> None:
        if self._queue.qsize() >= self._size:
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(message)

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def end(self) -> None:
        self._queue.put_nowait(None)

    def close(self) -> None:
        if self in self._site.listeners:
            self._site.listeners.remove(self)

    def __aiter__(self) -> "QueueListener":
        return self

    async def __anext__(self) -> Message:
        message = await self._queue.get()
        if message is None:
            raise StopAsyncIteration
        return message


class SmallSite:
    """A bridge over a dictionary: set stores and tells the listeners, get reads, orders change states."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.values: dict[str, bytes] = {"/assets/ess/summary/soc": b"55.5"}
        self.blocked = {"/assets/ess/limits"}
        self.listeners: list[QueueListener] = []
        self.queue_size = 100
        self.seen: list[Message] = []
        self.sources: dict[str, Source] = {}
        self.stems = {"bms_1"}
        self.writers: list[tuple[str, By]] = []
        self.silent = asyncio.Event()
        self.answer: Answer | None = None
        """Given to every message instead of what is true."""
        self.states = dict.fromkeys(("ess_1", "ess_1/bms_1", "ess_1/pcs", "ess_2/bms_2", "web"), "RUNNING")
        self.restarts = dict.fromkeys(self.states, 0)
        self.alarm_desk = SmallDesk(
            alarm("ess_2:fault:/faults/bms_2:BMS_2_OverTemp", "high", "unacknowledged_active")
        )
        self.history = SmallHistory()

    def status(self) -> dict[str, object]:
        rows = [
            {"id": name, "state": state, "restarts": self.restarts[name]}
            for name, state in self.states.items()
        ]
        ready = set(self.states.values()) == {"RUNNING"}
        return {"site": "small", "state": "running" if ready else "degraded", "ready": ready, "actors": rows}

    def snapshots(self) -> Mapping[str, Source]:
        return {**self.sources, "web": Source(self.meter.snapshot(), 0.0, 1)}

    async def order(self, actor_id: str, verb: str, by: By = ANYBODY) -> tuple[int, dict[str, object]]:
        self.writers.append((actor_id, by))
        if verb == "start" and self.states[actor_id] == "RUNNING":
            return 409, {"error": "running", "text": f"{actor_id} runs already"}
        if verb == "restart":
            self.restarts[actor_id] += 1
        self.states[actor_id] = "STOPPED" if verb == "stop" else "RUNNING"
        return 200, {"id": actor_id, "state": self.states[actor_id]}

    async def message(self, message: Message, by: By = ANYBODY) -> Answer:
        self.seen.append(message)
        self.writers.append((message.uri, by))
        if self.answer is not None:
            return self.answer
        if message.uri == "/silent":
            await self.silent.wait()
        if message.uri == "/defect":
            raise ZeroDivisionError("a defect behind the bridge")
        if message.uri in self.blocked:
            return Answer("blocked", b"")
        if message.method == "get":
            if message.uri not in self.values:
                said = {"error": "not_found", "uri": message.uri, "near": sorted(self.values)}
                return Answer("not_found", orjson.dumps(said))
            return Answer("", self.values[message.uri])
        self.values[message.uri] = message.body
        self.publish(message)
        return Answer("", message.body)

    def publish(self, message: Message) -> None:
        for listener in self.listeners:
            if any(covers(prefix, message.uri) for prefix in listener.prefixes):
                listener.put(message)

    def listen(self, prefixes: Sequence[str]) -> QueueListener:
        listener = QueueListener(self, prefixes, self.queue_size)
        self.listeners.append(listener)
        return listener

    async def sim_devices(self) -> tuple[int, dict[str, object]]:
        return 200, {"devices": [{"stem": stem, "faults": []} for stem in sorted(self.stems)]}

    async def sim_read(self, stem: str, path: str) -> tuple[int, dict[str, object]]:
        return 200, {"stem": stem, "path": path}

    async def sim_points(self, stem: str, points: dict[str, object]) -> tuple[int, dict[str, object]]:
        if stem not in self.stems:
            return 404, {"near": sorted(self.stems)}
        return 200, {"set": points}

    async def sim_writes(self, since: int) -> tuple[int, dict[str, object]]:
        return 200, {"now": 1.5, "last": since, "missed": 0, "writes": []}

    async def sim_fault(self, stem: str, fault: dict[str, object]) -> tuple[int, dict[str, object]]:
        return 200, {"stem": stem, "fault": fault}

    async def alarms(self) -> list[dict[str, object]]:
        return self.alarm_desk.alarms

    async def audited(self, limit: int) -> list[dict[str, object]]:
        return [{"uri": uri, **by._asdict()} for uri, by in reversed(self.writers)][:limit]

    async def journal(self, limit: int) -> list[dict[str, object]]:
        return [{"uri": message.uri} for message in reversed(self.seen)][:limit]


class Served:
    """The site, its loop in a thread of its own, the server on a free port, and a client."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None, access: Access = OPEN) -> None:
        self.loop = loop or asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="io", daemon=True)
        self.thread.start()
        self.site = SmallSite()
        self.exposition = Exposition(self.site.status, self.site.snapshots, "1.2.3", stale_after_s=10)
        self.app = create_app(self.site, self.site.meter, self.exposition, access)
        self.server = self.run(self._made())
        self.host, self.port = self.run(self.server.start(bind("127.0.0.1", 0)))
        self.url = f"http://{self.host}:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=5.0, trust_env=False)

    async def _made(self) -> ApiServer:
        return ApiServer(self.app)

    def run(self, job: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the server's loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(job, self.loop).result(10)

    def call(self, job: Any, *arguments: Any) -> None:
        """Calls a function on the server's loop and waits for it."""

        async def called() -> None:
            job(*arguments)

        self.run(called())

    def close(self) -> None:
        self.client.close()
        self.run(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        assert not self.thread.is_alive()
        self.loop.close()


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Parametrize it indirectly with a function that makes another kind of loop."""
    one = Served(request.param() if hasattr(request, "param") else None)
    yield one
    one.close()
