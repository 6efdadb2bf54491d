"""What the owner of devices says when it renews their leases, and what it must see for that. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ess_actors.core.ess import Ess
from ess_actors.core.quality import Quality
from ess_actors.core.safe_state import EMERGENCY_STOP, SITE_SILENT

PARTS: Final = 4
"""A lease is renewed so many times in its duration: three renewals may be lost or late."""


@dataclass(frozen=True, slots=True)
class SafeList:
    """What the site file says of one device: `values` by point uri (`/components/ess_1/pcs_controls/power`)."""

    stem: str
    lease_s: float
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SiteHeartbeat:
    """A variable that the site controller keeps changing."""

    uri: str
    timeout_s: float
    holds: bool = True
    """False: its silence is told and changes nothing else."""


@dataclass(frozen=True, slots=True)
class EmergencyStop:
    """A variable that says with this value that everything has to stop."""

    uri: str
    value: object


@dataclass(frozen=True, slots=True)
class Guarding:
    """All that an instance has to do with safe values; empty lists when its site file says nothing of them."""

    lists: Mapping[str, SafeList] = field(default_factory=dict)
    """Client actor id -> what it guards, the shortest lease of it."""
    heartbeat: SiteHeartbeat | None = None
    emergency: EmergencyStop | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Owner -> client actor: go on, or (`allowed` False) hold the safe values because of `reason`."""

    actor_id: str
    generation: int
    at: float
    """Monotonic seconds at which it left: what waited in a mailbox renews nothing."""
    allowed: bool
    reason: str


def peek(ess: Ess, uri: str) -> tuple[object, bool]:
    """(value, good) of a variable; (None, False) when there is none. Changes nothing in the instance."""
    table, _, name = uri.rpartition("/")
    var = ess.engine.map.find(table, name)
    return (None, False) if var is None else (var.cell.value, var.cell.quality is Quality.GOOD)


class Conditions:
    """What the plant says about being commanded: the site controller lives, nobody has hit the emergency stop."""

    def __init__(self, guarding: Guarding, beat_at: float | None = None) -> None:
        self._heartbeat = guarding.heartbeat
        self._emergency = guarding.emergency
        self._beat: object = None
        self.beat_at = beat_at
        """When it last changed, also in an earlier process of the instance; None before its first change."""
        self._known = False
        self._hit: bool | None = None
        """None until the stop was read for the first time."""

    @property
    def blind(self) -> bool:
        """True while nobody knows whether the emergency stop is hit: no device may be commanded before."""
        return self._emergency is not None and self._hit is None

    @property
    def silent_holds(self) -> bool:
        """True when the silence of the site controller holds the devices."""
        return self._heartbeat is None or self._heartbeat.holds

    def look(self, read: Callable[[str], tuple[object, bool]], now: float) -> tuple[str, ...]:
        """Everything that stands against commands now, the weightiest first."""
        found: list[str] = []
        if self._emergency is not None:
            value, good = read(self._emergency.uri)
            # A reading that is lost releases nobody: the last one that was good counts.
            if good:
                self._hit = value == self._emergency.value
            if self._hit:
                found.append(EMERGENCY_STOP)
        if self._heartbeat is not None and self._silent(self._heartbeat, read, now):
            found.append(SITE_SILENT)
        return tuple(found)

    def _silent(
        self, heartbeat: SiteHeartbeat, read: Callable[[str], tuple[object, bool]], now: float
    ) -> bool:
        value, _ = read(heartbeat.uri)
        if not self._known:
            # What the documents begin with is no beat.
            self._known, self._beat = value is not None, value
        elif value != self._beat:
            self._beat, self.beat_at = value, now
        return self.beat_at is not None and now - self.beat_at > heartbeat.timeout_s
