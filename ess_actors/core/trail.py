"""The last changes of one variable and who made them: recorded from the first question on, at no cost to others."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from ess_actors.core.engine import Engine
from ess_actors.core.variables import Value, Variable

KEPT: Final = 50
"""Changes of one variable."""


class Change(NamedTuple):
    """One change: its number from 1 on, unix seconds, the new value, and who wrote it."""

    number: int
    wall: float
    value: Value
    by: str


class Trail:
    """What happened to one value, whichever of the variables that share it was written."""

    def __init__(self, engine: Engine, var: Variable) -> None:
        self.changes: deque[Change] = deque(maxlen=KEPT)
        self.since = engine.wall
        self._engine = engine
        self._var = var
        self._seen = var.cell.value
        self._count = 0
        self._firing: list[tuple[int, str]] = []
        """(depth, uri) of the variables whose actions run and that may write this one, outermost first."""

    def hear(self) -> None:
        """The value was changed just now."""
        self._add(self._who())

    def look(self) -> None:
        """To be called with every question: what changed unseen, such as a bit, is added now."""
        if self._var.cell.value != self._seen:
            self._add("a bit of it, or a write without notice; the time is when it was seen")

    def follow(self, writers: Iterable[Variable]) -> None:
        """Let the actions of these variables say that they run. To be repeated: new actions know of nothing."""
        for writer in writers:
            steps = writer.steps
            if steps and not any(isinstance(step, Mark) and step.trail is self for step in steps):
                writer.steps = (Mark(self, writer.uri, True), *steps, Mark(self, writer.uri, False))

    def begin(self, uri: str) -> None:
        """The actions of a writer begin; what a cut-off run left behind is dropped."""
        depth = self._engine.depth
        while self._firing and self._firing[-1][0] >= depth:
            self._firing.pop()
        self._firing.append((depth, uri))

    def end(self) -> None:
        """They are done."""
        if self._firing:
            self._firing.pop()

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
        if engine.depth and self._firing and self._firing[-1][0] <= engine.depth:
            return f"actions of {self._firing[-1][1]}, after {caused}"
        return f"actions after {caused}" if engine.depth else caused


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

    __slots__ = ("_first", "_uri", "trail")

    def __init__(self, trail: Trail, uri: str, first: bool) -> None:
        self.trail = trail
        self._uri = uri
        self._first = first

    def __call__(self, var: Variable) -> None:
        if self._first:
            self.trail.begin(self._uri)
        else:
            self.trail.end()


def trail_of(engine: Engine, sharing: Sequence[Variable], writers: Iterable[Variable]) -> Trail:
    """The trail of the variables that share a value, begun when there is none yet."""
    known = [var.watch.trail for var in sharing if isinstance(var.watch, Ear)]
    trail = known[0] if known else Trail(engine, sharing[0])
    for var in sharing:
        if not isinstance(var.watch, Ear):
            var.watch = Ear(trail, var.watch)
    trail.look()
    trail.follow(writers)
    return trail
