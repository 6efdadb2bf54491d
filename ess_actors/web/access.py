"""The door of the operator API: who sends a request, and whether the route and the sender's role fit."""

import hmac
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess
from ess_actors.core.throttle import Seldom
from ess_actors.web import origin, visitor
from ess_actors.web.access_store import AccessStore
from ess_actors.web.answers import Refusal
from ess_actors.web.bridge import By
from ess_actors.web.incoming import forbidden
from ess_actors.web.served import Served
from ess_actors.web.visitor import Visitor, csrf_of

OPERATOR: Final = "x-operator"
"""What a program that is trusted for its address says who uses it."""
CSRF: Final = "x-csrf"
READS: Final = frozenset({"GET", "HEAD"})
_NO_LOGIN: Final = (
    "this takes a login: `ess-actors login`, a token in ESS_ACTORS_TOKEN, or the page of this server"
)
_STALE: Final = (
    "this token is not valid, or no longer: `ess-actors login` again, or another one in ESS_ACTORS_TOKEN; "
    "`ess-actors logout` forgets one that is kept"
)

Audit = Callable[[By, str, str, str], None]
"""Takes one row: by whom, uri, what was asked for (JSON text), result."""

_log = logging.getLogger(__name__)


def unaudited(by: By, uri: str, new: str, result: str) -> None:
    """For where no audit table is: the control API of simulators alone."""


class Access:
    """One per server. `store` is None where nobody can log in."""

    def __init__(
        self,
        rules: SiteAccess,
        store: AccessStore | None = None,
        audit: Audit = unaudited,
        *,
        port: int = 0,
        launcher: str = "",
        names: frozenset[str] = frozenset(),
    ) -> None:
        """`launcher` is the token of the launch command, which looks on. `names` are what this host is called."""
        self.rules = rules
        self.store = store
        self.cookie = f"__Host-ess_session_{port}" if rules.certificate else f"ess_session_{port}"
        """Cookies do not know ports: two sites of one host must not log one another out."""
        self._audit = audit
        self._launcher = launcher
        self._names = names
        self._refusals = Seldom(burst=10, every_s=10.0)

    def audit(self, by: By, uri: str, new: str, result: str) -> None:
        """One row of the audit table."""
        self._audit(by, uri, new, result)

    def audit_seldom(self, by: By, uri: str, new: str, result: str) -> None:
        """The same for what an attacker may cause a thousand times a second: a few rows, and how many are not there."""
        left_out = self._refusals.left_out(f"{by.who} {origin.neighbourhood(by.origin)}", time.monotonic())
        if left_out is not None:
            self._audit(by, uri, new, f"{result} ({left_out} more before)" if left_out else result)

    def admit(self, request: Request, row: Served) -> Visitor:
        """Who sends it. Raises Refusal 401, 403 when it may not pass; a change that is refused is audited."""
        try:
            return self._admitted(request, row)
        except Refusal as refusal:
            self.refused(request, refusal)
            raise
        except sqlite3.Error as problem:
            _log.warning("the users cannot be read: %s", problem)
            text = "the users cannot be read at the moment; try again, and look at the state folder if it stays so"
            raise Refusal(503, "access_unreadable", text) from None

    def refused(self, request: Request, refusal: Refusal) -> None:
        """Audit that a change was not allowed."""
        if request.method in READS or refusal.code not in (401, 403) or refusal.told:
            return
        known: Visitor | None = getattr(request.state, "visitor", None)
        by = known.by if known else By("", origin.origin_of(request))
        uri, error = refusal.subject or origin.path_of(request), str(refusal.body["error"])
        self.audit_seldom(by, uri, f'"{request.method}"', error)

    def _admitted(self, request: Request, row: Served) -> Visitor:
        origin.check_page(request)
        sender = self.visitor(request, row.role)
        request.state.visitor = sender
        needed = row.role
        if sender.role < needed:
            if not sender.via:
                raise unknown(_NO_LOGIN)
            raise forbidden(sender.role, needed, f"{request.method} {origin.path_of(request)}")
        if sender.cookie and request.method not in READS and needed > Role.ANYBODY:
            shown = request.headers.get(CSRF, "")
            if not hmac.compare_digest(shown.encode(), csrf_of(sender.secret).encode()):
                raise origin.foreign("the header X-CSRF is not that of this login; reload the page")
        return sender

    def visitor(self, request: Request, needed: Role) -> Visitor:
        """Who sends it: what it shows counts first, then where it comes from."""
        where = origin.origin_of(request)
        shown = request.headers.get("authorization")
        if shown is not None and needed > Role.ANYBODY:
            return self._bearer(shown, where)
        session = request.cookies.get(self.cookie, "")
        if session and self.store is not None:
            found = self.store.session(session, time.time())
            if found is not None:
                by = By(found.user, where)
                return Visitor(found.role, visitor.SESSION, by, found.user, session, cookie=True)
        if origin.SOCKET_MARK in request.scope:
            role, via = self.rules.socket_role, visitor.SOCKET
        else:
            role = self.rules.loopback if origin.is_neighbour(request) else Role.ANYBODY
            via = visitor.LOOPBACK
        if role is Role.ANYBODY:
            return Visitor(Role.ANYBODY, "", By("", where))
        if via == visitor.LOOPBACK and needed > Role.ANYBODY:
            origin.check_host(request, self._names)
        named = "".join(filter(str.isprintable, request.headers.get(OPERATOR, "")))[:64].strip()
        if named.startswith("token ") or (self.store is not None and named and self.store.user(named)):
            named = f"{named} ({via})"  # it says so; nobody has seen the password, or the token
        return Visitor(role, via, By(named or via, where))

    def _bearer(self, shown: str, where: str) -> Visitor:
        kind, _, secret = shown.partition(" ")
        secret = secret.strip()
        if kind.lower() != "bearer" or not secret:
            raise unknown("the header is `Authorization: Bearer TOKEN`; passwords go to /api/login")
        if self._launcher and hmac.compare_digest(secret.encode(), self._launcher.encode()):
            return Visitor(Role.VIEWER, visitor.TOKEN, By("launcher", where), secret=secret)
        if self.store is not None:
            token = self.store.token(secret, time.time())
            if token is not None:
                return Visitor(token.role, visitor.TOKEN, By(f"token {token.name}", where), secret=secret)
            session = self.store.session(secret, time.time())
            if session is not None:
                return Visitor(
                    session.role, visitor.SESSION, By(session.user, where), session.user, secret=secret
                )
        raise unknown(_STALE)

    def stands(self, sender: Visitor) -> bool:
        """Whether what let a sender in at the time still would: an open stream must not outlive its login."""
        if (
            self.store is None
            or not sender.secret
            or (sender.via == visitor.TOKEN and sender.by.who == "launcher")
        ):
            return True
        now = time.time()
        try:
            if sender.via == visitor.TOKEN:
                return self.store.token(sender.secret, now) is not None
            return self.store.session(sender.secret, now, using=False) is not None
        except sqlite3.Error:
            return True  # it is asked again soon


def unknown(text: str) -> Refusal:
    """For a stranger."""
    refusal = Refusal(401, "login_needed", text)
    refusal.headers["www-authenticate"] = "Bearer"
    return refusal
