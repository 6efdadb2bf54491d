"""Tokens: what scripts show instead of a password; seen once, when made."""

import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.roles import Role
from ess_actors.web import incoming
from ess_actors.web.access import Access
from ess_actors.web.answers import Refusal, json_answer
from ess_actors.web.served import FLAG, TEXT, Served, many, shape, whole
from ess_actors.web.user_routes import NAMED, ROLE, name_in, role_in, store_of

LONGEST_DAYS: Final = 3650


def token_routes(access: Access) -> list[Served]:
    """GET and POST /api/tokens, DELETE /api/tokens/{name}."""
    api = _TokenApi(access)
    token = shape({"name": TEXT, "role": ROLE, "until": {"type": ["number", "null"]}})
    codes = {404: "no such token", 408: "the body came too slowly", 413: "too large"}
    return [
        Served(
            "GET", "/api/tokens", Role.ENGINEER, api.tokens, "All tokens, without what they are",
            shape({"tokens": many(token)}), codes=codes,
        ),
        Served(
            "POST", "/api/tokens", Role.ENGINEER, api.add, "Make a token; it is shown this once",
            shape({"name": TEXT, "role": ROLE, "token": TEXT}),
            body=shape({"name": NAMED, "role": ROLE}, {"days": whole(1, LONGEST_DAYS)}), code=201,
            codes={409: "there is one of this name", **codes},
        ),
        Served(
            "DELETE", "/api/tokens/{name}", Role.ENGINEER, api.revoke, "Revoke a token at once",
            shape({"removed": FLAG, "text": TEXT}), path_values={"name": NAMED}, codes=codes,
        ),
    ]  # fmt: skip


class _TokenApi:
    def __init__(self, access: Access) -> None:
        self._access = access

    async def tokens(self, _: Request) -> Response:
        rows = [
            {
                "name": token.name,
                "role": token.role.word,
                "maker": token.maker,
                "made": token.made,
                "until": token.until or None,
                "used": token.used or None,
                "ended": bool(token.until) and token.until < time.time(),
            }
            for token in store_of(self._access).tokens()
        ]
        return json_answer(200, {"tokens": rows})

    async def add(self, request: Request) -> Response:
        tree = await incoming.json_object(request)
        name, role, days = name_in(tree), role_in(tree), tree.get("days")
        if days is not None and (type(days) is not int or not 1 <= days <= LONGEST_DAYS):
            raise Refusal(400, "bad_days", f"days is a whole number from 1 to {LONGEST_DAYS}; none = no end")
        now, by = time.time(), incoming.by_whom(request)
        until = now + days * 86400.0 if isinstance(days, int) else 0.0
        token = store_of(self._access).add_token(name, role, by.who, now, until)
        if not token:
            raise Refusal(409, "token_exists", f"there is a token {name}; revoke it or choose another name")
        self._access.audit(by, f"/access/tokens/{name}", f'"made as {role.word}"', "ok")
        return json_answer(201, {"name": name, "role": role.word, "until": until or None, "token": token})

    async def revoke(self, request: Request) -> Response:
        store, name = store_of(self._access), request.path_params["name"]
        if not store.remove_token(name):
            known = ", ".join(token.name for token in store.tokens()[:20]) or "none"
            raise Refusal(404, "not_found", f"no token {name[:64]!r}; there are {known}")
        self._access.audit(incoming.by_whom(request), f"/access/tokens/{name}", '"revoked"', "ok")
        return json_answer(200, {"removed": True, "text": f"the token {name} is revoked"})
