"""Who may reach this instance: subscriptions, the prefix rule, blocked uris and the built-in blocks."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from ess_actors.core.findings import Severity
from ess_actors.core.uri import MOST_SEGMENTS, clean, covers

MODES: Final = frozenset({"naked", "full", "ui"})
RESERVED: Final = frozenset({"noid", "useid", *MODES})
"""Option segments of a bus uri; no table may begin with one."""

BUILT_IN: Final = "builtin"
MAX_ROUTES: Final = 20_000
_DOCUMENTS: Final = frozenset({("cfg", "cfile"), ("cfg", "ctmpl")})
"""Where documents and templates are pushed to, by their first two segments."""
_LOADER_WORDS: Final = frozenset({("cfg", "crun"), ("cfg", "cstop")})
_NAME: Final = re.compile(r"[A-Za-z0-9_]+\Z")


def valid_name(name: str) -> bool:
    """Whether a text can be an instance name: letters, digits and underscores."""
    return _NAME.match(name) is not None


class Problem(NamedTuple):
    """Something wrong with `Subs`."""

    severity: Severity
    code: str
    text: str
    hint: str


def split_subscriptions(subs: str, name: str) -> tuple[tuple[str, ...], list[Problem]]:
    """`:/a:/b` -> ("/<name>", "/a", "/b") and what is wrong; a piece without a leading / is left out."""
    result = [f"/{name}"]
    problems: list[Problem] = []
    for piece in filter(None, subs.split(":")):
        uri = clean(piece)
        if not piece.startswith("/"):
            text = f"subscription {piece!r} does not begin with / and is ignored"
            hint = f"write :/{piece} or join it to the piece before it with /"
            problems.append(Problem(Severity.ERROR, "subs-no-slash", text, hint))
        elif uri in result:
            problems.append(
                Problem(Severity.NOTE, "subs-covered", f"subscription {uri} is there twice", "leave it out")
            )
        else:
            result.append(uri)
    for uri in result[1:]:
        cover = next((other for other in result if other != uri and covers(other, uri)), None)
        if cover is not None:
            text = f"subscription {uri} is covered by {cover}"
            problems.append(Problem(Severity.NOTE, "subs-covered", text, "leave it out"))
    return tuple(result), problems


class Place(NamedTuple):
    """What a set or pub of an internal uri writes to; worked out once for each uri."""

    path: str
    """The table of a body that is an object of variables."""
    table: str
    """The table of the variable a single value is for."""
    name: str
    """That variable; empty = the uri names none."""
    refused: str = ""
    """Why nothing can be written there; `{uri}` stands for the uri as received."""
    loading: tuple[str, ...] = ()
    """Not a place but a word to the loader: (cfile, owner, document), (crun,)."""


def place_of(path: str) -> Place:
    """The place of an internal uri: `/a/b/x` is table /a/b/x, or variable x of /a/b."""
    table, _, name = path.rpartition("/")
    parts = tuple(path.strip("/").split("/"))
    if len(parts) > MOST_SEGMENTS + 1:
        return Place(path, "", "", f"a uri has no more than {MOST_SEGMENTS + 1} segments")
    if not path.isascii() and any("\ud800" <= letter <= "\udfff" for letter in path):
        return Place(path, "", "", "the uri is no text: it holds half a character")
    if path == "/" or ":" in path:
        return Place(path, "", "", "write /table/name with slashes only, not {uri}")
    if parts[:2] in _LOADER_WORDS and len(parts) == 2:
        return Place(path, "", "", "", parts[1:])
    if parts[:2] in _DOCUMENTS:
        if len(parts) in (3, 4):
            return Place(path, "", "", "", parts[1:])
        return Place(path, "", "", f"push to {path[:10]}/<manager>/<document>, not to {{uri}}")
    return Place(path, table, name if table else "")


def pushes_document(uri: str) -> bool:
    """Whether a bus uri, with an instance's name in front or not, is where documents or templates are pushed to."""
    parts = tuple(uri.strip("/").split("/"))
    return parts[:2] in _DOCUMENTS or parts[1:3] in _DOCUMENTS


class Route(NamedTuple):
    """What a bus uri means here. `blocked` names the deciding entry of a dropped message."""

    path: str
    mode: str
    prefixed: bool
    blocked: str
    counter: str
    """The counter of such a dropped message."""
    place: Place


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
        blocked = "" if prefixed else self._blocking(method, uri, path)
        counter = f"blocked{{{blocked}}}" if blocked == BUILT_IN else f"blocked{{{method},{blocked}}}"
        return Route(path, mode, prefixed, blocked, counter, place_of(path))

    def _blocking(self, method: str, uri: str, path: str) -> str:
        """The entry that drops it, the built-in rule first: only a prefix gets past that."""
        if (method == "get" and covers("/components", path)) or (method == "pub" and covers("/site", path)):
            return BUILT_IN
        for entry, dropped in self._entries.get(method, ()):
            if uri.startswith(entry):
                return entry if dropped else ""
        return ""
