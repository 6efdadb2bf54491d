"""One step of an alarm from state to state as the journal keeps it, and what may be asked of all of them."""

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

NORMAL: Final = "normal"
UNACKNOWLEDGED: Final = "unacknowledged_active"
ACKNOWLEDGED: Final = "acknowledged_active"
_KIND: Final = "transition"
_MARK: Final = b'"transition"'


class Transition(NamedTuple):
    """One step. `time` = unix seconds; `before` and `after` are states, `value` is JSON text."""

    time: float
    id: str
    """instance:type:source of the alarm."""
    instance: str
    source: str
    before: str
    after: str
    by: str
    """Who ordered it; empty for what happened by itself."""
    why: str
    value: str
    priority: str

    @property
    def annunciates(self) -> bool:
        """Whether it asks for an operator: the alarm sounds, for the first time or again."""
        return self.after == UNACKNOWLEDGED != self.before

    def as_row(self) -> dict[str, object]:
        """As the operator API shows it."""
        return {
            "time": self.time,
            "id": self.id,
            "instance": self.instance,
            "source": self.source,
            "from": self.before,
            "to": self.after,
            "by": self.by,
            "why": self.why,
            "value": orjson.loads(self.value) if self.value else None,
            "priority": self.priority,
        }


class TransitionFilter(NamedTuple):
    """Which transitions are wanted, newest first. Empty texts and None match everything."""

    since: float | None = None
    """Unix seconds, inclusive."""
    until: float | None = None
    """Unix seconds, exclusive."""
    instance: str = ""
    priority: str = ""
    text: str = ""
    """Part of id, value, reason or name of who ordered it; case does not matter."""
    limit: int = 500
    behind: tuple[float, int] | None = None
    """Go on behind the last one of an earlier answer: its time and number."""


def sounding(at: float, alarm_id: str) -> Transition:
    """The step of an alarm that sounds, when no more is known of it."""
    instance, _, rest = alarm_id.partition(":")
    source = rest.partition(":")[2]
    return Transition(at, alarm_id, instance, source, NORMAL, UNACKNOWLEDGED, "", "", "", "")


def transition_of(body: bytes, wall: float) -> Transition | None:
    """The transition a router published; None for everything else it says. `wall` stands for a missing time."""
    if _MARK not in body:
        return None
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict) or told.get("kind") != _KIND:
        return None
    alarm_id = _text(told, "id")
    instance, _, rest = alarm_id.partition(":")
    source = rest.partition(":")[2]
    at = told.get("at")
    value = told.get("value")
    return Transition(
        float(at) if isinstance(at, int | float) and math.isfinite(at) else wall,
        alarm_id,
        _text(told, "instance") or instance,
        _text(told, "source") or source,
        _text(told, "from"),
        _text(told, "to"),
        _text(told, "by"),
        _text(told, "why"),
        "" if value is None else orjson.dumps(value).decode(),
        _text(told, "priority"),
    )


def _text(told: Mapping[str, Any], member: str) -> str:
    value = told.get(member)
    return value if isinstance(value, str) else ""
