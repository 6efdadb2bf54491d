"""kill -9 of every kind of process: it comes back, alone; or everything ends and the next start works at once."""

import os
import signal

import psutil
import pytest

from tests.system.running_site import RunningSite
from tests.waiting import wait_for


@pytest.mark.parametrize(
    "actor_id",
    ["ess_2/bms_2", "ess_1/pcs", "ess_1/site", "ess_2/alarms", "store", "sim", "web", "ess_2", "ess_1"],
)
def test_a_killed_actor_is_restarted_and_there_is_only_one_of_it(site, actor_id):
    before = site.actors()
    pid = site.kill(actor_id)
    wait_for(f"{actor_id} to be back", lambda: site.is_back(actor_id, pid), 15)
    wait_for("the site to be complete", site.is_ready, 15)
    after = site.actors()
    assert after[actor_id]["restarts"] == before[actor_id]["restarts"] + 1
    assert "SIGKILL" in after[actor_id]["last_error"]
    assert not psutil.pid_exists(pid)
    for name in after:
        if name != "supervisor":
            assert len(site.named(name)) == 1, name
        if name != actor_id and not name.startswith(actor_id + "/"):
            assert after[name]["pid"] == before[name]["pid"], f"{name} was touched"
    wait_for("data of both batteries", lambda: fresh_soc(site), 15)


def fresh_soc(site):
    """SOC of both batteries is there and trusted in ess_1."""
    found = [site.get(f"/ess_1/full/status/bms_{n}/SOC") for n in (1, 2)]
    return all(
        body and (one := body.get("SOC", body)).get("value", 0) > 0 and one.get("quality", "GOOD") == "GOOD"
        for body in found
    )


def test_children_of_a_killed_instance_die_with_it(site):
    actors = site.actors()
    old = {i: actors[i]["pid"] for i in actors if i.startswith("ess_2/")}
    pid = site.kill("ess_2")
    wait_for("the orphans to be gone", lambda: not any(psutil.pid_exists(p) for p in old.values()))
    wait_for("ess_2 to be back", lambda: site.is_back("ess_2", pid), 15)
    wait_for("the site to be complete", site.is_ready, 15)


def test_five_failures_are_the_end_until_an_operator_restarts_it(own_site):
    site, actor_id = own_site, "ess_2/alarms"
    pid = 0
    for _ in range(5):
        wait_for("the next life", lambda: site.is_back(actor_id, pid), 15)
        pid = site.kill(actor_id)
    wait_for("FAILED", lambda: site.actors()[actor_id]["state"] == "FAILED")
    others = {row["state"] for i, row in site.actors().items() if i != actor_id}
    assert others == {"RUNNING"}
    assert site.http.get("/readyz").status_code == 503
    assert site.order(actor_id, "restart").status_code == 202
    wait_for("the site to be complete", site.is_ready)
    # What the operator stopped stays stopped, over a restart of its parent too it may only come back by order.
    assert site.order(actor_id, "stop").status_code == 202
    wait_for("STOPPED", lambda: site.actors()[actor_id]["state"] == "STOPPED")
    assert site.actors()[actor_id]["stopped_by"] == "operator"
    assert site.order(actor_id, "stop").status_code == 409
    assert site.order(actor_id, "start").status_code == 202
    wait_for("the site to be complete", site.is_ready)


@pytest.mark.parametrize("victim", ["supervisor", "admin", "launcher"])
def test_when_the_root_dies_everything_ends_and_the_next_start_works_at_once(tmp_path, victim):
    site = RunningSite(tmp_path)
    try:
        site.processes()
        supervisor = site.pid("supervisor")
        pid = {
            "supervisor": supervisor,
            "admin": psutil.Process(supervisor).ppid(),
            "launcher": site.process.pid,
        }[victim]
        os.kill(pid, signal.SIGKILL)
        code = site.process.wait(10)
        assert code == (-signal.SIGKILL if victim == "launcher" else 1)
        wait_for("every process to be gone", lambda: not site.left_over(), 5)
    finally:
        site.end()
    again = RunningSite(tmp_path)
    try:
        assert again.actors()["ess_1"]["state"] == "RUNNING"
        assert again.stop() == 0
        assert again.left_over() == []
    finally:
        again.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_everything(tmp_path, number):
    site = RunningSite(tmp_path)
    try:
        assert site.stop(number) == 0
        assert site.left_over() == []
        assert "stopped" in site.output.read_text()
        assert "Traceback" not in (tmp_path / "ess.log").read_text()
    finally:
        site.end()
