"""What is published of one component: the body of a cycle, its marks, its status and its quality."""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ess_actors.core.component_readings import OLD_PERIODS, BlockReading, Readings
from ess_actors.core.component_status import HeartbeatState
from ess_actors.core.events import Event
from ess_actors.core.points import Component
from ess_actors.core.quality import EVERY_MEMBER, Marks, Quality

_BAD: Final = int(Quality.BAD)
_UNCERTAIN: Final = int(Quality.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class _Form:
    """The shape of the body for some periods under one plan, so that a cycle only fills it in."""

    blank: dict[str, object]
    """Every id the body may hold, in file order."""
    answers: tuple[BlockReading, ...]
    unpublished: frozenset[str]
    """Ids that are decoded but not shown: registers that are published as their parts."""
    unplanned: tuple[str, ...]
    """Published ids that are not read: disabled or isolated."""
    clothed: tuple[str, ...]
    timings: tuple[tuple[str, BlockReading], ...]


class Publishing(Readings):
    """Readings, published once per cycle. A body holds what was read in its cycle, and what is forced."""

    def __init__(self, component: Component, now: float) -> None:
        self.published = tuple(sys.intern(point.id) for point in component.points if point.published)
        self._clothed = frozenset(p.id for p in component.points if p.published and p.clothed)
        self._forms: dict[tuple[object, ...], _Form] = {}
        self._doubts = False
        """Whether `quality_body` has named a point that it has not yet taken back."""
        super().__init__(component, now)

    def replan(self) -> None:
        """Plan anew; see Readings."""
        super().replan()
        self._forms.clear()

    def _form(self, due: tuple[int, ...]) -> _Form:
        key = (due, *self.forced)
        form = self._forms.get(key)
        if form is None:
            if len(self._forms) >= 32:  # points are forced and released by hand; each leaves one
                self._forms.clear()
            form = self._forms[key] = self._new_form(due)
        return form

    def _new_form(self, due: tuple[int, ...]) -> _Form:
        blocks = [block for cycle in self.cycles if cycle.period_ms in due for block in cycle.blocks]
        answers = tuple(self.answers[block.index] for block in blocks)
        shown = [n for n in self.published if self.points[n].period_ms in due or n in self.forced]
        decoded = {name for answer in answers for name in answer.decoder.names}
        kinds = self.component.group_kinds if self.component.add_timings else ()
        timings = {
            f"{kinds[point.register.group]}_{point.register.group:02d}_time_ms": answer
            for block, answer in zip(blocks, answers, strict=True)
            for point in block.points
            if point.register.group < len(kinds)
        }
        return _Form(
            dict.fromkeys(shown),
            answers,
            frozenset(decoded.difference(shown)),
            tuple(name for name in shown if name not in decoded),
            tuple(name for name in shown if name in self._clothed),
            tuple(timings.items()),
        )

    def publication(
        self, periods: int | Collection[int], now: float, wall: float
    ) -> tuple[dict[str, object], Marks | None, list[Event]]:
        """Body, marks and events of the cycle(s) of these periods (ms) that have just ended.

        The body holds what was read well since the publication before, and what is forced. Every other
        point of these periods is left out and marked: BAD, or UNCERTAIN when its block was not asked at all.
        When no block of the component is good, every member but the status keys is marked BAD; a frozen
        heartbeat makes every point UNCERTAIN. Without a good point there is no Timestamp.
        """
        form = self._form((periods,) if isinstance(periods, int) else tuple(periods))
        events = self._check(now)
        body = form.blank.copy()
        marks: dict[str, int] = {}
        newest = 0.0
        for answer in form.answers:
            if answer.good and not answer.missed and len(answer.values) == len(answer.decoder.names):
                body.update(answer.values)
                answer.missed = 1
                if answer.wall > newest:
                    newest = answer.wall
            else:
                newest = max(newest, self._partly(answer, body, marks))
        for name in form.unpublished:
            body.pop(name, None)
        for name in form.unplanned:
            if name not in self.forced:
                del body[name]
                marks[name] = _BAD
        for name, value in self.forced.items():
            if name in body:
                body[name] = value
        for name in form.clothed:
            if name in body:
                body[name] = {"value": body[name]}
        status = self.status(now)
        judged = self._marks(body, marks, status)
        for key, answer in form.timings:
            if answer.good and answer.missed == 1:
                body[key] = answer.took_ms
        body.update(status)
        if newest:
            body["Timestamp"] = _local_time(newest)
        return body, judged, events

    def _partly(self, answer: BlockReading, body: dict[str, object], marks: dict[str, int]) -> float:
        """A block that is not wholly good: the good points stay; the unix seconds of the newest of them."""
        newest = 0.0
        for name in answer.decoder.names:
            if name in self.forced or name not in body:
                continue
            part = answer.of(name)
            good = part.good and name in part.values
            if good and not part.missed:
                body[name] = part.values[name]
                newest = max(newest, part.wall)
            else:
                del body[name]
                marks[name] = _UNCERTAIN if good else _BAD
        for part in answer.sources():
            part.missed += 1
        return newest

    def _marks(
        self, body: Mapping[str, object], marks: dict[str, int], status: Mapping[str, object]
    ) -> Marks | None:
        if not any(one.good for answer in self.answers for one in answer.sources()):
            marks = {EVERY_MEMBER: _BAD, **dict.fromkeys(status, 0)}
        elif self.frozen():
            marks = {EVERY_MEMBER: _UNCERTAIN, **dict.fromkeys(status, 0), **marks}
        marks.update((name, _UNCERTAIN) for name in self.forced if name in body)
        return marks or None

    def quality_body(self, now: float) -> dict[str, object] | None:
        """What `<uri>/_quality` says after a cycle: the points that are not GOOD. None = nothing is sent.

        Once, when no point is left, it is {}; after that, and without `publish_quality`, None.
        `age_ms` counts from the last good read, null when there was none.
        """
        if not self.component.publish_quality:
            return None
        found: dict[str, object] = {}
        doubtful = self._doubtful(now)
        for name in self.published if doubtful else ():
            if name in doubtful:
                quality, reason = self.quality(name, now)
                if quality is not Quality.GOOD:
                    age = {"age_ms": self.age_ms(name, now)}
                    found[name] = {"quality": quality.name, "reason": reason, **age}
        said, self._doubts = self._doubts, bool(found)
        return found if found or said else None

    def _doubtful(self, now: float) -> set[str]:
        """Every point that is not GOOD, and maybe some that are."""
        names = {*self.forced, *self.disabled, *self.isolated}
        frozen = self.frozen()
        for answer in self.answers:
            whole = answer.good and len(answer.values) == len(answer.decoder.names) and not frozen
            if not whole or answer.missed > 1 or now - answer.sent > OLD_PERIODS * answer.period:
                names.update(answer.decoder.names)
        return names

    def age_ms(self, name: str, now: float) -> int | None:
        """Milliseconds since the last good read of a point left."""
        last = self.last(name)
        return None if last is None else round((now - last.sent) * 1000)

    def status(self, now: float) -> dict[str, object]:
        """The status keys of the body."""
        status: dict[str, object] = {}
        if self.reader is not None:
            status["heartbeat_state"] = self.reader.state.value
            if self.reader.value is not None and self.heartbeat_good():
                status["modbus_heartbeat"] = self.reader.value
        if self.watchdog is not None:
            status["watchdog_state"] = self.watchdog.state.value
        status["component_connected"] = self.connected(now)
        return status

    def connected(self, now: float) -> bool:
        """True while something was read within the timeout and the heartbeat, if any, is alive."""
        limit = self.component.connected_timeout_ms / 1000
        if self.last_good is None or now - self.last_good > limit:
            return False
        dead = (HeartbeatState.FROZEN, HeartbeatState.FAULT)
        return self.reader is None or self.reader.state not in dead

    def _check(self, now: float) -> list[Event]:
        events = self._said(self.reader.check(now)) if self.reader is not None else []
        return events + (self._said(self.watchdog.check(now)) if self.watchdog is not None else [])


def timestamp(answers: Iterable[BlockReading]) -> dict[str, str]:
    """The member `Timestamp`, host local time of the newest good read; nothing when there is none."""
    newest = max((one.wall for answer in answers for one in answer.sources() if one.good), default=0.0)
    return {"Timestamp": _local_time(newest)} if newest else {}


def _local_time(wall: float) -> str:
    return datetime.fromtimestamp(wall).strftime("%m-%d-%Y %H:%M:%S.%f")
