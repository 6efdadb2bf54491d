"""Answers to messages: results of queries, echoes of sets, refusals with a reason."""

from typing import Final

import orjson

from ess_actors.core import query
from ess_actors.core.access import Route
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.messages import MAX_HOPS, Message
from ess_actors.core.records import Counters
from ess_actors.core.uri import covers

REPLY_LIMIT: Final = 924_200
"""Bytes; a longer reply is replaced by a text."""
PERFORMANCE: Final = "/perf/engine"


def counted(engine: Engine) -> Counters:
    """All counts of an instance."""
    counters = engine.counters
    counters["vars_created"] = engine.map.created
    counters["sched_runs"] = engine.scheduler.runs
    counters["sched_skipped"] = engine.scheduler.skipped
    return counters


def answer_query(engine: Engine, message: Message, route: Route) -> None:
    """Answer a get: only when an answer is wanted; a bus query that finds nothing stays without."""
    if not message.replyto and not message.explain:
        return
    if covers(route.path, PERFORMANCE):
        _show_counters(engine)
    found = query.get(engine, route.path, route.mode)
    if found is None:
        engine.counters["not_found"] += 1
        if message.explain:  # names that are near cost milliseconds: only for an operator who reads them
            near = query.near(engine.map, route.path)
            refuse(engine, message, "not_found", "nothing is there", uri=route.path, near=near)
    else:
        _answer(engine, message, orjson.dumps(found.body, default=plain), "")


def _show_counters(engine: Engine) -> None:
    for name, count in list(counted(engine).items()):
        engine.ensure(PERFORMANCE, name, count).cell.value = count


def echo(engine: Engine, message: Message, body: bytes) -> None:
    """Answer a set with what was sent; a pub is answered only to an operator."""
    if message.explain or (message.replyto and message.method != "pub"):
        _answer(engine, message, body, "")


def refuse(engine: Engine, message: Message, status: str, text: str, **more: object) -> None:
    """Tell an operator why nothing was done. The bus gets no answer."""
    if message.explain:
        body = {"error": status, "uri": message.uri, "text": text, **more}
        _answer(engine, message, orjson.dumps(body), status)


def _answer(engine: Engine, message: Message, body: bytes, status: str) -> None:
    if len(body) > REPLY_LIMIT:
        engine.counters["reply_oversize"] += 1
        body = orjson.dumps(f"Fims Error :: Message size too large [{len(body)}]")
    hops = message.hops + 1
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
