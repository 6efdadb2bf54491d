"""Values that a site lists under `live` become rows while they are good, and only then."""

from ess_actors.core.ess import Ess
from ess_actors.core.live import Shown, shown_rows
from ess_actors.core.messages import Message

SHOWN = (
    Shown("SOC", "/components/bms/soc", "%"),
    Shown("closed", "/status/bms/closed", ""),
    Shown("state", "/status/bms/state", ""),
    Shown("missing", "/components/bms/nothing", ""),
)


def instance() -> Ess:
    start = {"/sysconfig/default": {"Subs": ":/components/bms:", "Config": "init", "EssName": "ess_1"}}
    read = {"soc": {"value": 0, "quality": "BAD"}}
    known = {"closed": True, "state": "Running"}
    ess = Ess(start, {"init": {"/components/bms": read, "/status/bms": known}}, now=0.0, wall=0.0)
    ess.boot(0.0, 0.0)
    return ess


def test_text_and_what_is_missing_or_not_good_has_no_row() -> None:
    assert shown_rows("ess_1", instance(), SHOWN) == [(("ess_1", "closed", ""), (1.0,))]


def test_a_value_has_its_row_as_soon_as_it_is_good() -> None:
    ess = instance()
    ess.handle(Message("pub", "/components/bms", b'{"soc": 61.5}', sender="ess_1/bms"), 1.0, 1.0)
    assert shown_rows("ess_1", ess, SHOWN)[0] == (("ess_1", "SOC", "%"), (61.5,))
