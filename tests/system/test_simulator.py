"""The simulators of a running site: read, set and broken over the API and over the bus; points that echo the bus."""

import re
import shutil
import subprocess

from tests.system.running_site import BIN, REPOSITORY, RunningSite
from tests.waiting import wait_for

SOH = "/components/ess_2/bms_info/soh"
SIM = "/sim/String_BMS_2/ess_2/bms_info"


def test_devices_and_points_are_shown_over_the_operator_api(site):
    devices = {device["stem"]: device for device in site.http.get("/api/sim").json()["devices"]}
    assert set(devices) == {"bms_1", "bms_2", "pcs"} and devices["bms_1"]["units"][-1] == 28
    point = site.http.get("/api/sim/pcs/points/ess_1/pcs_fast/frequency").json()
    assert point["value"] == 50.0 and len(point["words"]) == 1
    rack = site.http.get("/api/sim/bms_1/points/ess_1/rack_07").json()["points"]
    assert "ess_1/rack_07/soc" in rack
    assert len(site.http.get("/api/sim/bms_2/points").json()["points"]) == devices["bms_2"]["points"]
    wrong = site.http.get("/api/sim/bms_2/points/ess_2/bms_info/sok")
    assert wrong.status_code == 404 and wrong.json()["error"] == "unknown_id" and "soc" in wrong.text

    said = subprocess.run(
        [BIN / "ess-actors", "sim", "get", "bms_2", "ess_2/bms_info", "--api", site.api],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert said.returncode == 0 and re.search(r"^ess_2/bms_info/soc +\d", said.stdout, re.MULTILINE)


def test_a_simulated_device_is_set_and_read_over_the_bus(site):
    assert site.set(f"{SIM}/soh", {"value": 77.7}) == {"value": 77.7, "status": "ok"}
    wait_for("the client to read it", lambda: site.get(SOH) == 77.7)
    partial = site.message("set", SIM, {"soh": 78.8, "sohh": 1})
    assert partial.status_code == 409 and partial.json()["sohh"]["status"] == "unknown_id"
    assert site.get(f"{SIM}/soh") == 78.8 and site.get(SIM)["soh"] == 78.8
    assert site.message("get", f"{SIM}/sohh").json()["error"] == "unknown_id"
    site.set(f"{SIM}/soh", {"value": 100})


def test_a_simulated_device_is_broken_over_the_bus(site):
    assert site.set("/sim/bms_2/_fault", {"kind": "exception", "code": 4}) == {"status": "ok"}
    wait_for("the refusal", lambda: site.message("get", SOH).status_code == 503)
    assert site.get("/sim/bms_2/_fault")[0]["kind"] == "exception"
    refused = site.message("set", "/sim/bms_2/_fault", {"kind": "sulk"})
    assert refused.status_code == 400 and "garble" in refused.text
    assert site.set("/sim/bms_2/_fault", {"kind": "none"}) == {"status": "ok"}
    wait_for("good values", lambda: site.message("get", SOH).status_code == 200)


def test_a_point_that_echoes_the_bus_follows_it_and_a_write_to_it_is_a_set(tmp_path):
    folder = shutil.copytree(REPOSITORY / "configs/dual_bms", tmp_path / "site")
    file = folder / "modbus_client/pcs.json"
    text = file.read_text()
    anchor = '{"id": "start_stop", "offset": 1000,'
    echo = (
        '{"id": "echo", "offset": 1020, "scale": 10, "echo_id": "/site/ess_1/ess_hs/charge_power_limit"},\n'
    )
    assert text.count(anchor) == 1
    file.write_text(text.replace(anchor, echo + anchor))
    site = RunningSite(tmp_path / "state", folder)
    try:
        wanted, echoed = "/site/ess_1/ess_hs/charge_power_limit", "/components/ess_1/pcs_controls/echo"
        site.set(wanted, 321.5)
        wait_for("the device to show it", lambda: site.get(echoed) == 321.5)
        site.set(echoed, 123.4)
        wait_for("the variable to follow", lambda: site.get(wanted) == 123.4)
        wait_for("the device to show that", lambda: site.get(echoed) == 123.4)
    finally:
        site.end()
