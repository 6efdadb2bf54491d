"""What the operator API serves: one row per route with the role it needs and the shapes it takes and gives."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ess_actors.core.roles import Role


class Answered(Protocol):
    """A Response, or a stream that writes itself."""

    status_code: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""


Endpoint = Callable[[Request], Awaitable[Answered]]

Schema = Mapping[str, object]
"""A JSON schema as OpenAPI 3.1 takes it."""

TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
OBJECT: Final[Schema] = {"type": "object"}
ANY: Final[Schema] = {}
METHODS: Final = ("GET", "POST", "DELETE")


def whole(least: int, most: int) -> Schema:
    """A whole number of this range, both ends in it."""
    return {"type": "integer", "minimum": least, "maximum": most}


def one_of(*words: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(words)}


def many(item: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": dict(item)}


def shape(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these members; more may come in later versions of an answer."""
    properties = {name: dict(schema) for name, schema in {**required, **(optional or {})}.items()}
    return {"type": "object", "properties": properties, "required": list(required)}


@dataclass(frozen=True, slots=True)
class Served:
    """One route: who may call it has no default, so nothing is served that nobody thought about."""

    method: str
    """GET, POST or DELETE; a GET changes nothing and answers HEAD too, but for a stream."""
    path: str
    """As Starlette writes it: {name} is one segment, {name:path} any number."""
    role: Role
    """The least role that may call it at all; an endpoint may ask for more, see `incoming.must_be`."""
    endpoint: Endpoint
    summary: str
    """One line for the description: what it does."""
    answer: Schema = field(default_factory=lambda: dict(OBJECT))
    """Of the answer with code `code`."""
    body: Schema | None = None
    """Of the JSON body it takes; None = it takes none."""
    query: Mapping[str, Schema] = field(default_factory=dict)
    """Parameters behind the ?; all of them may be left out, but those in `must`. An array = repeated."""
    must: tuple[str, ...] = ()
    path_values: Mapping[str, Schema] = field(default_factory=dict)
    """Of the {names} in the path; a text where nothing is said."""
    codes: Mapping[int, str] = field(default_factory=dict)
    """Further codes of answers and what they mean, beyond those that every route has."""
    code: int = 200
    media: str = "application/json"
    takes: str = "application/json"
    """Media type of the body."""
    stream: bool = False
    """The answer has no end."""


def routes_of(
    table: Iterable[Served], guarded: Callable[[Served], Endpoint]
) -> tuple[list[Route], tuple[Served, ...]]:
    """The routes in the order of the table, each behind its guard; and the table.

    Raises TypeError for what is no row, ValueError for one that cannot be served, or is served already.
    """
    rows: list[Served] = []
    seen: set[tuple[str, str]] = set()
    for row in table:
        if not isinstance(row, Served):
            raise TypeError(f"{row!r} is no row of the table: make it a Served(...) that names its role")
        if row.method not in METHODS or not isinstance(row.role, Role):
            raise ValueError(f"{row.method} {row.path}: a method of {METHODS} and a Role are needed")
        if row.role is Role.ANYBODY and row.method != "GET" and row.path not in OPEN_WRITES:
            raise ValueError(f"{row.method} {row.path}: what changes something needs a role")
        if (row.method, row.path) in seen:
            raise ValueError(f"{row.method} {row.path} is in the table twice")
        seen.add((row.method, row.path))
        rows.append(row)
    return [_route(row, guarded(row)) for row in rows], tuple(rows)


OPEN_WRITES: Final = frozenset({"/api/login"})
"""What nobody can be logged in for."""


def _route(row: Served, endpoint: Endpoint) -> Route:
    route = Route(row.path, endpoint, methods=[row.method])
    if row.stream and route.methods is not None:
        route.methods.discard("HEAD")  # it would wait for the end of a stream that has none
    return route
