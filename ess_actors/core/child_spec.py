"""The words of supervision: what a child is, what its supervisor orders, what operators are told of it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """State of a child process."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class Restart(StrEnum):
    """Which ends of a child are followed by a start."""

    PERMANENT = "permanent"
    """Every one."""
    TRANSIENT = "transient"
    """Only a failure: one that ends in order has done its work."""
    TEMPORARY = "temporary"
    """None, not even that for a sibling's sake."""


class Strategy(StrEnum):
    """Who else is ended and started again when one child fails."""

    ONE_FOR_ONE = "one_for_one"
    REST_FOR_ONE = "rest_for_one"
    """Those that were started after it."""
    ONE_FOR_ALL = "one_for_all"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What OTP calls a child spec. Intensity is counted per child: a web page that crashes must not stop a battery."""

    id: str
    kind: str
    intensity: int = 5
    """So many failures within `period_s` make the child FAILED."""
    period_s: float = 60.0
    backoff_min_s: float = 0.05
    """Pause before a restart; four times as long with each failure that comes soon after the start."""
    steady_s: float = 5.0
    """A child that ran for so long had started well: the next pause is the shortest again."""
    backoff_max_s: float = 5.0
    jitter: float = 0.2
    """A pause is longer by up to this part of itself, so that what died together does not come back in step."""
    shutdown_s: float = 2.0
    """How long a child may take to stop before it is killed; 0 = it is not asked."""
    start_limit_s: float = 15.0
    """How long a child may stay STARTING before that counts as a failure."""
    restart: Restart = Restart.PERMANENT
    significant: bool = False
    """When it is FAILED its supervisor fails too, so that the one above decides."""


@dataclass(frozen=True, slots=True)
class ChildReport:
    """A child as operators see it. Times are monotonic seconds."""

    id: str
    kind: str
    state: str
    pid: int
    generation: int
    restarts: int
    since: float
    next_try: float | None
    last_error: str
    stopped_by: str
    failures: tuple[float, ...] = ()
    """When it failed; those of the last `period_s` count, and the one that is number `intensity` is the end."""
    period_s: float = 60.0
    intensity: int = 5

    def recent_failures(self, now: float) -> int:
        """How many failures count at this time."""
        return sum(failure > now - self.period_s for failure in self.failures)


@dataclass(frozen=True, slots=True)
class Start:
    """Order to the shell: create the process of this child, as this generation."""

    id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Order to the shell: ask the process to end."""

    id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Terminate:
    """Order to the shell: it does not listen any more, signal it to end."""

    id: str
    generation: int
    pid: int


@dataclass(frozen=True, slots=True)
class Kill:
    """Order to the shell: it had its time, end the process."""

    id: str
    generation: int
    pid: int


@dataclass(frozen=True, slots=True)
class Escalate:
    """Order to the shell: fail yourself, a child you cannot do without is given up."""

    id: str
    reason: str


Orders = list[Start | Stop | Terminate | Kill | Escalate]
