"""The users of a site, over its API or in the file of its state folder: the same orders for both."""

import time
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from ess_actors.cli.api_client import Api, compact
from ess_actors.core.errors import RequestError
from ess_actors.core.roles import Role, role_of


class Users(Protocol):
    """Everything raises RequestError for what cannot be done."""

    def rows(self) -> list[dict[str, Any]]:
        """name, role, made, changed of each."""

    def add(self, name: str, role: str, password: str) -> None:
        """One more."""

    def change(self, name: str, *, role: str = "", password: str = "") -> None:
        """Another role or password."""

    def remove(self, name: str) -> str:
        """One less; what there is to say about it."""


class SiteUsers:
    """Of a site that runs."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def rows(self) -> list[dict[str, Any]]:
        return self._api.rows("/api/users", "users")

    def add(self, name: str, role: str, password: str) -> None:
        self._api.post("/api/users", compact({"name": name, "role": role, "password": password}))

    def change(self, name: str, *, role: str = "", password: str = "") -> None:
        body = {key: value for key, value in (("role", role), ("password", password)) if value}
        self._api.post(f"/api/users/{quote(name, safe='')}", compact(body))

    def remove(self, name: str) -> str:
        answer = self._api.delete(f"/api/users/{quote(name, safe='')}")
        return str(answer.get("text")) if isinstance(answer, dict) else ""


class KeptUsers:
    """In a state folder, whether its site runs or not: whoever may write there needs no login.

    These changes are not in the audit table: that belongs to the site's store.
    """

    def __init__(self, state_dir: Path) -> None:
        from ess_actors.web.access_store import FILE, AccessStore

        if not (state_dir / FILE).is_file():
            text = f"{state_dir} has no {FILE}: it is not the state folder of a site that was started"
            raise RequestError("no_users", text)
        self._store = AccessStore(state_dir)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"name": user.name, "role": user.role.word, "made": user.made, "changed": user.changed}
            for user in self._store.users()
        ]

    def add(self, name: str, role: str, password: str) -> None:
        from ess_actors.web.user_names import NAME, NAME_RULE

        if NAME.match(name) is None:
            raise RequestError("bad_name", NAME_RULE)
        if not self._store.add_user(name, role_of(role), _hashed(password), time.time()):
            raise RequestError("user_exists", f"there is a user {name}; give it another password or role")

    def change(self, name: str, *, role: str = "", password: str = "") -> None:
        kept = _hashed(password) if password else ""
        given: Role | None = role_of(role) if role else None
        if not self._store.change_user(name, time.time(), role=given, kept=kept):
            raise self._unknown(name)

    def remove(self, name: str) -> str:
        if not self._store.remove_user(name):
            raise self._unknown(name)
        return f"{name} is removed"

    def _unknown(self, name: str) -> RequestError:
        known = ", ".join(user.name for user in self._store.users()) or "none; `users add` makes one"
        return RequestError("not_found", f"no user {name!r}; there are {known}")


def _hashed(password: str) -> str:
    from ess_actors.web.passwords import hash_of, problem_of

    if problem := problem_of(password):
        raise RequestError("bad_password", problem)
    return hash_of(password)
