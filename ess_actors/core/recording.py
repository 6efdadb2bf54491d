"""What happens to an instance as lines of JSON, and the same lines fed to a fresh one: it must send the same again."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message

FORMAT: Final = 1
_EMPTY: Final = Message("", "")
_DEFAULTS: Final = _EMPTY._asdict()


CALLS: Final = frozenset({"boot", "handle", "tick", "source_lost", "retell", "measured"})
"""What can happen to an instance."""


class BadLine(Exception):
    """A line that no recording has."""


class Call(NamedTuple):
    """One thing that happens to an instance: `now` is monotonic seconds, `wall` unix seconds."""

    what: str
    """One of CALLS."""
    now: float
    wall: float
    message: Message | None = None
    """What to handle."""
    source: str = ""
    """Actor id of the source that was lost."""
    figures: Mapping[str, float] | None = None
    """What was measured."""
    state: Mapping[str, object] | None = None
    """What an earlier life had saved."""


def carry_out(ess: Ess, call: Call) -> list[Message]:
    """Let it happen to the instance; what it sends. The one way in, for a live instance and for a replay."""
    what, now, wall, message, source, figures, state = call
    match what:
        case "handle":
            return ess.handle(message or _EMPTY, now, wall)
        case "tick":
            return ess.tick(now, wall)
        case "boot":
            return ess.boot(now, wall, state or {})
        case "source_lost":
            return ess.source_lost(source, now, wall)
        case "retell":
            return ess.retell_alarms(now, wall)
        case _:
            ess.measured(figures or {})
            return []


def digest_of(start: Mapping[str, Any], documents: Mapping[str, Any], csv: Mapping[str, str]) -> str:
    """The mark of everything an instance is made from, in the order in which it applies it."""
    tree = [start, sorted(documents.items()), sorted(csv.items())]
    return hashlib.sha256(orjson.dumps(tree)).hexdigest()


def sent_line(message: Message) -> bytes:
    """A message as one line of JSON. Fields that say nothing are left out; the body is its exact text."""
    return orjson.dumps(_as_json(message))


def birth_line(instance: str, digest: str, now: float, wall: float) -> bytes:
    """The line that opens the life of an instance: made from these documents at this time."""
    return orjson.dumps(
        {
            "what": "made",
            "format": FORMAT,
            "instance": instance,
            "documents": digest,
            "now": now,
            "wall": wall,
        }
    )


def gap_line(lines: int) -> bytes:
    """The line that stands for lines that could not be kept."""
    return orjson.dumps({"what": "gap", "lines": lines})


def call_line(call: Call, sent: Iterable[Message]) -> bytes:
    """A call and the mark of what the instance sent because of it."""
    line: dict[str, object] = {"what": call.what, "now": call.now, "wall": call.wall}
    if call.message is not None:
        line["message"] = _as_json(call.message)
    if call.source:
        line["source"] = call.source
    if call.figures is not None:
        line["figures"] = dict(call.figures)
    if call.state is not None:
        line["state"] = dict(call.state)
    count, mark = _marked([sent_line(message) for message in sent])
    if count:
        line["sent"], line["mark"] = count, mark
    return orjson.dumps(line)


def _marked(lines: list[bytes]) -> tuple[int, str]:
    return len(lines), hashlib.blake2b(b"\n".join(lines), digest_size=8).hexdigest()


def _as_json(message: Message) -> dict[str, object]:
    fields: dict[str, object] = {
        name: value
        for name, value in zip(Message._fields, message, strict=True)
        if name != "body" and value != _DEFAULTS[name]
    }
    try:
        fields["body"] = message.body.decode()
    except UnicodeDecodeError:
        fields["body64"] = base64.b64encode(message.body).decode()
    if message.quality is not None:
        fields["quality"] = dict(message.quality)
    return fields


def _from_json(fields: Mapping[str, Any]) -> Message:
    fields = dict(fields)
    packed = fields.pop("body64", None)
    body = base64.b64decode(packed) if packed is not None else str(fields.pop("body", "")).encode()
    return _EMPTY._replace(**fields, body=body)


class Replay:
    """Feeds the lines of a recording to instances made from these documents, one life after the other."""

    def __init__(
        self, start: Mapping[str, Any], documents: Mapping[str, Any], csv: Mapping[str, str]
    ) -> None:
        self._made_from = start, documents, csv
        self._digest = digest_of(start, documents, csv)
        self._ess: Ess | None = None
        self.lives = 0
        self.calls = 0
        self.other_documents = False
        """The recorded instance was made from other documents than these."""
        self.lost = 0
        """Lines that were not kept: what follows them may differ."""
        self.different: list[int] = []
        """Numbers of the calls (from 1) after which other messages were sent than in the recording."""

    def feed(self, line: bytes) -> list[bytes]:
        """What the instance sends because of this line, as lines. Raises BadLine; what the instance raises
        is not caught: a recording of a crash crashes again."""
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:  # cut short by a full disk or a death
            self.lost += 1
            return []
        try:
            call = self._understood(told)
        except (KeyError, TypeError, ValueError) as error:
            raise BadLine(f"not a line of a recording: {error!r}") from None
        if call is None:
            return []
        if self._ess is None:
            raise BadLine("no instance was made before this line")
        lines = [sent_line(sent) for sent in carry_out(self._ess, call)]
        self.calls += 1
        count, mark = _marked(lines)
        if count != told.get("sent", 0) or (count and mark != told.get("mark")):
            self.different.append(self.calls)
        return lines

    def _understood(self, told: Mapping[str, Any]) -> Call | None:
        """The call that a line tells of; None when it tells of something else, which is done here."""
        match told["what"]:
            case "made":
                self._make(told)
                return None
            case "gap":
                self.lost += int(told["lines"])
                return None
            case str() as what if what in CALLS:
                message = _from_json(told["message"]) if "message" in told else None
                figures = told.get("figures")
                times = told["now"], told["wall"]
                return Call(what, *times, message, told.get("source", ""), figures, told.get("state"))
            case what:
                raise ValueError(f"nothing that can happen is called {what!r}")

    def _make(self, told: Mapping[str, Any]) -> None:
        if told.get("format") != FORMAT:
            raise BadLine(f"a recording of format {told.get('format')!r}, this program reads {FORMAT}")
        start, documents, csv = self._made_from
        self.other_documents |= told["documents"] != self._digest
        self._ess = Ess(start, documents, now=told["now"], wall=told["wall"], csv=csv)
        self.lives += 1
