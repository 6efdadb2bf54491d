"""One running dual-BMS site for the tests that put it back as they found it."""

import pytest

from tests.system.running_site import RunningSite
from tests.waiting import wait_for


@pytest.fixture(scope="package")
def shared_site(tmp_path_factory):
    site = RunningSite(tmp_path_factory.mktemp("shared"))
    yield site
    site.end()


@pytest.fixture
def site(shared_site):
    """The shared site, complete and with healthy devices."""
    wait_for("the site to be complete", shared_site.is_ready, 30)
    yield shared_site
    for stem in ("bms_1", "bms_2", "pcs"):
        shared_site.http.post(f"/api/sim/{stem}/fault", json={"kind": "none"})


@pytest.fixture
def own_site(tmp_path):
    """A site that the test may destroy."""
    site = RunningSite(tmp_path / "state")
    yield site
    site.end()
