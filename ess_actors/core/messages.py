"""The uri-addressed message that actors exchange, and its flat form on the wire between processes."""

from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import orjson

from ess_actors.core.quality import Marks

MAX_HOPS: Final = 8
"""A message that would carry more is not sent: two controllers that mirror a variable stop here."""

WIRE_VERSION: Final = 1

Frame: TypeAlias = tuple[object, ...]
"""A message on its way to one receiver, see `to_wire`."""

SITE_WIDE_ACTORS: Final = frozenset({"supervisor", "web", "store", "history", "sim"})
"""Actor ids that belong to no instance; no instance may have such a name."""


@lru_cache(maxsize=1024)
def instance_of(actor_id: str) -> str:
    """Name of the instance an actor belongs to (`ess_2/bms_2` -> `ess_2`), empty for a site-wide one."""
    name = actor_id.partition("/")[0]
    return "" if name in SITE_WIDE_ACTORS else name


class Message(NamedTuple):
    """One message. `body` is JSON text, encoded once and fanned out unchanged (b"" for get).

    A reply is a `set` to the asker's `replyto` that repeats its `corr` and names the asker in `to`.
    """

    method: str
    """pub, set, get or post; anything else is counted and ignored by the receiver."""
    uri: str
    body: bytes = b""
    replyto: str = ""
    """Uri for the answer; empty = no answer wanted."""
    hops: int = 0
    """How many bus messages led to this one; see MAX_HOPS."""
    command: str = ""
    """Id of the operator's or site's command that caused this message; carried along like hops."""
    quality: Marks | None = None
    """Members of the body that are not GOOD; None = all good. Kept out of the body, which peers know."""
    corr: str = ""
    """The asker's mark, repeated in the answer."""
    explain: bool = False
    """The asker wants an answer with a reason (`status`) where the bus would stay silent."""
    status: str = ""
    """In an answer: empty = as asked; else not_found, blocked, bad_body, bad_uri, bad_method, no_answer ..."""
    sender: str = ""
    """Actor id of who sent it (`ess_2`, `ess_2/bms_2`, `web`); set by the actor layer."""
    to: str = ""
    """Actor id this goes to whatever it subscribes to (answers); empty = by subscription only."""


def as_json(body: bytes) -> object:
    """A body inside other JSON; as a text when it is none: a sender may write anything."""
    if not body:
        return None
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
    return orjson.Fragment(body)


def reply_to(asked: Message, body: bytes, status: str = "") -> Message:
    """The answer to `asked`. It counts as one hop more: an answer may be what the next action starts from."""
    return Message(
        "set",
        asked.replyto,
        body,
        hops=asked.hops + 1,
        command=asked.command,
        corr=asked.corr,
        status=status,
        to=asked.sender if asked.explain else "",
    )


def command_record(order: Message, by: str) -> Message:
    """What the journal keeps of an order from outside: `by` is the actor that took it in."""
    kept = {
        "by": by,
        "method": order.method,
        "uri": order.uri,
        "body": as_json(order.body),
    }
    return Message("post", "/commands", orjson.dumps(kept), command=order.command)


def to_wire(message: Message, recipient: str, sent: float) -> Frame:
    """Flat tuple of builtins: (version, recipient actor id, monotonic seconds of sending, *fields)."""
    return (WIRE_VERSION, recipient, sent, *message)


def method_of(frame: Frame) -> str:
    """The method of a message in its wire form."""
    return str(frame[3])


def from_wire(frame: Frame) -> tuple[Message, str, float]:
    """Inverse of `to_wire`: (message, recipient, sent). Raises ValueError for another version."""
    if frame[0] != WIRE_VERSION:
        raise ValueError(f"message of wire version {frame[0]!r}, this process speaks {WIRE_VERSION}")
    return Message._make(frame[3:]), str(frame[1]), float(frame[2])  # type: ignore[arg-type]
