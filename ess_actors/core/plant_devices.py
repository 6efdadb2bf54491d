"""The simulated devices: a string of battery racks and a power converter, each a few equations and a step."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

OFF, STARTING, READY, RUNNING, SHUTDOWN, FAULT = range(6)
"""States of a simulated PCS, as its state point shows them."""

BATTERY_RUNNING, BATTERY_FAULT = 2, 3
"""States of a simulated battery, as its state point shows them."""

_OPEN_CIRCUIT: Final = ((0.0, 2.90), (10.0, 3.20), (50.0, 3.29), (90.0, 3.34), (100.0, 3.55))
"""Charge in % -> voltage of a resting LFP cell in V."""

_TAPER_PERCENT: Final = 5.0
"""This close to full or empty the power limit falls linearly to 0."""

_TIME_CONSTANT_S: Final = 900.0
"""Cells warm up and cool down with this time constant."""


def cell_voltage(soc: float) -> float:
    """Resting cell voltage in V for a state of charge in %."""
    for (low, v_low), (high, v_high) in pairwise(_OPEN_CIRCUIT):
        if soc <= high:
            return v_low + (v_high - v_low) * max(soc - low, 0.0) / (high - low)
    return _OPEN_CIRCUIT[-1][1]


@dataclass
class Battery:
    """One string of racks. Power in kW and current in A, both > 0 while it discharges; energy in kWh."""

    capacity_kwh: float = 1000.0
    power_kw: float = 500.0
    cells_in_series: int = 400
    resistance_ohm: float = 0.01
    ambient_c: float = 24.0
    racks: int = 18
    soh: float = 100.0
    soc: float = 60.0
    clears_faults: bool = True
    close_command: int | None = None
    """Word of its contactor register, as its maker chose it; None = it has no such command."""
    open_command: int | None = None
    closed: bool = True
    faulted: bool = False
    power: float = 0.0
    wanted: float = 0.0
    """kW asked of it where no converter does: by its own setpoint, or by hand."""
    warmth_k: float = 0.0
    """How much warmer than the surroundings the cells are."""

    def command(self, word: float) -> None:
        """Follows the contactor register, a level: anything but its two words changes nothing."""
        if word in (self.close_command, self.open_command):
            self.closed = word == self.close_command

    @property
    def usable_kwh(self) -> float:
        """What a full string holds at its present health."""
        return self.capacity_kwh * self.soh / 100.0

    @property
    def discharge_limit(self) -> float:
        """kW it can give now, >= 0."""
        return self.power_kw * min(1.0, self.soc / _TAPER_PERCENT) if self.closed else 0.0

    @property
    def charge_limit(self) -> float:
        """kW it can take now, >= 0."""
        return self.power_kw * min(1.0, (100.0 - self.soc) / _TAPER_PERCENT) if self.closed else 0.0

    def step(self, dt: float, power: float) -> None:
        """`dt` seconds at `power` kW."""
        self.power = power
        self.soc = min(100.0, max(0.0, self.soc - 100.0 * power * dt / 3600.0 / self.usable_kwh))
        target = 14.0 * (power / self.power_kw) ** 2
        self.warmth_k += (target - self.warmth_k) * min(1.0, dt / _TIME_CONSTANT_S)

    def quantities(self) -> dict[str, float]:
        """Everything it measures, by quantity name: V, A, kW, kWh, % and degrees Celsius."""
        resting = cell_voltage(self.soc) * self.cells_in_series
        current = 1000.0 * self.power / resting
        voltage = resting - current * self.resistance_ohm
        cell, temperature = voltage / self.cells_in_series, self.ambient_c + self.warmth_k
        spread = 0.004 + 0.012 * abs(self.power) / self.power_kw
        return {
            "soc": self.soc,
            "soh": self.soh,
            "dc_voltage": voltage,
            "dc_current": current,
            "dc_power": self.power,
            "charge_current": max(0.0, -current),
            "discharge_current": max(0.0, current),
            "max_cell_voltage": cell + spread,
            "min_cell_voltage": cell - spread,
            "avg_cell_voltage": cell,
            "max_cell_temp": temperature + 1.5,
            "min_cell_temp": temperature - 1.5,
            "avg_cell_temp": temperature,
            "dischargeable_energy": self.usable_kwh * self.soc / 100.0,
            "chargeable_energy": self.usable_kwh * (100.0 - self.soc) / 100.0,
            "charge_power_limit": self.charge_limit,
            "discharge_power_limit": self.discharge_limit,
            "charge_current_limit": 1000.0 * self.charge_limit / resting,
            "discharge_current_limit": 1000.0 * self.discharge_limit / resting,
            "rack_current": current / self.racks,
            "rack_power": self.power / self.racks,
            "racks_total": self.racks,
            "racks_in_service": self.racks if self.closed else 0,
            "dc_closed": int(self.closed),
            "system_state": BATTERY_FAULT if self.faulted else BATTERY_RUNNING,
        }


@dataclass
class Pcs:
    """A converter. AC power in kW, > 0 while it discharges the batteries."""

    power_kw: float = 1000.0
    ramp_kw_per_s: float = 500.0
    efficiency: float = 0.97
    start_s: float = 2.0
    modules: int = 8
    frequency_hz: float = 50.0
    grid_voltage: float = 690.0
    start_command: int | None = None
    """Word of its command register, as its maker chose it; None = it has no such command."""
    stop_command: int | None = None
    standby_command: int | None = None
    running: bool = False
    clears_faults: bool = True
    batteries: tuple[str, ...] = ()
    """Stems of the batteries on its DC side; empty = all."""
    state: int = READY
    power: float = 0.0
    reactive_power: float = 0.0
    charged_kwh: float = 0.0
    discharged_kwh: float = 0.0
    starting_for: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        self.state = RUNNING if self.running else self.state

    def command(self, dt: float, word: float) -> None:
        """Follows the command register, a level: start, standby, stop; anything else changes nothing."""
        if word == self.start_command and self.state in (OFF, READY, SHUTDOWN):
            self.state, self.starting_for = STARTING, 0.0
        elif word == self.stop_command and self.state not in (OFF, FAULT):
            self.state = SHUTDOWN if self.power else OFF
        elif word == self.standby_command and self.state in (OFF, STARTING, RUNNING):
            self.state = READY
        if self.state == STARTING:
            self.starting_for += dt
            if self.starting_for >= self.start_s:
                self.state = RUNNING

    def step(self, dt: float, wanted: float, wanted_reactive: float, low: float, high: float) -> None:
        """Ramps towards `wanted` kW inside the limits of the DC side (`low` <= 0 <= `high`, kW AC)."""
        target = wanted if self.state == RUNNING else 0.0
        target = min(max(target, low, -self.power_kw), high, self.power_kw)
        stride = self.ramp_kw_per_s * dt
        self.power += min(max(target - self.power, -stride), stride)
        # A battery that opens its contactors takes the power away at once, ramp or not.
        self.power = min(max(self.power, low), high)
        self.reactive_power = wanted_reactive if self.state == RUNNING else 0.0
        if self.power > 0:
            self.discharged_kwh += self.power * dt / 3600.0
        else:
            self.charged_kwh -= self.power * dt / 3600.0

    def dc_power(self) -> float:
        """kW at the DC terminals: the losses come on top of what is given and off what is taken."""
        return self.power / self.efficiency if self.power > 0 else self.power * self.efficiency

    def _available(self) -> float:
        """kW the modules can convert, now or once started."""
        return 0.0 if self.state == FAULT else self.power_kw

    def quantities(self, dc_voltage: float) -> dict[str, float]:
        """Everything it measures, by quantity name: V, A, Hz, kW, kvar, kWh."""
        dc_power = self.dc_power()
        return {
            "active_power": self.power,
            "reactive_power": self.reactive_power,
            "apparent_power": (self.power**2 + self.reactive_power**2) ** 0.5,
            "state": self.state,
            "dc_voltage": dc_voltage,
            "dc_current": 1000.0 * dc_power / dc_voltage if dc_voltage else 0.0,
            "dc_power": dc_power,
            "frequency": self.frequency_hz,
            "grid_voltage": self.grid_voltage,
            "charge_power_available": self._available(),
            "discharge_power_available": self._available(),
            "modules_in_service": self.modules if self.state == RUNNING else 0,
            "modules_total": self.modules,
            "charged_energy": self.charged_kwh,
            "discharged_energy": self.discharged_kwh,
        }
