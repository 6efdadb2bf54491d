"""HandlePowerCmd: the power the PCS is told, inside what batteries and PCS allow. Positive = discharge."""

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.events import INFO
from ess_actors.core.latch import shown
from ess_actors.core.plans import Prepared
from ess_actors.core.quality import of_total
from ess_actors.core.variables import Slot, Variable

POWER_FACTOR: Final = 0.75
"""The rated power factor of a PCS that does not say."""
_BESIDE: Final = 1e-9
"""Relative: a power this close to a limit is not beyond it."""


class Ratings(NamedTuple):
    """What a PCS can do: active, reactive and apparent power, all >= 0."""

    active: float
    reactive: float
    apparent: float


def ratings(
    active: float | None, reactive: float | None, apparent: float | None, factor: float = POWER_FACTOR
) -> Ratings:
    """A rating that is not there follows from the others by the rated power factor; 0 without any."""
    factor = min(max(factor, 0.0), 1.0)
    if apparent is None:
        if active is not None and reactive is not None:
            apparent = math.hypot(active, reactive)
        else:
            apparent = active / factor if active is not None and factor else active or reactive or 0.0
    if active is None:
        active = apparent * factor
    if reactive is None:
        reactive = apparent * math.sqrt(1.0 - factor * factor)
    return Ratings(max(0.0, active), max(0.0, reactive), max(0.0, apparent))


class Limits(NamedTuple):
    """Bounds of a command; `charge` <= 0, the others >= 0."""

    discharge: float
    charge: float
    reactive: float
    apparent: float


def limits(rated: Ratings, discharge: float, charge: float) -> Limits:
    """The smaller of what the batteries and the PCS allow. A charge limit counts with either sign."""
    most = min(max(0.0, discharge), rated.active)
    least = -min(abs(charge), rated.active)
    reach = math.hypot(max(most, -least), rated.reactive)
    return Limits(most, least or 0.0, rated.reactive, min(rated.apparent, reach))


def command(
    bounds: Limits, active: float, reactive: float, reactive_first: bool
) -> tuple[float, float, set[str]]:
    """Active and reactive power inside the bounds, and the names of the bounds that were reached."""
    p = min(max(active, bounds.charge), bounds.discharge)
    q = min(max(reactive, -bounds.reactive), bounds.reactive)
    reached = set()
    if p != active:
        reached.add("MaxDischargePower" if active > p else "MaxChargePower")
    if q != reactive:
        reached.add("MaxReactivePower")
    apparent = bounds.apparent
    if math.hypot(p, q) > apparent * (1 + _BESIDE):
        reached.add("MaxApparentPower")
        if reactive_first:
            q, p = _share(q, p, apparent)
        else:
            p, q = _share(p, q, apparent)
    return p, q, reached


def _share(first: float, second: float, apparent: float) -> tuple[float, float]:
    """The first as far as it goes, the second out of what it leaves, both with their signs."""
    first = math.copysign(min(abs(first), apparent), first)
    rest = math.sqrt(max(0.0, apparent * apparent - first * first))
    return first, math.copysign(min(abs(second), rest), second)


class _Power(Prepared):
    """The places of one power command."""

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.engine = engine
        self.var = var
        bms, pcs, ess = (var.text(name, name) for name in ("bms", "pcs", "ess"))
        self.pcs = pcs
        self.reached: set[str] = set()

        def rating(name: str) -> tuple[Slot, Slot]:
            return engine.map.slot(f"/limits/{pcs}", name), engine.map.slot(f"/config/{pcs}", name)

        self.rated = [rating(f"Rated{name}") for name in ("ActivePower", "ReactivePower", "ApparentPower")]
        self.factor = rating("RatedPowerFactor")
        battery = engine.assets.find(bms)
        self.battery = [
            engine.context(battery, name) if battery else engine.ensure(f"/status/{bms}", name, 0)
            for name in ("DischargePowerLimit", "ChargePowerLimit")
        ]
        names = ("MaxDischargePower", "MaxChargePower", "MaxReactivePower", "MaxApparentPower")
        self.limits = [engine.ensure(f"/limits/{ess}", name, 0) for name in names]
        controls = f"/controls/{pcs}"
        self.wanted = [engine.ensure(controls, f"{kind}PowerSetpoint", 0) for kind in ("Active", "Reactive")]
        self.told = [engine.ensure(controls, f"{kind}PowerCmdReal", 0) for kind in ("Active", "Reactive")]
        self.priority = [engine.map.slot(table, "PowerPriority") for table in (controls, f"/config/{pcs}")]

    def follow(self, before: Prepared) -> None:
        """A limit that was reached is still known."""
        if isinstance(before, _Power):
            self.reached = before.reached

    def run(self) -> None:
        """One call: limits first, then the command."""
        engine = self.engine
        values = [_number(var) for var in (*self.battery, *self.wanted)]
        if None in values:
            engine.counters["not_calculated"] += 1
            return
        discharge, charge, active, reactive = (value or 0.0 for value in values)
        factor = _first(self.factor)
        p, q, apparent = (_first(places) for places in self.rated)
        rated = ratings(p, q, apparent, POWER_FACTOR if factor is None else factor)
        bounds = limits(rated, discharge, charge)
        quality = of_total([var.cell.quality for var in self.battery])
        for var, bound in zip(self.limits, bounds, strict=True):
            if var.cell.quality is not quality or var.cell.value != bound:
                engine.write(var, bound, quality)
        real, idle, reached = command(bounds, active, reactive, self._priority() == "Q")
        quality = of_total([quality, *(var.cell.quality for var in self.wanted)])
        for var, power in zip(self.told, (real, idle), strict=True):
            engine.write(var, power, quality, fire=False)
        for name in sorted(reached - self.reached):
            engine.event(self.pcs, self._text(name, active, reactive, real, idle), INFO)
        self.reached = reached

    def _priority(self) -> str:
        named = self.var.params.get("PowerPriority")
        found = (slot.var.cell.value for slot in self.priority if slot.var is not None)
        return str(named if named is not None else next(found, "P"))

    def _text(self, limit: str, active: float, reactive: float, p: float, q: float) -> str:
        wanted = f"P {shown(active)}, Q {shown(reactive)}"
        return f"[{self.var.name}] {limit} reached: {wanted} became P {shown(p)}, Q {shown(q)}"


def _number(var: Variable) -> float | None:
    value = var.cell.value
    return None if isinstance(value, str) else float(value)


def _first(places: Iterable[Slot]) -> float | None:
    """The number of the first place that has a variable."""
    return next((_number(slot.var) for slot in places if slot.var is not None), None)


def handle_power_cmd(engine: Engine, asset: Asset, var: Variable) -> None:
    """Limits of the assets `bms`, `pcs`, `ess`, and the setpoints of the PCS inside them."""
    power = engine.plan("HandlePowerCmd", asset, var, lambda: _Power(engine, asset, var))
    assert isinstance(power, _Power)
    power.run()


FUNCTIONS: Final[Mapping[str, Function]] = {"HandlePowerCmd": handle_power_cmd}
