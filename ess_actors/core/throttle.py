"""Slows whoever guesses, and keeps what is told about it short; both in bounded memory."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

FIRST_S: Final = 1.0
FORGET_S: Final = 900.0
"""After so long without a try a key starts from zero."""


@dataclass(slots=True)
class _Tries:
    failures: int
    until: float
    last: float
    before: float = 0.0
    """`until` before the last try."""


class Throttle:
    """Failures by key. Times are monotonic seconds."""

    def __init__(self, free: int, longest_s: float, most: int = 4096) -> None:
        self._free = free
        self._longest_s = longest_s
        self._most = most
        self._keys: OrderedDict[str, _Tries] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    def wait(self, key: str, now: float) -> float:
        """Seconds until the next try of this key is looked at; 0 = now."""
        tries = self._keys.get(key)
        if tries is None or now - tries.last > FORGET_S:
            return 0.0
        return max(0.0, tries.until - now)

    def failed(self, key: str, now: float) -> None:
        """One more failure; counted before its outcome is known, so that tries at once count as tries in turn."""
        tries = self._keys.pop(key, None)
        if tries is None or now - tries.last > FORGET_S:
            tries = _Tries(0, 0.0, now)
        tries.failures += 1
        tries.last, tries.before = now, tries.until
        over = tries.failures - self._free
        if over >= 0:
            tries.until = now + min(self._longest_s, FIRST_S * 2.0 ** min(over, 30))
        self._keys[key] = tries
        while len(self._keys) > self._most:
            self._keys.popitem(last=False)

    def passed(self, key: str) -> None:
        """It was no guess, and those before it were none either."""
        self._keys.pop(key, None)

    def spared(self, key: str) -> None:
        """It was no guess; those before it may have been."""
        tries = self._keys.get(key)
        if tries is not None:
            tries.failures -= 1
            tries.until = tries.before


class Seldom:
    """So many rows of one key at once, then one now and then: what is left out is counted."""

    def __init__(self, burst: int, every_s: float, most: int = 4096) -> None:
        self._burst = burst
        self._every_s = every_s
        self._most = most
        self._keys: OrderedDict[str, tuple[float, float, int]] = OrderedDict()

    def left_out(self, key: str, now: float) -> int | None:
        """One more row at monotonic seconds `now`: how many were left out before it, None when it is one of them."""
        credit, last, missing = self._keys.pop(key, (float(self._burst), now, 0))
        credit = min(float(self._burst), credit + (now - last) / self._every_s)
        told = credit >= 1.0
        self._keys[key] = (credit - 1.0, now, 0) if told else (credit, now, missing + 1)
        while len(self._keys) > self._most:
            self._keys.popitem(last=False)
        return missing if told else None
