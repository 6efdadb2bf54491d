"""The uris a site server's values come from: when each was heard last, which are silent, and who is told."""

from collections.abc import Iterable
from typing import Final

from ess_actors.core.events import ALARM, STATUS, Event

NEVER_HEARD_S: Final = 10.0
"""A source that published nothing for this long after the start is told; sooner, its owner may be starting too."""


class Sources:
    """A source is stale before its first value and after `limit_s` without one; a limit of 0 = never.

    `server` is the name events carry. Times are monotonic seconds.
    """

    def __init__(self, server: str, uris: Iterable[str], limit_s: float, now: float) -> None:
        self._server = server
        self._limit = limit_s
        self._heard: dict[str, float | None] = dict.fromkeys(uris)
        self._missed: set[str] = set()
        self.started = now
        self.stale: frozenset[str] = frozenset(self._heard if limit_s else ())
        """Sources that are silent now; every one before its first value."""

    @property
    def uris(self) -> tuple[str, ...]:
        """All of them, as the file has them."""
        return tuple(self._heard)

    def adopt(self, old: "Sources") -> None:
        """Go on where `old` stood with the uris both have."""
        self.started = old.started
        for uri in self._heard:
            self._heard[uri] = old._heard.get(uri)
        self._missed = old._missed & set(self._heard)
        if self._limit:
            fresh = {uri for uri, heard in self._heard.items() if heard is not None and uri not in old.stale}
            self.stale = frozenset(self._heard) - fresh

    def heard(self, uri: str, now: float) -> tuple[list[Event], bool]:
        """A value came: the event of its recovery, and whether it was stale until now."""
        self._heard[uri] = now
        if uri not in self.stale:
            return [], False
        self.stale -= {uri}
        self._missed.discard(uri)
        return [Event(self._server, f"{uri} publishes again", STATUS)], True

    def check(self, now: float) -> tuple[list[Event], bool]:
        """Events of sources that fell silent, or were never heard for as long; whether more are stale now."""
        if not self._limit:
            return [], False
        events, silent = [], set()
        for uri, heard in self._heard.items():
            if heard is None:
                late = now - self.started > max(self._limit, NEVER_HEARD_S)
                if late and uri not in self._missed:
                    self._missed.add(uri)
                    events.append(Event(self._server, f"{uri} has published nothing yet", ALARM))
            elif now - heard > self._limit and uri not in self.stale:
                silent.add(uri)
                text = f"{uri} silent for more than {self._limit:g} s"
                events.append(Event(self._server, text, ALARM))
        self.stale |= silent
        return events, bool(silent)

    def unheard(self) -> list[str]:
        """Sources that never published: either their owner is not up, or the uri is misspelt."""
        return [uri for uri, heard in self._heard.items() if heard is None]

    def ages(self, now: float) -> dict[str, float | None]:
        """Seconds since the last value of every source, None before the first."""
        return {uri: None if heard is None else now - heard for uri, heard in self._heard.items()}
