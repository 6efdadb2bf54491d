"""HandlePowerCmd: limits of batteries and PCS, and setpoints clamped into them."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.functions.power import Limits, command, limits, ratings
from tests.core.engine_bench import Bench, on_set, remap

RATED = {"RatedActivePower": 100, "RatedReactivePower": 60, "RatedApparentPower": 110}


def plant(rated: dict[str, Any] = RATED, table: str = "/limits/pcs", **params: Any) -> Bench:
    tables = {
        "amname": "bms",
        "/status/bms": {"DischargePowerLimit": 80, "ChargePowerLimit": -50},
        table: rated,
        "/controls/pcs": {
            "ActivePowerSetpoint": 0,
            "ReactivePowerSetpoint": 0,
            "ActivePowerCmdReal": on_set(remap(uri="/t:fired")),
        },
        "/t": {"fired": False},
        "/ctl": {
            "power": on_set({"func": [{"func": "HandlePowerCmd"}]}, bms="bms", pcs="pcs", ess="ess", **params)
        },
    }
    return Bench(tables)


def commanded(bench: Bench, active: float, reactive: float = 0) -> tuple[Any, Any]:
    bench.set("/controls/pcs", {"ActivePowerSetpoint": active, "ReactivePowerSetpoint": reactive})
    bench.set("/ctl/power", 1)
    return bench.value("/controls/pcs:ActivePowerCmdReal"), bench.value("/controls/pcs:ReactivePowerCmdReal")


def test_the_limits_are_the_smaller_of_batteries_and_pcs() -> None:
    bench = plant()
    commanded(bench, 0)
    names = ("MaxDischargePower", "MaxChargePower", "MaxReactivePower", "MaxApparentPower")
    assert [bench.value(f"/limits/ess:{name}") for name in names] == [80, -50, 60, 100]
    bench.set("/status/bms", {"DischargePowerLimit": 500, "ChargePowerLimit": -500})
    commanded(bench, 0)
    assert [bench.value(f"/limits/ess:{name}") for name in names] == [100, -100, 60, 110]
    bench.set("/status/bms", {"DischargePowerLimit": -3, "ChargePowerLimit": 70})
    commanded(bench, 0)
    assert [bench.value(f"/limits/ess:{name}") for name in names[:2]] == [0, -70]


def test_ratings_come_from_config_when_the_limits_have_none() -> None:
    bench = plant(table="/config/pcs")
    assert commanded(bench, 90) == (80, 0)
    bench.set("/limits/pcs/RatedActivePower", 30)
    assert commanded(bench, 90) == (30, 0)


@pytest.mark.parametrize(
    ("given_ratings", "found"),
    [
        ((100, 60, 110), (100, 60, 110)),
        ((None, None, 100), (75, 100 * math.sqrt(1 - 0.75**2), 100)),
        ((30, 40, None), (30, 40, 50)),
        ((75, None, None), (75, 100 * math.sqrt(1 - 0.75**2), 100)),
        ((None, None, None), (0, 0, 0)),
    ],
)
def test_a_missing_rating_follows_from_the_power_factor(given_ratings: Any, found: Any) -> None:
    assert ratings(*given_ratings) == pytest.approx(found)


def test_setpoints_are_clamped_and_written_without_actions() -> None:
    bench = plant()
    assert commanded(bench, 500) == (80, 0)
    assert commanded(bench, -500, -20) == (-50, -20)
    assert bench.value("/controls/pcs:ActivePowerSetpoint") == -500, "what was wanted stays known"
    assert bench.value("/t:fired") == 0


def test_beyond_the_apparent_power_the_priority_decides() -> None:
    bench = plant({"RatedActivePower": 100, "RatedReactivePower": 100, "RatedApparentPower": 50})
    assert commanded(bench, 40, 100) == (40, 30)
    assert commanded(bench, -40, -100) == (-40, -30)
    assert commanded(bench, 90, 10) == (50, 0)
    bench.set("/controls/pcs/PowerPriority", "Q")
    assert commanded(bench, 40, -30.5)[1] == -30.5
    assert commanded(bench, -70, 30) == (-40, 30)


def test_one_event_on_entering_a_limit() -> None:
    bench = plant()

    def events(active: float) -> list[Any]:
        bench.sent.clear()
        commanded(bench, active)
        return [orjson.loads(m.body) for m in bench.sent if m.uri == "/events"]

    (event,) = events(120)
    assert event == {
        "source": "ess_1->pcs",
        "message": "[power] MaxDischargePower reached: P 120, Q 0 became P 80, Q 0",
        "severity": 1,
    }
    assert events(130) == []
    bench.set("/ctl/power@unit", "kW")
    assert events(131) == [], "new params change nothing"
    assert events(10) == []
    assert len(events(120)) == 1
    assert "MaxChargePower" in events(-120)[0]["message"]


def test_a_text_as_setpoint_commands_nothing_new() -> None:
    bench = plant()
    assert commanded(bench, 20) == (20, 0)
    bench.set("/status/bms", {"x": {"value": 1}})
    bench.ess.engine.write(bench.ess.engine.ensure("/controls/pcs", "ActivePowerSetpoint", 0), "much")
    bench.set("/ctl/power", 2)
    assert bench.value("/controls/pcs:ActivePowerCmdReal") == 20
    assert bench.count("not_calculated") == 1


POWERS = st.floats(-1e6, 1e6, allow_nan=False)
SIZES = st.floats(0, 1e6, allow_nan=False)


@given(SIZES, SIZES, SIZES, SIZES, POWERS, POWERS, POWERS, st.booleans())
def test_a_command_never_leaves_its_limits(
    p_max: float, q_max: float, s_max: float, discharge: float, charge: float, p: float, q: float, first: bool
) -> None:
    bounds = limits(ratings(p_max, q_max, s_max), discharge, charge)
    real, idle, reached = command(bounds, p, q, first)
    assert isinstance(bounds, Limits)
    assert bounds.charge <= real <= bounds.discharge and abs(idle) <= bounds.reactive
    assert math.hypot(real, idle) <= bounds.apparent * (1 + 1e-9)
    assert real * p >= 0 and idle * q >= 0, "no sign turns"
    assert bool(reached) or (real, idle) == (p, q)
