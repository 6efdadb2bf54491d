"""Orders of operators to alarms: split by instance, answers joined, who does not answer named, all of it audited."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import orjson

from ess_actors.actors.settings import WebSettings
from ess_actors.actors.web_audit import row_of
from ess_actors.core.messages import Message
from ess_actors.core.safe_state import stamped
from ess_actors.web import bridge as web

CLEAR_LIMIT_S: Final = 4.0
"""So long the result of a clear is waited for; routers give up on their members earlier."""
_CODES: Final = {"no_answer": 504, "not_found": 404, "refused": 409}
_SILENT: Final = frozenset(
    {"no_answer", "no_subscriber", "not_running", "unknown_outcome", "starting", "timeout"}
)

_UNSURE: Final = frozenset({"", "no_answer", "unknown_outcome", "timeout"})
"""What may be said of a set that is carried out all the same: the result tells."""


class Orders:
    """The part of web.AlarmDesk that changes something."""

    def __init__(
        self,
        settings: WebSettings,
        ask: Callable[[Message], Coroutine[Any, Any, web.Answer]],
        to_actor: Callable[[Any], None],
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._to_actor = to_actor
        self._commands = itertools.count(1)
        self._results: dict[str, asyncio.Future[dict[str, object]]] = {}

    def state_of(self, alarm_id: str) -> str:
        """The state an alarm is known to be in."""
        raise NotImplementedError

    def ids(self) -> Sequence[str]:
        """Ids of all alarms that are not normal."""
        raise NotImplementedError

    def changed(self) -> None:
        """An order was carried out: what was asked before it is old."""
        raise NotImplementedError

    def take_result(self, message: Message) -> None:
        """What a router publishes; the result of a clear is awaited by its command."""
        waiting = self._results.get(message.command)
        if waiting is None or waiting.done() or b'"members"' not in message.body:
            return
        body = orjson.loads(message.body)
        if isinstance(body, dict) and "text" in body and isinstance(body.get("members"), list):
            waiting.set_result(body)

    # --- web.AlarmDesk ----------------------------------------------------------------------------------------

    async def order(
        self, verb: str, ids: Sequence[str] | None, by: web.By, minutes: float | None = None, why: str = ""
    ) -> tuple[int, dict[str, object]]:
        order: dict[str, object] = {"verb": verb, "by": by.who, "origin": by.origin}
        if minutes is not None:
            order["minutes"] = minutes
        if why:
            order["why"] = why
        parts, results = self._split(ids)
        old = {one: self.state_of(one) for one in (ids if ids is not None else self.ids())}
        answers = await asyncio.gather(*(self._order(name, order, part) for name, part in parts.items()))
        body = _joined(dict(zip(parts, answers, strict=True)), parts, results)
        new = {key: value for key, value in order.items() if key not in ("by", "origin")}
        new |= {"all": True} if ids is None else {"ids": list(ids)}
        self.changed()
        said = f"{body['status']}: {body['text']}"
        self._to_actor(row_of(by, f"/alarms/{verb}", _text(old), _text(new), said))
        if body["status"] == "refused":
            return _CODES[str(body["error"])], body
        return 200, body

    async def clear(self, asset: str, by: web.By) -> tuple[int, dict[str, object]]:
        old = {one: self.state_of(one) for one in self.ids()}
        code, body = await self._clear(asset, by)
        self.changed()
        said = str(body.get("text"))
        new = {"asset": asset} if asset else {}
        self._to_actor(row_of(by, "/alarms/clear", _text(old), _text(new), said))
        return code, body

    # --- details ----------------------------------------------------------------------------------------------

    def _command(self) -> str:
        """The time makes the id unique over restarts of this actor: a command is done once per id."""
        name = f"{self._settings.site}-alarms-{next(self._commands)}-{time.time_ns()}"
        return stamped(name, time.monotonic())

    def _split(self, ids: Sequence[str] | None) -> tuple[dict[str, list[str] | None], dict[str, str]]:
        """Instance -> what of the order is for it (None = all it has), and what can be said at once."""
        if ids is None:
            return dict.fromkeys(self._settings.instances), {}
        parts: dict[str, list[str] | None] = {}
        results: dict[str, str] = {}
        for one in ids:
            name = one.partition(":")[0]
            if name not in self._settings.instances:
                known = ", ".join(self._settings.instances)
                results[one] = f"not found: an id begins with its instance, there are {known}"
                continue
            part = parts.setdefault(name, [])
            assert part is not None
            part.append(one)
        return parts, results

    async def _order(self, instance: str, order: Mapping[str, object], part: list[str] | None) -> web.Answer:
        whole = {**order, "all": True} if part is None else {**order, "ids": part}
        uri = f"/alarm_router/{instance}/order"
        asked = Message("set", uri, orjson.dumps(whole), explain=True, command=self._command())
        return await self._ask(asked)

    async def _clear(self, asset: str, by: web.By) -> tuple[int, dict[str, object]]:
        place = next((one for one in self._settings.clears if asset in ("", one.asset)), None)
        if place is None:
            known = list(dict.fromkeys(one.asset for one in self._settings.clears))
            named = (
                f"the documents clear nothing for {asset!r} alone" if asset else "the documents clear nothing"
            )
            said = f"; they do for {', '.join(known)}" if known else ""
            text = f"{named}{said}: a clear is a variable clear_faults whose actions run process_sys_alarm"
            return 404, {"error": "not_found", "text": text, "near": known}
        uri, value = place.uri, place.value
        command = self._command()
        # The router that will owe the result is told first who orders it; the clear goes the way of every clear.
        told = {"verb": "clear", "by": by.who, "origin": by.origin}
        owing = f"/alarm_router/{uri.split('/')[1]}/order"
        announced = asyncio.create_task(
            self._ask(Message("set", owing, orjson.dumps(told), explain=True, command=command))
        )
        await asyncio.sleep(0)
        result = self._results[command] = asyncio.get_running_loop().create_future()
        ordered = asyncio.create_task(
            self._ask(Message("set", uri, orjson.dumps(value), explain=True, command=command))
        )
        try:
            async with asyncio.timeout(CLEAR_LIMIT_S):
                await asyncio.wait({ordered, result}, return_when=asyncio.FIRST_COMPLETED)
                if not result.done() and (answer := ordered.result()).status not in _UNSURE:
                    text = _said(answer) or f"set of {uri} was answered with {answer.status}"
                    code = 504 if answer.status in _SILENT else 409
                    return code, {"error": answer.status, "text": text}
                body = await result
        except TimeoutError:
            text = f"{uri} was set, but no result came within {CLEAR_LIMIT_S:g} s: look at the alarms"
            return 504, {"error": "unknown_outcome", "text": text}
        finally:
            announced.cancel()
            ordered.cancel()
            del self._results[command]
        return 200, body


def _joined(
    answers: Mapping[str, web.Answer], parts: Mapping[str, list[str] | None], results: dict[str, str]
) -> dict[str, object]:
    """The answers of all instances as one. `results` = what was said without asking anybody."""
    refusals: list[str] = []
    silent: list[str] = []
    for name, answer in answers.items():
        told = _object(answer.body)
        found = told.get("results")
        if answer.status or not isinstance(found, dict):
            silent.append(name)
            why = _said(answer) if answer.status == "unknown_outcome" else f"{name} does not answer"
            for one in parts[name] or ():
                results.setdefault(one, f"not known: {why}")
            continue
        if told.get("status") == "refused" and not found:
            refusals.append(str(told.get("text", "refused")))
        for one, said in found.items():
            # What an order to all finds done already was done by the same order in another instance.
            if one not in results or _weight(str(said)) > _weight(results[one]):
                results[one] = str(said)
    counts = Counter(text.partition(":")[0] for text in results.values()).most_common()
    texts = [f"{count} of {len(results)} {text}" for text, count in counts] or ["nothing to be done"]
    texts = [
        *(dict.fromkeys(refusals) if refusals else texts),
        *(f"{name} does not answer" for name in silent),
    ]
    done = sum(not text.startswith("not ") for text in results.values())
    complete = done == len(results) and not silent and not refusals
    status = "ok" if complete else "partly" if done or (silent and len(silent) < len(answers)) else "refused"
    body: dict[str, object] = {"status": status, "results": results, "text": "; ".join(texts)}
    if silent:
        body["unknown"] = silent
    if status == "refused":
        missing = bool(results) and all(text.startswith("not found") for text in results.values())
        body["error"] = "no_answer" if silent else "not_found" if missing else "refused"
    return body


def _weight(result: str) -> int:
    return 0 if result.startswith("not ") else 1 if result.startswith("already ") else 2


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        told = None
    return told if isinstance(told, dict) else {}


def _said(answer: web.Answer) -> str:
    return str(_object(answer.body).get("text", ""))


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
