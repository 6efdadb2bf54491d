"""The owner of leases: renews them while the engine works, and ends clients that look after no device any more."""

import contextlib
import os
import signal
import time
from typing import Final

from ess_actors.actors.process import is_stopped, log
from ess_actors.actors.progress import PROGRESS, Concern
from ess_actors.actors.supervising import SupervisingActor
from ess_actors.core.child_spec import ChildSpec
from ess_actors.core.ess import Ess
from ess_actors.core.events import ALARM, STATUS
from ess_actors.core.lease import PARTS, Conditions, Guarding, Lease, peek
from ess_actors.core.safe_state import EMERGENCY_STOP, SITE_SILENT

_BLIND_S: Final = 5.0
"""So long after its start an instance may not know its emergency stop before an operator has to hear of it."""
_INTENSITY: Final = 60
_BACKOFF_S: Final = 0.1
_LOOKS: Final = 8
"""So often clients are looked at during a lease."""
_LEAST_HANG_S: Final = 0.4
"""A client that shows nothing for half a lease is ended, but never sooner than this: it shows itself every 0.1 s."""


class Lessor:
    """For one instance. Does nothing when its site file names no safe values."""

    def __init__(self, actor: SupervisingActor, guarding: Guarding) -> None:
        self._actor = actor
        self._lists = guarding.lists
        self._conditions = Conditions(guarding, PROGRESS.noted(actor.row, Concern.SITE))
        self._lease_s = min((one.lease_s for one in self._lists.values()), default=0.0)
        self._due = self._look_due = 0.0
        self._against: tuple[str, ...] = ()
        self._began = time.monotonic()
        self._told_blind = False

    def due(self) -> float | None:
        """When leases have to be renewed again, or clients looked at; None = never."""
        return min(self._due, self._look_due) if self._lists else None

    def spec(self, child_id: str, kind: str) -> ChildSpec:
        """A client that holds safe values is tried for long and at once: without it nobody would write them."""
        if child_id not in self._lists:
            return ChildSpec(child_id, kind)
        return ChildSpec(child_id, kind, intensity=_INTENSITY, backoff_max_s=_BACKOFF_S)

    def look(self, ess: Ess) -> None:
        """After anything that happened to the instance: renew when it is time, or when something has changed."""
        if not self._lists:
            return
        now = time.monotonic()
        if now >= self._look_due:
            self._end_hung(now)
        against = self._conditions.look(lambda uri: peek(ess, uri), now)
        if self._conditions.beat_at is not None:
            PROGRESS.note(self._actor.row, Concern.SITE, self._conditions.beat_at)
        self._tell_blind(now)
        if against != self._against:
            self._tell(against)
            self._against = against
        elif now < self._due:
            return
        self.renew(ess, now)

    def renew(self, ess: Ess, now: float) -> None:
        """Say to every client that it may go on, or why it may not."""
        if not self._lists:
            return
        self._due = now + self._lease_s / PARTS
        if self._conditions.blind:
            return
        running = {entry.actor_id: entry for entry in self._actor.entries()}
        due = ess.next_due()
        holding = [one for one in self._against if one != SITE_SILENT or self._conditions.silent_holds]
        for actor_id, one in self._lists.items():
            if actor_id not in running:
                continue
            if due is not None and now - due > one.lease_s:
                continue  # messages are handled, but the engine is behind: whatever it commands is old
            lease = Lease(
                self._actor.actor_id, self._actor.generation, now, not holding, holding[0] if holding else ""
            )
            self._actor.send(running[actor_id].address, lease)

    def _end_hung(self, now: float) -> None:
        """Its replacement writes the safe values; to wait for the supervisor's limit would take too long."""
        # When this process was late itself the whole machine may have been.
        late = now - self._look_due if self._look_due else 0.0
        self._look_due = now + self._lease_s / _LOOKS
        for actor_id, one in self._lists.items():
            report = self._actor.supervision.report(actor_id)
            since = now - report.since
            limit = max(_LEAST_HANG_S, one.lease_s / 2) + 2 * late
            age = self._actor.progress_age(actor_id, Concern.IO) or 0.0
            if report.state == "RUNNING" and since >= one.lease_s and age > limit:
                reason = f"hung: its device was not looked after for {age:.2f} s"
            elif report.state == "STARTING" and since > limit and is_stopped(report.pid):
                reason = f"hung: halted in its start, {since:.2f} s ago"
            else:
                continue
            log.error("%s (generation %d) %s; it is killed", actor_id, report.generation, reason)
            self._actor.meter.count("ess_actor_hung_total", actor_id)
            self._actor.supervision.crashed(actor_id, report.generation, reason)
            with contextlib.suppress(ProcessLookupError):
                os.kill(report.pid, signal.SIGKILL)

    def _tell_blind(self, now: float) -> None:
        blind = self._conditions.blind
        if blind and not self._told_blind and now - self._began > _BLIND_S:
            self._told_blind = True
            self._actor.tell(_BLIND, ALARM)
        elif not blind and self._told_blind:
            self._told_blind = False
            self._actor.tell(f"over: {_BLIND}", STATUS)

    def _tell(self, against: tuple[str, ...]) -> None:
        for reason, text in _TEXTS.items():
            if reason in against and reason not in self._against:
                self._actor.tell(text, ALARM)
            elif reason in self._against and reason not in against:
                self._actor.tell(f"over: {text}", STATUS)


_BLIND: Final = (
    "the emergency stop was not read since the start; devices stay at their safe values until it is"
)
_TEXTS: Final = {
    EMERGENCY_STOP: "the emergency stop is hit",
    SITE_SILENT: "the heartbeat of the site controller stands still",
}
