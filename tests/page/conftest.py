"""One site on simulators that everybody must log in to, and one Chromium, for all tests of the page."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page.browser import WIDE, Browser, Wire, programs
from tests.system.running_site import REPOSITORY, RunningSite
from tests.waiting import wait_for

WORDS = {"otto": "operator", "vera": "viewer"}
"""Users and their roles."""
PASSWORD = "a word for this test only"


class PageSite(RunningSite):
    """A site with an engineer whose token the helper shows, an operator and a viewer."""

    def __init__(self, folder: Path) -> None:
        config = folder / "dual_bms"
        shutil.copytree(REPOSITORY / "configs/dual_bms", config)
        shape = json.loads((config / "site.json").read_text())
        shape.pop("access", None)
        shape["hung_after_s"] = 10  # on a busy host nobody shall be restarted but by the tests
        (config / "site.json").write_text(json.dumps(shape))
        self.wire: Wire | None = None
        super().__init__(folder / "state", config)
        self.wire = Wire(self.api_port)
        found = re.search(r"user (\S+) with the password (\S+)", self.output.read_text())
        assert found, self.output.read_text()
        self.engineer, self.password = found.groups()
        body = {"user": self.engineer, "password": self.password, "keep": True}
        token = self.http.post("/api/login", json=body).json()["token"]
        self.http.headers["authorization"] = f"Bearer {token}"
        for name, role in WORDS.items():
            user = {"name": name, "role": role, "password": PASSWORD}
            assert self.http.post("/api/users", json=user).status_code == 201

    def alarm(self, part: str) -> dict[str, object] | None:
        """The alarm with this in its id."""
        alarms = self.http.get("/api/alarms").json()["alarms"]
        return next((one for one in alarms if part in one["id"]), None)

    def end(self) -> None:
        if self.wire is not None:
            self.wire.close()
        super().end()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageSite]:
    if programs() is None:
        pytest.skip("no chromium and chromium-driver here")
    one = PageSite(tmp_path_factory.mktemp("page"))
    yield one
    one.end()


@pytest.fixture(scope="module")
def window(site: PageSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(f"127.0.0.1:{site.wire.port}", tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()


@pytest.fixture
def page(site: PageSite, window: Browser) -> Iterator[Browser]:
    """The window, logged in as engineer; nothing may complain in its console while a test runs."""
    wait_for("the site to be complete", site.is_ready, 30)
    window.size(*WIDE)
    if site.engineer not in window.text("#who"):
        window.driver.delete_all_cookies()
        window.open()
        window.log_in(site.engineer, site.password)
        window.says("#who", site.engineer)
    yield window
    assert window.complaints() == []
