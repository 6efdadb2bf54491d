"""Devices that are switched off, silent or slow: seen, never taken for fresh, recovered from without a restart."""

from tests.system.test_site_controller import COM_STATUS, FAULTS
from tests.waiting import wait_for

BMS_2_OFFLINE, PCS_OFFLINE = 1 << 4, 1 << 0


def quality(site, uri: str) -> str:
    """Quality of one variable as the operator API shows it; GOOD is not written."""
    body = site.get(uri) or {}
    body = body.get(uri.rpartition("/")[2], body)
    return body.get("quality", "GOOD") if isinstance(body, dict) else "GOOD"


def test_a_battery_that_is_switched_off_is_seen_and_comes_back_by_itself(site):
    wait_for("a healthy site", lambda: site.word(COM_STATUS) == 0)
    site.sim_fault("bms_2", "offline")
    wait_for("bit 4 of com_status", lambda: (site.word(COM_STATUS) or 0) & BMS_2_OFFLINE, 15)
    wait_for("the total to say so", lambda: quality(site, "/ess_1/full/status/bms/SOC") == "UNCERTAIN")
    assert quality(site, "/ess_1/full/status/bms_2/SOC") == "BAD"
    assert quality(site, "/ess_1/full/status/bms_1/SOC") == "GOOD"
    answer = site.message("get", "/components/ess_2/bms_info/soc")
    assert (
        answer.status_code == 503 and answer.json()["error"] == "bad" and answer.json()["last"]["age_ms"] > 0
    )
    site.sim_fault("bms_2", "none")
    wait_for("com_status to be clear", lambda: site.word(COM_STATUS) == 0, 15)
    wait_for("the total to be good", lambda: quality(site, "/ess_1/full/status/bms/SOC") == "GOOD")
    assert isinstance(site.get("/components/ess_2/bms_info/soc"), float | int)


def test_a_mute_converter_does_not_slow_the_batteries(site):
    site.sim_fault("pcs", "mute")
    wait_for("bit 0 of com_status", lambda: (site.word(COM_STATUS) or 0) & PCS_OFFLINE, 15)
    stamps = {site.get("/components/ess_1/bms_info")["Timestamp"]}
    wait_for(
        "three new readings of the battery",
        lambda: stamps.add(site.get("/components/ess_1/bms_info")["Timestamp"]) or len(stamps) > 3,
        8,
    )
    site.sim_fault("pcs", "none")
    wait_for("com_status to be clear", lambda: site.word(COM_STATUS) == 0, 15)


def test_a_converter_whose_values_are_frozen_is_seen(site):
    site.sim_fault("pcs", "freeze")
    wait_for("bit 0 of com_status", lambda: (site.word(COM_STATUS) or 0) & PCS_OFFLINE, 10)
    site.sim_fault("pcs", "none")
    wait_for("com_status to be clear", lambda: site.word(COM_STATUS) == 0, 15)


def test_a_mute_battery_is_seen_within_its_timeout_however_many_units_it_has(site):
    site.sim_fault("bms_1", "mute")
    # 3 s without an answer, and the next publication: not one time-out for each of its 22 components.
    wait_for("bit 1 of com_status", lambda: (site.word(COM_STATUS) or 0) & (1 << 1), 20)
    wait_for("the total to say so", lambda: quality(site, "/ess_1/full/status/bms/SOC") == "UNCERTAIN")
    site.sim_fault("bms_1", "none")
    wait_for("com_status to be clear", lambda: site.word(COM_STATUS) == 0, 15)


def test_a_device_that_refuses_is_answered_honestly(site):
    site.sim_fault("pcs", "exception", code=4)
    reply = wait_for(
        "the refusal",
        lambda: (
            (r := site.message("set", "/components/ess_1/pcs_controls/reactive_power_setpoint", 5).json())
            and "refused" in str(r)
            and r
        ),
    )
    assert "4" in str(reply)
    site.sim_fault("pcs", "none")
    wait_for("com_status to be clear", lambda: site.word(COM_STATUS) == 0, 15)


def test_a_dead_instance_is_seen_by_the_other_and_its_values_are_not_trusted(site):
    wait_for("a healthy site", lambda: site.word(COM_STATUS) == 0)
    assert site.order("ess_2", "stop").status_code == 202
    wait_for("com_status", lambda: (site.word(COM_STATUS) or 0) & BMS_2_OFFLINE, 15)
    assert quality(site, "/ess_1/full/status/bms/SOC") == "UNCERTAIN"
    assert site.order("ess_2", "start").status_code == 202
    wait_for("com_status to be clear", lambda: site.word(COM_STATUS) == 0, 20)
    wait_for("the total to be good", lambda: quality(site, "/ess_1/full/status/bms/SOC") == "GOOD")


def test_the_words_are_clean_after_all_that(site):
    site.modbus().write_single_register(1001, 1)
    wait_for("no fault", lambda: site.word(FAULTS) == 0)
