"""What operators see of alarms, on the web actor's thread: the lists of all instances as one, figures, history."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from sys import intern
from typing import Any, Final

import orjson

from ess_actors.actors.settings import WebSettings
from ess_actors.actors.web_alarm_orders import Orders
from ess_actors.core.alarm_figures import COUNTED, DAY_S, WINDOW_S, AlarmFigures
from ess_actors.core.alarm_history import (
    UNACKNOWLEDGED,
    Transition,
    TransitionFilter,
    sounding,
    transition_of,
)
from ess_actors.core.control import Answer, TransitionsRequest
from ess_actors.core.errors import RequestError
from ess_actors.core.first_out import mark
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Meter
from ess_actors.web import bridge as web

SUBSCRIPTION: Final = "pub:/alarm_router"
INTERNAL: Final = "/web/alarms"
"""Where answers to questions go that nobody outside asked."""
MOST_RECALLED: Final = 100_000
"""Transitions that are taken from the journal at the start, and that may come meanwhile."""
_PAGE: Final = 2000
_RETRY_S: Final = 0.25
_RECALL_LIMIT_S: Final = 2.0
"""So long figures wait for the journal to be read."""
_SETTLE_S: Final = 0.5
"""A router that was just started is asked when it has its list again."""
_REFRESH_S: Final = 60.0
_UNKNOWN_S: Final = 5.0
"""The same while one does not answer."""
_GAUGES_S: Final = 1.0

Asked = Callable[[Message], Coroutine[Any, Any, web.Answer]]
Ticketed = Callable[[Callable[[int], Any]], Coroutine[Any, Any, Any]]


def joined(
    lists: Mapping[str, Iterable[Mapping[str, Any]]], silent: Iterable[str]
) -> list[dict[str, object]]:
    """The alarms, newest first: what several tell of is one alarm, and its own instance knows it best.

    `lists` = what the router of each instance says. Alarms of `silent` instances that others know of are uncertain.
    """
    unsure = frozenset(silent)
    found: dict[tuple[object, object, object], dict[str, object]] = {}
    own_first = sorted(
        ((name != alarm["instance"], alarm) for name, alarms in lists.items() for alarm in alarms),
        key=lambda told: told[0],
    )
    for _, alarm in own_first:
        key = alarm["instance"], alarm["source"], alarm["type"]
        if key in found:
            continue
        found[key] = {"id": f"{key[0]}:{key[2]}:{key[1]}", **alarm}
        if key[0] in unsure:
            found[key]["quality"] = "UNCERTAIN"
    listed = sorted(found.values(), key=lambda alarm: (-float(str(alarm["since"])), str(alarm["id"])))
    mark(listed)
    return listed


def unknown(instance: str, wall: float) -> dict[str, object]:
    """What stands in the list for one that is not known: it must not look like an empty one. `wall` = unix seconds."""
    text = f"the alarms of {instance} are not known: its router does not answer"
    source = f"{instance}/alarms"
    return {
        "id": f"{instance}:alarm:{source}", "instance": instance, "type": "alarm", "severity": 3, "priority": "high",
        "asset": instance, "source": source, "message": text, "value": "silent", "state": UNACKNOWLEDGED,
        "active": True, "latching": False, "quality": "UNCERTAIN", "since": wall, "changed": wall, "count": 1,
        "first_out": False, "cause": None, "acknowledged": None, "shelved": None,
    }  # fmt: skip


class SiteAlarms(Orders):
    """web.AlarmDesk on the web actor's thread. `ask` and `ticketed` reach the actors, `to_actor` takes audit rows."""

    def __init__(
        self, settings: WebSettings, ask: Asked, ticketed: Ticketed, to_actor: Callable[[Any], None]
    ) -> None:
        super().__init__(settings, ask, to_actor)
        self.meter = Meter()
        self._ticketed = ticketed
        self._figures = AlarmFigures(settings.operators)
        self._figures.begin(time.time())
        self._meanwhile: deque[Transition] | None = deque(maxlen=MOST_RECALLED)
        """What happened while the journal was read; None when it has been."""
        self._asking: asyncio.Task[tuple[list[dict[str, object]], dict[str, float]]] | None = None
        """The list is asked for, and nothing has happened since."""
        self._recalled = asyncio.Event()
        self._stale = asyncio.Event()
        self._silent_since: dict[str, float] = {}
        self._series: set[tuple[str, str, str]] = set()

    # --- from the actor ---------------------------------------------------------------------------------------

    def heard(self, message: Message) -> None:
        """What a router publishes."""
        step = transition_of(message.body, time.time())
        if step is None:
            self.take_result(message)
            return
        self.changed()
        self.meter.count("ess_alarm_transitions_total", step.instance, step.after)
        self._figures.note(step, time.time())
        if self._meanwhile is not None:
            self._meanwhile.append(step)

    def lost(self, gone: frozenset[str]) -> None:
        """These actors are down or run anew."""
        if any(actor_id.endswith("/alarms") for actor_id in gone):
            self._stale.set()

    async def run(self) -> None:
        """Keeps figures and gauges right, as long as the actor lives."""
        await asyncio.gather(self._recall(), self._refresh(), self._measure())

    # --- web.AlarmDesk ----------------------------------------------------------------------------------------

    async def listed(self) -> dict[str, object]:
        # Many pages ask at once when something happens; the routers are asked once for all of them.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        alarms, silent = await asyncio.shield(self._asking)
        if len(silent) == len(self._settings.instances):
            raise RequestError("no_answer", "no alarm router answers; `ess-actors status` shows why")
        missing = [unknown(name, since) for name, since in silent.items()]
        flood = self._figures.in_flood(time.time())
        return {"alarms": [*missing, *alarms], "flood": flood, "unknown": list(silent)}

    async def figures(self) -> dict[str, object]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RECALL_LIMIT_S):
                await self._recalled.wait()
        return {**self._figures.as_json(time.time()), "complete": self._recalled.is_set()}

    async def history(self, wanted: TransitionFilter) -> list[dict[str, object]]:
        return [step.as_row() for step in map(_step_of, await self._found(wanted))]

    # --- details ----------------------------------------------------------------------------------------------

    def changed(self) -> None:
        self._asking = None

    def state_of(self, alarm_id: str) -> str:
        known = self._figures.standing.get(alarm_id)
        return known.state if known is not None else "normal"

    def ids(self) -> Sequence[str]:
        return list(self._figures.standing)

    async def _ask_all(self) -> tuple[list[dict[str, object]], dict[str, float]]:
        """The joined list, and the instances that do not answer, each with the unix time since when."""
        asked, names = time.time(), self._settings.instances
        questions = [
            self._ask(Message("get", f"/alarm_router/{name}", replyto=INTERNAL, explain=True))
            for name in names
        ]
        answers = dict(zip(names, await asyncio.gather(*questions), strict=True))
        silent = [name for name, answer in answers.items() if answer.status]
        self._silent_since = {name: self._silent_since.get(name, asked) for name in silent}
        lists = {
            name: orjson.loads(answer.body)["alarms"] for name, answer in answers.items() if not answer.status
        }
        alarms = joined(lists, silent)
        self._figures.told(alarms, asked, silent)
        return alarms, self._silent_since

    async def _found(self, wanted: TransitionFilter) -> list[Any]:
        answer = await self._ticketed(lambda ticket: TransitionsRequest(wanted, ticket))
        if isinstance(answer, Answer) and not answer.status:
            return list(answer.body)
        said = answer.body.get("text") if isinstance(answer, Answer) and isinstance(answer.body, dict) else ""
        raise RequestError("no_answer", said or "the store does not answer; `ess-actors status` shows why")

    async def _recall(self) -> None:
        """The last day out of the journal, so that a restart of this actor changes no figure."""
        sounded: list[tuple[float, str]] = []
        count = 0
        wanted = TransitionFilter(since=time.time() - DAY_S - WINDOW_S, limit=_PAGE)
        while count < MOST_RECALLED:
            try:
                found = await self._found(wanted)
            except RequestError:
                await asyncio.sleep(_RETRY_S)
                continue
            count += len(found)
            # A day of a storm is kept in mind here: of each step only what counts, of each id one text.
            sounded += [(step.time, intern(step.id)) for step in map(_step_of, found) if step.annunciates]
            if len(found) < _PAGE:
                break
            wanted = wanted._replace(behind=(found[-1][1], found[-1][0]))
        known = set(sounded)
        figures = AlarmFigures(self._settings.operators)
        figures.begin(time.time())
        for number, (at, alarm_id) in enumerate(reversed(sounded)):
            figures.note(sounding(at, alarm_id), time.time())
            if number % _PAGE == 0:
                await asyncio.sleep(0)
        meanwhile, self._meanwhile = self._meanwhile or (), None
        for step in meanwhile:
            if (step.time, step.id) not in known:
                figures.note(step, time.time())
        figures.standing = self._figures.standing
        self._figures = figures
        self._recalled.set()

    async def _refresh(self) -> None:
        """Asks the routers now and then: what this actor has not heard of is found."""
        while True:
            await asyncio.sleep(_SETTLE_S)
            self._stale.clear()
            _, silent = await self._ask_all()
            try:
                async with asyncio.timeout(_UNKNOWN_S if silent else _REFRESH_S):
                    await self._stale.wait()
            except TimeoutError:
                continue

    async def _measure(self) -> None:
        while True:
            self._gauges(time.time())
            await asyncio.sleep(_GAUGES_S)

    def _gauges(self, now: float) -> None:
        figures, gauge = self._figures, self.meter.gauge
        counts: dict[tuple[str, str, str], int] = dict.fromkeys(self._series, 0)
        for one in figures.standing.values():
            key = one.instance, one.priority, one.state
            counts[key] = counts.get(key, 0) + 1
        self._series = set(counts)
        for key, count in counts.items():
            gauge("ess_alarm_active", *key, value=count)
        gauge("ess_alarms_recent", value=figures.per_10_min(now))
        gauge("ess_alarms_per_operator_hour", value=figures.per_operator_hour(now))
        gauge("ess_alarm_flood", value=float(figures.in_flood(now)))
        gauge("ess_alarms_standing", value=figures.presented())
        gauge("ess_alarms_unacknowledged", value=figures.count(UNACKNOWLEDGED))
        for state in COUNTED:
            gauge(f"ess_alarms_{state}", value=figures.count(state))
        gauge("ess_alarms_chattering", value=len(figures.chattering(now)))
        gauge("ess_alarms_stale", value=len(figures.stale(now)))
        gauge("ess_alarms_unknown", value=len(self._silent_since))


def _step_of(found: Sequence[Any]) -> Transition:
    """The transition behind its number."""
    return Transition(*found[1:])
