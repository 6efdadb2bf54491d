"""The last changes of one variable and who made them: recorded from the first question on, at no cost to others."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from ess_actors.core.engine import Engine
from ess_actors.core.variables import Value, Variable

KEPT: Final = 50
"""Changes of one variable."""
KEPT_OF_ALL: Final = 5
"""Changes of each variable where those of all are kept."""


class Change(NamedTuple):
    """One change: its number from 1 on, unix seconds, the new value, and who wrote it."""

    number: int
    wall: float
    value: Value
    by: str


class Trail:
    """What happened to one value, whichever of the variables that share it was written."""

    def __init__(self, engine: Engine, var: Variable, firing: "Firing", kept: int = KEPT) -> None:
        self.changes: deque[Change] = deque(maxlen=kept)
        self.since = engine.wall
        self.firing = firing
        self._engine = engine
        self._var = var
        self._seen = var.cell.value
        self._count = 0

    def hear(self) -> None:
        """The value was changed just now."""
        self._add(self._who())

    def look(self) -> None:
        """To be called with every question: what changed unseen, such as a bit, is added now."""
        if self._var.cell.value != self._seen:
            self._add("a bit of it, or a write without notice; the time is when it was seen")

    def keep_more(self) -> None:
        """Somebody asked: from now on as much is kept as of any variable that is asked about."""
        if self.changes.maxlen != KEPT:
            self.changes = deque(self.changes, KEPT)

    def _add(self, by: str) -> None:
        self._seen = self._var.cell.value
        self._count += 1
        self.changes.append(Change(self._count, self._engine.wall, self._seen, by))

    def _who(self) -> str:
        engine = self._engine
        message = engine.message
        caused = "the scheduler" if message is None else f"{message.method} {message.uri}"
        if message is not None and message.sender:
            caused += f" from {message.sender}"
        if writer := self.firing.writer():
            return f"actions of {writer}, after {caused}"
        return f"actions after {caused}" if engine.depth else caused


class Firing:
    """Which of the followed variables are running their actions just now."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: list[tuple[int, str]] = []
        """(depth, uri), outermost first."""

    def follow(self, writers: Iterable[Variable]) -> None:
        """Let the actions of these variables say that they run. To be repeated: new actions know of nothing."""
        for writer in writers:
            steps = writer.steps
            if steps and not any(isinstance(step, Mark) and step.firing is self for step in steps):
                writer.steps = (Mark(self, writer.uri, True), *steps, Mark(self, writer.uri, False))

    def writer(self) -> str:
        """The innermost of them, "" when it is another's actions that run, or none's."""
        depth = self._engine.depth
        return self._running[-1][1] if depth and self._running and self._running[-1][0] <= depth else ""

    def begin(self, uri: str) -> None:
        """The actions of a writer begin; what a cut-off run left behind is dropped."""
        depth = self._engine.depth
        while self._running and self._running[-1][0] >= depth:
            self._running.pop()
        self._running.append((depth, uri))

    def end(self) -> None:
        """They are done."""
        if self._running:
            self._running.pop()


class Ear:
    """Sits where a variable tells that it changed; calls what sat there before."""

    __slots__ = ("_before", "trail")

    def __init__(self, trail: Trail, before: Callable[[], None] | None) -> None:
        self.trail = trail
        self._before = before

    def __call__(self) -> None:
        if self._before is not None:
            self._before()
        self.trail.hear()


class Mark:
    """A step around the actions of a writer."""

    __slots__ = ("_first", "_uri", "firing")

    def __init__(self, firing: Firing, uri: str, first: bool) -> None:
        self.firing = firing
        self._uri = uri
        self._first = first

    def __call__(self, var: Variable) -> None:
        if self._first:
            self.firing.begin(self._uri)
        else:
            self.firing.end()


def trail_of(engine: Engine, sharing: Sequence[Variable], writers: Iterable[Variable]) -> Trail:
    """The trail of the variables that share a value, begun when there is none yet."""
    known = [var.watch.trail for var in sharing if isinstance(var.watch, Ear)]
    trail = known[0] if known else Trail(engine, sharing[0], Firing(engine))
    for var in sharing:
        if not isinstance(var.watch, Ear):
            var.watch = Ear(trail, var.watch)
    trail.look()
    trail.keep_more()
    trail.firing.follow(writers)
    return trail


class Trails:
    """The last changes of every variable of an instance. Each write then costs more, and each variable some
    hundred bytes: for the development of documents, not for a plant."""

    def __init__(self, engine: Engine) -> None:
        self.since = engine.wall
        self._engine = engine
        self._firing = Firing(engine)
        before = engine.map.on_create

        def born(var: Variable) -> None:
            if before is not None:
                before(var)
            self._attach(var)

        engine.map.on_create = born
        self.again()

    def again(self) -> None:
        """To be called when documents brought actions."""
        trails: dict[int, Trail] = {}
        for uri in self._engine.map.uris():
            for var in self._engine.map.tables[uri].variables.values():
                if not isinstance(var.watch, Ear):
                    self._attach(var, trails.get(id(var.cell)))
                assert isinstance(var.watch, Ear)
                trails[id(var.cell)] = var.watch.trail
                self._firing.follow([var])

    def _attach(self, var: Variable, trail: Trail | None = None) -> None:
        if trail is None:
            trail = Trail(self._engine, var, self._firing, KEPT_OF_ALL)
        var.watch = Ear(trail, var.watch)
