"""Messages that run the tree itself (not uri-addressed): configure, ready, heartbeat, directory, orders."""

from dataclasses import dataclass, field
from typing import Any

from ess_actors.core.alarm_history import TransitionFilter
from ess_actors.core.hung import HUNG_S
from ess_actors.core.metrics import Snapshot
from ess_actors.core.supervision import ChildReport


@dataclass(frozen=True, slots=True)
class Configure:
    """What a child inherits from its parent: who it is. `settings` is the kind's own checked configuration."""

    actor_id: str
    generation: int
    settings: Any
    state_dir: str
    supervisor: Any
    """Actor address that heartbeats go to; None = the parent (the supervisor itself)."""
    everybody: tuple[str, ...]
    """Ids of all actors the site has when it is complete."""
    stopped: tuple[str, ...] = ()
    """Its children that an operator has stopped."""
    hung_after_s: float = HUNG_S


@dataclass(frozen=True, slots=True)
class Begin:
    """Child -> itself, its first message: be what you inherited."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Child -> parent: it works. `address` is its own actor address, usable by every process of the tree."""

    actor_id: str
    generation: int
    pid: int
    address: Any
    subscriptions: tuple[str, ...]
    patient: bool = False
    """It need not have publications at once."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """Its last words, child -> parent, or what the supervisor saw of it: the reason of the exit that follows."""

    actor_id: str
    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Actor -> supervisor, about once a second."""

    actor_id: str
    generation: int
    pid: int
    at: float
    """Monotonic seconds."""
    cpu_s: float
    """CPU seconds of the process since its start, all threads."""
    rss_bytes: int
    snapshot: Snapshot
    edition: int = 0
    """Of the directory it goes by."""

    def __str__(self) -> str:
        return f"heartbeat of {self.actor_id}"  # see `Parcel`


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the directory: a running actor, its address and what it listens to."""

    actor_id: str
    generation: int
    address: Any
    subscriptions: tuple[str, ...]
    patient: bool = False
    """Publications for it may be gathered, see `core.outbox`."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Supervisor -> all: who runs where, complete. Renewed at each change, told again to who missed it."""

    entries: tuple[Entry, ...]
    edition: int
    """Counts from 1. One that comes behind a later one is ignored: it would shut out who has started since."""

    def __str__(self) -> str:
        return f"directory of {len(self.entries)}"  # see `Parcel`


@dataclass(frozen=True, slots=True)
class Taken:
    """Receiver -> sender: it has handled the parcels up to this number, see core.flow."""

    actor_id: str
    generation: int
    number: int
    flow: float
    """Of the parcels, see `Parcel`."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Actor -> supervisor: it listens to something else from now on (the web actor's listeners)."""

    actor_id: str
    generation: int
    subscriptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Children:
    """Supervising actor -> supervisor: the state of its children, complete, at each change and heartbeat."""

    actor_id: str
    generation: int
    edition: int
    """Counts from 1; one that comes behind a later one is ignored."""
    children: tuple[ChildReport, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Operator's order to the tree, forwarded to the actor whose child is meant. verb: restart, stop, start."""

    actor_id: str
    verb: str
    ticket: int
    reply_to: Any = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """Answer to an Order: status empty = accepted, else a short word with the text saying what to do."""

    actor_id: str
    verb: str
    ticket: int
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """Supervisor -> web, about once a second and at each change of state: the tree as operators see it."""

    at: float
    """Monotonic seconds."""
    state: str
    """starting, running, degraded (something that should run does not), stopping."""
    actors: tuple[ChildReport, ...]
    heartbeats: dict[str, Heartbeat] = field(default_factory=dict)
    unheard: tuple[str, ...] = ()
    """Devices that were never asked, or whose first answer (or silence) is still to come."""


@dataclass(frozen=True, slots=True)
class SimCommand:
    """Web -> sim: an order for simulated devices. `verb` is points, fault, read or devices."""

    verb: str
    stem: str
    body: dict[str, Any]
    ticket: int


@dataclass(frozen=True, slots=True)
class JournalRequest:
    """Web -> store: the newest `limit` records."""

    limit: int
    ticket: int


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Web -> store: the newest `limit` rows of the audit table."""

    limit: int
    ticket: int


@dataclass(frozen=True, slots=True)
class TransitionsRequest:
    """Web -> store: transitions of alarms. Answered with [(number, *Transition)], newest first."""

    wanted: TransitionFilter
    ticket: int


@dataclass(frozen=True, slots=True)
class HistoryPoints:
    """Web -> history: points whose uri has every word of `text`. The answer's body is JSON."""

    text: str
    limit: int
    ticket: int


@dataclass(frozen=True, slots=True)
class HistoryTrend:
    """Web -> history: what these points had between two unix seconds. The answer's body is JSON."""

    points: tuple[str, ...]
    since: float
    until: float
    samples: int
    """Rows of one point, at most."""
    ticket: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Reply to a ticketed request: status empty = done, body is JSON-able."""

    ticket: int
    status: str
    body: Any


@dataclass(frozen=True, slots=True)
class Boot:
    """Launch command -> supervisor: start the site."""

    settings: Any
    state_dir: str
    launcher_pid: int


@dataclass(frozen=True, slots=True)
class Query:
    """Launch command -> supervisor: how far is the site?"""


@dataclass(frozen=True, slots=True)
class Halt:
    """Launch command -> supervisor: stop every child in reverse order, answer when done."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Payload of a timer. Timers cannot be cancelled: one that rings for another time than is armed is ignored."""

    what: str
    due: float = 0.0
    """Monotonic seconds it was armed for; 0 = always heard."""
