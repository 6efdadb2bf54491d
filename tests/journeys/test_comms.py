"""A device or an instance that falls silent shows in com_status and in the totals, and recovers by itself."""

import pytest

from tests.journeys.bus import Bus
from tests.journeys.devices import Devices, bms_points

LS = "/site/ess_1/ess_ls"


def _state(bus: Bus) -> tuple[int, int]:
    return bus.value("ess_1", f"{LS}:com_status"), bus.value("ess_1", f"{LS}:totals_quality")


def test_everything_is_offline_until_it_is_heard(bus: Bus) -> None:
    assert _state(bus) == (0b11111, 2)
    assert bus.sent("pub", "/alarm_router/ess_1") == []


def test_a_total_is_good_only_when_every_member_was_read(bus: Bus) -> None:
    totals = ("/status/bms:SOC", "/status/bms:DischargePowerLimit", "/status/ess_1:TotalChargeCurrent")
    assert {bus.quality("ess_1", total) for total in totals} == {"BAD"}
    bus.send("pub", "/components/ess_1/bms_info", bms_points(), "ess_1/bms_1")
    assert {bus.quality("ess_1", total) for total in totals} == {"UNCERTAIN"}
    bus.send("pub", "/components/ess_2/bms_info", bms_points(), "ess_2/bms_2")
    bus.run(2.0)
    assert {bus.quality("ess_1", total) for total in totals} == {"GOOD"}


def test_bms_1_falls_silent_and_recovers(bus: Bus, devices: Devices) -> None:
    assert _state(bus) == (0, 0)
    devices.dead.add("bms_1")
    bus.run(1.0)
    assert _state(bus) == (0b1110, 1)
    assert bus.quality("ess_1", "/status/bms_1:SOC") == "BAD"
    for total in ("/status/bms:SOC", "/status/bms:DCPower", "/status/ess_1:TotalChargeCurrent"):
        assert bus.quality("ess_1", total) == "UNCERTAIN"
    assert bus.value("ess_1", f"{LS}:dischargeable_power") == 700.0, "no power leans on a silent BMS"
    marks = [m.quality for m in bus.log if m.uri == LS][-1]
    bus.run(0.5)
    marks = [m.quality for m in bus.log if m.uri == LS][-1]
    assert marks is not None and marks["soc"] == 1 and marks["bms_1_soc"] == 2
    bus.run(9.0)
    assert any("Timestamp" in line for line in bus.entries("ess_1", "/assets/ess/summary:alarms"))
    devices.dead.clear()
    bus.run(1.0)
    assert _state(bus) == (0, 0)
    assert bus.quality("ess_1", "/status/bms:SOC") == "GOOD"
    assert bus.value("ess_1", f"{LS}:dischargeable_power") == 1400.0


def test_bms_2_falls_silent_behind_ess_2(bus: Bus, devices: Devices) -> None:
    devices.dead.add("bms_2")
    bus.run(1.5)
    assert _state(bus) == (0b11100, 1)
    assert bus.quality("ess_1", "/status/bms_2:SOC") == "BAD"
    assert bus.quality("ess_1", "/status/bms:SOC") == "UNCERTAIN"
    bus.run(6.0)
    lines = bus.entries("ess_1", "/assets/ess/summary:alarms")
    assert len(lines) == 1 and "BMS_2_Comms" in lines[0]
    devices.dead.clear()
    bus.run(1.5)
    assert _state(bus) == (0, 0)
    assert bus.value("ess_1", "/alarms/bms_2:BMS_2_Comms") == "Normal"


def test_an_instance_that_dies_makes_its_part_bad_at_once(bus: Bus, devices: Devices) -> None:
    bus.lose("ess_2")
    assert bus.quality("ess_1", "/status/bms_2:SOC") == "BAD"
    assert _state(bus) == (0b10000, 1)
    bus.run(6.0)
    alarms = bus.entries("ess_1", "/assets/ess/summary:alarms")
    assert len(alarms) == 1 and "Heartbeat" in alarms[0]
    bus.run(5.0)
    assert bus.value("ess_1", "/status/ess_2:CommsOK") is False
    bus.down.clear()
    bus.run(4.0)
    assert bus.value("ess_1", "/status/ess_2:CommsOK") is True
    assert _state(bus) == (0, 0)
    assert bus.quality("ess_1", "/status/bms:SOC") == "GOOD"


def test_an_instance_that_hangs_is_found_by_its_heartbeat(bus: Bus, devices: Devices) -> None:
    bus.down.add("ess_2")
    bus.run(11.5)
    assert bus.value("ess_1", "/status/ess_2:CommsOK") is False
    assert _state(bus) == (0b10000, 1)


def test_the_pcs_falls_silent(bus: Bus, devices: Devices) -> None:
    devices.dead.add("pcs")
    bus.run(1.0)
    assert _state(bus) == (0b1, 0)
    assert bus.value("ess_1", f"{LS}:pcs_comms_ok") == 0
    devices.dead.clear()
    bus.run(1.0)
    assert _state(bus) == (0, 0)


def test_both_bms_silent_is_bad(bus: Bus, devices: Devices) -> None:
    devices.dead |= {"bms_1", "bms_2"}
    bus.run(2.0)
    assert _state(bus)[1] == 2
    assert bus.quality("ess_1", "/status/bms:SOC") == "BAD"


@pytest.mark.parametrize(
    ("site", "names", "bms", "pcs"),
    [
        ("dual_bms", ("ess_1", "ess_2"), {"bms_1": "ess_1", "bms_2": "ess_2"}, "ess_1"),
        ("triple", ("ess", "bms_1", "bms_2"), {"bms_1": "bms_1", "bms_2": "bms_2"}, "ess"),
    ],
)
@pytest.mark.parametrize(("stem", "bit"), [("bms_1", 1), ("bms_2", 4), ("pcs", 0)])
def test_a_client_that_hangs_is_found_by_its_timestamp(
    site: str, names: tuple[str, ...], bms: dict[str, str], pcs: str, stem: str, bit: int
) -> None:
    bus = Bus(site, names)
    devices = Devices(bus, bms, pcs)
    words = f"/site/{pcs}/ess_ls:com_status"
    bus.run(5.0)
    assert bus.value(pcs, words) == 0
    devices.hung.add(stem)
    bus.run(9.0)
    assert bus.value(pcs, words) == 0, "silent, but not yet for the fault timeout"
    bus.run(3.0)
    assert bus.value(pcs, f"/status/{stem}:CommsOK") is False
    assert bus.value(pcs, words) == 1 << bit
    bus.run(8.0)
    assert bus.value(pcs, words) == 1 << bit
    if stem != "pcs":
        assert bus.value(pcs, f"/limits/{stem}:DischargePower") == 0, "no power leans on a silent BMS"
    devices.hung.clear()
    bus.run(3.0)
    assert bus.value(pcs, f"/status/{stem}:CommsOK") is True
    assert bus.value(pcs, words) == 0
    routed = bms.get(stem, pcs) != pcs
    # What another instance raised is latched here as there, until somebody clears it.
    assert bus.value(pcs, f"/status/{stem}:FaultShutdown") is routed
    bus.send("set", f"/site/{pcs}/ess_hs/clear_faults", {"value": 1}, f"{pcs}/site")
    assert bus.value(pcs, f"/status/{stem}:FaultShutdown") is False
