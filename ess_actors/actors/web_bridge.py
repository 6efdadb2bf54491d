"""Between HTTP requests and the actors: open questions with their tickets, listeners, the tree's last status."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from ess_actors.actors.settings import WebSettings
from ess_actors.actors.web_questions import ANSWER_LIMIT_S, Question, QueueListener
from ess_actors.core.control import Answer, Heartbeat, JournalRequest, Order, Ordered, SimCommand, SiteStatus
from ess_actors.core.errors import RequestError
from ess_actors.core.messages import Message
from ess_actors.core.supervision import ChildReport
from ess_actors.core.uri import covers
from ess_actors.web import bridge as web
from ess_actors.web.exposition import Exposition

_SELF: Final = "supervisor"
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
        self._show(message)

    def asked(self, message: Message, recipients: list[str]) -> None:
        """The actor has sent the question to these."""
        question = self._questions.get(message.corr)
        if question is not None:
            question.expected = recipients
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

    async def order(self, actor_id: str, verb: str) -> tuple[int, dict[str, object]]:
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

    async def message(self, message: Message) -> web.Answer:
        corr = f"web-{next(self._tickets)}"
        answerable = message.method in ("get", "set")
        question = self._questions[corr] = Question(answerable)
        # The time makes the id unique over restarts of this actor: a command is done once per id.
        command = f"{self._settings.site}-{corr}-{time.time_ns()}" if message.method == "set" else ""
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

    async def sim_fault(self, stem: str, fault: dict[str, object]) -> tuple[int, dict[str, object]]:
        return await self._sim("fault", stem, fault)

    async def alarms(self) -> list[dict[str, object]]:
        found: dict[tuple[object, object, object], dict[str, object]] = {}
        asked = [
            self.message(Message("get", f"/alarm_router/{name}", replyto="/web/alarms", explain=True))
            for name in self._settings.instances
        ]
        answers = await asyncio.gather(*asked)
        silent = [n for n, answer in zip(self._settings.instances, answers, strict=True) if answer.status]
        if len(silent) == len(answers):
            raise RequestError("no_answer", "no alarm router answers; `ess-actors status` shows why")
        for answer in answers:
            for alarm in orjson.loads(answer.body)["alarms"] if not answer.status else ():
                found.setdefault((alarm["instance"], alarm["source"], alarm["type"]), alarm)
        for name in silent:
            # A list that is not known must not look like an empty one.
            text = f"the alarms of {name} are not known: its router does not answer"
            found[name, "", ""] = {
                "instance": name, "type": "alarm", "severity": 3, "asset": name, "source": f"{name}/alarms",
                "message": text, "value": "silent", "state": "active", "since": time.time(), "count": 1,
            }  # fmt: skip
        return sorted(found.values(), key=lambda alarm: -float(str(alarm["since"])))

    async def journal(self, limit: int) -> list[dict[str, object]]:
        answer = await self._ticketed(lambda ticket: JournalRequest(limit, ticket))
        if not isinstance(answer, Answer) or answer.status:
            raise RequestError("no_answer", "the store does not answer; `ess-actors status` shows why")
        return list(answer.body)

    # --- details ----------------------------------------------------------------------------------------------

    def _show(self, message: Message) -> None:
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
        heartbeat = self._status.heartbeats.get(report.id)
        if heartbeat is not None and heartbeat.pid != report.pid:
            heartbeat = None
        now = time.monotonic()
        return {
            "id": report.id,
            "kind": report.kind,
            "state": report.state,
            "pid": report.pid or None,
            "restarts": report.restarts,
            "uptime_s": round(now - report.since, 1) if report.state == "RUNNING" and report.since else None,
            "next_try_s": None if report.next_try is None else round(max(0.0, report.next_try - now), 1),
            "cpu_s": heartbeat.cpu_s if heartbeat else None,
            "cpu_percent": self._cpu_percent(report.id),
            "rss_bytes": heartbeat.rss_bytes if heartbeat else None,
            "last_error": report.last_error,
            "stopped_by": report.stopped_by,
        }

    def _cpu_percent(self, actor_id: str) -> float | None:
        """CPU of the last interval between two heartbeats, in percent of one core."""
        last, before = self._status.heartbeats.get(actor_id), self._before.get(actor_id)
        if last is None or before is None or before.pid != last.pid or last.at <= before.at:
            return None
        return round(100 * (last.cpu_s - before.cpu_s) / (last.at - before.at), 2)
