"""kill -9 and what is still there afterwards: latched alarms, counters, latched bits, the journal, the audit."""

import contextlib
import json
import os
import signal
import subprocess

from tests.system.running_site import BIN
from tests.waiting import wait_for


def faults_of(site, instance):
    found = site.get(f"/alarm_router/{instance}") or {"alarms": []}
    return [a for a in found["alarms"] if a["type"] == "fault" and "Racks" in a["source"]]


def journaled(site, source, kind):
    """What the journal has of one kind of transition of a source, the oldest first."""
    records = site.http.get("/api/journal", params={"limit": 2000}).json()["records"]
    bodies = [r["body"] for r in reversed(records) if r["kind"] == "alarm" and isinstance(r["body"], dict)]
    return [b for b in bodies if b.get("kind") == kind and b.get("source") == source]


def test_a_killed_instance_comes_back_with_its_latched_faults_and_raises_none_twice(site):
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": True})
    before = wait_for(
        "the fault in both lists", lambda: faults_of(site, "ess_2") and faults_of(site, "ess_1")
    )
    source = faults_of(site, "ess_2")[0]["source"]
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": False})
    wait_for("it to have returned", lambda: faults_of(site, "ess_2")[0]["state"] == "returned_unacknowledged")
    wait_for("it to have returned", lambda: faults_of(site, "ess_1")[0]["state"] == "returned_unacknowledged")
    counted = site.get("/ess_2/naked/status/bms_2/FaultCnt")
    word = site.get("/ess_1/site/ess_1/ess_ls/ess_faults")
    raised = len([b for b in journaled(site, source, "raised") if "since" not in b])
    for name in ("ess_2", "ess_1"):
        pid = site.kill(name)
        wait_for(f"{name} to be back", lambda name=name, pid=pid: site.is_back(name, pid), 15)
        wait_for("the site to be complete", site.is_ready, 15)
    after = wait_for("the fault in both lists", lambda: faults_of(site, "ess_2") and faults_of(site, "ess_1"))
    assert [(a["source"], a["message"], a["count"]) for a in after] == [
        (a["source"], a["message"], a["count"]) for a in before
    ]

    def certain():
        """What a router remembers of another is uncertain until it has heard that."""
        return {
            (faults_of(site, name)[0]["state"], faults_of(site, name)[0]["quality"])
            for name in ("ess_1", "ess_2")
        }

    wait_for("both to be sure of it", lambda: certain() == {("returned_unacknowledged", "GOOD")})
    assert site.get("/ess_2/naked/status/bms_2/FaultCnt") == counted
    assert word and site.get("/ess_1/site/ess_1/ess_ls/ess_faults") == word
    assert len([b for b in journaled(site, source, "raised") if "since" not in b]) == raised
    site.clear_until(
        "the lists to be empty", lambda: not (faults_of(site, "ess_2") or faults_of(site, "ess_1"))
    )
    pid = site.kill("ess_2")
    wait_for("ess_2 to be back", lambda: site.is_back("ess_2", pid), 15)
    wait_for("the site to be complete", site.is_ready, 15)
    # What its router remembers of the others may be old, and says so until they have answered.
    assert all(alarm["quality"] == "UNCERTAIN" for alarm in faults_of(site, "ess_2"))
    wait_for("nothing to stand: what was cleared stays cleared", lambda: not faults_of(site, "ess_2"), 2)


def test_a_transition_while_the_store_is_dead_is_journaled_when_it_is_back(site):
    assert faults_of(site, "ess_2") == []
    pid = site.kill("store")

    def tripped():
        """The clear before may still be on its way in the device, and take the fault back."""
        site.sim_set("bms_2", {"ess_2/bms_info/f_racks": True})
        return faults_of(site, "ess_2")

    listed = wait_for("the fault in the list", tripped)
    wait_for("the store to be back", lambda: site.is_back("store", pid), 15)
    wait_for("it in the journal", lambda: journaled(site, listed[0]["source"], "raised"))
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": False})
    site.clear_until("the list to be empty", lambda: not faults_of(site, "ess_2"))


