"""A site that takes a login, as an engineer meets it: the first password, a restart of the web actor."""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.system.running_site import RunningSite
from tests.waiting import wait_for


@pytest.fixture
def locked(tmp_path: Path):
    folder = tmp_path / "site"
    (folder / "docs").mkdir(parents=True)
    start = {"/sysconfig/default": {"Subs": ":/t", "Config": "init", "EssName": "ess_1"}}
    site = {
        "name": "locked",
        "instances": [{"start": "ess_1.json", "documents": "docs"}],
        "live": [{"label": "SOC", "uri": "/ess_1/t/SOC"}],
    }
    for name, tree in (("site", site), ("ess_1", start), ("docs/init", {"/t": {"SOC": {"value": 55}}})):
        (folder / f"{name}.json").write_text(json.dumps(tree))
    running = RunningSite(tmp_path / "state", folder, server="")
    yield running
    running.end()


def audited(site: RunningSite) -> list[tuple[str, str, str]]:
    rows = site.http.get("/api/audit").json()["rows"]
    return [(row["who"], row["uri"], row["result"]) for row in rows]


def test_the_first_password_opens_the_site_and_a_login_outlives_the_web_actor(locked):
    told = locked.output.read_text()
    (password,) = re.findall(r"user engineer with the password (\S+)", told)
    wait_for("the live line", lambda: re.search(r"SOC \d+", locked.output.read_text()), 20)
    assert locked.http.get("/api/status").status_code == 401
    body = {"user": "engineer", "password": password, "keep": True}
    answer = locked.http.post("/api/login", json=body)
    assert answer.status_code == 200, answer.text
    locked.http.headers["authorization"] = f"Bearer {answer.json()['token']}"
    # The row follows the answer; who is killed in between takes it along.
    wait_for("the login in the audit table", lambda: ("engineer", "/access/login", "ok") in audited(locked))
    old = locked.kill("web")

    def is_back() -> bool:
        try:
            return locked.is_back("web", old)
        except (httpx.HTTPError, KeyError):
            return False

    wait_for("the web actor", is_back, 20)
    assert locked.http.get("/api/me").json()["user"] == "engineer"
    assert ("engineer", "/access/login", "ok") in audited(locked)
    for file in locked.state_dir.rglob("*"):
        if file.is_file() and file != locked.output:
            assert password.encode() not in file.read_bytes(), file
    assert locked.stop() == 0
