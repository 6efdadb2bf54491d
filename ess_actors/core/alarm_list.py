"""The alarms that one instance has told of: every note of it becomes steps of the table; kept over restarts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ess_actors.core.alarm_record import ALARM, FAULT, Alarm, Step, id_of
from ess_actors.core.alarm_state import State

QUIET: Final = 500
"""Alarms that are normal again and still remembered: what is known can be taken out of service."""

_FUZZ_S: Final = 1e-3
"""Timers are set on another clock: one this close to its end has run out."""


class AlarmList:
    """Pure. `wall` = unix seconds. Whatever changes is in `changes` until it is taken."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.alarms: dict[str, Alarm] = {}
        self.version = 0
        """Moves on with every change that a reader can see."""
        self._by_source: dict[str, dict[str, Alarm]] = {}
        self._changed: dict[str, None] = {}
        self._quiet: dict[str, None] = {}
        self._timed: dict[str, float] = {}

    # --- what the instance says -------------------------------------------------------------------------------

    def raised(self, body: Mapping[str, Any], wall: float) -> tuple[Alarm, list[Step]]:
        """A source is not normal. With `again` it only tells what it told before: `since` says what was missed."""
        kind = FAULT if body.get("type") == FAULT else ALARM
        alarm = self._get(str(body.get("instance", self.instance)), kind, str(body.get("source", "")))
        since = _number(body.get("since"), wall)
        count = int(_number(body.get("count"), 0))
        again = body.get("again") is True
        rules = body.get("rules")
        alarm.learn(rules if isinstance(rules, dict) else {})
        alarm.asset = str(body.get("asset") or "")
        alarm.severity = int(_number(body.get("severity"), 3))
        alarm.message, alarm.value = str(body.get("message") or ""), body.get("value")
        self._touch(alarm)
        steps: list[Step] = []
        if "suppressed" in body:
            steps += alarm.suppress(body["suppressed"] is True, wall, "by design")
        alarm.count = count or (1 if alarm.state is State.NORMAL else alarm.count + 1)
        cleared = body.get("cleared") is True
        if alarm.active and alarm.condition:
            steps += [] if cleared else alarm.reported(wall)
        elif not again or alarm.since < since:
            steps += alarm.raised(wall, since)
        if cleared:
            steps += alarm.clear(wall, "")
        return alarm, steps

    def normal(self, source: object, wall: float, why: str = "") -> list[Step]:
        """A source is normal again, whoever raised it."""
        steps: list[Step] = []
        for alarm in self._of(source):
            self._touch(alarm)
            steps += alarm.returned(wall, why)
        return steps

    def cleared(
        self, sources: Iterable[str], kind: object, wall: float, by: str
    ) -> tuple[list[str], list[Step]]:
        """Lists were emptied: ids of what stood in them, and the steps."""
        stood: list[str] = []
        steps: list[Step] = []
        for source in dict.fromkeys(sources):
            for alarm in self._of(source):
                if alarm.type != kind:
                    continue
                if alarm.listed:
                    stood.append(alarm.id)
                self._touch(alarm)
                steps += alarm.clear(wall, by)
        return stood, steps

    def suppressed(self, source: object, on: bool, wall: float) -> list[Step]:
        """The design of a source suppresses it from now on, or no longer."""
        steps: list[Step] = []
        for alarm in self._of(source):
            self._touch(alarm)
            steps += alarm.suppress(on, wall, "by design")
        return steps

    def reconcile(self, told: Iterable[object], present: Iterable[str], wall: float) -> list[Step]:
        """All that the instance has told of and that still counts, as [instance, source, type, returned, cleared];
        and the sources that are not normal. What it knows otherwise than this list is what was missed."""
        rows: dict[str, bool] = {}
        cleared: set[str] = set()
        for row in told:
            if isinstance(row, list) and len(row) == 5:
                identity = id_of(str(row[0]), str(row[2]), str(row[1]))
                rows[identity] = row[3] is True
                if row[4] is True:
                    cleared.add(identity)
        wrong = set(present)
        why = "the instance says so after a restart"
        steps: list[Step] = []
        for alarm in list(self.alarms.values()):
            if alarm.teller:
                continue
            stands = alarm.source in wrong and not rows.get(alarm.id, False)
            if alarm.condition and not stands:
                steps += alarm.returned(wall, why)
            elif not alarm.condition and alarm.id in rows and stands:
                steps += alarm.raised(wall, wall)
                steps += alarm.clear(wall, "") if alarm.id in cleared else []
            if alarm.listed and alarm.id not in rows and not alarm.condition:
                steps += alarm.clear(wall, "")
            self._touch(alarm)
        return steps

    # --- time -------------------------------------------------------------------------------------------------

    def tick(self, wall: float) -> list[Step]:
        """Delays and shelves that are over."""
        steps: list[Step] = []
        for identity, due in [one for one in self._timed.items() if one[1] <= wall + _FUZZ_S]:
            alarm = self.alarms[identity]
            self._touch(alarm)
            steps += alarm.tick(max(due, wall))
        return steps

    def due(self) -> float | None:
        """Unix seconds of the next delay or shelf that ends, as of the last `changes`."""
        return min(self._timed.values(), default=None)

    # --- looking, keeping -------------------------------------------------------------------------------------

    def listed(self) -> list[Alarm]:
        """What an operator sees, in order of their first raise."""
        return [alarm for alarm in self.alarms.values() if alarm.listed]

    def changed(self, alarm: Alarm) -> None:
        """Somebody else changed this alarm."""
        self._touch(alarm)

    def changes(self) -> dict[str, object]:
        """State key -> value of what has changed since the last call, None = gone."""
        out: dict[str, object] = {}
        for identity in self._changed:
            alarm = self.alarms[identity]
            self._quiet.pop(identity, None)
            self._timed.pop(identity, None)
            if alarm.state is State.NORMAL and not alarm.condition:
                self._quiet[identity] = None
            elif (due := alarm.due()) is not None:
                self._timed[identity] = due
            out[identity] = alarm.saved()
        while len(self._quiet) > QUIET:
            oldest = next(iter(self._quiet))
            del self._quiet[oldest]
            gone = self.alarms.pop(oldest)
            self._by_source[gone.source].pop(oldest)
            if not self._by_source[gone.source]:
                del self._by_source[gone.source]
            out[oldest] = None
        self._changed.clear()
        return out

    def all(self) -> dict[str, object]:
        """The whole state."""
        return {identity: alarm.saved() for identity, alarm in self.alarms.items()}

    def restore(self, kept: Mapping[str, object]) -> list[str]:
        """What an earlier life kept; keys of what could not be used."""
        wrong: list[str] = []
        for identity, told in kept.items():
            try:
                if not isinstance(told, dict):
                    raise TypeError
                alarm = Alarm.restored(told)
            except (KeyError, TypeError, ValueError):
                wrong.append(identity)
                continue
            self._add(alarm)
            self._touch(alarm)
        return wrong

    def _get(self, instance: str, kind: str, source: str) -> Alarm:
        alarm = self.alarms.get(id_of(instance, kind, source))
        if alarm is None:
            alarm = Alarm(instance, kind, source)
            self._add(alarm)
        return alarm

    def _add(self, alarm: Alarm) -> None:
        self.alarms[alarm.id] = alarm
        self._by_source.setdefault(alarm.source, {})[alarm.id] = alarm

    def _of(self, source: object) -> list[Alarm]:
        found = self._by_source.get(source) if isinstance(source, str) else None
        return list(found.values()) if found else []

    def _touch(self, alarm: Alarm) -> None:
        self._changed[alarm.id] = None
        self.version += 1


def _number(value: object, otherwise: float) -> float:
    """What an instance that tells its list again says of an entry, else what is known here."""
    number = float(value) if isinstance(value, (int, float)) else otherwise
    return number if number == number and abs(number) < 1e15 else otherwise
