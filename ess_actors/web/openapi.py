"""The description of the API, made of the table that it is served from: it cannot differ from what is served."""

import re
from collections.abc import Iterable
from typing import Any, Final

from starlette.responses import Response

from ess_actors.core.roles import Role
from ess_actors.web.answers import json_answer
from ess_actors.web.served import Served

_PATH_VALUE: Final = re.compile(r"{(\w+)(?::\w+)?}")
_ERROR: Final = {"$ref": "#/components/schemas/Error"}
_WHAT: Final = {
    400: "the request is not as described; `text` says what to change",
    401: "a login is needed, or what was shown is not valid",
    403: "the role is too low, or the page that asks is somebody else's",
    503: "the API stops, or cannot read its users; ask again in a moment",
}


async def described(table: Iterable[Served]) -> Response:
    """The OpenAPI 3.1 document of the table."""
    return json_answer(200, document(table))


def document(table: Iterable[Served]) -> dict[str, object]:
    """Every route of the table, with the role it needs as `x-role`."""
    paths: dict[str, dict[str, object]] = {}
    for row in table:
        paths.setdefault(_PATH_VALUE.sub(r"{\1}", row.path), {})[row.method.lower()] = _operation(row)
    error = {
        "type": "object",
        "properties": {"error": {"type": "string"}, "text": {"type": "string"}},
        "required": ["error", "text"],
    }
    ways = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRF",
            "description": "beside the cookie of /api/login, with every change",
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ess_actors operator API",
            "version": "1",
            "description": "Roles: viewer < operator < engineer. A site may let its own host in without a login.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": error}, "securitySchemes": ways},
    }


def _operation(row: Served) -> dict[str, object]:
    operation: dict[str, Any] = {
        "summary": row.summary,
        "operationId": f"{row.method.lower()}{re.sub('[^a-z0-9]+', '_', row.path.lower()).rstrip('_')}",
        "x-role": row.role.word,
        "security": [] if row.role is Role.ANYBODY else [{"token": []}, {"session": []}],
        "parameters": [*_in_path(row), *_in_query(row)],
        "responses": {str(code): answer for code, answer in sorted(_answers(row).items())},
    }
    if row.body is not None:
        content = {row.takes: {"schema": dict(row.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _in_path(row: Served) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": dict(row.path_values.get(name, {"type": "string", "minLength": 1})),
        }
        for name in _PATH_VALUE.findall(row.path)
    ]


def _in_query(row: Served) -> list[dict[str, object]]:
    return [
        {"name": name, "in": "query", "required": name in row.must, "schema": dict(schema)}
        for name, schema in row.query.items()
    ]


def _answers(row: Served) -> dict[int, dict[str, object]]:
    good: dict[str, object] = {
        "description": row.summary,
        "content": {row.media: {"schema": dict(row.answer)}},
    }
    said = {**_WHAT, **row.codes}
    # A code below 400 among the further ones is another way to succeed.
    others: dict[int, dict[str, object]] = {
        code: {
            "description": text,
            "content": {"application/json": {"schema": _ERROR if code >= 400 else {}}},
        }
        for code, text in said.items()
    }
    return {**others, row.code: good}
