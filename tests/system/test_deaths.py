"""kill -9 of every kind of process: it comes back, alone; or everything ends and the next start works at once."""

import os
import signal

import psutil
import pytest

from tests.system.running_site import RunningSite
from tests.waiting import ended, wait_for


@pytest.mark.parametrize(
    "actor_id",
    [
        "ess_2/bms_2",
        "ess_1/pcs",
        "ess_1/site",
        "ess_2/alarms",
        "store",
        "history",
        "sim",
        "web",
        "ess_2",
        "ess_1",
    ],
)
def test_a_killed_actor_is_restarted_and_there_is_only_one_of_it(site, actor_id):
    before = site.actors()
    pid = site.kill(actor_id)
    wait_for(f"{actor_id} to be back", lambda: site.is_back(actor_id, pid), 15)
    wait_for("the site to be complete", site.is_ready, 15)
    after = site.actors()
    assert after[actor_id]["restarts"] == before[actor_id]["restarts"] + 1
    assert "SIGKILL" in after[actor_id]["last_error"]
    assert ended(pid)
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
    wait_for("the orphans to be gone", lambda: all(map(ended, old.values())))
    wait_for("ess_2 to be back", lambda: site.is_back("ess_2", pid), 15)
    wait_for("the site to be complete", site.is_ready, 15)


def test_a_hung_actor_is_killed_and_restarted(site):
    pid = site.pid("ess_2/alarms")
    os.kill(pid, signal.SIGSTOP)
    wait_for("the hung actor to be replaced", lambda: site.is_back("ess_2/alarms", pid), 30)
    assert "hung" in site.actors()["ess_2/alarms"]["last_error"]
    assert len(site.named("ess_2/alarms")) == 1
    wait_for("the site to be complete", site.is_ready)


def test_a_supervisor_that_hangs_ends_the_site(tmp_path):
    site = RunningSite(tmp_path)
    try:
        os.kill(site.pid("supervisor"), signal.SIGSTOP)
        assert site.process.wait(30) == 1
        assert "the supervisor does nothing for" in site.output.read_text()
        wait_for("every process to be gone", lambda: not site.left_over())
    finally:
        site.end()


def test_a_restarted_alarm_router_knows_what_stands(site):
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": True})

    def listed():
        found = site.get("/alarm_router/ess_2") or {"alarms": []}
        return [a for a in found["alarms"] if "Racks" in a["source"] and a["type"] == "fault"]

    before = wait_for("the fault in the list", listed)
    pid = site.kill("ess_2/alarms")
    wait_for("the router to be back", lambda: site.is_back("ess_2/alarms", pid))
    after = wait_for("the fault in the new list", listed)
    assert [a["message"] for a in after] == [a["message"] for a in before]
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": None})
    site.clear_until("the list to be empty", lambda: not listed())


def test_the_death_of_who_gave_an_order_does_not_repeat_it(site):
    """A setpoint and a clear were ordered through the web actor and the site server; both are killed."""
    site.set("/site/ess_1/ess_hs/active_power_setpoint", 10)
    site.modbus().write_single_register(1001, 1)
    wait_for(
        "the clear to be done", lambda: str(site.get("/ess_1/status/ess/ClearFaultsResult")).startswith("2")
    )
    point = "/components/ess_1/pcs_controls/active_power_setpoint"
    wait_for("the setpoint in the device", lambda: site.get(point) == 10)
    records = len(clears(site))
    for actor_id in ("web", "ess_1/site"):
        pid = site.kill(actor_id)
        wait_for(f"{actor_id} to be back", lambda actor_id=actor_id, pid=pid: site.is_back(actor_id, pid))
        wait_for("the site to be complete", site.is_ready)
    assert site.get(point) == 10
    assert len(clears(site)) == records
    setpoint = site.get("/ess_1/full/site/ess_1/ess_hs/active_power_setpoint")["active_power_setpoint"]
    assert setpoint["value"] == 10 and "quality" not in setpoint
    site.set("/site/ess_1/ess_hs/active_power_setpoint", 0)


def clears(site):
    """Journaled results of clears."""
    records = site.http.get("/api/journal", params={"limit": 1000}).json()["records"]
    return [r for r in records if "clear_faults: " in str(r["body"])]


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


def held(site: RunningSite) -> bool | None:
    """Whether the alarm of a converter at its safe values is active; None when it is not in the list."""
    alarms = site.http.get("/api/alarms").json()["alarms"]
    return next((a["active"] for a in alarms if a["source"] == "/actors/ess_1/pcs:safe_state"), None)


class Mortal:
    """A site in one folder that is started anew when it has died: each death is that of the start after the last."""

    def __init__(self, folder):
        self._folder = folder
        self._sites = []

    def current(self) -> RunningSite:
        if not self._sites or self._sites[-1].process.poll() is not None:
            self._sites.append(RunningSite(self._folder))
        return self._sites[-1]

    def end(self) -> None:
        for site in self._sites:
            site.end()


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    mortal = Mortal(tmp_path_factory.mktemp("mortal"))
    yield mortal
    mortal.end()


@pytest.mark.parametrize(
    "victims", ["supervisor", "admin", "logger", "launcher", "launcher supervisor", "supervisor logger"]
)
def test_when_the_root_dies_everything_ends_and_the_next_start_works_at_once(mortal, victims):
    site = mortal.current()
    site.processes()
    supervisor = site.pid("supervisor")
    pids = {
        "supervisor": supervisor,
        "admin": psutil.Process(supervisor).ppid(),
        "logger": next(p.pid for p in site.processes() if " ".join(p.cmdline()).startswith("logger ")),
        "launcher": site.process.pid,
    }
    for victim in victims.split():
        os.kill(pids[victim], signal.SIGKILL)
    code = site.process.wait(30)
    assert code == (-signal.SIGKILL if "launcher" in victims else 1)
    # What is left of a tree whose launch command was killed holds the lock: the next one waits for it.
    again = mortal.current()
    assert again is not site
    assert site.left_over() == []
    assert again.actors()["ess_1"]["state"] == "RUNNING"
    # Nobody may have seen the death: what the plant stands at because of it is an alarm.
    wait_for("the device at its safe values in the list", lambda: held(again) is True)


def test_what_an_operator_stopped_stays_stopped_over_the_death_of_everybody_above_it(tmp_path):
    site = RunningSite(tmp_path)
    try:
        assert site.order("ess_2/alarms", "stop").status_code == 202
        wait_for("STOPPED", lambda: site.actors()["ess_2/alarms"]["state"] == "STOPPED")
        pid = site.kill("ess_2")
        wait_for("its parent to be back", lambda: site.is_back("ess_2", pid))
        wait_for("a sibling to be back", lambda: site.actors()["ess_2/bms_2"]["state"] == "RUNNING")
        assert site.actors()["ess_2/alarms"]["state"] == "STOPPED"
        os.kill(site.pid("supervisor"), signal.SIGKILL)
        assert site.process.wait(30) == 1
        again = RunningSite(tmp_path)
        try:
            row = again.actors()["ess_2/alarms"]
            assert (row["state"], row["stopped_by"]) == ("STOPPED", "operator")
            assert again.stop() == 0
        finally:
            again.end()
    finally:
        site.end()
    # A stop of the site in order is the end of that too.
    fresh = RunningSite(tmp_path)
    try:
        wait_for("all to run", lambda: {row["state"] for row in fresh.actors().values()} == {"RUNNING"})
        wait_for("the alarm of the run before to have returned", lambda: held(fresh) is False)
    finally:
        fresh.end()


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
