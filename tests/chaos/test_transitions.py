"""What the trial concludes from the journal: of an alarm, whatever else was written while it stood."""

import pytest

from ess_actors.chaos.candidates import Probe
from ess_actors.chaos.transitions import Told, Transitions

ALARM = Probe("bms_1", "/components/bms", "bms/over_voltage", "over_voltage", 1.0)
LIST = "/alarm_router/ess_1"


class Plant:
    """A journal as the operator API shows it, and a device whose bit is written into it."""

    def __init__(self):
        self.records = []
        self.forgotten = ()

    def write(self, kind, uri, body):
        self.records.append({"id": len(self.records) + 1, "kind": kind, "uri": uri, "body": body})

    def get(self, path):
        limit = int(path.partition("limit=")[2])
        return {"records": self.records[-limit:][::-1]}

    def put(self, _stem, points):
        (stands,) = points.values()
        kind = "raised" if stands else "normal"
        if kind not in self.forgotten:
            self.write("alarm", LIST, {"kind": kind, "source": "/components/bms/over_voltage"})


@pytest.fixture
def plant(monkeypatch):
    monkeypatch.setattr("ess_actors.chaos.transitions._LIMIT_S", 0.2)
    return Plant()


@pytest.mark.parametrize("commands", [0, 499, 500, 3000])
def test_an_alarm_is_found_behind_everything_a_flood_wrote_after_it(plant, commands):
    transitions = Transitions(plant, plant, [ALARM])
    transitions.raise_now()
    for number in range(commands):
        plant.write("command", "/commands", {"value": number})
    assert transitions.settle() == Told(2, 0, 0)


def test_a_transition_that_is_not_in_the_journal_is_lost(plant):
    transitions = Transitions(plant, plant, [ALARM])
    plant.forgotten = ("raised",)
    transitions.raise_now()
    assert transitions.settle() == Told(2, 1, 0)


def test_a_transition_told_twice_is_out_of_order(plant):
    transitions = Transitions(plant, plant, [ALARM])
    transitions.raise_now()
    plant.write("alarm", LIST, {"kind": "raised", "source": "/components/bms/over_voltage"})
    assert transitions.settle() == Told(2, 0, 1)
