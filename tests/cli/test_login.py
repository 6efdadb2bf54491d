"""Logging in from the command line, and looking after users and tokens, at a real API and in a state folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ess_actors.cli import fims_send, kept_token
from ess_actors.cli.address import parse_address
from ess_actors.cli.first_engineer import first_engineer
from ess_actors.cli.group import group
from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess
from ess_actors.web.access_store import FILE, AccessStore
from tests.web.access_site import PASSWORDS, LoginSite


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginSite]:
    one = LoginSite(tmp_path, monkeypatch)
    monkeypatch.setenv("ESS_ACTORS_API", f"{one.served.host}:{one.served.port}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ESS_ACTORS_TOKEN", raising=False)
    yield one
    one.close()


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(group, words, input=typed)


def login(name: str) -> None:
    result = run("login", "--user", name, typed=PASSWORDS[name] + "\n")
    assert result.exit_code == 0 and "logged in" in result.stdout, result.output


def test_a_login_is_kept_and_every_verb_shows_it(site, capfd):
    refused = run("status")
    assert refused.exit_code == 1 and "ess-actors login" in refused.output
    with pytest.raises(SystemExit) as ended:
        fims_send.main(["-m", "get", "-u", "/assets/ess/summary/soc"])
    assert ended.value.code == 1 and "ess-actors login" in capfd.readouterr().err
    login("otto")
    file = Path(kept_token.file_for(parse_address(os.environ["ESS_ACTORS_API"])))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert run("status").exit_code == 0
    fims_send.main(["-m", "get", "-u", "/assets/ess/summary/soc"])
    assert capfd.readouterr().out == "55.5\n"
    with pytest.raises(SystemExit):
        fims_send.main(["-m", "set", "-u", "/ess_1/x", "1"])
    assert "needs the role engineer" in capfd.readouterr().err
    refused = run("users", "list")
    assert refused.exit_code == 1 and "this needs the role engineer, yours is operator" in refused.output
    assert "/api/" not in refused.output and "{" not in refused.output, "who calls a verb knows no routes"
    assert run("logout").exit_code == 0 and not file.exists()
    assert run("logout").output.startswith("nobody was logged in")
    assert run("status").exit_code == 1


def test_a_wrong_password_keeps_nothing(site):
    result = run("login", "--user", "emma", typed="wrong-password\n")
    assert result.exit_code == 1 and "wrong" in result.output
    assert run("login", "--user", "emma", typed="\n").exit_code == 1
    assert not (site.folder / "config").exists()


def test_a_token_from_the_environment_goes_first(site, monkeypatch):
    login("emma")
    made = run("tokens", "new", "scada", "viewer", "--days", "3")
    token = made.stdout.strip()
    assert token.startswith("ess_") and "scada" in run("tokens", "list").stdout
    monkeypatch.setenv("ESS_ACTORS_TOKEN", token)
    assert run("status").exit_code == 0 and run("users", "list").exit_code == 1
    monkeypatch.setenv("ESS_ACTORS_TOKEN", "not\na token")
    assert "ESS_ACTORS_TOKEN" in run("status").output
    monkeypatch.delenv("ESS_ACTORS_TOKEN")
    assert "revoked" in run("tokens", "revoke", "scada").stdout
    assert run("tokens", "revoke", "scada").exit_code == 1


def test_a_token_is_shown_to_no_other_site(site):
    login("emma")
    assert kept_token.token_for(parse_address("127.0.0.1:1")) == ""


def test_users_over_the_api(site):
    login("emma")
    assert run("users", "add", "anna", "viewer", typed="anna-looks-on\n").stdout == "anna is viewer\n"
    assert run("users", "add", "anna", "viewer", typed="anna-looks-on\n").exit_code == 1
    assert run("users", "role", "anna", "operator").exit_code == 0
    assert run("users", "password", "anna", typed="short\n").exit_code == 1
    assert run("users", "password", "anna", typed="anna-looks-twice\n").exit_code == 0
    assert site.login("anna", "anna-looks-twice").json()["role"] == "operator"
    assert "anna" in run("users", "remove", "anna").stdout
    assert [line.split()[0] for line in run("users", "list").stdout.splitlines()[1:]] == [
        "emma",
        "otto",
        "vera",
    ]


def test_a_forgotten_password_is_set_on_the_host_while_the_site_runs(site):
    session = site.login("emma", keep=True).json()["token"]
    folder = ("--state-dir", str(site.folder))
    assert run("users", "password", "emma", *folder, typed="emma-came-back\n").exit_code == 0
    headers = {"authorization": f"Bearer {session}"}
    assert site.client.get("/api/me", headers=headers).status_code == 401
    assert site.login("emma", "emma-came-back").status_code == 200
    assert run("users", "add", "anna", "engineer", *folder, typed="anna-builds-it\n").exit_code == 0
    assert run("users", "add", "a b", "engineer", *folder, typed="anna-builds-it\n").exit_code == 1
    assert run("users", "role", "anna", "viewer", *folder).exit_code == 0
    assert "anna" in run("users", "list", "--json", *folder).stdout
    assert run("users", "remove", "anna", *folder).exit_code == 0
    assert run("users", "remove", "anna", *folder).exit_code == 1
    (site.folder / "empty").mkdir()
    nothing = run("users", "list", "--state-dir", str(site.folder / "empty"))
    assert nothing.exit_code == 1 and "state folder" in nothing.output
    assert not (site.folder / "empty" / FILE).exists()


class _Web:
    host = "127.0.0.1"

    def __init__(self, access: SiteAccess) -> None:
        self.access = access


def test_the_first_start_makes_an_engineer_and_tells_once(site, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    assert list(first_engineer(folder, _Web(SiteAccess(loopback=Role.ENGINEER)))) == []
    assert not (folder / FILE).exists()
    told = list(first_engineer(folder, _Web(SiteAccess())))
    password = told[0].rpartition(" ")[2]
    assert "engineer" in told[0] and len(password) == 23
    assert list(first_engineer(folder, _Web(SiteAccess()))) == []
    store = AccessStore(folder)
    assert [(user.name, user.role) for user in store.users()] == [("engineer", Role.ENGINEER)]
    assert password.encode() not in (folder / FILE).read_bytes()
    store.close()
