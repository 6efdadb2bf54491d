"""Every combined value of the specification's table, in both layouts: the value at once, and only of what is heard."""

import pytest

from tests.journeys.bus import Bus
from tests.journeys.devices import Devices

SITES = {
    "dual_bms": (("ess_1", "ess_2"), {"bms_1": "ess_1", "bms_2": "ess_2"}, "ess_1"),
    "triple": (("ess", "bms_1", "bms_2"), {"bms_1": "bms_1", "bms_2": "bms_2"}, "ess"),
}
NUMBERS = {
    "SOC": 45.0, "SOH": 20.0,
    **dict.fromkeys(("ChargeableEnergy", "DischargeableEnergy", "DCCurrent", "DCPower"), 90.0),
    **dict.fromkeys(("RacksInService", "RacksTotal"), 90.0),
    **dict.fromkeys(("ChargePowerLimit", "DischargePowerLimit", "ChargeCurrentLimit", "DischargeCurrentLimit"), 90.0),
    **dict.fromkeys(("DCVoltage", "AvgCellVoltage", "AvgCellTemp"), 45.0),
    **dict.fromkeys(("MaxCellVoltage", "MaxCellTemp", "CellVoltageDelta", "CellTempDelta", "DCClosed"), 70.0),
    **dict.fromkeys(("MinCellVoltage", "MinCellTemp"), 20.0),
}  # fmt: skip
"""The combination of 70 at BMS 1 and 20 at BMS 2."""


class Plant:
    """A site with its devices, after three seconds."""

    def __init__(self, site: str) -> None:
        names, bms, self.face = SITES[site]
        self.bus = Bus(site, names)
        self.devices = Devices(self.bus, bms, self.face)
        self.bus.run(3.0)

    def total(self, name: str) -> object:
        return self.bus.value(self.face, f"/status/bms:{name}")


@pytest.fixture(params=SITES)
def plant(request: pytest.FixtureRequest) -> Plant:
    return Plant(str(request.param))


def test_numbers_are_combined_in_the_same_message(plant: Plant) -> None:
    for name, expected in NUMBERS.items():
        plant.bus.send("set", f"/{plant.face}/status/bms_1/{name}", 70.0, "web")
        plant.bus.send("set", f"/{plant.face}/status/bms_2/{name}", 20.0, "web")
        assert plant.total(name) == expected, name


def test_comms_are_good_only_when_both_are(plant: Plant) -> None:
    assert plant.total("CommsOK") is True
    plant.devices.dead.add("bms_2")
    plant.bus.run(2.0)
    assert plant.total("CommsOK") is False


def test_the_current_check_is_done_when_both_currents_are_read_and_small(plant: Plant) -> None:
    assert plant.total("CurrentCheckDone") is False, "100 A flow"
    plant.devices.change("bms_1", dc_current=-34.0)
    plant.devices.change("bms_2", dc_current=36.0)
    plant.bus.run(2.5)
    assert plant.total("CurrentCheckDone") is False
    plant.devices.change("bms_2", dc_current=34.0)
    plant.bus.run(2.5)
    assert plant.total("CurrentCheckDone") is True
    plant.devices.dead.add("bms_1")
    plant.bus.run(2.0)
    assert plant.total("CurrentCheckDone") is False, "nobody knows"


@pytest.mark.parametrize("stem", ["bms_1", "bms_2"])
def test_a_fault_or_an_alarm_of_either_shows_until_it_is_cleared(plant: Plant, stem: str) -> None:
    states = ("ChildFaulted", "ChildAlarming", "IsFaulted")
    assert [plant.total(name) for name in states] == [False, False, False]
    plant.devices.change(stem, a_soh=True, a_racks=True)
    plant.bus.run(1.5)
    assert [plant.total(name) for name in states] == [False, True, False]
    plant.devices.change(stem, f_racks=True)
    plant.bus.run(1.5)
    assert [plant.total(name) for name in states] == [True, True, True]
    plant.devices.change(stem, a_soh=False, a_racks=False, f_racks=False)
    plant.bus.send("set", f"/site/{plant.face}/ess_hs/clear_faults", {"value": 1}, f"{plant.face}/site")
    plant.bus.run(2.0)
    assert [plant.total(name) for name in states] == [False, False, False]


def test_a_fault_of_the_list_alone_counts_as_faulted(plant: Plant) -> None:
    plant.bus.send("pub", f"/components/{plant.face}/pcs_running_info", {}, f"{plant.face}/pcs")
    plant.bus.send("set", f"/{plant.face}/faults/pcs/PCS_DCVoltage", "Trip", "web")
    plant.bus.run(1.0)
    assert (plant.total("ChildFaulted"), plant.total("IsFaulted")) == (False, True)
