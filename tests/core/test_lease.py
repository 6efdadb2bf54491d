"""What an owner must see to let its devices be commanded: a living site controller and no emergency stop."""

from ess_actors.core.lease import Conditions, EmergencyStop, Guarding, SiteHeartbeat
from ess_actors.core.safe_state import EMERGENCY_STOP, SITE_SILENT

BEAT, STOP = "/site/e/hs/life", "/components/e/io/estop"


class Plant:
    """Variables that the conditions read, with their quality."""

    def __init__(self, *, holds: bool = True) -> None:
        self.values: dict[str, tuple[object, bool]] = {BEAT: (0, True), STOP: (False, True)}
        self.found = Conditions(
            Guarding({}, SiteHeartbeat(BEAT, 10.0, holds), EmergencyStop(STOP, value=True))
        )
        self.now = 100.0

    def after(self, seconds: float, **values: object) -> tuple[str, ...]:
        self.now += seconds
        for name, value in values.items():
            self.values[{"beat": BEAT, "stop": STOP}[name]] = (value, True)
        return self.found.look(lambda uri: self.values.get(uri, (None, False)), self.now)


def test_a_heartbeat_is_watched_from_its_first_change_on() -> None:
    plant = Plant()
    plant.values.pop(BEAT)
    assert plant.after(0) == (), "the documents are not read yet"
    plant.values[BEAT] = (0, True)
    assert plant.after(0) == () and plant.after(1000) == ()
    assert plant.after(1, beat=1) == ()
    assert plant.after(10) == ()
    assert plant.after(0.1) == (SITE_SILENT,)
    assert plant.after(0.1, beat=2) == ()
    assert plant.after(9, beat=2) == () and plant.after(2, beat=2) == (SITE_SILENT,)


def test_an_emergency_stop_is_the_weightiest_and_a_lost_reading_releases_nobody() -> None:
    plant = Plant()
    plant.after(1)
    plant.after(1, beat=1)
    assert plant.after(1, stop=True) == (EMERGENCY_STOP,)
    assert plant.after(20) == (EMERGENCY_STOP, SITE_SILENT)
    plant.values[STOP] = (False, False)
    assert EMERGENCY_STOP in plant.after(1), "what the variable has while it is BAD is no reading"
    assert plant.after(1, beat=2, stop=False) == ()


def test_nothing_is_watched_without_being_named() -> None:
    assert Conditions(Guarding()).look(lambda uri: (None, False), 5.0) == ()
    assert Conditions(Guarding()).silent_holds and not Plant(holds=False).found.silent_holds
