"""When a device gets its safe values, who may command it again, and when: one lease, two states. Pure."""

from typing import Final, NamedTuple

COMMANDED: Final = "commanded"
SAFE: Final = "safe"

START: Final = "start"
"""A client process that has just begun knows of no lease."""
LEASE: Final = "lease"
"""The owner has not renewed its lease in time."""
STOP: Final = "stop"
"""The client ends, or its parent has."""
EMERGENCY_STOP: Final = "emergency_stop"
SITE_SILENT: Final = "site_silent"
NOT_ALLOWED: Final = "not_allowed"
"""The owner says no and not why."""

_NEVER: Final = float("-inf")
_MARK: Final = "@"


def stamped(command: str, now: float) -> str:
    """A command's id with the time of its issue (monotonic seconds, one clock for all processes of a machine)."""
    return f"{command}{_MARK}{now:.6f}"


def issued_at(command: str) -> float | None:
    """When a command was issued; None for an id that does not tell."""
    _, mark, told = command.rpartition(_MARK)
    try:
        at = float(told) if mark else None
    except ValueError:
        return None
    return at if at is not None and abs(at) < float("inf") else None


class Entered(NamedTuple):
    """The safe values hold from now on."""

    reason: str
    before: str
    """Reason of the safe state that this one takes the place of; empty = the device was commanded."""


class Holding(NamedTuple):
    """A client says of a device whether operators are to be told that it is held at its safe values."""

    device: str
    reason: str
    """Empty = they are not, or no longer."""


class SafeState:
    """The state of one device. All times are monotonic seconds; whoever calls it gives them in order.

    COMMANDED lasts while the owner renews and allows; anything else is SAFE, which only a fresh command ends: one
    that was issued after the state began, and after the owner has begun to renew again without a gap.
    """

    def __init__(self, lease_s: float, now: float) -> None:
        self.lease_s = lease_s
        self.state = SAFE
        self.reason = START
        self.since = now
        self._renewed = _NEVER
        self._allowed_since: float | None = None
        """Since then every renewal came in time and allowed; None = the last one did not, or none came."""

    @property
    def safe(self) -> bool:
        """True while the device is held at its safe values."""
        return self.state == SAFE

    @property
    def runs_out(self) -> float | None:
        """When the lease ends unless it is renewed; None when nothing changes by that."""
        return None if self._allowed_since is None else self._renewed + self.lease_s

    def renew(self, at: float, now: float, *, allowed: bool, reason: str = "") -> Entered | None:
        """A renewal that left its owner at `at`. It may come late: then it renews nothing that is over."""
        at = min(at, now)
        entered = self.tick(now)
        if at < self._renewed or at + self.lease_s <= now:
            return entered  # overtaken by a later one, or over
        self._renewed = at
        if allowed:
            if self._allowed_since is None:
                self._allowed_since = now
            return entered
        self._allowed_since = None
        return self._enter(reason or NOT_ALLOWED, now) or entered

    def tick(self, now: float) -> Entered | None:
        """The time is `now`: does the lease still run?"""
        end = self.runs_out
        if end is None or now < end:
            return None
        self._allowed_since = None
        return None if self.safe else self._enter(LEASE, now)

    def end(self, now: float) -> Entered | None:
        """The process ends: the safe values are the last thing it writes."""
        self._allowed_since = None
        return self._enter(STOP, now)

    def refusal(self, command: str, now: float) -> str:
        """Why a set to a safe-listed point is refused now; "" = it may go, and the safe state is over."""
        if not self.safe:
            return ""
        if self._allowed_since is None:
            return f"the device is held at its safe values ({self.reason}) and its owner does not lease it"
        issued = issued_at(command)
        if issued is None or issued <= max(self.since, self._allowed_since) or issued > now:
            return f"the device is held at its safe values ({self.reason}); only a new command ends that"
        self.state, self.since, self.reason = COMMANDED, now, ""
        return ""

    def _enter(self, reason: str, now: float) -> Entered | None:
        if self.safe and self.reason == reason:
            # What was issued while the reason stood is not fresh.
            self.since = now
            return None
        before = self.reason if self.safe else ""
        self.state, self.reason, self.since = SAFE, reason, now
        return Entered(reason, before)
