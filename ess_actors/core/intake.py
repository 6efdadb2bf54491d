"""Takes a set or a pub: which of its forms the uri and the body have, what is applied, and the answer to it."""

from typing import Final

import orjson

from ess_actors.core.access import Place, Route
from ess_actors.core.answers import FLAWED, echo, refuse
from ess_actors.core.applying import Applier
from ess_actors.core.bodies import DEEPEST, too_deep
from ess_actors.core.document_text import parse
from ess_actors.core.engine import Engine
from ess_actors.core.findings import Severity
from ess_actors.core.loading import Loading
from ess_actors.core.messages import Message
from ess_actors.core.quality import EVERY_MEMBER, Quality
from ess_actors.core.received import Taken, reading_of
from ess_actors.core.variables import NO_KIND, NUMBER, kind_of

HOPS_MEMBER: Final = "$$hops"
"""Where an adapter to a bus without a hop field puts the count into a body."""
PUSHED: Final = {"cfile": False, "ctmpl": True}
"""Second segment of the uri of a pushed document -> whether it is a template."""


class Intake:
    """Takes for one instance."""

    def __init__(self, engine: Engine, applier: Applier, loading: Loading) -> None:
        self.engine = engine
        self._applier = applier
        self._loading = loading
        self._taken = Taken()
        self._findings: list[dict[str, str]] = []
        """What is wrong with the document that was pushed just now."""

    def take(self, message: Message, route: Route) -> None:
        """Apply it, or refuse it; answer when an answer is wanted."""
        self._findings = []
        name = self._taken.before(message) if message.command else None
        if name is not None:
            self.engine.counters["repeated_command"] += 1
        else:
            name = self._write(message, route.place)
            if name is None:
                return
            if message.command:
                self._taken.keep(message, name)
        if message.explain or message.replyto:
            body = message.body
            if name:
                body = b"{%b:%b}" % (orjson.dumps(name), body)
            elif route.place.loading:
                body = _plain_json(body)
            if self._findings and message.explain:
                body = orjson.dumps({"reply": orjson.Fragment(body), "findings": self._findings})
                echo(self.engine, message, body, FLAWED)
            else:
                echo(self.engine, message, body)

    def _write(self, message: Message, place: Place) -> str | None:
        """Apply a body: the name of the one member it was for, "" for a table; None when it was refused."""
        if place.refused:
            self._bad_uri(message, place.refused.format(uri=message.uri))
            return None
        if place.loading:
            return self._load(message, place.loading)
        engine = self.engine
        try:
            body = orjson.loads(message.body)
        except orjson.JSONDecodeError:
            body = None
        openings = message.body.count(b"{") + message.body.count(b"[")
        if openings > DEEPEST and too_deep(body, DEEPEST):
            engine.counters["bad_body"] += 1
            refuse(engine, message, "bad_body", f"the body is nested deeper than {DEEPEST} levels")
            return None
        if body.__class__ is dict:
            if HOPS_MEMBER in body:
                hops = body.pop(HOPS_MEMBER)
                engine.hops = max(engine.hops, int(hops)) if kind_of(hops) == NUMBER else engine.hops
            if body and "value" not in body:
                table = engine.map.table(place.path)
                self._applier.table(table, body, message.quality, reading_of(message))
                return ""
        if not body if body.__class__ is dict else kind_of(body) == NO_KIND:
            engine.counters["bad_body"] += 1
            refuse(engine, message, "bad_body", "the body is no JSON value, or an empty object")
            return None
        name = place.name
        if not name:
            self._bad_uri(message, f"{message.uri} names no variable; write /table/name")
            return None
        home, marks, source = engine.map.table(place.table), message.quality, reading_of(message)
        if marks:
            own = {name: marks.get(name, marks.get(EVERY_MEMBER, 0))}
            self._applier.marked(home, {name: body}, own, source)
        else:
            self._applier.member(home, name, body, Quality.GOOD, source)
        return name

    def _bad_uri(self, message: Message, text: str) -> None:
        self.engine.counters["bad_uri"] += 1
        refuse(self.engine, message, "bad_uri", text)

    # --- documents --------------------------------------------------------------------------------------------

    def _load(self, message: Message, parts: tuple[str, ...]) -> str | None:
        if parts == ("crun",):
            problems = self._loading.resume()
        elif parts == ("cstop",):
            self._loading.stop()
            return parts[0]
        else:
            problems = self._loading.push(PUSHED[parts[0]], parts[-1], message.body)
        self._findings = [
            {
                "severity": one.severity.name.lower(),
                "document": one.document,
                "path": one.path,
                "code": one.code,
                "text": one.text,
                "hint": one.hint,
            }
            for one in problems
        ]
        if not problems or problems[0].severity < Severity.FATAL:
            return parts[0] if len(parts) == 1 else ""
        for problem in problems:
            self.engine.log("error", f"pushed document {problem.document} {problem.path}: {problem.text}")
        refuse(self.engine, message, "bad_document", problems[0].text, findings=self._findings)
        return None


def _plain_json(document: bytes) -> bytes:
    """An accepted document as an answer shows it: on one line, whatever its text looked like."""
    try:
        return orjson.dumps(orjson.loads(document))
    except orjson.JSONDecodeError:
        return orjson.dumps(parse("", document)[0])
