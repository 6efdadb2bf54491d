"""The operator page: its files, its live stream, and what its data view asks of an instance."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.messages import Message
from ess_actors.core.metrics import Meter
from ess_actors.core.roles import Role
from ess_actors.web import incoming
from ess_actors.web.answers import Refusal, error_answer, message_answer
from ess_actors.web.bridge import Answer, Bridge
from ess_actors.web.guard import in_time
from ess_actors.web.live import Hub, LiveStream
from ess_actors.web.live_topics import topic_of
from ess_actors.web.served import OBJECT, TEXT, Served, many, shape

MAX_TOPICS: Final = 24
"""Of one page."""

_FOLDER: Final = Path(__file__).parent / "page"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_KEPT: Final = "no-cache"
"""A browser asks each time whether its copy still holds: a new version is there with the next look."""
_REPLY: Final = "/web/page"


def page_routes(bridge: Bridge, meter: Meter, closing: asyncio.Event) -> list[Served]:
    """GET /, /page/..., /api/live, /api/browse, /api/trace. The files are for anybody: the form to log in is one."""
    page = _Page(bridge, meter, closing)
    late = {404: "nothing is there", 503: "it is not running", 504: "it did not answer in time"}
    uri = {"type": "string", "pattern": "^/", "maxLength": 1024}
    return [
        Served("GET", "/", Role.ANYBODY, page.index, "The operator page", TEXT, media="text/html"),
        Served(
            "GET", "/page/{name:path}", Role.ANYBODY, page.file, "A file of the page", TEXT,
            codes={304: "as known", 404: "there is no such file"}, media="text/html",
        ),
        Served(
            "GET", "/api/live", Role.VIEWER, page.live,
            "What is shown, live: a snapshot of each topic (status, alarms, uri:/below/this, table:/instance/table), "
            "then changes", TEXT, query={"topic": {**many(TEXT), "maxItems": MAX_TOPICS}}, must=("topic",),
            codes={503: "too many pages"}, media="text/event-stream", stream=True,
        ),
        Served(
            "GET", "/api/browse", Role.VIEWER, page.browse,
            "Names of the tables and variables of an instance, or one table in every detail",
            shape({"reply": OBJECT}), query={"instance": TEXT, "table": uri}, must=("instance",), codes=late,
        ),
        Served(
            "GET", "/api/trace", Role.VIEWER, page.trace,
            "Who writes a variable and whom it writes, the gates now and why, its last changes and by whom",
            shape({"reply": OBJECT}), query={"uri": uri}, must=("uri",), codes=late,
        ),
    ]  # fmt: skip


class _Page:
    def __init__(self, bridge: Bridge, meter: Meter, closing: asyncio.Event) -> None:
        self._bridge = bridge
        self._meter = meter
        self._closing = closing
        self._hub = Hub(bridge)
        self._files = {
            path.relative_to(_FOLDER).as_posix(): (path.read_bytes(), _TYPES[path.suffix])
            for path in sorted(_FOLDER.rglob("*"))
            if path.suffix in _TYPES
        }
        meter.gauge("ess_pages", "web", value=0)

    async def index(self, request: Request) -> Response:
        return self._served(request, "index.html")

    async def file(self, request: Request) -> Response:
        return self._served(request, request.path_params["name"])

    def _served(self, request: Request, name: str) -> Response:
        if name not in self._files:
            return error_answer(404, "not_found", f"the page has no file {name[:80]!r}; open / instead")
        body, kind = self._files[name]
        mark = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {"cache-control": _KEPT, "etag": mark}
        if request.headers.get("if-none-match") == mark:
            return Response(status_code=304, headers=headers)
        return Response(body, headers={**headers, "content-type": kind})

    async def live(self, request: Request) -> Response:
        names = list(dict.fromkeys(request.query_params.getlist("topic")))
        if not names or len(names) > MAX_TOPICS:
            text = f"name 1 to {MAX_TOPICS} topics, as in /api/live?topic=status&topic=alarms"
            raise Refusal(400, "bad_topic", text)
        for name in names:
            topic_of(name, self._bridge, int)  # refuses what is none, before the stream begins
        by = incoming.by_whom(request)
        who = f"{by.who} at {by.origin}"
        if self._closing.is_set():
            raise Refusal(503, "too_many_listeners", "the operator API stops; ask again in a moment")
        if full := self._hub.room_for(names, who):
            raise Refusal(503, "too_many_listeners", full)
        return LiveStream(self._hub, names, who, self._closing, self._counted)

    def _counted(self) -> None:
        self._meter.gauge("ess_pages", "web", value=self._hub.pages)

    async def browse(self, request: Request) -> Response:
        """?instance=ess_1 (&table=/status/bms_1): names of all tables and variables, or one table in detail."""
        instance = self._instance(request.query_params.get("instance", ""))
        table = request.query_params.get("table", "")
        path = incoming.checked_uri(table, "table") if table else ""
        return message_answer(await self._ask(f"/{instance}/browse{path}"))

    async def trace(self, request: Request) -> Response:
        """?uri=/ess_1/status/bms_1/SOC: who writes it, whom it writes, gates, last changes, and who sends to it."""
        uri = incoming.checked_uri(request.query_params.get("uri", "").replace(":", "/"), "uri")
        named, _, rest = uri[1:].partition("/")
        instance = self._instance(named)
        others = [name for name in self._instances() if name != instance]
        answer, *sent = await asyncio.gather(
            self._ask(f"/{instance}/trace/{rest}"),
            *(self._ask(f"/{other}/trace/{instance}/{rest}") for other in others),
        )
        if answer.status:
            return message_answer(answer)
        senders = [
            {"instance": other, **edge}
            for other, one in zip(others, sent, strict=True)
            if not one.status
            for edge in orjson.loads(one.body).get("sent_by", [])
        ]
        found: dict[str, Any] = {"instance": instance, **orjson.loads(answer.body), "sent_by": senders}
        return message_answer(Answer("", orjson.dumps(found)))

    async def _ask(self, uri: str) -> Answer:
        return await in_time(self._bridge.message(Message("get", uri, replyto=_REPLY, explain=True)))

    def _instances(self) -> list[str]:
        rows = self._bridge.status().get("actors")
        return [str(row["id"]) for row in rows if row.get("kind") == "ess"] if isinstance(rows, list) else []

    def _instance(self, name: str) -> str:
        known = self._instances()
        if name not in known:
            text = f"no instance is called {name[:80]!r}; there are: {', '.join(known) or 'none'}"
            raise Refusal(404, "not_found", text, near=known)
        return name
