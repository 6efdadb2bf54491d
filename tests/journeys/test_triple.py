"""The same journeys in the other layout: one instance with PCS and site, two with a BMS each."""

import pytest

from tests.journeys.bus import Bus
from tests.journeys.devices import Devices

LS = "/site/ess/ess_ls"


@pytest.fixture
def bus() -> Bus:
    return Bus("triple", ("ess", "bms_1", "bms_2"))


@pytest.fixture
def devices(bus: Bus) -> Devices:
    devices = Devices(bus, {"bms_1": "bms_1", "bms_2": "bms_2"}, "ess")
    bus.run(3.0)
    return devices


def test_totals_reach_the_site(bus: Bus, devices: Devices) -> None:
    devices.change("bms_1", soc=50.0, charge_current=10.5)
    devices.change("bms_2", soc=70.0, charge_current=20.25)
    bus.run(2.5)
    words = bus.sent("pub", LS)[-1]
    assert (words["soc"], words["total_charge_current"], words["dischargeable_power"]) == (
        60.0,
        30.75,
        1400.0,
    )
    assert (words["com_status"], words["totals_quality"], words["system_state"]) == (0, 0, 2)
    for name, soc in (("bms_1", 50.0), ("bms_2", 70.0)):
        assert bus.sent("pub", f"/site/{name}/ess_ls")[-1]["soc"] == soc


def test_clear_reaches_all_three(bus: Bus, devices: Devices) -> None:
    devices.change("bms_1", f_racks=True)
    devices.change("bms_2", f_racks=True)
    bus.run(1.0)
    assert bus.value("ess", f"{LS}:ess_faults") == 1 << 6 | 1 << 17
    devices.change("bms_1", f_racks=False)
    devices.change("bms_2", f_racks=False)
    bus.run(1.0)
    start = len(bus.log)
    bus.send("set", "/site/ess/ess_hs/clear_faults", {"value": 1}, "ess/site")
    assert bus.value("ess", f"{LS}:ess_faults") == 0
    assert bus.value("ess", "/status/ess:ClearFaultsResult") == "3 of 3"
    assert bus.entries("ess", "/assets/ess/summary:faults") == []
    for name in ("bms_1", "bms_2"):
        assert bus.entries(name, f"/assets/{name}/summary:faults") == []
        assert bus.sent("set", f"/components/{name}/bms_ctl/clear_faults", start) == [1]


@pytest.mark.parametrize(("name", "bit"), [("bms_1", 1), ("bms_2", 4)])
def test_an_instance_that_dies_is_missed_and_comes_back(
    bus: Bus, devices: Devices, name: str, bit: int
) -> None:
    bus.lose(name)
    assert bus.value("ess", f"{LS}:com_status") == 1 << bit
    assert bus.value("ess", f"{LS}:totals_quality") == 1
    bus.run(11.5)
    assert len(bus.entries("ess", "/assets/ess/summary:alarms")) == 1
    bus.down.clear()
    bus.run(4.0)
    assert bus.value("ess", f"{LS}:com_status") == 0
    assert bus.value("ess", f"{LS}:totals_quality") == 0


def test_orders_of_the_site_reach_pcs_and_both_bms(bus: Bus, devices: Devices) -> None:
    bus.send("set", "/site/ess/ess_hs/active_power_setpoint", {"value": -1500.0}, "ess/site")
    bus.send("set", "/site/ess/ess_hs/contactor_cmd", {"value": 1}, "ess/site")
    assert bus.sent("set", "/components/ess/pcs_controls/active_power_setpoint") == [-1000.0]
    for name in ("bms_1", "bms_2"):
        assert bus.sent("set", f"/components/{name}/bms_ctl/contactor_cmd") == [1]


def test_documents_leave_no_remark_and_no_error(bus: Bus, devices: Devices) -> None:
    bus.run(5.0)
    for name, ess in bus.instances.items():
        assert [str(remark) for remark in ess.findings] == [], name
        assert [line for line in ess.drain_log() if line.level in ("warning", "error")] == [], name
