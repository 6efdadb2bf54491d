"""The shapes of every HTTP answer: JSON bodies, and errors as {"error": word, "text": what to do, ...}."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

import orjson
from starlette.responses import Response

from ess_actors.core.answers import FLAWED
from ess_actors.web.bridge import Answer

NEAR: Final = 10
"""So many names are offered for one that is unknown."""

# status of an answer -> HTTP status, and what to do when the answer itself does not say.
_OUTCOMES: Final[Mapping[str, tuple[int, str]]] = {
    "not_found": (404, "nothing has this uri; look at the names in `near`, or get the uri above it"),
    "no_subscriber": (404, "no actor subscribes to this uri; check it against the Subs of the start files"),
    "blocked": (403, "the uri is blocked; unblock it with a set to /blockeduris of its instance"),
    "bad_uri": (400, "write the uri as /table/of/it/name, as `get` of the uri above it shows"),
    "bad_body": (400, "send a body of the type the uri has, as `get` of it shows"),
    "bad_method": (400, "use one of get, set, pub, post"),
    "unknown_id": (404, "the device has no point of this id; `get` of its component lists them"),
    "refused": (409, "the device or the instance refused it; look at its state and alarms first"),
    "no_answer": (504, "nobody answered in time; `ess-actors status` shows which actors run"),
    "timeout": (504, "the device did not answer in time; look at its com_status"),
    "not_connected": (503, "the device is not connected; it is tried again by itself"),
    "not_running": (503, "the actor is not running; `ess-actors status` shows why"),
    "unknown_outcome": (504, "the device may have done it or not; read it back before trying again"),
    "superseded": (409, "a later write of the same point took its place"),
    "unsupported": (400, "the receiver does not do this"),
    "bad_value": (400, "send a value of the point's kind, as `get` of it shows"),
    "read_only": (409, "the point cannot be written"),
    "disabled": (409, "the point is disabled; `_enable` it first"),
    "mismatch": (409, "the device holds another value than was written"),
    "partial": (409, "not every point was written; see each point's status"),
    "failed": (409, "no point was written; see each point's status"),
    "bad": (503, "the device's value cannot be trusted now; `reason` tells why"),
    "bad_document": (400, "mend what `findings` names and push the document again"),
    "no_history": (404, "the site keeps no history; see the member `history` of site.json"),
    "history_away": (503, "the database of history cannot be read now; it is tried again"),
    "busy": (503, "ask again in a moment"),
    "starting": (503, "the actor is still starting; try again in a moment"),
}


class Refusal(Exception):
    """Ends a request with an error answer."""

    def __init__(self, code: int, error: str, text: str, **more: object) -> None:
        super().__init__(text)
        self.code = code
        self.body: dict[str, object] = {"error": error, "text": text, **more}
        self.headers: dict[str, str] = {}
        self.told = False
        """Whether it is in the audit table already."""
        self.subject = ""
        """What was to be changed, for the audit table, when the path does not tell."""


def json_answer(code: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """`body` as JSON; numbers keep their exact form."""
    content = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    return Response(content, code, dict(headers or {}), "application/json")


def error_answer(code: int, error: str, text: str, **more: object) -> Response:
    """An error body; `error` is a word for programs, `text` says what to do."""
    return json_answer(code, {"error": error, "text": text, **more})


def complete(code: int, body: Mapping[str, object]) -> Response:
    """An answer whose code and body come from the tree; an error always gets its word and text."""
    if code < 400:
        return json_answer(code, body)
    text = "the request was refused; `ess-actors status` shows the tree"
    return json_answer(code, {"error": "refused", "text": text, **body})


def message_answer(answer: Answer) -> Response:
    """{"reply": ...} for what went as asked, with `findings` beside it for a document that cannot work as a whole;
    else the error with what the answering actor said."""
    if answer.status == FLAWED:
        return json_answer(200, orjson.Fragment(answer.body))
    if not answer.status:
        body = orjson.Fragment(answer.body) if answer.body else None
        return json_answer(200, {"reply": body})
    other = 400 if answer.status.startswith("bad_") else 409 if answer.status.startswith("already_") else 502
    code, text = _OUTCOMES.get(answer.status, (other, "the answering actor reports this status"))
    said: object = None
    if answer.body:
        try:
            said = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            said = answer.body.decode("utf-8", "replace")
    more = dict(said) if isinstance(said, dict) else {} if said is None else {"reply": said}
    return json_answer(code, {"text": text, **more, "error": answer.status})


def near(name: str, known: Iterable[str]) -> list[str]:
    """The known names most like this one; when none is, those known."""
    names = sorted(known)
    below = [other for other in names if other.endswith("/" + name) or other.startswith(name + "/")]
    alike = get_close_matches(name, names, NEAR, 0.5)
    return list(dict.fromkeys([*below, *alike]))[:NEAR] or names[:NEAR]
