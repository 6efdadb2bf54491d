"""Logging in: who guesses is slowed, nobody else is, the server goes on meanwhile; users, passwords and tokens."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ess_actors.web import passwords
from ess_actors.web.logins import FREE_ADDRESS, FREE_USER
from tests.web.access_site import PASSWORDS, LoginSite
from tests.web.test_api import refused


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginSite]:
    one = LoginSite(tmp_path, monkeypatch)
    yield one
    one.close()


def test_a_wrong_password_and_an_unknown_user_are_told_the_same(site):
    one, other = site.login("emma", "wrong-password"), site.login("nobody", "wrong-password")
    assert refused(one, 401, "wrong_login") == refused(other, 401, "wrong_login")
    assert not one.cookies


@pytest.mark.parametrize(
    "body", [{}, {"user": "emma"}, {"user": 1, "password": "x"}, {"user": "emma", "password": None}, {"user": "e",
             "password": "x", "keep": 1}],
)  # fmt: skip
def test_a_login_without_its_members_is_a_bad_request(site, body):
    refused(site.client.post("/api/login", json=body), 400, "bad_request")


def test_who_guesses_is_slowed_and_others_are_not(site):
    assert site.login("otto").status_code == 200
    answers = [site.login("emma", "wrong-password") for _ in range(FREE_USER + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE_USER + [429]
    wait = int(answers[-1].headers["retry-after"])
    assert 1 <= wait <= 2 and refused(answers[-1], 429, "too_many_tries")["retry_after_s"] == wait
    refused(site.login("emma"), 429, "too_many_tries")  # the right one is not looked at either
    assert site.login("vera").status_code == 200
    guesses = [site.login(f"user{n}", "wrong-password").status_code for n in range(FREE_ADDRESS)]
    assert 429 in guesses, "one address is slowed whatever names it tries"
    assert site.login("otto").status_code == 200, "who is known here is not"
    assert any(result.startswith("slowed") for _, _, _, result in site.rows)


def test_tries_at_once_count_as_tries_in_turn(site):
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        codes: list[int] = []
        body = {"user": "emma", "password": "wrong-password"}
        threads = [
            threading.Thread(target=lambda: codes.append(client.post("/api/login", json=body).status_code))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes.count(401) <= FREE_USER and len(codes) == 20


def test_a_password_that_is_being_checked_blocks_nobody(site, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def slow(password: str, kept: str) -> bool:
        begun.set()
        return go_on.wait(10) and password == PASSWORDS["emma"]

    monkeypatch.setattr(passwords, "fits", slow)
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(site.login("emma")))
    thread.start()
    assert begun.wait(10)
    assert site.client.get("/healthz").status_code == 200
    go_on.set()
    thread.join()
    assert answers[0].status_code == 200


def test_a_user_that_changes_meanwhile_does_not_get_in(site, monkeypatch):
    def changing(password: str, kept: str) -> bool:
        asyncio.run_coroutine_threadsafe(change(), site.served.loop).result(10)
        return True

    async def change() -> None:
        site.store.remove_user("emma")

    monkeypatch.setattr(passwords, "fits", changing)
    refused(site.login("emma"), 401, "wrong_login")


def test_a_kept_login_is_a_token_and_no_cookie(site):
    answer = site.login("otto", keep=True)
    assert not answer.cookies and set(answer.json()) == {"user", "role", "token"}
    headers = {"authorization": f"Bearer {answer.json()['token']}"}
    assert site.client.get("/api/me", headers=headers).json()["user"] == "otto"
    assert site.client.post("/api/logout", headers=headers).status_code == 200
    refused(site.client.get("/api/me", headers=headers), 401, "login_needed")


def test_ones_own_password(site):
    with site.page("vera") as page:
        change = {"old": PASSWORDS["vera"], "new": "vera-looks-twice"}
        refused(page.post("/api/password", json={**change, "old": "wrong-password"}), 401, "wrong_login")
        for new in ("short", "aaaaaaaaaaaaaa", 7, "x" * 300):
            refused(page.post("/api/password", json={**change, "new": new}), 400, "bad_password")
        assert page.post("/api/password", json=change).status_code == 200
        refused(page.get("/api/me"), 401, "login_needed")
    assert site.login("vera", "vera-looks-twice").status_code == 200
    with site.program("viewer") as program:
        refused(program.post("/api/password", json=change), 409, "no_user")


def test_users_come_change_and_go_with_their_logins(site):
    with site.program("engineer") as engineer:
        new = {"name": "anna", "role": "viewer", "password": "anna-looks-on"}
        assert engineer.post("/api/users", json=new).status_code == 201
        refused(engineer.post("/api/users", json=new), 409, "user_exists")
        for member, value in (
            ("name", "a b"),
            ("name", "x" * 65),
            ("role", "admin"),
            ("role", None),
            ("password", "x"),
        ):
            answer = engineer.post("/api/users", json={**new, member: value})
            refused(answer, 400, f"bad_{member}")
        session = site.login("anna", new["password"], keep=True).json()["token"]
        headers = {"authorization": f"Bearer {session}"}
        assert engineer.post("/api/users/anna", json={"role": "operator"}).json()["role"] == "operator"
        refused(site.client.get("/api/me", headers=headers), 401, "login_needed")
        refused(engineer.post("/api/users/anna", json={}), 400, "bad_request")
        refused(engineer.post("/api/users/bob", json={"role": "viewer"}), 404, "not_found")
        refused(engineer.post("/api/users/emma", json={"role": "viewer"}), 409, "last_engineer")
        refused(engineer.delete("/api/users/emma"), 409, "last_engineer")
        assert "engineer-0" in engineer.post("/api/users/anna", json={"role": "engineer"}).text + str(
            engineer.delete("/api/users/emma").json()["text"]
        )
        names = [row["name"] for row in engineer.get("/api/users").json()["users"]]
        assert names == ["anna", "otto", "vera"]
        assert "hash" not in engineer.get("/api/users").text


def test_a_token_is_shown_once_and_ends(site):
    with site.program("engineer") as engineer:
        made = engineer.post("/api/tokens", json={"name": "scada", "role": "operator", "days": 1}).json()
        headers = {"authorization": f"Bearer {made['token']}"}
        me = site.client.get("/api/me", headers=headers).json()
        assert (me["user"], me["role"]) == ("token scada", "operator")
        assert made["token"] not in engineer.get("/api/tokens").text
        refused(engineer.post("/api/tokens", json={"name": "scada", "role": "viewer"}), 409, "token_exists")
        for days in (0, 3651, 1.5, "1", True):
            body = {"name": "b", "role": "viewer", "days": days}
            refused(engineer.post("/api/tokens", json=body), 400, "bad_days")
        assert made["until"] and site.do(site.store.token, made["token"], made["until"] + 1) is None
        assert engineer.delete("/api/tokens/scada").status_code == 200
        refused(engineer.delete("/api/tokens/scada"), 404, "not_found")
        refused(site.client.get("/api/me", headers=headers), 401, "login_needed")


def test_users_that_cannot_be_written_are_a_reason_and_no_defect(site):
    site.do(site.store._db.execute, "pragma query_only = on")
    refused(site.login("emma"), 503, "access_unwritable")
    site.do(site.store._db.execute, "pragma query_only = off")
    assert site.login("emma").status_code == 200
