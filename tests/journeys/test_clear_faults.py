"""Journey B: faults of both BMS stand at ess_1, and one clear of the site ends them everywhere."""

from tests.journeys.bus import Bus
from tests.journeys.devices import Devices

LS = "/site/ess_1/ess_ls"
FAULTS = "/assets/ess/summary:faults"


def _clear(bus: Bus) -> int:
    start = len(bus.log)
    bus.send("set", "/site/ess_1/ess_hs/clear_faults", {"value": 1}, "ess_1/site")
    return start


def _words(bus: Bus) -> tuple[int, int, int]:
    return tuple(bus.value("ess_1", f"{LS}:{word}") for word in ("ess_faults", "ess_alarms", "ems_alarms"))


def test_faults_and_alarms_of_both_bms_stand_at_ess_1(bus: Bus, devices: Devices) -> None:
    devices.change("bms_1", f_min_cell_voltage=True, a_soh=True)
    devices.change("bms_2", f_soh=True, f_max_cell_voltage=True, a_max_cell_temp=True)
    bus.send("pub", "/components/ess_2/ems_running_info", {"estop": True}, "ess_2/bms_2")
    bus.run(1.0)
    assert _words(bus) == (1 << 1 | 1 << 11 | 1 << 18, 1 << 7 | 1 << 13, 1 << 4)
    lines = " ".join(bus.entries("ess_1", FAULTS))
    assert len(bus.entries("ess_1", FAULTS)) == 3
    for name in ("BMS_1_MinCellVoltage", "BMS_2_SOH", "BMS_2_MaxCellVoltage"):
        assert name in lines
    assert bus.value("ess_1", "/status/bms_2:FaultCnt") == 2
    assert bus.value("ess_2", "/status/bms_2:FaultCnt") == 2
    raised = [b for b in bus.sent("pub", "/alarm_router/ess_1") if b["kind"] == "raised"]
    assert {(b["instance"], b["source"]) for b in raised} >= {
        ("ess_1", "/faults/bms_1:BMS_1_MinCellVoltage"),
        ("ess_2", "/faults/bms_2:BMS_2_SOH"),
    }
    bus.run(1.0)
    words = bus.sent("pub", LS)[-1]
    assert (words["fault_count"], words["bms_2_fault_count"], words["system_state"]) == (3, 2, 4)


def test_clear_empties_both_instances_pulses_all_devices_and_knows_the_outcome(
    bus: Bus, devices: Devices
) -> None:
    devices.change("bms_1", f_racks=True)
    devices.change("bms_2", f_racks=True, a_racks=True)
    bus.run(1.0)
    devices.change("bms_1", f_racks=False)
    devices.change("bms_2", f_racks=False, a_racks=False)
    bus.run(1.5)
    assert _words(bus)[:2] == (1 << 6 | 1 << 17, 1 << 17), "bits stay when the cause is gone"
    start = _clear(bus)
    assert bus.sent("set", "/ess_2/faults/ess", start) == [{"clear_faults": {"value": "Clear"}}]
    assert bus.sent("set", "/ess_2/alarms/ess", start) == [{"clear_alarms": {"value": "Clear"}}]
    assert _words(bus) == (0, 0, 0)
    for instance, place in (("ess_1", FAULTS), ("ess_2", "/assets/bms_2/summary:faults")):
        assert bus.entries(instance, place) == []
        assert bus.value(instance, "/status/bms_2:FaultCnt") == 0
        assert bus.value(instance, "/status/bms_2:FaultShutdown") is False
    assert bus.value("ess_1", "/status/ess:ClearFaultsResult") == "2 of 2"
    assert bus.value("ess_1", "/site/ess_1/ess_hs:clear_faults") == 0
    assert bus.sent("pub", "/site/ess_1/ess_hs", start)[-1]["clear_faults"] == 0
    devices_cleared = ("ess_1/bms_ctl", "ess_1/pcs_controls", "ess_2/bms_ctl")
    for component in devices_cleared:
        assert bus.sent("set", f"/components/{component}/clear_faults", start) == [1]
    bus.run(0.9)
    for component in devices_cleared:
        assert bus.sent("set", f"/components/{component}/clear_faults", start) == [1]
    bus.run(0.3)
    for component in devices_cleared:
        assert bus.sent("set", f"/components/{component}/clear_faults", start) == [1, 0]
    words = bus.sent("pub", LS)[-1]
    assert (words["clear_members"], words["clear_answered"], words["fault_count"]) == (2, 2, 0)
    assert words["system_state"] == 2


