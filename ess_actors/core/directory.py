"""Who gets a message: subscriptions of the running actors, compared by whole uri segments, remembered per uri.

A subscription is a uri prefix, `/site/ess_1`, or one for a single method, `pub:/site/ess_1/ess_ls`.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from ess_actors.core.messages import Message
from ess_actors.core.uri import covers

_REMEMBERED_URIS: Final = 4096
"""Uris come from outside too: beyond this many the memory is cleared instead of growing."""


class Listener(Protocol):
    """What the router needs of a directory entry."""

    @property
    def actor_id(self) -> str: ...
    @property
    def subscriptions(self) -> tuple[str, ...]: ...


L = TypeVar("L", bound=Listener)


class Router(Generic[L]):
    """Recipients of the messages of one actor (`own_id`). Renewed with each edition of the directory."""

    def __init__(self, own_id: str) -> None:
        self._own_id = own_id
        self._own_prefix = "/" + own_id.partition("/")[0]
        self._entries: Sequence[L] = ()
        self._by_id: dict[str, L] = {}
        self._remembered: dict[tuple[str, str], tuple[L, ...]] = {}

    def renew(self, entries: Iterable[L]) -> None:
        """Take over a new edition of the directory."""
        self._entries = tuple(entries)
        self._by_id = {entry.actor_id: entry for entry in self._entries}
        self._remembered.clear()

    @property
    def entries(self) -> Sequence[L]:
        """The directory in force."""
        return self._entries

    def entry(self, actor_id: str) -> L | None:
        """The running actor of this id."""
        return self._by_id.get(actor_id)

    def recipients(self, message: Message) -> tuple[L, ...]:
        """Who gets `message`: the actor named in `to`, and every subscriber of its uri, the most specific first.

        A message never comes back to its sender, unless it is addressed to the sender's own instance name.
        """
        key = (message.method, message.uri)
        found = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= _REMEMBERED_URIS:
                self._remembered.clear()
            found = self._remembered[key] = self._subscribers(*key)
        if message.to and (named := self._by_id.get(message.to)) is not None:
            return (named, *(entry for entry in found if entry is not named))
        return found

    def _subscribers(self, method: str, uri: str) -> tuple[L, ...]:
        if not uri:
            return ()
        addressed_to_self = covers(self._own_prefix, uri)
        ranked = []
        for entry in self._entries:
            if entry.actor_id == self._own_id and not addressed_to_self:
                continue
            matching = [
                len(prefix)
                for only, _, prefix in (subscription.rpartition(":") for subscription in entry.subscriptions)
                if (not only or only == method) and covers(prefix, uri)
            ]
            if matching:
                ranked.append((-max(matching), entry.actor_id, entry))
        return tuple(entry for _, _, entry in sorted(ranked, key=lambda r: r[:2]))
