"""Logging in and out, and one's own password."""

from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.roles import Role
from ess_actors.web import incoming
from ess_actors.web.access import Access
from ess_actors.web.answers import Refusal, json_answer
from ess_actors.web.logins import Logins
from ess_actors.web.origin import origin_of
from ess_actors.web.passwords import problem_of
from ess_actors.web.served import FLAG, TEXT, Served, shape
from ess_actors.web.visitor import Visitor, csrf_of

LIFE_S = 24 * 3600.0
IDLE_S = 8 * 3600.0
"""A shift; whoever watches for longer without a click logs in again."""
KEPT_LIFE_S = 30 * 86400.0
KEPT_IDLE_S = 7 * 86400.0
"""Of a login that the command line keeps."""


def login_routes(access: Access, logins: Logins) -> list[Served]:
    """POST /api/login, /api/logout, /api/password; GET /api/me."""
    api = _LoginApi(access, logins)
    slow = {
        429: "too many tries; wait for Retry-After seconds",
        408: "the body came too slowly",
        413: "too large",
    }
    me = shape({"user": TEXT, "role": TEXT, "via": TEXT, "csrf": TEXT})
    return [
        Served(
            "POST", "/api/login", Role.ANYBODY, api.login,
            "Log in: a cookie for a page; with `keep` a token for a program instead",
            shape({"user": TEXT, "role": TEXT}, {"csrf": TEXT, "token": TEXT}),
            body=shape({"user": TEXT, "password": TEXT}, {"keep": FLAG}), codes=slow,
        ),
        Served("POST", "/api/logout", Role.VIEWER, api.logout, "End this login", shape({"text": TEXT})),
        Served("GET", "/api/me", Role.VIEWER, api.me, "Who this is taken for", me),
        Served(
            "POST", "/api/password", Role.VIEWER, api.password, "Change one's own password; every login ends",
            shape({"text": TEXT}), body=shape({"old": TEXT, "new": TEXT}),
            codes={409: "this is no login of a user", **slow},
        ),
    ]  # fmt: skip


class _LoginApi:
    def __init__(self, access: Access, logins: Logins) -> None:
        self._access = access
        self._logins = logins

    async def login(self, request: Request) -> Response:
        tree = await incoming.json_object(request)
        name, password, keep = tree.get("user"), tree.get("password"), tree.get("keep", False)
        if not isinstance(name, str) or not isinstance(password, str) or not isinstance(keep, bool):
            raise Refusal(
                400, "bad_request", 'send {"user": "...", "password": "..."}, and "keep": true if wanted'
            )
        origin = origin_of(request)
        user = await self._logins.checked(name, password, origin)
        life, idle = (KEPT_LIFE_S, KEPT_IDLE_S) if keep else (LIFE_S, IDLE_S)
        session = self._logins.begin(user, origin, life, idle)
        answer: dict[str, object] = {"user": user.name, "role": user.role.word}
        if keep:
            return json_answer(200, {**answer, "token": session})
        response = json_answer(200, {**answer, "csrf": csrf_of(session)})
        self._set_cookie(response, session, int(life))
        return response

    async def logout(self, request: Request) -> Response:
        sender: Visitor = request.state.visitor
        ended = (
            bool(sender.user)
            and self._access.store is not None
            and self._access.store.end_session(sender.secret)
        )
        if ended:
            self._access.audit(sender.by, "/access/logout", "", "ok")
        response = json_answer(200, {"text": "logged out" if ended else "there was no login to end"})
        self._set_cookie(response, "", 0)
        return response

    async def me(self, request: Request) -> Response:
        sender: Visitor = request.state.visitor
        body = {"user": sender.by.who, "role": sender.role.word, "via": sender.via, "csrf": sender.csrf}
        return json_answer(200, body)

    async def password(self, request: Request) -> Response:
        sender: Visitor = request.state.visitor
        tree = await incoming.json_object(request)
        old, new = tree.get("old"), tree.get("new")
        if not sender.user:
            text = "only a user who is logged in has a password; an engineer changes others with POST /api/users/NAME"
            raise Refusal(409, "no_user", text)
        if not isinstance(old, str) or not isinstance(new, str) or (problem := problem_of(new)):
            text = (
                problem
                if isinstance(old, str) and isinstance(new, str)
                else 'send {"old": "...", "new": "..."}'
            )
            raise Refusal(400, "bad_password", text)
        await self._logins.checked(sender.user, old, sender.by.origin)
        await self._logins.set_password(sender.user, new)
        self._access.audit(sender.by, f"/access/users/{sender.user}", '"own password"', "ok")
        return json_answer(200, {"text": "the password is changed; every login of this user has ended"})

    def _set_cookie(self, response: Response, session: str, seconds: int) -> None:
        response.set_cookie(
            self._access.cookie, session, max_age=seconds, path="/", secure=bool(self._access.rules.certificate),
            httponly=True, samesite="strict",
        )  # fmt: skip
