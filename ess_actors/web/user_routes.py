"""Users: who there is, new ones, other roles and passwords, and none without somebody left to look after them."""

import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.roles import ROLE_WORDS, Role, role_of
from ess_actors.web import incoming
from ess_actors.web.access import Access
from ess_actors.web.access_store import AccessStore
from ess_actors.web.answers import Refusal, json_answer
from ess_actors.web.logins import Logins
from ess_actors.web.passwords import problem_of
from ess_actors.web.served import FLAG, TEXT, Served, many, one_of, shape
from ess_actors.web.user_names import NAME, NAME_PATTERN, NAME_RULE

NAMED: Final = {"type": "string", "pattern": NAME_PATTERN}
ROLE: Final = one_of(*ROLE_WORDS)


def user_routes(access: Access, logins: Logins) -> list[Served]:
    """GET and POST /api/users, POST and DELETE /api/users/{name}."""
    api = _UserApi(access, logins)
    user = shape({"name": TEXT, "role": ROLE})
    codes = {404: "no such user", 408: "the body came too slowly", 413: "too large"}
    last = {409: "there is one of this name, or nobody else could look after the users", **codes}
    named = {"name": NAMED}
    return [
        Served("GET", "/api/users", Role.ENGINEER, api.users, "All users", shape({"users": many(user)}), codes=codes),
        Served(
            "POST", "/api/users", Role.ENGINEER, api.add, "Add a user", user,
            body=shape({"name": NAMED, "role": ROLE, "password": TEXT}), code=201, codes=last,
        ),
        Served(
            "POST", "/api/users/{name}", Role.ENGINEER, api.change,
            "Give a user another role or password; the user's logins end", user,
            body=shape({}, {"role": ROLE, "password": TEXT}), path_values=named, codes=last,
        ),
        Served(
            "DELETE", "/api/users/{name}", Role.ENGINEER, api.remove, "Remove a user; the user's logins end",
            shape({"removed": FLAG, "text": TEXT}), path_values=named, codes=last,
        ),
    ]  # fmt: skip


class _UserApi:
    def __init__(self, access: Access, logins: Logins) -> None:
        self._access = access
        self._logins = logins

    async def users(self, _: Request) -> Response:
        rows = [
            {"name": user.name, "role": user.role.word, "made": user.made, "changed": user.changed}
            for user in store_of(self._access).users()
        ]
        return json_answer(200, {"users": rows})

    async def add(self, request: Request) -> Response:
        tree = await incoming.json_object(request)
        store, name, role = store_of(self._access), name_in(tree), role_in(tree)
        kept = await self._logins.hashed(_password_in(tree))
        if not store.add_user(name, role, kept, time.time()):
            raise Refusal(
                409, "user_exists", f"there is a user {name}; change it with `ess-actors users role`"
            )
        self._note(request, name, f'"added as {role.word}"')
        return json_answer(201, {"name": name, "role": role.word})

    async def change(self, request: Request) -> Response:
        tree = await incoming.json_object(request)
        store, name = store_of(self._access), request.path_params["name"]
        if not {"role", "password"} & set(tree):
            raise Refusal(400, "bad_request", 'send {"role": ...} or {"password": ...} or both')
        role = role_in(tree) if "role" in tree else None
        kept = await self._logins.hashed(_password_in(tree)) if "password" in tree else ""
        if role not in (None, Role.ENGINEER):
            _somebody_left(store, name)
        if not store.change_user(name, time.time(), role=role, kept=kept):
            raise _nobody(store, name)
        user = store.user(name)
        assert user is not None
        what = [f"role {role.word}" if role else "", "password" if kept else ""]
        self._note(request, name, f'"{", ".join(filter(None, what))} changed"')
        return json_answer(200, {"name": name, "role": user.role.word})

    async def remove(self, request: Request) -> Response:
        store, name = store_of(self._access), request.path_params["name"]
        _somebody_left(store, name)
        if not store.remove_user(name):
            raise _nobody(store, name)
        self._note(request, name, '"removed"')
        made = [token.name for token in store.tokens() if token.maker == name]
        text = f"{name} is removed"
        if made:
            text += f"; tokens that {name} made go on until they are revoked: {', '.join(made)}"
        return json_answer(200, {"removed": True, "text": text})

    def _note(self, request: Request, name: str, what: str) -> None:
        self._access.audit(incoming.by_whom(request), f"/access/users/{name}", what, "ok")


def store_of(access: Access) -> AccessStore:
    """The users of a site. Raises Refusal 404 where there are none."""
    if access.store is None:
        text = "there are no users here: this is an instance without a site; call it from its own host"
        raise Refusal(404, "no_users", text)
    return access.store


def name_in(tree: dict[str, object]) -> str:
    """The member `name`. Raises Refusal 400."""
    name = tree.get("name")
    if not isinstance(name, str) or NAME.match(name) is None:
        raise Refusal(400, "bad_name", NAME_RULE)
    return name


def role_in(tree: dict[str, object]) -> Role:
    """The member `role`. Raises Refusal 400."""
    try:
        return role_of(str(tree.get("role")))
    except ValueError as problem:
        raise Refusal(400, "bad_role", str(problem)) from None


def _password_in(tree: dict[str, object]) -> str:
    password = tree.get("password")
    if problem := problem_of(password):
        raise Refusal(400, "bad_password", problem)
    return str(password)


def _somebody_left(store: AccessStore, name: str) -> None:
    """Raises Refusal 409 when no engineer but this one is there."""
    engineers = [user.name for user in store.users() if user.role is Role.ENGINEER]
    if engineers == [name]:
        raise Refusal(409, "last_engineer", f"{name} is the only engineer; add another one first")


def _nobody(store: AccessStore, name: str) -> Refusal:
    known = [user.name for user in store.users()]
    return Refusal(404, "not_found", f"no user {name[:64]!r}; there are {', '.join(known[:20]) or 'none'}")
