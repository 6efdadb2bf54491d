"""Who sends a request, as far as it is known: name, role, and by what it was let in."""

import hashlib
from dataclasses import dataclass
from typing import Final

from ess_actors.core.roles import Role
from ess_actors.web.bridge import By

SESSION: Final = "session"
TOKEN: Final = "token"  # noqa: S105
LOOPBACK: Final = "loopback"
SOCKET: Final = "socket"


@dataclass(frozen=True, slots=True)
class Visitor:
    """`via` is one of SESSION, TOKEN, LOOPBACK, SOCKET; empty for a stranger."""

    role: Role
    via: str
    by: By
    """For the audit table: a user, `token NAME`, or what a program of this host says of itself."""
    user: str = ""
    """The name of a user that is logged in."""
    secret: str = ""
    """What was shown: the id of the session, or the token."""
    cookie: bool = False
    """It came by itself, as a browser sends cookies: a change needs the word that only the page knows."""

    @property
    def csrf(self) -> str:
        """That word: it comes out of the session's id, and does not lead back to it."""
        return csrf_of(self.secret) if self.cookie else ""


def csrf_of(session: str) -> str:
    """What a page sends in `X-CSRF` with every change it makes under this session."""
    return hashlib.sha256(f"csrf of {session}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
