"""The first cause of a trip over all instances and devices, and what only followed from something else."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias

Known: TypeAlias = tuple[float, str, str, float]
"""When an alarm was raised (unix seconds), its id, its source, and when it was normal again (infinite = it is not)."""

_FAULT: Final = "fault"
_UNHEARD: Final = ("suppressed", "out_of_service")
_AFTER_S: Final = 3.0
"""So long after its cause is gone a consequence may still be noticed: slow cycles, timers of monitors."""
_CHAIN: Final = 16
"""A chain of causes is not followed further: an alarm that is raised anew may close a circle."""


def mark(alarms: Sequence[dict[str, Any]]) -> None:
    """Sets `cause` and `first_out` of every alarm of the combined list. The same list gives the same marks."""
    known = {alarm["id"]: alarm for alarm in alarms}
    times = [known_of(alarm) for alarm in alarms]
    for alarm in alarms:
        alarm["cause"] = alarm["cause"] or cause_of(alarm, times) or None
        alarm["first_out"] = False
    leaders = [a for a in alarms if a["leader"] and a["type"] == _FAULT and a["state"] not in _UNHEARD]
    if leaders:
        first = min(leaders, key=_when)
        root(first, known)["first_out"] = True


def known_of(alarm: Mapping[str, Any]) -> Known:
    """Of an alarm as JSON, its own or another router's."""
    ended = alarm.get("ended")
    until = float(ended) if isinstance(ended, (int, float)) else float("inf")
    return float(alarm["since"]), str(alarm["id"]), str(alarm["source"]), until


def leads(faults: Iterable[tuple[str, str]], identity: str) -> bool:
    """Whether a fault that is raised now begins a trip: no other fault (id, state) is listed anywhere."""
    return not any(other != identity and state not in _UNHEARD for other, state in faults)


def cause_of(alarm: Mapping[str, Any], known: Iterable[Known]) -> str:
    """Id of the alarm that this one follows from by its configuration: the earliest that came within the window
    before it and had not been gone for long. Empty when there is none."""
    patterns = alarm["consequence_of"]
    if not patterns:
        return ""
    own = float(alarm["since"]), str(alarm["id"])
    earliest = own[0] - alarm["consequence_window_s"]
    found = [
        one
        for one in known
        if earliest <= one[0]
        and one[:2] < own
        and own[0] <= one[3] + _AFTER_S
        and one[2] != alarm["source"]
        and any(fnmatchcase(one[2], p) or fnmatchcase(one[1], p) for p in patterns)
    ]
    return min(found)[1] if found else ""


def root(alarm: dict[str, Any], known: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The alarm at the end of the chain of causes, as far as it is in the list."""
    for _ in range(_CHAIN):
        above = known.get(alarm["cause"] or "")
        if above is None:
            break
        alarm = above
    return alarm


def _when(alarm: Mapping[str, Any]) -> tuple[float, str]:
    return float(alarm["since"]), str(alarm["id"])
