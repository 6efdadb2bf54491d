"""Between HTTP requests and the actors: open questions with their tickets, listeners, the tree's last status."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from ess_actors.actors.settings import WebSettings
from ess_actors.actors.web_alarms import INTERNAL, SiteAlarms
from ess_actors.actors.web_audit import old_value, row_of
from ess_actors.actors.web_history import WebHistory
from ess_actors.actors.web_questions import ANSWER_LIMIT_S, Question, QueueListener, unheard
from ess_actors.actors.web_rows import actor_row
from ess_actors.core.answers import FLAWED
from ess_actors.core.control import (
    Answer,
    AuditRequest,
    Heartbeat,
    JournalRequest,
    Order,
    Ordered,
    SimCommand,
    SiteStatus,
)
from ess_actors.core.errors import RequestError
from ess_actors.core.messages import Message
from ess_actors.core.safe_state import stamped
from ess_actors.core.supervision import ChildReport
from ess_actors.core.uri import covers
from ess_actors.web import bridge as web
from ess_actors.web.exposition import Exposition

_SELF: Final = "supervisor"
_OLD: Final = "/web/old"
_INTERNAL: Final = frozenset({_OLD, INTERNAL})
"""Where answers to questions go that nobody outside asked."""
_SUPERVISOR_SILENT_S: Final = 5.0


class ActorBridge:
    """web.Bridge on the web actor's thread. `to_actor` hands an item to the actor."""

    def __init__(self, settings: WebSettings, to_actor: Callable[[Any], None]) -> None:
        self.exposition: Exposition | None = None
        self._settings = settings
        self._to_actor = to_actor
        self._tickets = itertools.count(1)
        self._questions: dict[str, Question] = {}
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._listeners: list[QueueListener] = []
        self._status = SiteStatus(time.monotonic(), "starting", ())
        self._sources: dict[str, Heartbeat] = {}
        self._before: dict[str, Heartbeat] = {}
        self.alarm_desk = SiteAlarms(settings, self._ask, self._ticketed, to_actor)
        self.history = WebHistory(settings.history, self._ticketed)

    # --- from the actor ---------------------------------------------------------------------------------------

    def take_status(self, status: SiteStatus) -> None:
        """The supervisor's news: tree and heartbeats."""
        self._status = status
        for actor_id, heartbeat in status.heartbeats.items():
            known = self._sources.get(actor_id)
            if known is None or known.at != heartbeat.at:
                if known is not None:
                    self._before[actor_id] = known
                self._sources[actor_id] = heartbeat
                if self.exposition is not None:
                    self.exposition.note(actor_id, self._source(heartbeat))

    def deliver(self, message: Message) -> None:
        """A message of the bus: an answer to a question, and news for listeners."""
        question = self._questions.get(message.corr) if message.corr else None
        if question is not None and message.sender:
            question.answers[message.sender] = web.Answer(message.status, message.body)
            question.settle()
        elif message.method == "pub" and covers("/alarm_router", message.uri):
            self.alarm_desk.heard(message)
        if message.status == FLAWED:
            message = message._replace(body=orjson.dumps(orjson.loads(message.body)["reply"]))
        self._show(message)

    def asked(self, message: Message, recipients: list[str]) -> None:
        """The actor has sent the question to these."""
        question = self._questions.get(message.corr)
        if question is not None:
            question.expected = recipients
            question.nobody = unheard(message.uri, self._settings.instances)
            question.owner = self._owner(message)
            named = message.uri.split("/")[1]
            if named in self._settings.instances:
                text = f"{named} is not running; `ess-actors status` shows why"
                question.nobody = web.Answer("not_running", orjson.dumps({"text": text}))
            if question.owner and question.owner not in recipients:
                # An instance that keeps a copy of the device's values would answer as if it were the device.
                question.expected = []
                text = f"{question.owner} is not running; `ess-actors status` shows why"
                question.nobody = web.Answer("not_running", orjson.dumps({"text": text}))
            question.settle()
        self._show(message)

    def _owner(self, message: Message) -> str:
        """The actor of the device that a set is for."""
        covering = [uri for uri in self._settings.devices if covers(uri, message.uri)]
        return self._settings.devices[max(covering, key=len)] if covering and message.method == "set" else ""

    def lost(self, gone: frozenset[str]) -> None:
        """These actors are down, or run anew and know nothing of what was asked before."""
        for question in list(self._questions.values()):
            question.lost(gone)
        self.alarm_desk.lost(gone)

    def answered(self, answer: Answer | Ordered) -> None:
        """Answer to a ticket."""
        waiting = self._waiting.pop(answer.ticket, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    # --- web.Bridge -------------------------------------------------------------------------------------------

    def status(self) -> dict[str, object]:
        state = self._status.state
        if time.monotonic() - self._status.at > _SUPERVISOR_SILENT_S:
            # What it said last is history; operators must not take it for the present.
            state = "unknown: the supervisor is silent"
        return {
            "site": self._settings.site,
            "state": state,
            "ready": state == "running",
            "addresses": dict(self._settings.addresses),
            "actors": [self._row(report) for report in (self._root(), *self._status.actors)],
        }

    def snapshots(self) -> Mapping[str, web.Source]:
        return {actor_id: self._source(heartbeat) for actor_id, heartbeat in self._sources.items()}

    async def order(
        self, actor_id: str, verb: str, by: web.By = web.ANYBODY
    ) -> tuple[int, dict[str, object]]:
        code, body = await self._order(actor_id, verb)
        result = "ok" if code < 400 else str(body.get("error"))
        self._to_actor(row_of(by, f"/actors/{actor_id}", "", orjson.dumps(verb).decode(), result))
        return code, body

    async def _order(self, actor_id: str, verb: str) -> tuple[int, dict[str, object]]:
        if actor_id == _SELF:
            text = "the supervisor ends with its launch command; stop and start that"
            return 409, {"error": "refused", "text": text}
        if actor_id == "web" and verb == "stop":
            text = "no order would reach the site any more; `restart` it, or end the launch command"
            return 409, {"error": "refused", "text": text}
        ordered = await self._ticketed(lambda ticket: Order(actor_id, verb, ticket))
        if ordered is None:
            return 504, {"error": "no_answer", "text": "the supervisor did not answer; see /api/status"}
        assert isinstance(ordered, Ordered)
        if ordered.status:
            code = 404 if ordered.status == "not_found" else 409
            return code, {"error": ordered.status, "text": ordered.text}
        return 202, {"actor": actor_id, "verb": verb, "status": "ordered"}

    async def message(self, message: Message, by: web.By = web.ANYBODY) -> web.Answer:
        if message.method == "get":
            return await self._ask(message)
        # Asked for before the order is on its way: what comes back is the value that it replaces.
        old = asyncio.create_task(self._ask(Message("get", message.uri, replyto=_OLD, explain=True)))
        await asyncio.sleep(0)
        answer = await self._ask(message)
        before = await old_value(old)
        result = answer.status or "ok"
        self._to_actor(row_of(by, message.uri, before, message.body.decode("utf-8", "replace"), result))
        return answer

    async def _ask(self, message: Message) -> web.Answer:
        corr = f"web-{next(self._tickets)}"
        answerable = message.method in ("get", "set")
        question = self._questions[corr] = Question(answerable, message.method == "set")
        # The time makes the id unique over restarts of this actor: a command is done once per id.
        stamp = stamped(f"{self._settings.site}-{corr}-{time.time_ns()}", time.monotonic())
        command = message.command or (stamp if message.method == "set" else "")
        self._to_actor(message._replace(corr=corr, explain=answerable, command=command))
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                return await question.done
        except TimeoutError:
            return question.give_up()
        finally:
            del self._questions[corr]

    def listen(self, prefixes: Sequence[str]) -> web.Listener:
        listener = QueueListener(tuple(prefixes), self._left)
        self._listeners.append(listener)
        self._resubscribe()
        return listener

    async def sim_devices(self) -> tuple[int, dict[str, object]]:
        return await self._sim("devices", "", {})

    async def sim_read(self, stem: str, path: str) -> tuple[int, dict[str, object]]:
        return await self._sim("read", stem, {"path": path})

    async def sim_points(self, stem: str, points: dict[str, object]) -> tuple[int, dict[str, object]]:
        return await self._sim("points", stem, points)

    async def sim_writes(self, since: int) -> tuple[int, dict[str, object]]:
        return await self._sim("writes", "", {"since": since})

    async def sim_fault(self, stem: str, fault: dict[str, object]) -> tuple[int, dict[str, object]]:
        return await self._sim("fault", stem, fault)

    async def alarms(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = (await self.alarm_desk.listed())["alarms"]  # type: ignore[assignment]
        return found

    async def journal(self, limit: int) -> list[dict[str, object]]:
        return await self._stored(lambda ticket: JournalRequest(limit, ticket))

    async def audited(self, limit: int) -> list[dict[str, object]]:
        return await self._stored(lambda ticket: AuditRequest(limit, ticket))

    async def _stored(self, request: Callable[[int], Any]) -> list[dict[str, object]]:
        answer = await self._ticketed(request)
        if not isinstance(answer, Answer) or answer.status:
            raise RequestError("no_answer", "the store does not answer; `ess-actors status` shows why")
        return list(answer.body)

    # --- details ----------------------------------------------------------------------------------------------

    def _show(self, message: Message) -> None:
        if not message.uri or not _INTERNAL.isdisjoint((message.uri, message.replyto)):
            return  # an answer to a request, or a question, of the operator API itself: no message of the bus
        for listener in self._listeners:
            if any(covers(prefix, message.uri) for prefix in listener.prefixes):
                listener.put(message)

    async def _sim(self, verb: str, stem: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        if not self._settings.simulated:
            return 409, {
                "error": "no_simulator",
                "text": "this site runs on its devices; start it with --sim",
            }
        answer = await self._ticketed(lambda ticket: SimCommand(verb, stem, body, ticket))
        if not isinstance(answer, Answer):
            return 504, {"error": "no_answer", "text": "the simulator did not answer"}
        if answer.status:
            code = 404 if answer.status in ("not_found", "unknown_device", "unknown_id") else 400
            return code, {"error": answer.status, **answer.body}
        return 200, answer.body

    async def _ticketed(self, item: Callable[[int], Any]) -> Any:
        ticket = next(self._tickets)
        self._waiting[ticket] = asyncio.get_running_loop().create_future()
        self._to_actor(item(ticket))
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                return await self._waiting[ticket]
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(ticket, None)

    def _left(self, listener: QueueListener) -> None:
        self._listeners.remove(listener)
        self._resubscribe()

    def _resubscribe(self) -> None:
        prefixes = tuple(sorted({prefix for one in self._listeners for prefix in one.prefixes}))
        to_assets = sum(
            any(covers(prefix, "/assets") or covers("/assets", prefix) for prefix in one.prefixes)
            for one in self._listeners
        )
        self._to_actor((prefixes, to_assets))

    def _source(self, heartbeat: Heartbeat) -> web.Source:
        snapshot = {
            **heartbeat.snapshot,
            "ess_actor_cpu_seconds_total": [((heartbeat.actor_id,), (heartbeat.cpu_s,))],
            "ess_actor_resident_memory_bytes": [((heartbeat.actor_id,), (float(heartbeat.rss_bytes),))],
        }
        return web.Source(snapshot, time.monotonic() - heartbeat.at, heartbeat.generation)

    def _root(self) -> ChildReport:
        heartbeat = self._status.heartbeats.get(_SELF)
        pid = heartbeat.pid if heartbeat else 0
        return ChildReport(_SELF, _SELF, "RUNNING", pid, 1, 0, 0.0, None, "", "")

    def _row(self, report: ChildReport) -> dict[str, object]:
        return actor_row(report, self._status.heartbeats.get(report.id), self._before.get(report.id))
