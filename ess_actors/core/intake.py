"""Takes a set or a pub: which of its forms the uri and the body have, what is applied, and the answer to it."""

from typing import Final

import orjson

from ess_actors.core.access import Place, Route
from ess_actors.core.answers import echo, refuse
from ess_actors.core.applying import Applier
from ess_actors.core.engine import Engine
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

    def take(self, message: Message, route: Route) -> None:
        """Apply it, or refuse it; answer when an answer is wanted."""
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
            echo(self.engine, message, b"{%b:%b}" % (orjson.dumps(name), body) if name else body)

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
        for problem in problems:
            self.engine.log("error", f"pushed document {problem.document} {problem.path}: {problem.text}")
        if not problems:
            return parts[0] if len(parts) == 1 else ""
        listed = [{"path": p.path, "code": p.code, "text": p.text, "hint": p.hint} for p in problems]
        refuse(self.engine, message, "bad_document", problems[0].text, findings=listed)
        return None
