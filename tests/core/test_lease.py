"""What an owner must see to let its devices be commanded: a living site controller and no emergency stop."""

from ess_actors.core.ess import Ess
from ess_actors.core.lease import Conditions, EmergencyStop, Guarding, SiteHeartbeat, peek
from ess_actors.core.messages import Message
from ess_actors.core.safe_state import EMERGENCY_STOP, SITE_SILENT

BEAT, STOP = "/site/e/hs/life", "/components/e/io/estop"


class Plant:
    """Variables that the conditions read, with their quality."""

    def __init__(self, *, holds: bool = True) -> None:
        self.values: dict[str, tuple[object, bool]] = {BEAT: (0, True), STOP: (False, True)}
        self.guarding = Guarding({}, SiteHeartbeat(BEAT, 10.0, holds), EmergencyStop(STOP, value=True))
        self.found = Conditions(self.guarding)
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


def test_a_silence_goes_on_in_the_next_process_of_the_instance() -> None:
    plant = Plant()
    plant.after(1)
    plant.after(1, beat=1)
    died_at = plant.found.beat_at
    plant.found = Conditions(plant.guarding, died_at)
    assert plant.after(5, beat=0) == (), "what the documents begin with is no beat"
    assert plant.after(5.1) == (SITE_SILENT,)
    assert plant.after(1, beat=2) == ()


def test_an_emergency_stop_is_the_weightiest_and_a_lost_reading_releases_nobody() -> None:
    plant = Plant()
    plant.after(1)
    plant.after(1, beat=1)
    assert plant.after(1, stop=True) == (EMERGENCY_STOP,)
    assert plant.after(20) == (EMERGENCY_STOP, SITE_SILENT)
    plant.values[STOP] = (False, False)
    assert EMERGENCY_STOP in plant.after(1), "what the variable has while it is BAD is no reading"
    assert plant.after(1, beat=2, stop=False) == ()


def test_a_stop_that_was_never_read_lets_nobody_command() -> None:
    plant = Plant()
    plant.values[STOP] = (False, False)
    assert plant.found.blind and plant.after(1) == () and plant.found.blind
    assert plant.after(1, stop=False) == () and not plant.found.blind
    plant.values[STOP] = (False, False)
    assert plant.after(1) == () and not plant.found.blind
    assert not Conditions(Guarding()).blind


def test_what_the_documents_say_of_a_point_is_no_reading_of_it() -> None:
    documents = {"io": {"/components/e/io": {"estop": False}, "/status/e": {"estop": False}}}
    start = {
        "/sysconfig/default": {"Subs": ":/components/e", "Config": "io", "EssName": "e"},
    }
    ess = Ess(start, documents, now=0.0, wall=0.0)
    ess.boot(0.0, 0.0)
    assert peek(ess, STOP) == (False, False)
    assert peek(ess, "/status/e/estop") == (False, True), "calculated: always known"
    assert peek(ess, "/status/e/none") == (None, False)
    ess.handle(Message("pub", "/components/e/io", b'{"estop": false}', sender="e/io"), 1.0, 1.0)
    assert peek(ess, STOP) == (False, True)


def test_nothing_is_watched_without_being_named() -> None:
    assert Conditions(Guarding()).look(lambda uri: (None, False), 5.0) == ()
    assert Conditions(Guarding()).silent_holds and not Plant(holds=False).found.silent_holds
