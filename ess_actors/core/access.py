"""Who may reach this instance: subscriptions, the prefix rule, blocked uris and the built-in blocks."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from ess_actors.core.uri import clean, covers

MODES: Final = frozenset({"naked", "full", "ui"})
RESERVED: Final = frozenset({"noid", "useid", *MODES})
"""Option segments of a bus uri; no table may begin with one."""

BUILT_IN: Final = "builtin"
MAX_ROUTES: Final = 20_000
_NAME: Final = re.compile(r"[A-Za-z0-9_]+\Z")


def valid_name(name: str) -> bool:
    """Whether a text can be an instance name: letters, digits and underscores."""
    return _NAME.match(name) is not None


class Problem(NamedTuple):
    """Something wrong with `Subs`: severity word (error or note), code, text, hint."""

    severity: str
    code: str
    text: str
    hint: str


def split_subscriptions(subs: str, name: str) -> tuple[tuple[str, ...], list[Problem]]:
    """`:/a:/b` -> ("/<name>", "/a", "/b") and what is wrong; a piece without a leading / is left out."""
    result = [f"/{name}"]
    problems: list[Problem] = []
    for piece in subs.split(":"):
        if not piece:
            continue
        if not piece.startswith("/"):
            problems.append(
                Problem(
                    "error",
                    "subs-no-slash",
                    f"subscription {piece!r} does not begin with / and is ignored",
                    f"write :/{piece} or join it to the piece before it with /",
                )
            )
            continue
        uri = clean(piece)
        cover = next((known for known in result if covers(known, uri)), None)
        if cover is not None:
            problems.append(
                Problem("note", "subs-covered", f"subscription {uri} is covered by {cover}", "leave it out")
            )
        if uri not in result:
            result.append(uri)
    return tuple(result), problems


class Route(NamedTuple):
    """What a bus uri means here. `blocked` names the deciding entry of a dropped message."""

    path: str
    mode: str
    prefixed: bool
    blocked: str


class Access:
    """The decision for each (method, uri), remembered until a block list changes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: dict[str, list[tuple[str, bool]]] = {}
        self._routes: dict[tuple[str, str], Route] = {}

    def block(self, lists: Mapping[str, Mapping[str, bool]]) -> None:
        """Replace the block lists: {method: {uri text: dropped?}}; takes effect with the next message."""
        self._entries = {
            method: sorted(entries.items(), key=lambda entry: -len(entry[0]))
            for method, entries in lists.items()
        }
        self._routes.clear()

    def route(self, method: str, uri: str) -> Route:
        """The route of a message with this method and uri, as received."""
        key = (method, uri)
        route = self._routes.get(key)
        if route is None:
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            route = self._routes[key] = self._decide(method, uri)
        return route

    def _decide(self, method: str, uri: str) -> Route:
        parts = [part for part in uri.split("/") if part]
        prefixed = bool(parts) and parts[0] == self.name
        if prefixed:
            parts.pop(0)
        mode = ""
        if parts and parts[0] in ("noid", "useid"):
            parts.pop(0)
        if parts and parts[0] in MODES:
            mode = parts.pop(0)
        path = "/" + "/".join(parts)
        return Route(path, mode, prefixed, "" if prefixed else self._blocking(method, uri, path))

    def _blocking(self, method: str, uri: str, path: str) -> str:
        if (method == "get" and covers("/components", path)) or (method == "pub" and covers("/site", path)):
            return BUILT_IN
        for entry, dropped in self._entries.get(method, ()):
            if uri.startswith(entry):
                return entry if dropped else ""
        return ""
