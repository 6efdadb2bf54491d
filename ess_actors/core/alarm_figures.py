"""What the alarms of a site ask of its operators: rates, floods, the most frequent, chattering and stale ones."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ess_actors.core.alarm_history import ACKNOWLEDGED, NORMAL, UNACKNOWLEDGED, Transition

WINDOW_S: Final = 600
FLOOD_BEGINS: Final = 10
"""More than so many alarms in WINDOW_S are a flood ..."""
FLOOD_ENDS: Final = 5
"""... until there are fewer than so many."""
HOUR_S: Final = 3600
DAY_S: Final = 86_400
TOP: Final = 10
CHATTER: Final = 3
CHATTER_S: Final = 60.0
"""CHATTER activations of one alarm within so long are chattering; it counts as such for WINDOW_S."""
MOST_ALARMS: Final = 5000
"""Alarms that are watched for chattering, and those counted in one hour; the ones quiet for longest go first."""
_FLOODS: Final = 200
_SET_BACK_S: Final = 60
_PRESENTED: Final = frozenset({UNACKNOWLEDGED, ACKNOWLEDGED})
COUNTED: Final = ("shelved", "suppressed", "out_of_service")


@dataclass(slots=True)
class Flood:
    """A time in which alarms came faster than anybody can read. Unix seconds; `end` None = it lasts."""

    begin: int
    end: int | None
    peak: int
    """Most alarms in any WINDOW_S of it."""


class Standing(NamedTuple):
    """One alarm that is not normal."""

    instance: str
    priority: str
    state: str
    since: float
    """Unix seconds of its last activation."""
    changed: float


class AlarmFigures:
    """Fed with transitions in the order they happened, and with the list of alarms. Memory does not grow with time.

    All times are unix seconds. An alarm counts when it sounds (becomes unacknowledged active), to the second.
    """

    def __init__(self, operators: int = 1) -> None:
        self.standing: dict[str, Standing] = {}
        """By id of the alarm."""
        self._operators = max(1, operators)
        self._newest_now = 0.0
        self._forget(0)

    def _forget(self, second: int) -> None:
        self._second = second
        self._begun: int | None = None
        self._window: deque[list[int]] = deque()
        self._hour: deque[list[int]] = deque()
        self._in_window = self._in_hour = 0
        self._slots: dict[int, int] = {}
        self._hours: dict[int, Counter[str]] = {}
        self._floods: deque[Flood] = deque(maxlen=_FLOODS)
        self._flood: Flood | None = None
        self._last: dict[str, deque[float]] = {}
        self._chattering: dict[str, float] = {}

    # --- what happens -----------------------------------------------------------------------------------------

    def begin(self, wall: float) -> None:
        """From here on everything that happens is told: shares of time are reckoned from here."""
        self._begun = int(wall) if self._begun is None else min(self._begun, int(wall))

    def note(self, transition: Transition, now: float) -> None:
        """One step of an alarm, at `now`; one that says it comes from the future happened now.

        What is told later than WINDOW_S counts where it belongs in the day, and is no part of a flood any more.
        """
        self._step(transition)
        at = min(transition.time, now)
        self._clock(now)
        self._advance(int(at))
        if not transition.annunciates or at <= self._second - DAY_S:
            return
        self.begin(at)
        late = at < self._second - WINDOW_S
        second = int(at) if late else self._second
        slot = second - second % WINDOW_S
        self._slots[slot] = self._slots.get(slot, 0) + 1
        self._count(transition.id, second - second % HOUR_S)
        if not late:
            self._sounds(transition.id, at)

    def told(self, alarms: Iterable[Mapping[str, Any]], asked: float, unknown: Iterable[str] = ()) -> None:
        """The list as the routers told it when they were `asked`; what changed since is known better.

        Alarms of `unknown` instances stay as they were.
        """
        silent = frozenset(unknown)
        found = {str(alarm.get("id")): _standing(alarm) for alarm in alarms}
        for alarm_id, known in self.standing.items():
            if known.changed > asked or (known.instance in silent and alarm_id not in found):
                found[alarm_id] = known
        self.standing = {alarm_id: one for alarm_id, one in found.items() if one.state != NORMAL}

    # --- what came of it --------------------------------------------------------------------------------------

    def in_flood(self, now: float) -> bool:
        """Whether the last WINDOW_S are part of a flood."""
        self._to(now)
        return self._flood is not None

    def per_10_min(self, now: float) -> int:
        """Alarms of the last WINDOW_S."""
        self._to(now)
        return self._in_window

    def per_operator_hour(self, now: float) -> float:
        """Alarms of the last hour for each operator."""
        self._to(now)
        return self._in_hour / self._operators

    def count(self, state: str) -> int:
        """Alarms that are in this state."""
        return sum(one.state == state for one in self.standing.values())

    def presented(self) -> int:
        """Alarms an operator has before him: active, and neither shelved nor suppressed nor out of service."""
        return sum(one.state in _PRESENTED for one in self.standing.values())

    def chattering(self, now: float) -> list[str]:
        """Ids of those that sounded CHATTER times within CHATTER_S in the last WINDOW_S."""
        self._to(now)
        return sorted(self._chattering)

    def stale(self, now: float) -> list[str]:
        """Ids of those that have been active for more than a day, the oldest first."""
        old = [
            (one.since, alarm_id)
            for alarm_id, one in self.standing.items()
            if one.state in _PRESENTED and now - one.since > DAY_S
        ]
        return [alarm_id for _, alarm_id in sorted(old)]

    def as_json(self, now: float) -> dict[str, object]:
        """All figures. Counts of floods, top and series are those of the last day."""
        self._to(now)
        second = int(now)
        recent = [flood for flood in self._floods if flood.end is None or flood.end > second - DAY_S]
        top: Counter[str] = Counter()
        for counts in self._hours.values():
            top.update(counts)
        first = second - second % WINDOW_S - DAY_S + WINDOW_S
        return {
            "at": now,
            "since": self._begun,
            "operators": self._operators,
            "per_10_min": self._in_window,
            "per_operator_hour": round(self._in_hour / self._operators, 2),
            "flood": {
                "now": self._flood is not None,
                "since": self._flood.begin if self._flood is not None else None,
                "total": len(recent),
                "ratio": self._ratio(recent, second),
                "list": [{"begin": f.begin, "end": f.end, "peak": f.peak} for f in reversed(recent)],
            },
            "series": [[at, self._slots.get(at, 0)] for at in range(first, second + 1, WINDOW_S)],
            "top": [{"id": alarm_id, "count": count} for alarm_id, count in top.most_common(TOP)],
            "chattering": sorted(self._chattering),
            "stale": self.stale(now),
            "standing": self.presented(),
            "unacknowledged": self.count(UNACKNOWLEDGED),
            **{state: self.count(state) for state in COUNTED},
        }

    # --- details ----------------------------------------------------------------------------------------------

    def _sounds(self, alarm_id: str, at: float) -> None:
        second = self._second
        for counts in (self._window, self._hour):
            if counts and counts[-1][0] == second:
                counts[-1][1] += 1
            else:
                counts.append([second, 1])
        self._in_window += 1
        self._in_hour += 1
        self._watch(alarm_id, at)
        if self._flood is None and self._in_window > FLOOD_BEGINS:
            self._flood = Flood(second, None, self._in_window)
            self._floods.append(self._flood)
        if self._flood is not None:
            self._flood.peak = max(self._flood.peak, self._in_window)

    def _step(self, step: Transition) -> None:
        if step.after == NORMAL:
            self.standing.pop(step.id, None)
            return
        known = self.standing.get(step.id)
        if known is not None and known.changed > step.time:
            return
        since = step.time if known is None or step.annunciates else known.since
        priority = step.priority or (known.priority if known is not None else "")
        self.standing[step.id] = Standing(step.instance, priority, step.after, since, step.time)

    def _to(self, now: float) -> None:
        self._clock(now)
        self._advance(int(now))

    def _clock(self, now: float) -> None:
        if now < self._newest_now - _SET_BACK_S:
            # The clock was set back: what was counted lies in the future and would never go out of the windows.
            self._forget(int(now))
            self.begin(now)
            self._newest_now = now
        self._newest_now = max(self._newest_now, now)

    def _advance(self, second: int) -> None:
        if second <= self._second:
            return
        while self._window and self._window[0][0] <= second - WINDOW_S:
            at, count = self._window.popleft()
            self._in_window -= count
            if self._flood is not None and self._in_window < FLOOD_ENDS:
                self._flood.end, self._flood = at + WINDOW_S, None
        while self._hour and self._hour[0][0] <= second - HOUR_S:
            self._in_hour -= self._hour.popleft()[1]
        if second // WINDOW_S != self._second // WINDOW_S:
            self._slots = {at: n for at, n in self._slots.items() if at > second - DAY_S - WINDOW_S}
            self._hours = {at: c for at, c in self._hours.items() if at > second - DAY_S}
        self._chattering = {a: at for a, at in self._chattering.items() if at > second - WINDOW_S}
        self._second = second

    def _count(self, alarm_id: str, hour: int) -> None:
        counts = self._hours.get(hour)
        if counts is None:
            counts = self._hours[hour] = Counter()
        counts[alarm_id] += 1
        if len(counts) > 2 * MOST_ALARMS:
            self._hours[hour] = Counter(dict(counts.most_common(MOST_ALARMS)))

    def _watch(self, alarm_id: str, at: float) -> None:
        times = self._last.pop(alarm_id, None) or deque(maxlen=CHATTER)
        times.append(at)
        self._last[alarm_id] = times
        if len(times) == CHATTER and at - times[0] <= CHATTER_S:
            self._chattering[alarm_id] = at
        if len(self._last) > MOST_ALARMS:
            del self._last[next(iter(self._last))]

    def _ratio(self, floods: Iterable[Flood], second: int) -> float:
        """Share of the last day, or of what is known of it, that lay in floods."""
        begin = max(second - DAY_S, self._begun if self._begun is not None else second)
        inside = sum(
            max(0, (second if flood.end is None else flood.end) - max(flood.begin, begin)) for flood in floods
        )
        return round(inside / (second - begin), 4) if second > begin else 0.0


def _standing(alarm: Mapping[str, Any]) -> Standing:
    since, changed = alarm.get("since"), alarm.get("changed")
    return Standing(
        str(alarm.get("instance") or ""),
        str(alarm.get("priority") or ""),
        str(alarm.get("state") or ""),
        float(since) if isinstance(since, int | float) else 0.0,
        float(changed) if isinstance(changed, int | float) else 0.0,
    )
