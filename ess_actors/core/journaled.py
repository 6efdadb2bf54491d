"""What is journaled: the records of messages, and the commits in which their senders hand them to the store."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ess_actors.core.audit import Entry
from ess_actors.core.messages import Message, instance_of
from ess_actors.core.uri import covers

ALARM: Final = "alarm"
EVENT: Final = "event"
COMMAND: Final = "command"
STORE: Final = "store"
"""Actor id."""


class Record(NamedTuple):
    """One line of the journal. `time` = unix seconds, `body` = JSON text."""

    time: float
    kind: str
    """event, alarm, command; free otherwise."""
    source: str
    """Actor id."""
    uri: str
    command: str
    """Id of the command it belongs to, empty when none."""
    body: bytes


class Commit(NamedTuple):
    """Actor -> store: what must be in the file before it is published. Answered with `Committed`."""

    source: str
    """Actor id."""
    epoch: int
    """The actor's life: another number for each of its starts."""
    ticket: int
    """Number of this commit in that life, repeated in the answer."""
    last: int
    """Number of the last of `records` in that life: those the store has already are not written again."""
    records: tuple[Record | Entry, ...]
    """For the journal and for the audit table."""
    state: Mapping[str, object]
    """Key -> value, None = it is gone."""
    whole: bool
    """`state` is all there is: the first commit of a life, and the first to a store that started anew."""

    def __str__(self) -> str:
        return f"commit {self.ticket} of {self.source}"  # see `Parcel`


class Committed(NamedTuple):
    """Store -> actor: this commit and those before it are in the file (or cannot be, and the store said so)."""

    source: str
    epoch: int
    ticket: int


class Missed(NamedTuple):
    """Store -> actor: a commit before this one never came; none after it is taken until all is handed in anew."""

    source: str
    epoch: int
    ticket: int


def kind_of(message: Message) -> str:
    """alarm below /alarm_router, event below /events, everything else command."""
    if covers("/alarm_router", message.uri):
        return ALARM
    return EVENT if covers("/events", message.uri) else COMMAND


def record_of(message: Message, wall: float) -> Record:
    """The record of a message."""
    body = message.body or b"null"
    return Record(wall, kind_of(message), message.sender, message.uri, message.command, body)


def commits(actor_id: str) -> bool:
    """Whether an actor hands its records to the store before it publishes them: instances, alarm routers, web and
    supervisor."""
    instance, _, child = actor_id.partition("/")
    return actor_id in ("web", "supervisor") or (
        instance_of(actor_id) == instance and child in ("", "alarms")
    )


def handed_in(message: Message) -> bool:
    """Whether the sender of a message hands its record to the store itself; all but the store do so with events."""
    if commits(message.sender):
        return is_journaled(message)
    return message.method == "post" and message.sender != STORE and covers("/events", message.uri)


def is_journaled(message: Message) -> bool:
    """Whether the journal keeps a message of such an actor."""
    match message.method:
        case "post":
            return covers("/events", message.uri) or covers("/commands", message.uri)
        case "pub":
            return covers("/alarm_router", message.uri)
    return False
