"""A site that takes a login, as an engineer meets it: the first password, TLS off, a restart of the web actor."""

import json
import re
import shutil
from pathlib import Path

import httpx
import pytest

from tests.system.running_site import REPOSITORY, RunningSite
from tests.waiting import wait_for


@pytest.fixture
def locked(tmp_path: Path):
    folder = tmp_path / "site"
    shutil.copytree(REPOSITORY / "configs/dual_bms", folder)
    tree = json.loads((folder / "site.json").read_text())
    del tree["access"]
    (folder / "site.json").write_text(json.dumps(tree))
    site = RunningSite(tmp_path / "state", folder)
    yield site
    site.end()


def test_the_first_password_opens_the_site_and_a_login_outlives_the_web_actor(locked):
    told = locked.output.read_text()
    (password,) = re.findall(r"user engineer with the password (\S+)", told)
    wait_for("the live line", lambda: re.search(r"SOC \d+", locked.output.read_text()), 20)
    assert locked.http.get("/api/status").status_code == 401
    body = {"user": "engineer", "password": password, "keep": True}
    answer = locked.http.post("/api/login", json=body)
    assert answer.status_code == 200, answer.text
    locked.http.headers["authorization"] = f"Bearer {answer.json()['token']}"
    old = locked.kill("web")

    def is_back() -> bool:
        try:
            return locked.is_back("web", old)
        except (httpx.HTTPError, KeyError):
            return False

    wait_for("the web actor", is_back, 20)
    assert locked.http.get("/api/me").json()["user"] == "engineer"
    rows = locked.http.get("/api/audit").json()["rows"]
    assert ("engineer", "/access/login", "ok") in [(row["who"], row["uri"], row["result"]) for row in rows]
    for file in locked.state_dir.rglob("*"):
        if file.is_file() and file != locked.output:
            assert password.encode() not in file.read_bytes(), file
    assert locked.stop() == 0
