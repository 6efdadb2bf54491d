"""What comes in with a request: size, JSON, members, parameters, each refused with a reason."""

import asyncio
import codecs
import re
from collections.abc import Mapping
from typing import Final

import orjson
from starlette.requests import Request

from ess_actors.core.access import pushes_document
from ess_actors.core.messages import Message
from ess_actors.core.roles import Role, is_plain, role_for_message
from ess_actors.core.uri import clean
from ess_actors.web.answers import Refusal
from ess_actors.web.bridge import By
from ess_actors.web.visitor import Visitor

MAX_BODY: Final = 1024 * 1024
"""Bytes of one request body."""

DRAIN: Final = 16 * MAX_BODY
"""So much of a body that is too large is read and thrown away, so that its sender gets to read the answer."""

BODY_TIMEOUT_S: Final = 5.0

MAX_DOCUMENT: Final = 16 * MAX_BODY
"""Bytes of a message's body that comes by itself: it may be a whole configuration document."""

METHODS: Final = ("get", "set", "pub", "post", "del")

_BODILESS: Final = frozenset({"get", "del"})
"""Methods that need no body."""

_WRITES: Final = frozenset({"set", "pub"})

_BETWEEN: Final = re.compile(rb'("(?:[^"\\]|\\.)*+")|[ \t\r\n]++')
"""The strings of a JSON text, which stay, and the white space between its tokens, which goes."""

_MEMBERS: Final = frozenset({"method", "uri", "body", "replyto"})


async def json_object(request: Request) -> dict[str, object]:
    """The body as a JSON object. Raises Refusal: 400 not JSON or no object, 408 too slow, 413 too large."""
    raw = await _read(request, MAX_BODY)
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as problem:
        shown = "the body is empty" if not raw else f"the body is not JSON ({problem})"
        raise Refusal(400, "bad_json", f"{shown}; send one JSON object") from None
    if not isinstance(tree, dict):
        kind = type(tree).__name__
        raise Refusal(400, "bad_json", f"the body is a JSON {kind}; send one JSON object, {{...}}")
    return tree


async def bare_body(request: Request) -> bytes:
    """The body as it is. Raises Refusal: 408 too slow, 413 too large."""
    return await _read(request, MAX_DOCUMENT)


async def _read(request: Request, most: int) -> bytes:
    kept, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    kept += chunk
                elif size > DRAIN:
                    break
    except TimeoutError:
        raise Refusal(408, "slow_body", f"the body did not arrive within {BODY_TIMEOUT_S:g} s") from None
    if size > most:
        text = f"the body is larger than {most} bytes; send it in parts"
        raise Refusal(413, "too_large", text, limit=most)
    return bytes(kept)


def message_of(tree: Mapping[str, object]) -> Message:
    """The message of {"method","uri","body","replyto"}; get needs no body. Raises Refusal 400."""
    unknown = sorted(set(tree) - _MEMBERS)
    if unknown:
        text = f"unknown member {', '.join(unknown)}; known are method, uri, body, replyto"
        raise Refusal(400, "bad_request", text)
    method, uri, replyto = _envelope(tree)
    if method not in _BODILESS and "body" not in tree:
        raise Refusal(400, "bad_request", f'a {method} needs a body; add "body": a JSON value')
    given = tree.get("body") is not None or method not in _BODILESS
    return Message(method, uri, _encoded(tree["body"]) if given else b"", replyto, explain=True)


