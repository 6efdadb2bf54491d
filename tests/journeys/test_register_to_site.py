"""Journey A: what a BMS publishes reaches the site words, alone and combined with the other BMS."""

import pytest

from tests.journeys.bus import Bus
from tests.journeys.devices import Devices, bms_points

LS = "/site/ess_1/ess_ls"


def test_combined_values_reach_the_site(bus: Bus, devices: Devices) -> None:
    devices.change("bms_1", soc=60.0, soh=98.0, dc_power=-120.0, max_cell_voltage=3.41, min_cell_temp=19.0)
    devices.change("bms_2", soc=70.0, soh=96.5, dc_power=-80.5, max_cell_voltage=3.39, min_cell_temp=21.0)
    bus.run(2.5)
    words = bus.sent("pub", LS)[-1]
    expected = {
        "soc": 65.0,
        "soh": 96.5,
        "dc_power": -200.5,
        "dc_voltage": 1200.0,
        "chargeable_energy": 800.0,
        "dischargeable_energy": 1200.0,
        "chargeable_power": 1000.0,
        "dischargeable_power": 1400.0,
        "charge_current_limit": 600.0,
        "max_cell_voltage": 3.41,
        "min_cell_voltage": 3.3,
        "min_cell_temp": 19.0,
        "cell_voltage_delta": 0.1,
        "racks_in_service": 34,
        "racks_total": 36,
        "total_charge_current": 200.0,
        "bms_1_soc": 60.0,
        "bms_2_soc": 70.0,
        "bms_2_racks_in_service": 17,
        "pcs_state": 3,
        "system_state": 2,
        "com_status": 0,
        "totals_quality": 0,
        "bms_1_comms_ok": 1,
        "bms_2_comms_ok": 1,
        "pcs_comms_ok": 1,
    }
    assert {name: words.get(name) for name in expected} == pytest.approx(expected)


def test_total_charge_current_follows_in_the_same_message(bus: Bus) -> None:
    total = "/status/ess_1:TotalChargeCurrent"
    bus.send("set", "/ess_1/status/bms_1", {"ChargeCurrent": 118.5}, "web")
    assert bus.value("ess_1", total) == 118.5
    bus.send("set", "/ess_2/status/bms_2/ChargeCurrent", 96.25, "web")
    assert bus.value("ess_1", total) == 214.75
    bus.send("pub", "/components/ess_1/bms_info", {"charge_current": -4.0}, "ess_1/bms_1")
    assert bus.value("ess_1", total) == 92.25
    bus.lose("ess_2")
    assert bus.value("ess_1", total) == 92.25
    assert bus.quality("ess_1", total) == "UNCERTAIN"


def test_bms_2_also_talks_to_the_site_directly(bus: Bus, devices: Devices) -> None:
    rack = {
        "soc": 71.5,
        "voltage": 1201.0,
        "current": -5.5,
        "fault_word": 4,
        "state": [{"value": 2, "string": "Connected"}],
    }
    bus.send("pub", "/components/ess_2/rack_03", rack, "ess_2/bms_2")
    devices.change("bms_2", soc=70.5)
    bus.run(2.0)
    words = bus.sent("pub", "/site/ess_2/ess_ls")[-1]
    assert (words["soc"], words["system_state"], words["rack_03_soc"], words["rack_03_fault_word"]) == (
        70.5,
        2,
        71.5,
        4,
    )
    assert bus.value("ess_2", "/assets/bms_2/rack_03:state") == "Connected"


def test_the_shared_uris_carry_the_heartbeats_both_ways(bus: Bus, devices: Devices) -> None:
    first = bus.value("ess_1", "/status/ess_2:Heartbeat"), bus.value("ess_2", "/status/ess_1:Heartbeat")
    bus.run(3.0)
    second = bus.value("ess_1", "/status/ess_2:Heartbeat"), bus.value("ess_2", "/status/ess_1:Heartbeat")
    assert second == (first[0] + 3, first[1] + 3)
    assert bus.value("ess_1", "/status/ess_2:CommsOK") is True
    assert bus.value("ess_1", "/shared/ess_1/ess_2:BmsState") == "Running"


