"""remap to the bus: the message a `fims` item sends for an output."""

from collections.abc import Mapping

import orjson

from ess_actors.core.actions.item import Put
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.quality import Quality
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Value, Variable

METHODS = frozenset({"set", "pub", "get"})


def sender(engine: Engine, spec: Mapping[str, object], uri: str) -> Put:
    """A put that sends. Raises ValueError for an unknown method or a uri without a variable."""
    method = spec.get("fims")
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(f"`fims` is one of set, pub, get, not {method!r}")
    reply = spec.get("replyto")
    replyto = reply.replace("{essName}", engine.name) if isinstance(reply, str) else ""
    reference = parse_reference(uri.replace("{essName}", engine.name))
    table, name = reference.table, reference.name
    if not table.startswith("/") or reference.bit >= 0:
        raise ValueError(f"{uri!r} cannot be sent to: it must be /table:name or /table:name@param")
    if method == "get":
        return lambda _var, _value, _quality: _ask(engine, table, replyto, spec)
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

    def put(source: Variable, value: Value, quality: Quality) -> None:
        marks = {name: int(quality)} if marked and quality is not Quality.GOOD else None
        engine.send(method, target, before + orjson.dumps(plain(value)) + after, replyto, marks, spec_key)

    spec_key = (method, uri, id(spec))
    return put


def _ask(engine: Engine, table: str, replyto: str, spec: Mapping[str, object]) -> None:
    engine.send("get", table, b"", replyto, None, id(spec))
