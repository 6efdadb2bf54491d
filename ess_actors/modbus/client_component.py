"""One component as its client serves it: readings, figures, the search for refused points, standing setpoints."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ess_actors.core.component import ComponentState
from ess_actors.core.points import Component
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_stats import ComponentStats
from ess_actors.modbus.isolation import Isolation
from ess_actors.modbus.reassert import Assertions


@dataclass(frozen=True, slots=True)
class Setter:
    """Who set a point last."""

    by: str
    """Id of the actor that asked for it."""
    wall: float
    """Unix seconds."""
    value: object
    status: str

    def as_body(self) -> dict[str, object]:
        """For an operator."""
        return {
            "process": self.by,
            "time": datetime.fromtimestamp(self.wall, UTC).isoformat(timespec="milliseconds"),
            "value": self.value,
            "status": self.status,
        }


class Served:
    """Lives as long as its component stays the same, over reloads too."""

    def __init__(self, component: Component, asker: Asker, now: float) -> None:
        self.state = ComponentState(component, now)
        self.stats = ComponentStats()
        self.isolation = Isolation(self.state, asker, self.stats.others)
        self.assertions = Assertions(self.state)
        self.setters: dict[str, Setter] = {}
        self.busy = False
        """A cycle of it runs."""

    def inherit(self, other: "Served") -> None:
        """What an operator has ordered stays in force when the component changes."""
        points, shown = self.state.points, self.state.published
        self.state.forced.update((n, value) for n, value in other.state.forced.items() if n in shown)
        self.state.disabled.update(name for name in other.state.disabled if name in points)
        self.setters.update((name, setter) for name, setter in other.setters.items() if name in points)
        self.assertions.inherit(other.assertions)
        if self.state.disabled:
            self.state.replan()
