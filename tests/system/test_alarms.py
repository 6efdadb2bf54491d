"""Alarms over real processes: acknowledged once for all, the same list at every router over kills, and uncertain."""

from tests.waiting import wait_for

FAULTS = ("/faults/bms_2:BMS_2_Racks", "/faults/bms_1:BMS_1_MaxCellTemp")


def alarms(site, name):
    """What the router of an instance tells of the racks of BMS 2 and the cells of BMS 1."""
    found = site.get(f"/alarm_router/{name}") or {"alarms": []}
    return {a["source"]: a for a in found["alarms"] if a["source"] in FAULTS}


def states(site, name):
    return {source: alarm["state"] for source, alarm in alarms(site, name).items()}


def clear(site):
    site.clear_until("the lists to be empty", lambda: not (states(site, "ess_1") or states(site, "ess_2")))


def test_one_order_acknowledges_everywhere_and_all_lists_agree_over_kills(site):
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": True})
    wait_for("the first fault", lambda: states(site, "ess_1"))
    site.sim_set("bms_1", {"ess_1/bms_info/f_max_cell_temp": True})
    both = wait_for("both faults", lambda: len(states(site, "ess_2")) == 2 and states(site, "ess_2"))
    (first,) = [source for source in both if "Racks" in source]
    site.message("set", "/alarm_router/ess_1/order", {"verb": "ack", "all": True, "by": "eve"})
    done = dict.fromkeys(both, "acknowledged_active")
    for name in ("ess_1", "ess_2"):
        wait_for("the acknowledgement", lambda name=name: states(site, name) == done)
    for victim in ("ess_1/alarms", "ess_2"):
        pid = site.kill(victim)
        wait_for(f"{victim} to be back", lambda victim=victim, pid=pid: site.is_back(victim, pid), 20)
        wait_for("the site to be complete", site.is_ready, 20)
        for name in ("ess_1", "ess_2"):
            wait_for("the same list as before", lambda name=name: states(site, name) == done)
    for name in ("ess_1", "ess_2"):
        marked = wait_for("the first-out", lambda name=name: [
            s for s, alarm in alarms(site, name).items() if alarm["first_out"]
        ])  # fmt: skip
        assert marked == [first]
    word = site.get("/ess_1/site/ess_1/ess_ls/ess_faults")
    assert word & (1 << 2 | 1 << 17) == (1 << 2 | 1 << 17)
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": False})
    site.sim_set("bms_1", {"ess_1/bms_info/f_max_cell_temp": False})
    latched = dict.fromkeys(both, "latched")
    for name in ("ess_1", "ess_2"):
        wait_for("them to have returned", lambda name=name: states(site, name) == latched)
    clear(site)
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": None})
    site.sim_set("bms_1", {"ess_1/bms_info/f_max_cell_temp": None})
    result = wait_for("the result", lambda: site.get("/alarm_router/ess_1")["last_clear"])
    assert "cleared" in result["text"] and result["answered"] == 2


def test_the_alarms_of_an_instance_that_is_silent_are_uncertain_and_not_gone(site):
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": True})
    wait_for("the fault", lambda: states(site, "ess_1"))
    assert site.order("ess_2/alarms", "stop").status_code == 202
    wait_for(
        "it to be uncertain", lambda: {a["quality"] for a in alarms(site, "ess_1").values()} == {"UNCERTAIN"}
    )
    assert site.order("ess_2/alarms", "start").status_code == 202
    wait_for("it to be good", lambda: {a["quality"] for a in alarms(site, "ess_1").values()} == {"GOOD"})
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": False})
    wait_for(
        "it to have returned", lambda: set(states(site, "ess_1").values()) == {"returned_unacknowledged"}
    )
    clear(site)
    site.sim_set("bms_2", {"ess_2/bms_info/f_racks": None})
