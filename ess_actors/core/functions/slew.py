"""SlewVal: a variable follows a wanted value no faster than a ramp allows."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.functions.places import number_in, number_of, place
from ess_actors.core.plans import Prepared
from ess_actors.core.variables import Variable


class _Ramp(Prepared):
    """What was prepared for one wanted value. Rated in the unit of the value, rate in % of it per second."""

    __slots__ = ("last", "rate", "rated", "slewed")

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.slewed = place(engine, asset, var, "SlewedVal")
        self.rate = number_in(engine, asset, var, "SlewRate")
        self.rated = number_in(engine, asset, var, "RatedValue")
        self.last: float | None = None

    def follow(self, before: Prepared) -> None:
        """A changed rate goes on from where the ramp is."""
        if isinstance(before, _Ramp):
            self.last = before.last


def slew_val(engine: Engine, asset: Asset, var: Variable) -> None:
    """Move `SlewedVal` towards the value by at most RatedValue * SlewRate / 100 per second.

    At once when the variable is disabled. The first call only notes the time.
    """
    ramp = engine.plan("SlewVal", asset, var, lambda: _Ramp(engine, asset, var))
    assert isinstance(ramp, _Ramp)
    before, ramp.last = ramp.last, engine.now
    wanted = var.cell.value
    target = ramp.slewed.var if ramp.slewed is not None else None
    if target is None or isinstance(wanted, str):
        engine.counters["not_calculated"] += 1
        return
    present = number_of(ramp.slewed)
    if engine.enabled(var):
        if before is None:
            return
        most = max(0.0, ramp.rated() * ramp.rate() / 100 * (engine.now - before))
        wanted = min(max(wanted, present - most), present + most)
    cell = var.cell
    if abs(wanted - present) > target.cell.deadband or target.cell.quality is not cell.quality:
        engine.write(target, wanted, cell.quality)


FUNCTIONS: Final[Mapping[str, Function]] = {"SlewVal": slew_val}