def test_a_setpoint_is_cut_to_the_limits_and_reaches_the_pcs(bus: Bus, devices: Devices) -> None:
    uri = "/components/ess_1/pcs_controls/active_power_setpoint"
    assert bus.value("ess_1", "/site/ess_1/ess_hs:active_power_setpoint") == 250.0, "adopted from the device"
    start = len(bus.log)
    bus.send("set", "/site/ess_1/ess_hs/active_power_setpoint", {"value": 300.0}, "ess_1/site")
    bus.send("set", "/site/ess_1/ess_hs/active_power_setpoint", {"value": -5000.0}, "ess_1/site")
    assert bus.sent("set", uri, start) == [300.0, -1000.0]
    bus.send("set", "/site/ess_1/ess_hs/active_power_setpoint", {"value": 5000.0}, "ess_1/site")
    assert bus.sent("set", uri, start)[-1] == 1400.0
    bus.run(3.0)
    devices.change("bms_2", discharge_power_limit=100.0)
    bus.run(2.5)
    assert bus.sent("set", uri, start)[-1] == 800.0
    assert bus.sent("pub", LS)[-1]["active_power_command"] == 800.0


def test_nothing_is_sent_to_a_device_before_a_setpoint_is_known(bus: Bus) -> None:
    bus.send("pub", "/components/ess_1/bms_info", bms_points(), "ess_1/bms_1")
    bus.run(3.0)
    assert [m.uri for m in bus.log if m.method == "set" and m.uri.startswith("/components/")] == []


@pytest.mark.parametrize(("order", "command"), [(207, 207), (206, 206), (205, 205)])
def test_orders_of_the_site_reach_the_pcs_and_return_to_zero(bus: Bus, order: int, command: int) -> None:
    start = len(bus.log)
    bus.send("set", "/site/ess_1/ess_hs/start_stop", {"value": order}, "ess_1/site")
    assert bus.sent("set", "/components/ess_1/pcs_controls/start_stop", start) == [command]
    assert bus.sent("pub", "/site/ess_1/ess_hs", start)[-1]["start_stop"] == 0


def test_a_contactor_order_reaches_both_bms(bus: Bus) -> None:
    bus.send("set", "/site/ess_1/ess_hs/contactor_cmd", {"value": 2}, "ess_1/site")
    for instance in ("ess_1", "ess_2"):
        assert bus.sent("set", f"/components/{instance}/bms_ctl/contactor_cmd") == [2]


def test_a_restarted_controller_leaves_the_pcs_alone_until_it_knows_the_limits(
    bus: Bus, devices: Devices
) -> None:
    uri = "/components/ess_1/pcs_controls/active_power_setpoint"
    bus.run(1.5)
    assert bus.value("ess_1", "/site/ess_1/ess_hs:active_power_setpoint") == 250.0
    assert bus.sent("set", uri) == []
    bus.run(2.0)
    assert set(bus.sent("set", uri)) == {250.0}


def test_a_setpoint_the_pcs_did_not_take_is_told_again(bus: Bus, devices: Devices) -> None:
    uri = "/components/ess_1/pcs_controls/active_power_setpoint"
    bus.run(6.0)
    devices.forgetful = True
    bus.send("set", "/site/ess_1/ess_hs/active_power_setpoint", {"value": 700.0}, "ess_1/site")
    bus.run(3.0)
    assert bus.sent("set", uri)[-1] == 700.0
    devices.forgetful = False
    bus.run(2.0)
    assert devices.setpoint == 700.0
    start = len(bus.log)
    bus.run(5.0)
    assert bus.sent("set", uri, start) == [], "it runs on it now: nothing is to be said"
