"""Answers to messages: results of queries, echoes of sets, refusals with a reason."""

from typing import Final

import orjson

from ess_actors.core import near, query
from ess_actors.core.access import Route
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.messages import MAX_HOPS, Message
from ess_actors.core.query import REPLY_LIMIT
from ess_actors.core.records import Counters
from ess_actors.core.uri import covers
from ess_actors.core.variables import Variable

FLAWED: Final = "flawed"
"""Status of an answer: done, but not all of it can work. Its body has `reply` and `findings`."""
MINIMUM: Final = (
    *("msgs_in{get}", "msgs_in{pub}", "msgs_in{set}", "replies_out", "not_found", "blocked{builtin}"),
    *("bad_method", "bad_body", "bad_uri", "bad_member", "type_mismatch", "locked_ignored"),
    *("loop_guard", "depth_guard", "hop_dropped", "function_errors", "expr_errors", "pubs_suppressed"),
    *("reply_oversize", "send_failed"),
)
"""Counters that are shown before anything was counted; those with names of tables and functions come with them."""


def counted(engine: Engine) -> Counters:
    """All counts of an instance."""
    counters = engine.counters
    for name in MINIMUM:
        counters.setdefault(name, 0)
    counters["vars_created"] = engine.map.created
    counters["action_runs"] = engine.action_runs
    counters["sched_runs"] = engine.scheduler.runs
    counters["sched_skipped"] = engine.scheduler.skipped
    return counters


def answer_query(engine: Engine, message: Message, route: Route) -> None:
    """Answer a get: only when an answer is wanted; a bus query that finds nothing stays without."""
    if not message.replyto and not message.explain:
        return
    if query.PERFORMANCE.startswith(route.path) or covers(query.PERFORMANCE, route.path):
        show_counters(engine)
    try:
        found = query.get(engine, route.path, route.mode)
    except query.TooLarge:
        _answer(engine, message, _too_large(engine, f"more than {REPLY_LIMIT}"), "")
        return
    if found is not None:
        _answer(engine, message, _text(found.body), "")
        return
    engine.counters["not_found"] += 1
    if message.explain:  # names that are near cost milliseconds: only for an operator who reads them
        names = near.near(engine.map, route.path)
        refuse(engine, message, "not_found", "nothing is there", uri=route.path, near=names)


def show_counters(engine: Engine) -> None:
    """Write all counts into their table. Its variables are no creations of whoever asks."""
    map_ = engine.map
    for name, count in sorted(counted(engine).items()):
        var = map_.find(query.PERFORMANCE, name)
        if var is None:
            var = Variable(query.PERFORMANCE, name, count, engine.now)
            map_.place(query.PERFORMANCE, name, var)
        var.cell.value = count


def echo(engine: Engine, message: Message, body: bytes, status: str = "") -> None:
    """Answer a set with what was sent; a pub is answered only to an operator."""
    if message.explain or (message.replyto and message.method != "pub"):
        _answer(engine, message, body, status)


def refuse(engine: Engine, message: Message, status: str, text: str, **more: object) -> None:
    """Tell an operator why nothing was done. The bus gets no answer."""
    if message.explain:
        body = {"error": status, "uri": message.uri, "text": text, **more}
        _answer(engine, message, _text(body), status)


def _text(body: object) -> bytes:
    """JSON, in any case: half characters, huge numbers or too many levels give a text that says so."""
    try:
        return orjson.dumps(body, default=plain)
    except TypeError as error:
        if isinstance(body, dict) and "error" in body:
            texts = {key: text for key, text in body.items() if isinstance(text, str)}
            return orjson.dumps({key: text.encode(errors="replace").decode() for key, text in texts.items()})
        return orjson.dumps(f"Fims Error :: Cannot be written: {error}")


def _too_large(engine: Engine, size: str) -> bytes:
    engine.counters["reply_oversize"] += 1
    return orjson.dumps(f"Fims Error :: Message size too large [{size}]")


def _answer(engine: Engine, message: Message, body: bytes, status: str) -> None:
    if len(body) > REPLY_LIMIT:
        body = _too_large(engine, str(len(body)))
    hops = engine.hops + 1
    if hops > MAX_HOPS:
        engine.counters["hop_dropped"] += 1
        return
    engine.counters["replies_out"] += 1
    answer = Message(
        "set",
        message.replyto,
        body,
        hops=hops,
        command=message.command,
        corr=message.corr,
        status=status,
        to=message.sender if message.explain else "",
    )
    engine.outbox.append(answer)