def message_from(query: Mapping[str, str], raw: bytes) -> tuple[Message, Refusal | None]:
    """The message of ?method=&uri=&replyto= whose body is the request's own, as it was sent but for white space;
    and what its sender is to be told when that is not JSON: the receiver counts it. Raises Refusal 400.

    A document travels as it is: its reader forgives more, and its checksum is that of this text.
    """
    method, uri, replyto = _envelope(query)
    text = raw.strip().removeprefix(codecs.BOM_UTF8).strip()
    if not text and method not in _BODILESS:
        raise Refusal(400, "bad_request", f"a {method} needs a body; add a JSON value")
    message = Message(method, uri, raw, replyto, explain=True)
    if pushes_document(uri):
        return message, None
    try:
        if text:
            _encoded(orjson.loads(text))
    except orjson.JSONDecodeError as problem:
        word = text[:80].decode("utf-8", "replace")
        remedy = f"text needs its own quotes, as in '\"{word}\"'" if word.isidentifier() else "correct it"
        refusal = Refusal(400, "bad_body", f"the body is not JSON ({problem}); {remedy}")
        return message._replace(body=text), refusal
    return message._replace(body=_BETWEEN.sub(rb"\1", text)), None


def _envelope(tree: Mapping[str, object]) -> tuple[str, str, str]:
    """Method, uri and replyto."""
    method = _text(tree, "method", required=True)
    if method not in METHODS:
        raise Refusal(400, "bad_method", f"method {method!r} is unknown; use one of {', '.join(METHODS)}")
    uri = checked_uri(_text(tree, "uri", required=True), "uri")
    replyto = _text(tree, "replyto", required=False)
    return method, uri, checked_uri(replyto, "replyto") if replyto else ""


def _encoded(body: object) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError as problem:
        raise Refusal(
            400, "bad_body", f"the body cannot be passed on ({problem}); nest it less deep"
        ) from None


def _text(tree: Mapping[str, object], member: str, *, required: bool) -> str:
    value = tree.get(member, "")
    if not isinstance(value, str):
        raise Refusal(400, "bad_request", f"{member} is {type(value).__name__}; make it a string")
    if required and not value:
        raise Refusal(400, "bad_request", f'{member} is missing; add "{member}": "..." to the object')
    return value


def checked_uri(text: str, what: str) -> str:
    """A uri in its clean form. Raises Refusal 400."""
    if not text.startswith("/") or not text.isprintable() or " " in text or len(text) > 1024:
        raise Refusal(400, "bad_uri", f"{what} {text[:80]!r} is none; write it as /table/of/it/name")
    return clean(text)


def checked_limit(text: str | None, default: int, most: int) -> int:
    """The limit= parameter. Raises Refusal 400."""
    if text is None:
        return default
    # Without leading zeros first: what is looked at has to be what is used.
    digits = text.lstrip("0")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9 or int(digits) > most:
        raise Refusal(400, "bad_limit", f"limit={text[:20]} does not fit; give a number from 1 to {most}")
    return int(digits)


def by_whom(request: Request) -> By:
    """Who sends a request that was let in, and the address it comes from."""
    visitor: Visitor = request.state.visitor
    return visitor.by


def must_be(request: Request, role: Role, what: str) -> None:
    """Raises Refusal 403 when the sender's role is too low for `what`, which the route alone does not tell."""
    visitor: Visitor = request.state.visitor
    if visitor.role < role:
        raise forbidden(visitor.role, role, what)


def message_allowed(request: Request, message: Message) -> None:
    """Raises Refusal 403 when the sender may not send this message."""
    needed = role_for_message(message.method, message.uri, message.replyto)
    what = f"{message.method} {message.uri}"[:200]
    if needed is Role.OPERATOR and message.method in _WRITES and not _says_values(message):
        needed, what = Role.ENGINEER, f"{what} with more than values"
    try:
        must_be(request, needed, what)
    except Refusal as refusal:
        refusal.subject = message.uri[:200]
        raise


def _says_values(message: Message) -> bool:
    try:
        return "@" not in message.uri and is_plain(orjson.loads(message.body))
    except orjson.JSONDecodeError:
        return True  # its receiver refuses it


def forbidden(role: Role, needed: Role, what: str) -> Refusal:
    """For somebody who is known, but not for this."""
    text = f"{what} needs the role {needed.word}, yours is {role.word}; log in as somebody who may"
    return Refusal(403, "forbidden", text, needed=needed.word, role=role.word)
