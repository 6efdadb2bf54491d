"""remap to the bus: the message a `fims` item sends for an output."""

from collections.abc import Mapping

import orjson

from ess_actors.core.actions.item import Put
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.quality import Quality
from ess_actors.core.uri import covers, parse_reference
from ess_actors.core.variables import Value, Variable

METHODS = frozenset({"set", "pub", "get"})
_NO_INSTANCES = ("/components", "/site", "/interfaces")
"""Families of devices and of site registers: they know values only."""


def sender(engine: Engine, spec: Mapping[str, object], uri: str) -> Put:
    """A put that sends. Raises ValueError for an unknown method or a uri without a variable."""
    method = spec.get("fims")
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(f"`fims` is one of set, pub, get, not {method!r}")
    reply = spec.get("replyto")
    replyto = reply.replace("{essName}", engine.name) if isinstance(reply, str) else ""
    reference = parse_reference(uri.replace("{essName}", engine.name))
    table, name = reference.table, reference.name
    own = object()  # what is logged once of this item; an id() may come again
    if not table.startswith("/") or reference.bit >= 0:
        raise ValueError(f"{uri!r} cannot be sent to: it must be /table:name or /table:name@param")
    if method == "get":

        def ask(source: Variable, value: Value, quality: Quality) -> None:
            if not engine.quality_run:
                engine.send("get", table, b"", replyto, None, own)

        return ask
    if not name:
        raise ValueError(f"{uri!r} names no variable")
    if "mode" in spec:
        before, after, target = b"", b"", f"{table}/{name}"
    elif reference.param:
        before = b'{%b:{"value":"$$",%b:' % (orjson.dumps(name), orjson.dumps(reference.param))
        after, target = b"}}", table
    else:
        before, after, target = b'{%b:{"value":' % orjson.dumps(name), b"}}", table
    marked = not reference.param
    mark = None
    if marked and not any(covers(family, table) for family in _NO_INSTANCES):
        mark = b'{%b:{"value":"$$"}}' % orjson.dumps(name)

    def put(source: Variable, value: Value, quality: Quality) -> None:
        if engine.quality_run:
            if mark is not None:
                engine.send(method, table, mark, "", {name: int(quality)}, own)
            return
        marks = {name: int(quality)} if marked and quality is not Quality.GOOD else None
        engine.send(method, target, before + orjson.dumps(plain(value)) + after, replyto, marks, own)

    return put
