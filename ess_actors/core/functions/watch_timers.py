"""The timers of CheckMonitorVar: trouble that lasts raises once, recovery that lasts recovers once."""

from typing import Final, NamedTuple

from ess_actors.core.latch import ALARM, FAULT
from ess_actors.core.variables import Variable

FUZZ: Final = 1e-6
"""Seconds: elapsed times are differences of floats; a timer this close to its end has run out."""


class Level(NamedTuple):
    """Something to report: a level was raised, or (raised False) the watch recovered."""

    raised: bool
    kind: str
    flag: str
    threshold: float
    timeout: float


class _Timer:
    """Counts one level down while there is trouble."""

    __slots__ = ("flag", "kind", "left", "on", "threshold", "timeout")

    def __init__(self, kind: str, flag: str, threshold: float, timeout: float, on: bool) -> None:
        self.kind = kind
        self.flag = flag
        self.threshold = threshold
        self.timeout = timeout
        self.left = timeout
        self.on = on


class Watch:
    """One side (Max, Min, or "" for state and condition) of one monitored variable. Times in seconds."""

    def __init__(self, var: Variable, side: str, faults: bool, on: bool) -> None:
        self.var = var
        self.side = side
        self.faults = faults
        self.on = on
        self.sign = -1.0 if side == "Min" else 1.0
        self.recover_timeout = var.number(f"{side}RecoverTimeout")
        self.recover_left = self.recover_timeout
        self.recovered = False
        self.alive_since: float | None = None
        self.timers = [
            _Timer(
                kind,
                f"seen{side}{word}",
                var.number(f"{side}{word}Threshold"),
                var.number(f"{side}{word}Timeout"),
                kind == ALARM or faults,
            )
            for kind, word in ((ALARM, "Alarm"), (FAULT, "Fault"))
        ]
        self.reset_value = self._reset_value()
        for flag in self.flags():
            var.params.setdefault(flag, False)

    def _reset_value(self) -> float:
        """`MaxResetValue` (`Min...`); without it the param `deadband` says how far inside the nearest threshold."""
        given = f"{self.side}ResetValue"
        limits = [self.sign * timer.threshold for timer in self.timers if timer.on]
        if given in self.var.params or "deadband" not in self.var.params or not limits:
            return self.var.number(given)
        return self.sign * (min(limits) - self.var.number("deadband"))

    def follow(self, before: "Watch") -> None:
        """Go on from the timers of the watch before; new timeouts count from when theirs began."""
        for timer, old in zip(self.timers, before.timers, strict=True):
            timer.left = max(0.0, timer.timeout - (old.timeout - old.left))
        gone = before.recover_timeout - before.recover_left
        self.recover_left = max(0.0, self.recover_timeout - gone)
        self.recovered = before.recovered
        self.alive_since = before.alive_since

    def flags(self) -> list[str]:
        """The params that say what was raised: alarm, fault."""
        return [timer.flag for timer in self.timers]

    def reset(self) -> None:
        """Idle: timers full, flags down."""
        for timer in self.timers:
            timer.left = timer.timeout
            if self.var.params.get(timer.flag) is True:
                self.var.params[timer.flag] = False
        self.recover_left = self.recover_timeout
        self.recovered = False
        self.alive_since = None

    def limits(self, value: float, elapsed: float) -> list[Level]:
        """Above (Min: below) a threshold is trouble; below (Min: above) the reset value is recovery."""
        troubled = [t for t in self.timers if t.on and self.sign * value > self.sign * t.threshold]
        recovering = self.sign * value < self.sign * self.reset_value and not troubled
        return self._count(troubled, recovering, elapsed)

    def condition(self, met: bool, elapsed: float) -> list[Level]:
        """A value that is not expected is trouble, an expected one recovery."""
        return self._count([] if met else [t for t in self.timers if t.on], met, elapsed)

    def state(self, still: bool, elapsed: float, now: float) -> list[Level]:
        """A value that stands still is trouble. A change fills the timers at once; changes seen over the
        recover time are recovery."""
        if still:
            raised = self._run_down([t for t in self.timers if t.on], elapsed)
            if raised:
                self.alive_since = None
            return raised
        for timer in self.timers:
            timer.left = timer.timeout
        if self.alive_since is None:
            self.alive_since = now
        if self._to_recover() and now - self.alive_since >= self.recover_timeout - FUZZ:
            return [self._recover()]
        return []

    def _count(self, troubled: list[_Timer], recovering: bool, elapsed: float) -> list[Level]:
        levels = self._run_down(troubled, elapsed)
        if troubled:
            self.recover_left = self.recover_timeout
        elif recovering:
            for timer in self.timers:
                timer.left = min(timer.timeout, timer.left + elapsed)
            self.recover_left = max(0.0, self.recover_left - elapsed)
            if self._to_recover() and self.recover_left <= FUZZ:
                levels.append(self._recover())
        return levels

    def _run_down(self, troubled: list[_Timer], elapsed: float) -> list[Level]:
        levels = []
        for timer in troubled:
            timer.left = max(0.0, timer.left - elapsed)  # trouble that lasts must not be paid back later
            if timer.left <= FUZZ and self.var.params.get(timer.flag) is not True:
                levels.append(Level(True, timer.kind, timer.flag, timer.threshold, timer.timeout))
                self.recovered = False
                self.recover_left = self.recover_timeout
        return levels

    def _to_recover(self) -> bool:
        """What an earlier life of the instance raised is still to be taken back, though this one raised nothing."""
        return not self.recovered or any(self.var.params.get(flag) is True for flag in self.flags())

    def _recover(self) -> Level:
        self.recovered = True
        return Level(False, "", "", 0.0, 0.0)
