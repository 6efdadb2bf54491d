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
    forgive(shared_site)
    yield shared_site
    for stem in ("bms_1", "bms_2", "pcs"):
        shared_site.http.post(f"/api/sim/{stem}/fault", json={"kind": "none"})


def forgive(site: RunningSite) -> None:
    """Who was killed often by the tests before is restarted by its operator, or it would be given up in this one."""
    often = {one["id"]: one["pid"] for one in site.actors().values() if one.get("failures", 0) >= 2}
    for actor_id, pid in often.items():
        if actor_id == "web":
            continue
        assert site.order(actor_id, "restart").status_code == 202
        wait_for(f"{actor_id} to run", lambda one=actor_id, pid=pid: site.is_back(one, pid), 30)
    if often:
        wait_for("the site to be complete", site.is_ready, 30)


@pytest.fixture
def own_site(tmp_path):
    """A site that the test may destroy."""
    site = RunningSite(tmp_path / "state")
    yield site
    site.end()
