"""One alarm of one instance: its place in the table, its delays, who took care of it, and its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from ess_actors.core.alarm_rules import Rules, rules_of
from ess_actors.core.alarm_state import HIDDEN, Event, State, after

FAULT: Final = "fault"
ALARM: Final = "alarm"


class Step(NamedTuple):
    """One transition. `at` = unix seconds; `by` = user or actor, empty when the plant did it."""

    id: str
    event: Event
    before: State
    after: State
    at: float
    by: str = ""
    why: str = ""


def id_of(instance: str, kind: str, source: str) -> str:
    """The id of an alarm, the same over restarts and however often it is raised."""
    return f"{instance}:{kind}:{source}"


@dataclass(slots=True)
class Alarm:
    """All times are unix seconds; 0 = not armed for the `..._at` of delays."""

    instance: str
    type: str
    source: str
    asset: str = ""
    severity: int = 3
    told: dict[str, Any] = field(default_factory=dict)
    """The rules as the documents of the instance have them."""
    state: State = State.NORMAL
    condition: bool = False
    """What the instance says, without delays."""
    active: bool = False
    owed: bool = False
    """It latches, and was raised since the last clear."""
    suppressed: bool = False
    message: str = ""
    value: Any = None
    teller: str = ""
    """Actor id of who tells of it when that is not the instance."""
    since: float = 0.0
    ended: float = 0.0
    """When it was normal again last; what is raised much later does not follow from it."""
    count: int = 0
    changed: float = 0.0
    called: float = 0.0
    """When operators were last called for it: an acknowledgement that is older is for something else."""
    cleared_by: str = ""
    """Who cleared it while it was active: it goes with its return, and the journal says on whose order."""
    leader: bool = False
    """It was raised when no fault stood anywhere."""
    cause: str = ""
    acknowledged: dict[str, Any] | None = None
    shelved: dict[str, Any] | None = None
    out_of_service: dict[str, Any] | None = None
    raise_at: float = 0.0
    return_at: float = 0.0
    realarm_at: float = 0.0
    id: str = field(init=False)
    rules: Rules = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.id = id_of(self.instance, self.type, self.source)
        self.rules = rules_of(self.told, self.type, self.source)

    def learn(self, told: Mapping[str, Any]) -> None:
        """Rules as the documents have them now."""
        if told != self.told:
            self.told = dict(told)
            self.rules = rules_of(self.told, self.type, self.source)

    @property
    def listed(self) -> bool:
        """An operator sees it."""
        return self.state is not State.NORMAL

    def due(self) -> float | None:
        """When `tick` has something to do."""
        times = [t for t in (self.raise_at, self.return_at, self.realarm_at) if t]
        if self.state is State.SHELVED and self.shelved is not None:
            times.append(float(self.shelved["until"]))
        return min(times, default=None)

    @property
    def hidden(self) -> bool:
        """Nobody is called for it."""
        return self.state in HIDDEN

    # --- what happens to it -----------------------------------------------------------------------------------

    def raised(self, at: float, since: float) -> list[Step]:
        """The instance says that it is not normal; `since` = when that began."""
        self.condition = True
        if self.return_at:  # it came back within the off-delay: it was never gone
            self.return_at = 0.0
            return []
        if self.active:
            return []
        if delay := self.rules.on_delay_s:
            self.raise_at = self.raise_at or since + delay
            return self.tick(at) if self.raise_at <= at else []
        return [self._activate(at, since)]

    def returned(self, at: float, why: str = "") -> list[Step]:
        """The instance says that it is normal again."""
        self.condition = False
        self.raise_at = 0.0
        if not self.active:
            return []
        if delay := self.rules.off_delay_s:
            self.return_at = self.return_at or at + delay
            return []
        self.active, self.ended = False, at
        return [self._step(Event.RETURN, at, why=why or self._on_order()), *self._forgotten(at)]

    def clear(self, at: float, by: str) -> list[Step]:
        """Its list was emptied. What is still active stays, and goes when it returns; what is hidden stays hidden."""
        self.owed = False
        self.cleared_by = by if self.active else ""
        if self.state is State.UNACKNOWLEDGED:
            self.acknowledged = {"by": by, "at": at}
        return [*self._told(self._step(Event.CLEAR, at, by)), *self._forgotten(at)]

    def _forgotten(self, at: float) -> list[Step]:
        """The instance forgets what is cleared and normal, and says no more of what suppresses it."""
        over = self.suppressed and not (self.condition or self.active or self.owed)
        return self.suppress(False, at, "by design") if over else []

    def reported(self, at: float) -> list[Step]:
        """The instance reports anew what was cleared while it was active: it must be cleared again."""
        if self.owed or not self.rules.latch:
            return []
        self.owed, self.acknowledged = True, None
        return self._told(self._step(Event.REALARM, at, why="still active after a clear"))

    def acknowledge(self, at: float, by: str) -> list[Step]:
        if self.state not in (State.UNACKNOWLEDGED, State.RETURNED):
            return []
        self.acknowledged = {"by": by, "at": at}
        step = self._step(Event.ACKNOWLEDGE, at, by)
        if step.after is State.ACKNOWLEDGED and self.rules.rearm_s:
            self.realarm_at = at + self.rules.rearm_s
        return [step]

    def shelve(self, at: float, by: str, until: float, why: str) -> list[Step]:
        """`until` must lie ahead: no shelf without an end."""
        if self.state is State.OUT_OF_SERVICE:
            return []
        self.shelved = {"by": by, "at": at, "until": until, "why": why}
        return [self._step(Event.SHELVE, at, by, why)]

    def unshelve(self, at: float, by: str) -> list[Step]:
        if self.state is not State.SHELVED:
            return []
        self.shelved = None
        return [self._step(Event.UNSHELVE, at, by)]

    def take_out(self, at: float, by: str, why: str) -> list[Step]:
        """Out of service, until somebody says otherwise."""
        if self.state is State.OUT_OF_SERVICE:
            return []
        self.shelved, self.out_of_service = None, {"by": by, "at": at, "why": why}
        return [self._step(Event.OUT_OF_SERVICE, at, by, why)]

    def put_back(self, at: float, by: str) -> list[Step]:
        if self.state is not State.OUT_OF_SERVICE:
            return []
        self.out_of_service = None
        return [self._step(Event.IN_SERVICE, at, by)]

    def suppress(self, on: bool, at: float, why: str) -> list[Step]:
        """Its design suppresses it from now on, or no longer."""
        if on == self.suppressed:
            return []
        self.suppressed = on
        return self._told(self._step(Event.SUPPRESS if on else Event.UNSUPPRESS, at, why=why))

    def tick(self, at: float) -> list[Step]:
        """Delays and shelves that are over."""
        steps: list[Step] = []
        if self.raise_at and self.raise_at <= at:
            since, self.raise_at = self.raise_at, 0.0
            steps.append(self._activate(at, since))
        if self.return_at and self.return_at <= at:
            self.return_at, self.active, self.ended = 0.0, False, at
            steps += [self._step(Event.RETURN, at, why=self._on_order()), *self._forgotten(at)]
        if self.realarm_at and self.realarm_at <= at:
            self.acknowledged = None
            steps.append(self._step(Event.REALARM, at))
        if self.state is State.SHELVED and (self.shelved is None or float(self.shelved["until"]) <= at):
            self.shelved = None
            steps.append(self._step(Event.SHELF_ENDS, at))
        return steps

    def _activate(self, at: float, since: float) -> Step:
        self.active, self.since, self.acknowledged = True, since, None
        self.owed = self.rules.latch
        self.cleared_by = ""
        self.leader, self.cause = False, ""
        return self._step(Event.RAISE, at)

    def _on_order(self) -> str:
        return f"cleared by {self.cleared_by}" if self.cleared_by and not self.owed else ""

    def _step(self, event: Event, at: float, by: str = "", why: str = "") -> Step:
        before = self.state
        self.state = after(before, event, active=self.active, owed=self.owed, suppressed=self.suppressed)
        if self.state is not before:
            self.changed = at
        if self.state is State.UNACKNOWLEDGED and self.state is not before:
            self.called = at
        if self.state is not State.ACKNOWLEDGED:
            self.realarm_at = 0.0
        if self.state is not State.SHELVED:
            self.shelved = None
        if self.state is State.NORMAL:
            self.acknowledged = None
        return Step(self.id, event, before, self.state, at, by, why)

    @staticmethod
    def _told(step: Step) -> list[Step]:
        """Steps that changed nothing an operator sees are none."""
        return [step] if step.before is not step.after else []

    # --- JSON -------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """As everybody reads it; `quality`, `first_out` and the final `cause` are added by who lists it."""
        rules = self.rules
        return {
            "id": self.id,
            "instance": self.instance,
            "asset": self.asset,
            "source": self.source,
            "name": rules.name,
            "type": self.type,
            "severity": self.severity,
            "priority": rules.priority,
            "state": self.state.value,
            "active": self.active,
            "latching": rules.latch,
            "quality": "GOOD",
            "message": self.message,
            "value": self.value,
            "since": self.since,
            "count": self.count,
            "changed": self.changed,
            "ended": None if self.active else self.ended,
            "first_out": False,
            "cause": self.cause or None,
            "acknowledged": self.acknowledged,
            "shelved": self.shelved,
            "out_of_service": self.out_of_service,
            "leader": self.leader,
            "consequence_of": list(rules.consequence_of),
            "consequence_window_s": rules.consequence_window_s,
        }

    def saved(self) -> dict[str, Any]:
        """Everything, for the next life of the router."""
        kept = {name: getattr(self, name) for name in _KEPT}
        kept["state"] = self.state.value
        return kept

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> "Alarm":
        """Inverse of `saved`. Raises KeyError, TypeError or ValueError for what is none."""
        alarm = cls(**{name: kept[name] for name in _KEPT if name in kept})
        alarm.state = State(kept["state"])
        if alarm.state is State.SHELVED:
            float((alarm.shelved or {})["until"])
        return alarm


_KEPT: Final = tuple(one.name for one in fields(Alarm) if one.init)
