"""A real operator API on a free loopback port, with a small plant in memory behind it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
from tests.alarm_desk import T0, SmallDesk, alarm
from tests.ports import free_port
from tests.web.small_history import SmallHistory


def actor(actor_id: str, state: str, pid: int | None, restarts: int, **more: object) -> dict[str, object]:
    """One row of /api/status; what is not given is unknown."""
    unknown = {"kind": "", "uptime_s": None, "cpu_percent": None, "rss_bytes": None, "last_error": ""}
    return {"id": actor_id, "state": state, "pid": pid, "restarts": restarts, **unknown, **more}


ACTORS = [
    actor("supervisor", "RUNNING", 100, 0, uptime_s=7500, cpu_percent=0.4, rss_bytes=30_000_000),
    actor("ess_1", "RUNNING", 101, 0, uptime_s=65.2, cpu_percent=3.25, rss_bytes=61_500_000),
    actor("ess_1/pcs", "FAILED", None, 5, last_error="OSError: no route\nmore"),
    actor(
        "ess_1/bms_1", "BACKOFF", None, 2, last_error="boom", next_try_s=4.0, failures=2, failures_allowed=4
    ),
    actor("web", "RUNNING", 104, 1, uptime_s=200_000, cpu_percent=1.0, rss_bytes=50_000_000),
]


class Stream(AsyncIterator[Message]):
    """One listener: what was posted to its queue."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self.prefixes = tuple(prefixes)
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self.dropped = 0

    async def __anext__(self) -> Message:
        message = await self.queue.get()
        if message is None:
            raise StopAsyncIteration
        return message

    def close(self) -> None:
        self.queue.put_nowait(None)


def _desk() -> SmallDesk:
    shelf = {"by": "eve", "at": T0, "until": T0 + 3600, "why": "sensor is being replaced"}
    return SmallDesk(
        alarm("ess_1:alarm:/alarms/pcs:Fan", "low", "shelved", shelved=shelf),
        alarm("ess_1:alarm:/alarms/pcs:FanSpeed", "medium", "acknowledged_active", value="Slow"),
        alarm(
            "ess_2:fault:/faults/bms_2:BMS_2_OverTemp",
            "high",
            "unacknowledged_active",
            first_out=True,
            count=3,
        ),
    )


@dataclass
class Plant:
    """Values by uri, and a note of everything that was asked of it."""

    values: dict[str, bytes] = field(default_factory=lambda: {"/ess_1/status/bms_1/SOC": b"55.5"})
    messages: list[Message] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    simulated: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    listening: threading.Event = field(default_factory=threading.Event)
    alarm_desk: SmallDesk = field(default_factory=_desk)
    history: SmallHistory = field(default_factory=SmallHistory)

    def status(self) -> dict[str, object]:
        return {
            "site": "bench",
            "state": "degraded",
            "ready": False,
            "actors": ACTORS,
            "addresses": {"metrics": "http://127.0.0.1:8300/metrics"},
        }

    def snapshots(self) -> Mapping[str, Source]:
        return {}

    async def order(self, actor_id: str, verb: str, by: By = ANYBODY) -> tuple[int, dict[str, object]]:
        self.orders.append((actor_id, verb))
        if actor_id == "web":
            return 409, {"error": "refused", "text": "it serves you; restart the site"}
        return 200, {"id": actor_id, "state": "RUNNING"}

    async def audited(self, limit: int) -> list[dict[str, object]]:
        row = {"seq": 7, "time": 1_700_000_000.0, "who": "eve", "origin": "127.0.0.1", "uri": "/ess_1/x"}
        return [{**row, "old": "1", "new": "2", "result": "ok"}][:limit]

    async def message(self, message: Message, by: By = ANYBODY) -> Answer:
        self.messages.append(message)
        for stream in self.streams:
            if any(covers(prefix, message.uri) for prefix in stream.prefixes):
                stream.queue.put_nowait(message)
        if message.method == "get":
            found = self.values.get(message.uri)
            if found is not None:
                return Answer("", found)
            near = {"error": "not_found", "uri": message.uri, "near": ["/status/bms_1:SOC"]}
            return Answer("not_found", orjson.dumps(near))
        if message.method == "pub":
            return Answer("", b"")
        self.values[message.uri] = message.body
        name = message.uri.rpartition("/")[2]
        return Answer("", b'{"%s":%s}' % (name.encode(), message.body))

    def listen(self, prefixes: Sequence[str]) -> Stream:
        stream = Stream(prefixes)
        self.streams.append(stream)
        self.listening.set()
        return stream

    async def sim_devices(self) -> tuple[int, dict[str, object]]:
        return 200, {"devices": []}

    async def sim_read(self, stem: str, path: str) -> tuple[int, dict[str, object]]:
        return 200, {"value": stem, "words": [len(path)]}

    async def sim_points(self, stem: str, points: dict[str, object]) -> tuple[int, dict[str, object]]:
        self.simulated.append((stem, points))
        return 200, {"set": len(points)}

    async def sim_writes(self, since: int) -> tuple[int, dict[str, object]]:
        return 200, {"now": 1.5, "last": since, "missed": 0, "writes": []}

    async def sim_fault(self, stem: str, fault: dict[str, object]) -> tuple[int, dict[str, object]]:
        self.simulated.append((stem, fault))
        return 200, {"fault": fault["kind"]}

    async def alarms(self) -> list[dict[str, object]]:
        return self.alarm_desk.alarms

    async def journal(self, limit: int) -> list[dict[str, object]]:
        records = [
            {"id": n, "time": 1_763_800_000.0 + n, "kind": "event", "source": "ess_1", "uri": "/events",
             "command": "", "body": {"source": "ess_1->pcs", "message": f"event {n}", "severity": 4}}
            for n in range(9, 0, -1)
        ]  # fmt: skip
        return records[:limit]


@dataclass
class Running:
    """The plant and where its operator API is."""

    plant: Plant
    address: str


def _serve(plant: Plant, started: threading.Event, told: dict[str, object]) -> None:
    async def life() -> None:
        meter = Meter()
        exposition = Exposition(plant.status, plant.snapshots, "0.1.0")
        access = Access(SiteAccess(loopback=Role.ENGINEER))
        server = ApiServer(create_app(plant, meter, exposition, access))
        host, port = await server.start(bind("127.0.0.1", 0))
        stop = asyncio.Event()
        told.update(address=f"{host}:{port}", stop=stop, loop=asyncio.get_running_loop())
        started.set()
        await stop.wait()
        await server.stop()

    asyncio.run(life())


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A running operator API that ESS_ACTORS_API points to."""
    plant, started, told = Plant(), threading.Event(), {}
    thread = threading.Thread(target=_serve, args=(plant, started, told))
    thread.start()
    assert started.wait(10)
    monkeypatch.setenv("ESS_ACTORS_API", told["address"])
    yield Running(plant, told["address"])
    told["loop"].call_soon_threadsafe(told["stop"].set)
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def nowhere() -> str:
    """An address that nobody listens on."""
    return f"127.0.0.1:{free_port()}"
