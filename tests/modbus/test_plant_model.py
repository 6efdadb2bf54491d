"""The simulated plant: energy balance, limits, ramps, sharing, clear commands."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.errors import ConfigError
from ess_actors.core.plant_devices import FAULT, OFF, READY, RUNNING, SHUTDOWN, STARTING, cell_voltage
from ess_actors.core.plant_model import Plant

BATTERY = {"model": "battery", "capacity_kwh": 100, "power_kw": 200, "cells_in_series": 400}
QUANTITIES = ("soc", "dc_power", "dc_current", "dc_voltage", "max_cell_voltage", "min_cell_voltage")


class Bench:
    """A plant with the points a controller writes in a dictionary."""

    def __init__(self, **devices: dict[str, Any]) -> None:
        self.plant = Plant(devices)
        self.points: dict[tuple[str, str], object] = {}

    def run(self, seconds: float, dt: float = 0.1) -> None:
        for _ in range(round(seconds / dt)):
            shown = self.plant.step(dt, lambda stem, point: self.points.get((stem, point)))
            self.points.update({(stem, p): v for stem, values in shown.items() for p, v in values.items()})

    def number(self, stem: str, point: str) -> float:
        value = self.points[stem, point]
        assert isinstance(value, (int, float))
        return float(value)


def battery(**settings: Any) -> dict[str, Any]:
    points = {name: f"info/{name}" for name in QUANTITIES}
    return {
        **BATTERY,
        "points": {**points, "fault_word": "info/fault", "clear_faults": "ctl/clear"},
        **settings,
    }


def pcs(**settings: Any) -> dict[str, Any]:
    points = {
        "active_power_setpoint": "ctl/setpoint",
        "start_stop": "ctl/start_stop",
        "clear_faults": "ctl/clear",
        "fault_word": ["info/fault", "info/fault_bits"],
        "active_power": "info/active_power",
        "state": "info/state",
        "dc_power": "info/dc_power",
        "dc_voltage": "info/dc_voltage",
    }
    return {
        "model": "pcs",
        "start_command": 207,
        "stop_command": 206,
        "standby_command": 205,
        "power_kw": 300,
        "ramp_kw_per_s": 100,
        "efficiency": 0.95,
        "start_s": 1.0,
        "points": points,
        **settings,
    }


def started(bench: Bench, setpoint: float = 0.0) -> None:
    bench.points["pcs", "ctl/start_stop"] = 207
    bench.run(1.5)
    assert bench.points["pcs", "info/state"] == RUNNING
    bench.points["pcs", "ctl/setpoint"] = setpoint


def test_the_setpoint_is_followed_with_the_ramp_and_only_while_running() -> None:
    bench = Bench(bms_1=battery(), pcs=pcs())
    bench.points["pcs", "ctl/setpoint"] = 100.0
    bench.run(0.5)
    assert bench.points["pcs", "info/state"] == READY and bench.number("pcs", "info/active_power") == 0
    bench.points["pcs", "ctl/start_stop"] = 207
    bench.run(0.5)
    assert bench.points["pcs", "info/state"] == STARTING and bench.number("pcs", "info/active_power") == 0
    bench.run(1.0)
    assert 0 < bench.number("pcs", "info/active_power") < 100
    bench.run(1.0)
    assert bench.number("pcs", "info/active_power") == 100.0
    bench.points["pcs", "ctl/start_stop"] = 206
    bench.run(0.3)
    assert (
        bench.points["pcs", "info/state"] == SHUTDOWN and 0 < bench.number("pcs", "info/active_power") < 100
    )
    bench.run(1.5)
    assert bench.points["pcs", "info/state"] == OFF and bench.number("pcs", "info/active_power") == 0


def test_standby_gives_no_power() -> None:
    bench = Bench(bms_1=battery(), pcs=pcs())
    started(bench, 50.0)
    bench.points["pcs", "ctl/start_stop"] = [{"value": 205, "string": "Standby"}]
    bench.run(2.0)
    assert bench.points["pcs", "info/state"] == READY and bench.number("pcs", "info/active_power") == 0


@settings(max_examples=25, deadline=None)
@given(
    setpoint=st.floats(-400, 400),
    socs=st.tuples(st.floats(0, 100), st.floats(0, 100)),
)
def test_energy_is_kept_and_limits_hold_for_every_setpoint(
    setpoint: float, socs: tuple[float, float]
) -> None:
    bench = Bench(bms_1=battery(soc=socs[0]), bms_2=battery(soc=socs[1], power_kw=100), pcs=pcs())
    started(bench, setpoint)
    before = [bench.plant.batteries[stem].soc for stem in ("bms_1", "bms_2")]
    moved = [0.0, 0.0]
    for _ in range(100):
        bench.run(0.1)
        moved = [m + bench.number(f"bms_{n}", "info/dc_power") * 0.1 / 3600 for n, m in enumerate(moved, 1)]
        total = sum(bench.number(f"bms_{n}", "info/dc_power") for n in (1, 2))
        assert total == pytest.approx(bench.number("pcs", "info/dc_power"), abs=1e-6)
    assert abs(bench.number("pcs", "info/active_power")) <= min(abs(setpoint), 300.0) + 1e-6
    for n, (start, energy) in enumerate(zip(before, moved, strict=True), 1):
        device = bench.plant.batteries[f"bms_{n}"]
        assert 0.0 <= device.soc <= 100.0
        assert device.soc == pytest.approx(start - energy, abs=1e-6), "100 kWh: 1 % is 1 kWh"
        assert abs(bench.number(f"bms_{n}", "info/dc_power")) <= device.power_kw + 1e-6
        if energy:
            assert (energy > 0) == (setpoint > 0), "discharge is positive everywhere"
            assert (bench.number(f"bms_{n}", "info/dc_current") > 0) == (setpoint > 0)


def test_a_full_battery_takes_nothing_and_an_empty_one_gives_nothing() -> None:
    for soc, setpoint in ((100.0, -100.0), (0.0, 100.0)):
        bench = Bench(bms_1=battery(soc=soc), pcs=pcs())
        started(bench, setpoint)
        bench.run(3.0)
        assert bench.number("pcs", "info/active_power") == 0.0


def test_an_opened_battery_leaves_the_load_to_the_other() -> None:
    points = {**battery()["points"], "contactor_cmd": "ctl/contactor"}
    words = {"close_command": 1, "open_command": 2}
    bench = Bench(bms_1=battery(), bms_2=battery(points=points, **words), pcs=pcs())
    started(bench, 150.0)
    bench.run(3.0)
    assert bench.number("bms_1", "info/dc_power") == pytest.approx(
        bench.number("bms_2", "info/dc_power"), rel=0.01
    )
    bench.points["bms_2", "ctl/contactor"] = 2
    bench.run(0.1)
    assert bench.number("bms_2", "info/dc_power") == 0.0
    assert bench.number("bms_1", "info/dc_power") == pytest.approx(150 / 0.95)
    bench.points["bms_2", "ctl/contactor"] = 1
    bench.run(0.1)
    assert bench.number("bms_2", "info/dc_power") > 0


def test_a_fault_stops_the_converter_and_a_clear_command_clears_itself() -> None:
    bench = Bench(bms_1=battery(), pcs=pcs())
    started(bench, 100.0)
    bench.points["pcs", "info/fault_bits"] = 4
    bench.run(2.0)
    assert bench.points["pcs", "info/state"] == FAULT and bench.number("pcs", "info/active_power") == 0
    bench.points["pcs", "ctl/start_stop"] = 0
    bench.points["pcs", "ctl/clear"] = 1
    bench.run(0.1)
    assert bench.points["pcs", "ctl/clear"] == 0 and bench.points["pcs", "info/fault_bits"] == 0
    assert bench.points["pcs", "info/state"] == READY


def test_a_stubborn_device_sees_the_command_and_keeps_its_fault() -> None:
    bench = Bench(bms_1=battery(clears_faults=False))
    bench.points["bms_1", "info/fault"] = [{"value": 0, "string": "Max Cell Voltage"}]
    bench.points["bms_1", "ctl/clear"] = 1
    bench.run(0.1)
    assert bench.points["bms_1", "ctl/clear"] == 0
    assert bench.points["bms_1", "info/fault"] and bench.plant.batteries["bms_1"].faulted


def test_measurements_agree_with_one_another() -> None:
    bench = Bench(bms_1=battery(), pcs=pcs())
    started(bench, -120.0)
    bench.run(3.0)
    voltage, current = bench.number("bms_1", "info/dc_voltage"), bench.number("bms_1", "info/dc_current")
    assert voltage * current / 1000 == pytest.approx(bench.number("bms_1", "info/dc_power"), rel=0.02)
    assert (
        bench.number("bms_1", "info/min_cell_voltage")
        < voltage / 400
        < bench.number("bms_1", "info/max_cell_voltage")
    )
    assert bench.number("pcs", "info/dc_voltage") == voltage


@given(st.floats(0, 100), st.floats(0, 100))
@settings(max_examples=30, deadline=None)
def test_a_fuller_cell_never_has_less_voltage(a: float, b: float) -> None:
    assert (cell_voltage(a) <= cell_voltage(b)) or a > b


@pytest.mark.parametrize(
    "device",
    [
        {"model": "flux capacitor"},
        {"model": "battery", "capacity_kwh": "much"},
        {"model": "battery", "colour": 3},
        {"model": "battery", "points": {"sox": "a/b"}},
        {"model": "battery", "points": ["soc"]},
    ],
)
def test_a_wrong_mapping_is_refused_with_its_device(device: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="bms_1"):
        Plant({"bms_1": device})
