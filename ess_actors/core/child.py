"""One child as its supervisor keeps it."""

from collections import deque
from dataclasses import dataclass, field

from ess_actors.core.child_spec import ChildReport, ChildSpec, State


@dataclass(slots=True)
class Child:
    """Times are monotonic seconds."""

    spec: ChildSpec
    state: State = State.STOPPED
    generation: int = 0
    pid: int = 0
    alive: bool = False
    """A process of this generation may exist."""
    restarts: int = 0
    since: float = 0.0
    deadline: float | None = None
    """BACKOFF: when to start again; STARTING: when it is too late; ending: when to kill."""
    failures: deque[float] = field(default_factory=deque)
    false_starts: int = 0
    """Failures in a row that came soon after the start."""
    last_error: str = ""
    last_words: str = ""
    """Reason of the exit that is to come, when it is known before."""
    stopped_by: str = ""
    start_again: bool = False
    """After the running stop: an operator's restart."""
    swept: bool = False
    """It is to end and to start again because a sibling failed."""
    asked: bool = False
    """The process of this generation was told to end."""

    def report(self) -> ChildReport:
        """The child as operators see it."""
        return ChildReport(
            self.spec.id,
            self.spec.kind,
            str(self.state),
            self.pid,
            self.generation,
            self.restarts,
            self.since,
            self.deadline if self.state is State.BACKOFF else None,
            self.last_error,
            self.stopped_by,
            tuple(self.failures),
            self.spec.period_s,
            self.spec.intensity,
        )
