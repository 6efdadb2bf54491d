"""What the death of each actor makes the others send: marks, and nothing that acts or alarms."""

import json

import pytest

from ess_actors.core.messages import Message
from tests.journeys.bus import Bus
from tests.journeys.devices import Devices

TOTALS = ("/status/bms:SOC", "/status/bms:DCPower", "/status/ess_1:TotalChargeCurrent")
LISTS = (("ess_1", "/assets/ess/summary:faults"), ("ess_2", "/assets/bms_2/summary:faults"))


@pytest.fixture
def acted(bus: Bus, devices: Devices) -> Bus:
    """A site that was commanded and cleared, and has a fault on each side again."""
    bus.run(4.0)
    high = "/site/ess_1/ess_hs"
    for name, value in (("active_power_setpoint", 1350.0), ("start_stop", 207), ("contactor_cmd", 1)):
        bus.send("set", f"{high}/{name}", {"value": value}, "ess_1/site", command=f"ess_1/site-{name}")
    bus.send("set", f"{high}/reactive_power_setpoint", {"value": 10.0}, "ess_1/site")
    bus.send("set", "/assets/ess/summary/clear_faults", 1, "web", command="web-1")
    bus.send("set", "/ess_2/controls/bms_2/ContactorCmd", 1, "web", command="web-2")
    bus.send("set", f"{high}/clear_faults", {"value": 1}, "ess_1/site", command="ess_1/site-clear")
    bus.run(4.0)
    devices.change("bms_1", f_racks=True)
    devices.change("bms_2", f_soh=True)
    bus.run(2.0)
    assert all(bus.entries(*place) for place in LISTS)
    return bus


def _words(bus: Bus) -> list[int]:
    return [
        bus.value("ess_1", f"/site/ess_1/ess_ls:{word}")
        for word in ("ess_faults", "ess_alarms", "ems_alarms")
    ]


def _lose(bus: Bus, actor: str) -> list[Message]:
    """All that follows at once; latched faults and the words of the site stay."""
    before = [bus.entries(*place) for place in LISTS], _words(bus)
    start = len(bus.log)
    bus.lose(actor)
    assert ([bus.entries(*place) for place in LISTS], _words(bus)) == before
    return bus.log[start:]


ACTORS = (
    "web",
    "store",
    "ess_1/site",
    "ess_1/alarms",
    "ess_1/bms_1",
    "ess_1/pcs",
    "ess_2/bms_2",
    "ess_2",
    "ess_1",
)


@pytest.mark.parametrize("actor", ACTORS)
def test_a_loss_sends_nothing_but_marks(acted: Bus, devices: Devices, actor: str) -> None:
    sent = _lose(acted, actor)
    for message in sent:
        body = json.loads(message.body)
        assert message.uri.startswith(("/ess_1/", "/ess_2/")), message
        assert message.quality is not None and body == {name: {"value": "$$"} for name in message.quality}
        assert (message.hops, message.command) == (1, "")
    assert bool(sent) is (actor == "ess_2/bms_2"), "only ess_2 forwards readings to another instance"


@pytest.mark.parametrize("actor", ["web", "ess_1/site", "ess_1/alarms"])
def test_orders_stay_good_when_who_gave_them_is_lost(acted: Bus, devices: Devices, actor: str) -> None:
    _lose(acted, actor)
    for name in ("active_power_setpoint", "reactive_power_setpoint", "clear_faults", "start_stop"):
        assert acted.quality("ess_1", f"/site/ess_1/ess_hs:{name}") == "GOOD"
    assert acted.quality("ess_1", "/assets/ess/summary:clear_faults") == "GOOD"
    assert {acted.quality("ess_1", total) for total in TOTALS} == {"GOOD"}


def test_orders_that_came_through_a_lost_instance_stay_good(acted: Bus, devices: Devices) -> None:
    _lose(acted, "ess_1")
    for name in ("/faults/ess:clear_faults", "/alarms/ess:clear_alarms", "/controls/bms_2:ContactorCmd"):
        assert acted.quality("ess_2", name) == "GOOD"
    assert acted.quality("ess_2", "/status/ess_1:Heartbeat") == "BAD"


@pytest.mark.parametrize("actor", ["ess_1/bms_1", "ess_2/bms_2", "ess_2"])
def test_totals_become_uncertain_and_recover(acted: Bus, devices: Devices, actor: str) -> None:
    lost = [
        stem for stem in ("bms_1", "bms_2") if actor.endswith(stem) or (actor == "ess_2" and stem == "bms_2")
    ]
    instance = {stem: devices.bms.pop(stem) for stem in lost}
    _lose(acted, actor)
    start = len(acted.log)
    acted.run(0.9)
    assert {acted.quality("ess_1", total) for total in TOTALS} == {"UNCERTAIN"}
    sets = [m.uri for m in acted.log[start:] if m.method == "set" and m.uri.startswith("/components")]
    assert set(sets) == {"/components/ess_1/pcs_controls/active_power_setpoint"}, (
        "the PCS follows the smaller limit"
    )
    assert acted.sent("set", sets[0], start) == [700.0]
    acted.down.clear()
    devices.bms.update(instance)
    acted.run(4.0)
    assert {acted.quality("ess_1", total) for total in TOTALS} == {"GOOD"}
    assert acted.value("ess_1", "/site/ess_1/ess_ls:com_status") == 0


def test_the_loss_of_a_client_travels_through_both_instances(acted: Bus, devices: Devices) -> None:
    del devices.bms["bms_2"]
    _lose(acted, "ess_2/bms_2")
    assert acted.quality("ess_2", "/faults/bms_2:BMS_2_SOH") == "BAD"
    assert acted.quality("ess_1", "/faults/bms_2:BMS_2_SOH") == "BAD"
    assert acted.value("ess_1", "/faults/bms_2:BMS_2_SOH") == "Trip"
    assert acted.quality("ess_1", "/status/bms_2:ChargeCurrent") == "BAD"
    assert acted.value("ess_1", "/status/bms_2:CommsOK") is False
