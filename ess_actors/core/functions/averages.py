"""MathMovAvg, SetVecDepth: mean, extremes and filters of the last values of a variable."""

from collections.abc import Callable, Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.functions.places import number_of, place
from ess_actors.core.history import DEEPEST, History
from ess_actors.core.plans import Prepared
from ess_actors.core.variables import Slot, Variable

DEPTH: Final = 16
_STATISTICS: Final[Mapping[str, Callable[[History], float]]] = {
    "outAvg": lambda kept: kept.average,
    "outMax": lambda kept: kept.largest,
    "outMin": lambda kept: kept.smallest,
    "outSp": lambda kept: kept.spread,
    "outSum": lambda kept: kept.total,
}
_SAVED: Final = ("savedMin", "savedMinTime", "savedMax", "savedMaxTime")


class _Window(Prepared):
    """What was prepared for one input, and what it saw last."""

    __slots__ = ("buffer", "filtered", "last", "own", "statistics", "time", "timed")

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.buffer = place(engine, asset, var, "vecAv")
        self.own = History(min(max(1, int(var.number("depth", DEPTH))), DEEPEST))
        vector = self.buffer.var if self.buffer is not None else None
        if vector is not None and ("depth" in var.params or vector.history is None):
            engine.set_param(vector, "depth", self.own.values.maxlen)
        outputs = ((place(engine, asset, var, name), figure) for name, figure in _STATISTICS.items())
        self.statistics = [(slot, figure) for slot, figure in outputs if slot is not None]
        self.filtered = place(engine, asset, var, "outFilt")
        self.timed = place(engine, asset, var, "outTimeFilt")
        self.last: float | None = None
        self.time = engine.now

    def follow(self, before: Prepared) -> None:
        """Changed params leave what was seen."""
        if isinstance(before, _Window):
            self.last, self.time = before.last, before.time
            self.own.values.extend(before.own.values)

    def history(self) -> History:
        """That of the buffer variable, without one the function's own."""
        vector = self.buffer.var if self.buffer is not None else None
        return self.own if vector is None or vector.history is None else vector.history

    def cut(self, value: float, share: float) -> float:
        """A step of more than this share of the last value is cut to it; from 0 every step is possible."""
        if self.last and share > 0:
            most = abs(self.last) * share
            value = min(max(value, self.last - most), self.last + most)
        self.last = value
        return value


def math_mov_avg(engine: Engine, asset: Asset, var: Variable) -> None:
    """Take the value into the buffer `vecAv` of `depth` values and write the outputs that are named."""
    window = engine.plan("MathMovAvg", asset, var, lambda: _Window(engine, asset, var))
    assert isinstance(window, _Window)
    if isinstance(var.cell.value, str):
        engine.counters["not_calculated"] += 1
        return
    if var.flag("reset"):
        window.history().values.clear()
        window.last = None
        for name in _SAVED:
            var.params.pop(name, None)
        var.params["reset"] = False
    value = window.cut(float(var.cell.value), var.number("window"))
    if window.buffer is not None and window.buffer.var is not None:
        engine.write(window.buffer.var, value, var.cell.quality, fire=False)
    else:
        window.own.take(value)
    _save_extremes(engine, var, value)
    kept = window.history()
    for slot, figure in window.statistics:
        _put(engine, slot, figure(kept), var)
    _filter(engine, window, value, var)


def _save_extremes(engine: Engine, var: Variable, value: float) -> None:
    params = var.params
    if "savedMin" not in params or value < var.number("savedMin"):
        params.update({"savedMin": value, "savedMinTime": engine.now})
    if "savedMax" not in params or value > var.number("savedMax"):
        params.update({"savedMax": value, "savedMaxTime": engine.now})


def _filter(engine: Engine, window: _Window, value: float, var: Variable) -> None:
    factor = var.number("filtFac")
    seconds, window.time = engine.now - window.time, engine.now
    if window.filtered is not None:
        before = number_of(window.filtered)
        _put(engine, window.filtered, value * factor - before * (factor - 1), var)
    if window.timed is not None:
        before = number_of(window.timed)
        _put(engine, window.timed, before + (value - before) * (1 - factor) * min(seconds, 1.0), var)


def _put(engine: Engine, slot: Slot, value: float, source: Variable) -> None:
    if slot.var is not None:
        engine.write(slot.var, value, source.cell.quality)


def set_vec_depth(engine: Engine, asset: Asset, var: Variable) -> None:
    """Empty the history of `vecAv` and give it the depth of param `depth`, without one that of the value."""
    slot = place(engine, asset, var, "vecAv")
    vector = slot.var if slot is not None else None
    if vector is None or ("depth" not in var.params and isinstance(var.cell.value, str)):
        engine.counters["not_calculated"] += 1
        return
    depth = var.number("depth") if "depth" in var.params else float(var.cell.value)
    engine.set_param(vector, "depth", min(max(0, int(depth)), DEEPEST))
    if vector.history is not None:
        vector.history.values.clear()


FUNCTIONS: Final[Mapping[str, Function]] = {"MathMovAvg": math_mov_avg, "SetVecDepth": set_vec_depth}
