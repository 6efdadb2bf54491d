"""What functions prepared on their first call with a variable, and when they prepare it again."""

from collections.abc import Callable
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.tables import DataMap
from ess_actors.core.variables import NUMBER, Variable

RUNNING: Final = 2
RELINK: Final = 1
"""What `/reload/<asset>:<function>_<variable>` may be set to: prepare again, and keep what runs (timers, states).
With 0 everything begins anew."""


class Prepared:
    """A plan that remembers something between two calls."""

    def follow(self, before: "Prepared") -> None:
        """Take over what the plan before had under way."""


class _Kept:
    __slots__ = ("plan", "reload", "version")

    def __init__(self, reload: Variable) -> None:
        self.reload = reload
        self.version = -1
        self.plan: object = None


class Plans:
    """The plans of one instance, by function, asset and variable."""

    def __init__(self, tables: DataMap) -> None:
        self._tables = tables
        self._kept: dict[tuple[str, Asset, Variable], _Kept] = {}

    def of(
        self, function: str, asset: Asset, var: Variable, build: Callable[[], object], now: float
    ) -> object:
        """The plan; built on the first call, after a change of the variable's params, and on a reload."""
        kept = self._kept.get((function, asset, var))
        if kept is None:
            reload = self._tables.ensure(f"/reload/{asset.name}", f"{function}_{var.name}", 0, now)
            kept = self._kept[function, asset, var] = _Kept(reload)
        if kept.reload.cell.value != RUNNING:
            self._reload(kept.reload, now)
        if kept.version != var.version:
            before, plan = kept.plan, build()
            if isinstance(plan, Prepared) and isinstance(before, Prepared):
                plan.follow(before)
            kept.version, kept.plan = var.version, plan
        return kept.plan

    def again(self) -> None:
        """Prepare all of them again with their next call, and keep what runs."""
        for kept in self._kept.values():
            kept.version = -1

    def _reload(self, reload: Variable, now: float) -> None:
        """Variables of one name in several tables share the switch."""
        anew = reload.cell.value != RELINK
        for kept in self._kept.values():
            if kept.reload is reload:
                kept.version = -1
                if anew:
                    kept.plan = None
        reload.cell.put(RUNNING, NUMBER, now)
