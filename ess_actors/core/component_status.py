"""Heartbeat and watchdog of one component: small state machines fed with raw numbers and the clock."""

from enum import Enum

from ess_actors.core.events import ALARM, FAULT, STATUS
from ess_actors.core.points import Heartbeat, Watchdog

Said = list[tuple[str, int]]
"""(message, severity) of the events a change of state causes."""


class HeartbeatState(Enum):
    """INIT until the first change is seen."""

    INIT = "INIT"
    NORMAL = "NORMAL"
    FROZEN = "FROZEN"
    FAULT = "FAULT"


class HeartbeatReader:
    """Watches the raw number of the read point: it has to change within the timeout."""

    def __init__(self, heartbeat: Heartbeat, now: float) -> None:
        self._timeout = heartbeat.timeout_ms / 1000
        self.state = HeartbeatState.INIT
        self.value: int | None = None
        """Raw number of the last good read."""
        self._changed = now
        self._read = now

    def read(self, value: int, now: float) -> Said:
        """A good read at `now`."""
        changed = self.value is not None and value != self.value
        self.value, self._read = value, now
        if not changed:
            return []
        self._changed = now
        was, self.state = self.state, HeartbeatState.NORMAL
        return (
            [("heartbeat runs again", STATUS)] if was in (HeartbeatState.FROZEN, HeartbeatState.FAULT) else []
        )

    def check(self, now: float) -> Said:
        """Let the timeouts act."""
        if now - self._read > self._timeout:
            state, text = HeartbeatState.FAULT, "heartbeat cannot be read"
        elif self._read - self._changed > self._timeout:
            # Only reads can tell: a device that is gone does not stand still.
            state, text = HeartbeatState.FROZEN, "heartbeat does not change"
        else:
            return []
        if state is self.state:
            return []
        fallen = self.state in (HeartbeatState.INIT, HeartbeatState.NORMAL)
        self.state = state
        return [(text, ALARM)] if fallen else []


class HeartbeatWriter:
    """Which raw number is written next, and when."""

    def __init__(self, heartbeat: Heartbeat, now: float) -> None:
        self._period = heartbeat.write_period_ms / 1000
        self._max = heartbeat.max_value
        self._count = 0
        self.due = now
        """Monotonic seconds of the next write."""

    def next(self, read_value: int | None, limit: int, now: float) -> int:
        """The number to write now: one more than the device's own, or than our last one without a read point.

        `limit` is the largest number of the write point's type; after `max_value` or the limit comes 0.
        """
        behind = max(0, int((now - self.due) / self._period))
        self.due += (behind + 1) * self._period
        number = (self._count if read_value is None else read_value) + 1
        if number > min(limit, self._max or limit):
            number = 0
        self._count = number
        return number


class WatchdogState(Enum):
    """INIT until the first change is seen."""

    INIT = "INIT"
    NORMAL = "NORMAL"
    ALARM = "ALARM"
    FAULT = "FAULT"
    RECOVERY = "RECOVERY"


class WatchdogReader:
    """Reports a point that stops changing; never touches quality."""

    def __init__(self, watchdog: Watchdog, now: float) -> None:
        self._config = watchdog
        self.state = WatchdogState.INIT
        self._value: object = None
        self._changed = now
        self._before: float | None = None
        self._recovering = now
        self._checked = now

    def read(self, value: object, now: float) -> Said:
        """A good read at `now`."""
        first = self._value is None
        changed = not first and value != self._value
        self._value = value
        if not changed:
            return []
        self._before, self._changed = self._changed, now
        if self.state is WatchdogState.INIT:
            self.state = WatchdogState.NORMAL
        elif (
            self.state in (WatchdogState.ALARM, WatchdogState.FAULT)
            and now - self._before <= self._config.alarm_ms / 1000
        ):
            self.state, self._recovering = WatchdogState.RECOVERY, now
            return [("watchdog point changes again", STATUS)]
        return []

    def check(self, now: float) -> Said:
        """Let the timeouts act, every `check_ms`."""
        config = self._config
        if now - self._checked < config.check_ms / 1000:
            return []
        self._checked = now
        still = (now - self._changed) * 1000
        match self.state:
            case WatchdogState.NORMAL if still > config.alarm_ms:
                self.state = WatchdogState.ALARM
                return [("watchdog point does not change", ALARM)]
            case WatchdogState.ALARM if still > config.fault_ms:
                self.state = WatchdogState.FAULT
                return [("watchdog point stands still", FAULT)]
            case WatchdogState.RECOVERY if still > config.recovery_timeout_ms:
                self.state = WatchdogState.FAULT
                return [("watchdog point stopped again", FAULT)]
            case WatchdogState.RECOVERY if (now - self._recovering) * 1000 >= config.recovery_ms:
                self.state = WatchdogState.NORMAL
                return [("watchdog point is back to normal", STATUS)]
        return []
