"""Passwords checked beside the event loop, and whoever guesses slowed without locking anybody else out."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Final

from ess_actors.core.throttle import Throttle
from ess_actors.web import passwords
from ess_actors.web.access import Access
from ess_actors.web.access_store import AccessStore, User
from ess_actors.web.answers import Refusal
from ess_actors.web.bridge import By
from ess_actors.web.origin import neighbourhood

FREE_USER: Final = 5
FREE_ADDRESS: Final = 20
LONGEST_S: Final = 60.0
MOST_WAITING: Final = 8
"""Passwords that wait for their turn; each takes 0.1 s."""
_MOST_KNOWN: Final = 1024
_WRONG: Final = (
    "user or password is wrong; a forgotten one is set on the site's own host with "
    "`ess-actors users password NAME --state-dir DIR`"
)


class Logins:
    """Of one server; used on its loop."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._users = Throttle(FREE_USER, LONGEST_S)
        self._addresses = Throttle(FREE_ADDRESS, LONGEST_S)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Who logged in from where: what others try elsewhere does not slow them."""
        self._worker = ThreadPoolExecutor(1, "passwords")
        self._waiting = 0

    async def checked(self, name: str, password: str, origin: str) -> User:
        """The user whose password it is. Raises Refusal 401, or 429 with when to try again."""
        now, where = time.monotonic(), neighbourhood(origin)
        known = (name, where) in self._known
        # One who is known here is slowed by what is tried with his name from here, and by nothing else.
        key = f"{name[:200]} from {where}" if known else name[:200]
        wait = self._users.wait(key, now)
        if not known:
            wait = max(wait, self._addresses.wait(where, now))
        if wait > 0 or self._waiting >= MOST_WAITING:
            raise self._slowed(max(wait, 1.0), name, origin)
        self._users.failed(key, now)
        self._addresses.failed(where, now)
        user = self._store.user(name)
        fits = await self._beside(passwords.fits, password, user.hash) if user else False
        if user is None:
            await self._beside(passwords.fits_nobody, password)
        # It may have been changed or removed in the meantime.
        if user is None or not fits or self._store.user(name) != user:
            self._access.audit_seldom(By(_shown(name), origin), "/access/login", "", "wrong user or password")
            refusal = Refusal(401, "wrong_login", _WRONG)
            refusal.headers["www-authenticate"] = "Bearer"
            refusal.told = True
            raise refusal
        self._users.passed(key)
        self._addresses.spared(where)
        self._known[(name, where)] = None
        self._known.move_to_end((name, where))
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return user

    def begin(self, user: User, origin: str, life_s: float, idle_s: float) -> str:
        """The id of a new session."""
        session = self._store.begin_session(user.name, origin, time.time(), life_s, idle_s)
        self._access.audit(By(user.name, origin), "/access/login", f'"{user.role.word}"', "ok")
        return session

    async def set_password(self, name: str, password: str) -> bool:
        """False when there is no such user. The user's sessions end."""
        kept = await self.hashed(password)
        return self._store.change_user(name, time.time(), kept=kept)

    async def hashed(self, password: str) -> str:
        """What is kept of a new password."""
        return str(await self._beside(passwords.hash_of, password))

    @property
    def _store(self) -> AccessStore:
        if self._access.store is None:
            text = "nobody can log in here: this is an instance without a site; call it from its own host"
            raise Refusal(404, "no_users", text)
        return self._access.store

    async def _beside(self, work: Callable[..., str | bool], *arguments: str) -> str | bool:
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work, *arguments)
        finally:
            self._waiting -= 1

    def _slowed(self, wait: float, name: str, origin: str) -> Refusal:
        self._access.audit_seldom(By(_shown(name), origin), "/access/login", "", "slowed")
        text = f"too many tries; wait {ceil(wait)} s before the next one"
        refusal = Refusal(429, "too_many_tries", text, retry_after_s=ceil(wait))
        refusal.headers["retry-after"] = str(ceil(wait))
        return refusal


def _shown(name: str) -> str:
    return "".join(filter(str.isprintable, name))[:64]
