"""A small power plant for the simulator: batteries behind PCS, moved by the points the controllers write."""

from collections.abc import Callable, Mapping
from typing import Final

from ess_actors.core.errors import ConfigError
from ess_actors.core.plant_devices import FAULT, READY, Battery, Pcs

Read = Callable[[str, str], object]
"""(stem, point) -> the point's present engineering value in the simulated device, None when unknown."""


def _number(value: object) -> float:
    """A number, also out of the one-element list shape of an enum; 0 for everything else."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("value")
    return float(value) if isinstance(value, (int, float)) else 0.0


def _any_bit(value: object) -> bool:
    """True for a fault word with a high bit, as a number or as the list of its high bits."""
    return bool(value) if isinstance(value, list) else _number(value) != 0.0


BATTERY_INPUTS: Final = ("contactor_cmd", "power_setpoint", "clear_faults", "fault_word", "alarm_word")
PCS_INPUTS: Final = (
    "active_power_setpoint",
    "reactive_power_setpoint",
    "start_stop",
    "clear_faults",
    "fault_word",
    "alarm_word",
)


class Plant:
    """The devices of `{stem: {"model": "battery"|"pcs", <parameter>: number, "points": {quantity: point}}}`.

    Parameters are the fields of `Battery` and `Pcs`. A point is `component/point` of the stem's client
    file. Raises ConfigError for a model, parameter or quantity that does not exist.
    """

    def __init__(self, devices: Mapping[str, Mapping[str, object]]) -> None:
        self.batteries: dict[str, Battery] = {}
        self.converters: dict[str, Pcs] = {}
        self._points: dict[str, dict[str, tuple[str, ...]]] = {}
        for stem, device in devices.items():
            settings = {key: value for key, value in device.items() if key not in ("model", "points")}
            points = device.get("points", {})
            if not isinstance(points, Mapping):
                raise ConfigError(f"plant model of {stem}: points is a mapping of quantities to points")
            for key, value in settings.items():
                if key != "batteries" and not isinstance(value, (int, float)):
                    raise ConfigError(f"plant model of {stem}: {key} is a number, not {value!r}")
            try:
                if device.get("model") == "battery":
                    self.batteries[stem] = battery = Battery(**settings)  # type: ignore[arg-type]
                    known = {*battery.quantities(), *BATTERY_INPUTS}
                elif device.get("model") == "pcs":
                    settings["batteries"] = tuple(settings.get("batteries", ()))  # type: ignore[arg-type]
                    self.converters[stem] = converter = Pcs(**settings)  # type: ignore[arg-type]
                    known = {*converter.quantities(1.0), *PCS_INPUTS}
                else:
                    raise ConfigError(f"plant model of {stem}: model is battery or pcs")
            except TypeError as error:
                raise ConfigError(f"plant model of {stem}: {error}") from error
            if unknown := sorted(set(points) - known):
                names = ", ".join(sorted(known))
                raise ConfigError(f"plant model of {stem}: no quantity {unknown[0]}; known: {names}")
            self._points[stem] = {
                str(quantity): (found,) if isinstance(found, str) else tuple(found)
                for quantity, found in points.items()
            }

    @property
    def points(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Stem -> quantity -> points, as configured."""
        return self._points

    def adopt(self, stem: str, point: str, value: object) -> bool:
        """An operator put `value` into a point: False when the next step would put its own there instead.

        The model goes on from a state of charge or health, and from the power of a battery that has neither a
        converter nor a setpoint of its own; points it does not measure are not touched by it.
        """
        device = self.batteries.get(stem) or self.converters.get(stem)
        quantity = self._quantity(stem, point)
        if isinstance(device, Battery) and quantity in ("soc", "soh"):
            least = 0.01 if quantity == "soh" else 0.0
            setattr(device, quantity, min(max(_number(value), least), 100.0))
            return True
        if isinstance(device, Battery) and quantity == "dc_power" and self._by_hand(stem):
            device.wanted = _number(value)
            return True
        return quantity in ("", *BATTERY_INPUTS, *PCS_INPUTS)

    def release(self, stem: str, point: str) -> None:
        """An operator leaves a point to the model again: what was asked by hand is asked no more."""
        if stem in self.batteries and self._quantity(stem, point) == "dc_power":
            self.batteries[stem].wanted = 0.0

    def _quantity(self, stem: str, point: str) -> str:
        return next((name for name, points in self._points.get(stem, {}).items() if point in points), "")

    def _by_hand(self, stem: str) -> bool:
        """Whether nothing but an operator moves this battery."""
        driven = any(stem in self._behind(converter) for converter in self.converters.values())
        return not driven and "power_setpoint" not in self._points[stem]

    def step(self, dt: float, read: Read) -> dict[str, dict[str, object]]:
        """`dt` seconds later: stem -> point -> value to show. `read` tells what was written."""
        shown: dict[str, dict[str, object]] = {stem: {} for stem in self._points}
        powers = dict.fromkeys(self.batteries, 0.0)
        for stem, battery in self.batteries.items():
            points = self._points[stem]
            if "contactor_cmd" in points:
                battery.command(_number(read(stem, points["contactor_cmd"][0])))
            battery.faulted = self._faults(stem, battery.clears_faults, read, shown[stem])
        for stem, converter in self.converters.items():
            self._convert(stem, converter, dt, read, shown[stem], powers)
        for stem, battery in self.batteries.items():
            if not any(stem in self._behind(converter) for converter in self.converters.values()):
                asked = self._points[stem].get("power_setpoint", ())
                wanted = _number(read(stem, asked[0])) if asked else battery.wanted
                powers[stem] = min(max(wanted, -battery.charge_limit), battery.discharge_limit)
            battery.step(dt, powers[stem])
            self._show(stem, battery.quantities(), shown[stem])
        for stem, converter in self.converters.items():
            voltages = [b.quantities()["dc_voltage"] for b in self._behind(converter).values() if b.closed]
            self._show(stem, converter.quantities(max(voltages, default=0.0)), shown[stem])
        return shown

    def _behind(self, converter: Pcs) -> dict[str, Battery]:
        return {
            stem: battery
            for stem, battery in self.batteries.items()
            if not converter.batteries or stem in converter.batteries
        }

    def _convert(
        self,
        stem: str,
        converter: Pcs,
        dt: float,
        read: Read,
        shown: dict[str, object],
        powers: dict[str, float],
    ) -> None:
        """One converter's step; what it moves is shared by what each battery can give or take."""
        points = self._points[stem]

        def written(quantity: str) -> float:
            return _number(read(stem, points[quantity][0])) if quantity in points else 0.0

        if self._faults(stem, converter.clears_faults, read, shown):
            converter.state = FAULT
        elif converter.state == FAULT:
            converter.state = READY
        converter.command(dt, written("start_stop"))
        behind = self._behind(converter)
        give = {name: battery.discharge_limit for name, battery in behind.items()}
        take = {name: battery.charge_limit for name, battery in behind.items()}
        low = -sum(take.values()) / converter.efficiency
        high = sum(give.values()) * converter.efficiency
        converter.step(dt, written("active_power_setpoint"), written("reactive_power_setpoint"), low, high)
        dc_power = converter.dc_power()
        weights = give if dc_power > 0 else take
        total = sum(weights.values())
        for name, weight in weights.items():
            powers[name] += dc_power * weight / total if total else 0.0

    def _faults(self, stem: str, clears: bool, read: Read, shown: dict[str, object]) -> bool:
        """Whether the device has a fault; a clear command is obeyed, then its register goes back to 0."""
        points = self._points[stem]
        faulted = any(_any_bit(read(stem, point)) for point in points.get("fault_word", ()))
        for command in points.get("clear_faults", ()):
            if _number(read(stem, command)):
                shown[command] = 0
                if clears:
                    words = (*points.get("fault_word", ()), *points.get("alarm_word", ()))
                    shown.update(dict.fromkeys(words, 0))
                    faulted = False
        return faulted

    def _show(self, stem: str, quantities: Mapping[str, float], shown: dict[str, object]) -> None:
        for quantity, points in self._points[stem].items():
            if quantity in quantities:
                shown.update(dict.fromkeys(points, quantities[quantity]))
