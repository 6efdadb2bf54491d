"""Every bit of the four site words, from the device's point to the word, and what is routed between instances."""

import pytest

from tests.journeys.bus import Bus
from tests.journeys.devices import CONDITIONS, CONTACTS, Devices, ems_points

SITES = {
    "dual_bms": (("ess_1", "ess_2"), {"bms_1": "ess_1", "bms_2": "ess_2"}, "ess_1"),
    "triple": (("ess", "bms_1", "bms_2"), {"bms_1": "bms_1", "bms_2": "bms_2"}, "ess"),
}
PCS = ("dc_voltage", "modules", "active_power")


@pytest.fixture(params=SITES)
def plant(request: pytest.FixtureRequest) -> tuple[Bus, Devices, str]:
    """A site, its devices after three seconds, and the instance that the site controller sees."""
    names, bms, face = SITES[str(request.param)]
    bus = Bus(str(request.param), names)
    devices = Devices(bus, bms, face)
    bus.run(3.0)
    return bus, devices, face


def _word(plant: tuple[Bus, Devices, str], word: str) -> object:
    bus, _, face = plant
    return bus.value(face, f"/site/{face}/ess_ls:{word}")


def _clear(plant: tuple[Bus, Devices, str]) -> int:
    bus, _, face = plant
    start = len(bus.log)
    bus.send("set", f"/site/{face}/ess_hs/clear_faults", {"value": 1}, f"{face}/site")
    return start


@pytest.mark.parametrize(("kind", "word"), [("f", "ess_faults"), ("a", "ess_alarms")])
@pytest.mark.parametrize(("stem", "first"), [("bms_1", 0), ("bms_2", 11)])
def test_each_condition_of_a_bms_has_its_bit(
    plant: tuple[Bus, Devices, str], stem: str, first: int, kind: str, word: str
) -> None:
    bus, devices, _ = plant
    for number, condition in enumerate(CONDITIONS):
        devices.change(stem, **{f"{kind}_{condition}": True})
        bus.run(1.0)
        assert _word(plant, word) == 1 << first + number, condition
        devices.change(stem, **{f"{kind}_{condition}": False})
        bus.run(1.0)
        assert _word(plant, word) == 1 << first + number, "latched"
        _clear(plant)
        assert _word(plant, word) == 0


def test_each_condition_of_the_pcs_has_its_bit(plant: tuple[Bus, Devices, str]) -> None:
    bus, _, face = plant
    for number, condition in enumerate(PCS):
        bus.send("pub", f"/components/{face}/pcs_fast", {f"f_{condition}": True}, f"{face}/pcs")
        bus.send("pub", f"/components/{face}/pcs_running_info", {f"a_{condition}": True}, f"{face}/pcs")
        words = _word(plant, "ess_faults"), _word(plant, "ess_alarms")
        assert words == (1 << 8 + number, 1 << 8 + number), condition
        bus.send("pub", f"/components/{face}/pcs_fast", {f"f_{condition}": False}, f"{face}/pcs")
        bus.send("pub", f"/components/{face}/pcs_running_info", {f"a_{condition}": False}, f"{face}/pcs")
        _clear(plant)


@pytest.mark.parametrize("stem", ["bms_1", "bms_2"])
def test_each_contact_has_its_bit_whoever_reads_it(plant: tuple[Bus, Devices, str], stem: str) -> None:
    bus, devices, _ = plant
    uri = f"/components/{devices.bms[stem]}/ems_running_info"
    for number, contact in enumerate(CONTACTS[:8]):
        bus.send("pub", uri, ems_points(**{contact: True}), f"{devices.bms[stem]}/{stem}")
        assert _word(plant, "ems_alarms") == 1 << number, contact
        bus.send("pub", uri, ems_points(), f"{devices.bms[stem]}/{stem}")
        _clear(plant)


def test_values_of_another_instance_are_at_most_a_second_old(plant: tuple[Bus, Devices, str]) -> None:
    bus, devices, face = plant
    points = {
        "soc": "SOC",
        "dc_power": "DCPower",
        "min_cell_temp": "MinCellTemp",
        "racks_in_service": "RacksInService",
    }
    for value in (11.0, 12.0, 13.0):
        devices.change("bms_2", **dict.fromkeys(points, value))
        devices.publish()
        bus.run(1.0)
        assert {bus.value(face, f"/status/bms_2:{name}") for name in points.values()} == {value}


def test_a_clear_goes_down_once_and_nothing_comes_up(plant: tuple[Bus, Devices, str]) -> None:
    bus, _, face = plant
    start = _clear(plant)
    below = [name for name in bus.instances if name != face]
    for name in below:
        for family, word in (("faults", "clear_faults"), ("alarms", "clear_alarms")):
            sent = [m for m in bus.log[start:] if m.uri.startswith(f"/{name}/{family}/")]
            assert len(sent) == 1 and sent[0].hops == 1, (name, family)
            assert sent[0].body == b'{"%b":{"value":"Clear"}}' % word.encode()
    up = [m for m in bus.log[start:] if m.sender in below and m.uri.startswith(f"/{face}/")]
    assert [m for m in up if b"clear_" in m.body] == []


def test_nothing_is_cleared_by_the_load_alone() -> None:
    for site, (names, _, _) in SITES.items():
        bus = Bus(site, names)
        assert [m for m in bus.log if b"clear_" in m.body and m.method == "set"] == []