def test_what_a_device_client_tells_while_the_store_hangs_is_journaled_once(site):
    def told() -> int:
        records = site.http.get("/api/journal", params={"limit": 2000}).json()["records"]
        return sum(
            r["kind"] == "event" and str(r["body"]["message"]).startswith("reload by") for r in records
        )

    before = told()
    hung = site.pid("store")
    os.kill(hung, signal.SIGSTOP)
    assert site.set("/components/ess_2/bms_info/_reload", True)["status"] == "ok"
    wait_for("another store", lambda: site.is_back("store", hung), 15)
    wait_for("the event in the journal", lambda: told() == before + 1)
    assert site.set("/components/ess_2/bms_info/_reload", True)["status"] == "ok"
    wait_for("the next one", lambda: told() == before + 2)


def test_what_the_supervisor_tells_is_journaled_also_by_a_store_that_was_started_anew(site):
    def told() -> list[str]:
        records = site.http.get("/api/journal", params={"limit": 2000}).json()["records"]
        return [r["body"]["message"] for r in records if r["kind"] == "event" and isinstance(r["body"], dict)]

    order = "operator: restart ess_2/alarms"

    def restarted(count: int) -> None:
        pid = site.pid("ess_2/alarms")
        assert site.order("ess_2/alarms", "restart").status_code == 202
        wait_for("the router to be back", lambda: site.is_back("ess_2/alarms", pid), 15)
        wait_for("the order in the journal", lambda: told().count(order) == count, 5)

    history = "operator: restart history"
    pid = site.pid("history")
    before = told().count(order)
    assert site.order("history", "restart").status_code == 202
    wait_for("history to be back", lambda: site.is_back("history", pid), 15)
    restarted(before + 1)
    dead = site.kill("store")
    wait_for("the store to be back", lambda: site.is_back("store", dead), 15)
    wait_for("the first order", lambda: told().count(history) == 1)
    wait_for("its own death", lambda: any(text.startswith("store died and is restarted") for text in told()))
    restarted(before + 2)
    pid = site.pid("history")
    assert site.order("history", "restart").status_code == 202
    wait_for("the order to the supervisor itself", lambda: told().count(history) == 2, 5)
    wait_for("history to be back", lambda: site.is_back("history", pid), 15)
    lost = [series for series in site.metric("ess_messages_dropped_total") if '"lost"' in series]
    assert lost == []


def test_every_write_is_audited_with_who_where_old_new_and_result(site):
    uri = "/ess_1/config/bms/CurrentCheckLimit"
    before = site.get(uri)
    body = {"method": "set", "uri": uri, "body": 36}
    assert site.http.post("/api/message", json=body, headers={"X-Operator": "eve"}).status_code == 200
    site.message("set", "/nobody/hears/this", 1)
    assert site.order("web", "stop").status_code == 409
    site.modbus().write_single_register(1001, 0)
    site.set(uri, 35)

    def rows():
        found = site.http.get("/api/audit", params={"limit": 200}).json()["rows"]
        told = {(row["uri"], row["result"]) for row in found}
        all_told = told >= {(uri, "ok"), ("/nobody/hears/this", "no_subscriber"), ("/actors/web", "refused")}
        return found if all_told and any(row["who"] == "127.0.0.1" for row in found) else None

    found = wait_for("the rows of all that was written, also by the site controller", rows)
    (mine,) = [row for row in found if row["who"] == "eve" and row["uri"] == uri]
    assert (mine["origin"], mine["uri"], mine["new"], mine["result"]) == ("127.0.0.1", uri, "36", "ok")
    assert json.loads(mine["old"]) == before
    verified = subprocess.run(
        [BIN / "ess-actors", "audit", "verify", site.state_dir / "journal.sqlite", "--json"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(verified.stdout)["problems"] == []
    shown = subprocess.run([BIN / "ess-actors", "audit", "--api", site.api], capture_output=True, check=True)
    assert b"eve" in shown.stdout


def test_a_write_whose_instance_is_killed_on_the_way_is_answered_soon(site):
    """It was stopped before it could read the order, and dies with it: nobody may do it twice."""
    uri = "/ess_2/config/bms/CurrentCheckLimit"
    pid = site.pid("ess_2")
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = site.message("set", uri, 36)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert answer.status_code == 504
    assert answer.json()["error"] in ("unknown_outcome", "no_answer")
    wait_for("ess_2 to be back", lambda: site.is_back("ess_2", pid), 15)
    wait_for("the site to be complete", site.is_ready, 15)
