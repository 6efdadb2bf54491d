"""A served site that takes a login: its users, cheap but real password hashes, and its audit rows."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess
from ess_actors.web import passwords
from ess_actors.web.access import Access
from ess_actors.web.access_store import AccessStore
from ess_actors.web.bridge import By
from tests.web.conftest import Served

PASSWORDS = {"vera": "vera-looks-on", "otto": "otto-steers-it", "emma": "emma-builds-it"}
ROLES = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "emma": Role.ENGINEER}


class LoginSite:
    """Three users, one of each role; the store lives on the server's thread."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, rules: SiteAccess | None = None
    ) -> None:
        monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(1, 8, 1))
        self.rows: list[tuple[By, str, str, str]] = []
        self.folder = folder
        rules = rules or SiteAccess()
        self.access = Access(
            rules, None, lambda *row: self.rows.append(row), port=8300, launcher="launch-word"
        )
        self.served = Served(access=self.access)
        self.served.call(self._open)
        self.url = self.served.url
        self.client = self.served.client

    def _open(self) -> None:
        self.store = AccessStore(self.folder)
        for name, password in PASSWORDS.items():
            self.store.add_user(name, ROLES[name], passwords.hash_of(password), 1.0)
        self.access.store = self.store

    def do(self, job: Any, *arguments: Any) -> Any:
        """The outcome of a call on the server's thread."""
        found: list[Any] = []
        self.served.call(lambda: found.append(job(*arguments)))
        return found[0]

    def login(self, name: str, password: str | None = None, **more: Any) -> httpx.Response:
        body = {"user": name, "password": PASSWORDS[name] if password is None else password, **more}
        return httpx.post(f"{self.url}/api/login", json=body, trust_env=False)

    def page(self, name: str) -> httpx.Client:
        """A browser that is logged in: it has the cookie, and the page sends the word."""
        answer = self.login(name)
        assert answer.status_code == 200, answer.text
        headers = {"x-csrf": answer.json()["csrf"], "origin": self.url, "sec-fetch-site": "same-origin"}
        return httpx.Client(base_url=self.url, cookies=answer.cookies, headers=headers, trust_env=False)

    def program(self, role: str) -> httpx.Client:
        """A script with a token."""
        name = f"{role}-{len(self.do(self.store.tokens))}"
        token = self.do(self.store.add_token, name, Role[role.upper()], "emma", 1.0, 0.0)
        return httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=10
        )

    def close(self) -> None:
        self.served.call(self.store.close)
        self.served.close()
