"""Commands during a fault: one after the other, each with a value of its own, and what became of them on the wire."""

import threading
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ess_actors.chaos.asking import Asker
from ess_actors.chaos.candidates import Probe
from ess_actors.chaos.wire import Wire, Write, same, values_of

_EVERY_S: Final = 0.2
_VALUES: Final = 3000
_OUTCOME_UNKNOWN: Final = frozenset(
    {"", "no_answer", "timeout", "unknown_outcome", "outcome_unknown", "mismatch", "partial", "superseded"}
)


class Sent(NamedTuple):
    """One command."""

    value: int
    done: bool
    """It was answered that it is done."""
    open: bool
    """The answer leaves open whether it was done, or there was none."""


class Fate(NamedTuple):
    """What became of the commands of one trial."""

    sent: int
    done: int
    unknown: int
    lost: int
    """Answered as done, and the device was never told."""
    twice: int
    """The device was told more than once."""
    misreported: int
    """Answered as not done, and the device was told."""


NO_COMMANDS: Final = Fate(0, 0, 0, 0, 0, 0)


class Commander:
    """Sends commands to one point while it is switched on."""

    def __init__(self, api: Asker, probe: Probe) -> None:
        self.probe = probe
        self._api = api
        self._value = 0
        self._sent: list[Sent] = []
        self._on = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        threading.Thread(target=self._run, daemon=True).start()

    def begin(self) -> None:
        self._sent = []
        self._on.set()

    def end(self) -> list[Sent]:
        """What was sent; none is on its way any more."""
        self._on.clear()
        self._idle.wait(10)
        return self._sent

    def fate(self, writes: Sequence[Write]) -> Fate:
        """Of the last commands, after `end`."""
        told = [value for _, value in values_of(writes, self.probe.stem, self.probe.path)]
        times = {one.value: sum(same(value, one.value) for value in told) for one in self._sent}
        return Fate(
            len(self._sent),
            sum(one.done for one in self._sent),
            sum(one.open for one in self._sent),
            sum(one.done and not times[one.value] for one in self._sent),
            sum(times[one.value] > 1 for one in self._sent),
            sum(not one.done and not one.open and times[one.value] > 0 for one in self._sent),
        )

    def _run(self) -> None:
        while True:
            self._on.wait()
            self._idle.clear()
            if self._on.is_set():
                self._value = self._value % _VALUES + 1
                code, answer = self._api.set(f"{self.probe.component}/{self.probe.point}", self._value)
                done = code == 200 and _status(answer) in ("", "ok")
                self._sent.append(
                    Sent(self._value, done, not done and str(answer.get("error", "")) in _OUTCOME_UNKNOWN)
                )
            self._idle.set()
            time.sleep(_EVERY_S)


def _status(answer: dict[str, Any]) -> str:
    reply = answer.get("reply")
    return str(reply.get("status", "")) if isinstance(reply, dict) else ""


def ready_probes(api: Asker, wire: Wire, candidates: Sequence[Probe], number: int) -> list[Probe]:
    """The first points that really take what an operator sets."""
    found: list[Probe] = []
    for probe in candidates:
        if len(found) == number:
            break
        wire.forget()
        code, _ = api.set(probe.uri, 7)
        if code == 200 and any(value == 7 for _, value in values_of(wire.pull(), probe.stem, probe.path)):
            found.append(probe)
    return found