def test_a_fault_that_persists_comes_back_with_the_next_reading(bus: Bus, devices: Devices) -> None:
    devices.change("bms_2", f_min_cell_temp=True)
    bus.run(1.0)
    _clear(bus)
    assert _words(bus)[0] == 0
    bus.run(1.0)
    assert _words(bus)[0] == 1 << 14
    assert len(bus.entries("ess_1", FAULTS)) == 1
    assert len(bus.entries("ess_2", "/assets/bms_2/summary:faults")) == 1
    bus.run(3.0)
    assert "still active" in bus.value("ess_1", "/status/ess:ClearFaultsResult")


def test_a_second_clear_pulses_again(bus: Bus, devices: Devices) -> None:
    _clear(bus)
    bus.run(2.0)
    start = _clear(bus)
    bus.run(2.0)
    assert bus.sent("set", "/components/ess_2/bms_ctl/clear_faults", start) == [1, 0]


def test_the_silent_member_is_named(bus: Bus, devices: Devices) -> None:
    bus.lose("ess_2")
    _clear(bus)
    bus.run(5.0)
    assert bus.value("ess_1", "/status/ess:ClearFaultsResult").startswith("1 of 2; ess_2 did not answer")
    words = bus.sent("pub", LS)[-1]
    assert (words["clear_members"], words["clear_answered"]) == (2, 1)


def test_a_device_that_refuses_its_pulse_is_named(bus: Bus, devices: Devices) -> None:
    bus.device = lambda message: "refused" if "pcs_controls" in message.uri else "ok"
    _clear(bus)
    result = bus.value("ess_1", "/status/ess:ClearFaultsResult")
    assert result.startswith("2 of 2") and "/components/ess_1/pcs_controls/clear_faults: refused" in result


def test_the_button_of_the_ui_clears_as_well(bus: Bus, devices: Devices) -> None:
    devices.change("bms_2", f_racks=True)
    bus.run(1.0)
    devices.change("bms_2", f_racks=False)
    bus.run(1.0)
    bus.send("set", "/assets/ess/summary/clear_faults", 1, "web")
    assert _words(bus)[0] == 0
    assert bus.entries("ess_2", "/assets/bms_2/summary:faults") == []
    assert bus.value("ess_1", "/assets/ess/summary:clear_faults") == 0


def test_other_words_than_one_in_the_clear_register_do_nothing(bus: Bus, devices: Devices) -> None:
    start = len(bus.log)
    bus.send("set", "/site/ess_1/ess_hs/clear_faults", {"value": 0}, "ess_1/site")
    bus.send("set", "/site/ess_1/ess_hs/clear_faults", {"value": 2}, "ess_1/site")
    assert [m.uri for m in bus.log[start:] if m.uri.startswith(("/ess_2", "/components"))] == []


def test_a_pulse_that_a_dead_instance_began_is_ended_by_the_next_one() -> None:
    bus = Bus("dual_bms", ("ess_1", "ess_2"))
    for instance, component in (("ess_1", "bms_ctl"), ("ess_1", "pcs_controls"), ("ess_2", "bms_ctl")):
        bus.send("pub", f"/components/{instance}/{component}", {"clear_faults": 1}, f"{instance}/device")
    bus.run(6.0)
    assert bus.sent("set", "/components/ess_1/bms_ctl/clear_faults") == [0]
    assert bus.sent("set", "/components/ess_1/pcs_controls/clear_faults") == [0]
    assert bus.sent("set", "/components/ess_2/bms_ctl/clear_faults") == [0]
    assert Bus("dual_bms", ("ess_1", "ess_2")).sent("set", "/components/ess_1/bms_ctl/clear_faults") == []
