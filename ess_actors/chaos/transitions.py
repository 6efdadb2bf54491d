"""Alarm transitions during a fault: one is raised and returned in a device; the journal must tell both, in order."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from ess_actors.chaos.asking import Asker
from ess_actors.chaos.candidates import Probe
from ess_actors.chaos.stage import Simulators

_LEARN_S: Final = 3.0
_LIMIT_S: Final = 6.0
_TRIED: Final = 6
_LOOK_BACK: Final = (500, 2_000, 10_000)
"""Records of the journal that are read, more when the mark is not among them."""
_RAISED: Final = "raised"
_TOLD: Final = (_RAISED, "normal", "cleared")


class Told(NamedTuple):
    """What the journal has of one raised and returned alarm."""

    expected: int
    lost: int
    disordered: int
    """Told more than once, or before what came before it."""


NOTHING_TOLD: Final = Told(0, 0, 0)


class Transitions:
    """One alarm of the site, found by trying."""

    def __init__(self, api: Asker, simulators: Simulators, candidates: Iterable[Probe]) -> None:
        self._api = api
        self._simulators = simulators
        self._source = ""
        self._expected: dict[str, list[str]] = {}
        self._mark = 0
        self.probe = next((one for one in self._some(candidates) if self._learn(one)), None)
        """None: no bit that was tried raises an alarm."""

    def raise_now(self) -> None:
        """The alarm stands in the device from now on."""
        self._mark = self._newest()
        self._put(True)

    def settle(self) -> Told:
        """Waits for what must be told, returns the alarm, waits again: what the journal has of it."""
        until = time.monotonic() + _LIMIT_S
        self._wait(lambda: self._has(1), until)
        self._put(False)
        self._wait(lambda: self._has(2), until + _LIMIT_S)
        told = self._told()
        lost = disordered = expected = 0
        for uri, kinds in self._expected.items():
            found = told.get(uri, [])
            missing = [kind for kind in kinds if kind not in found]
            expected += len(kinds)
            lost += len(missing)
            disordered += not missing and found != kinds
        return Told(expected, lost, disordered)

    # --- details ----------------------------------------------------------------------------------------------

    @staticmethod
    def _some(candidates: Iterable[Probe]) -> list[Probe]:
        """A few of every device."""
        found: dict[str, list[Probe]] = {}
        for one in candidates:
            found.setdefault(one.stem, []).append(one)
        return [one for probes in found.values() for one in probes[:_TRIED]]

    def _learn(self, probe: Probe) -> bool:
        """Whether the bit raises an alarm; the second time shows what it always tells."""
        self.probe = probe
        self._source, self._expected = "", {}
        for _ in range(2):
            self.raise_now()
            self._wait(lambda: bool(self._raised()), time.monotonic() + _LEARN_S)
            raised = self._raised()
            if not raised:
                self._put(False)
                return False
            self._source = raised[0]
            # Several instances may tell of it; the slowest has its time too.
            time.sleep(1.0)
            self._put(False)
            self._wait(
                lambda: all(len(kinds) > 1 for kinds in self._told().values()), time.monotonic() + _LEARN_S
            )
        self._expected = self._told()
        return all(len(kinds) > 1 for kinds in self._expected.values())

    def _put(self, value: bool) -> None:
        assert self.probe is not None
        self._simulators.put(self.probe.stem, {self.probe.path: value})

    def _rows(self) -> list[dict[str, Any]]:
        """Alarm records since the mark, the oldest first; a flood of commands writes many between them."""
        rows: list[dict[str, Any]] = []
        for limit in _LOOK_BACK:
            rows = self._api.get(f"/api/journal?limit={limit}").get("records", [])
            if len(rows) < limit or rows[-1]["id"] <= self._mark:
                break
        return [row for row in reversed(rows) if row["id"] > self._mark and row["kind"] == "alarm"]

    def _newest(self) -> int:
        rows = self._api.get("/api/journal?limit=1").get("records", [])
        return int(rows[0]["id"]) if rows else self._mark

    def _raised(self) -> list[str]:
        return [str(row["body"]["source"]) for row in self._rows() if row["body"].get("kind") == _RAISED]

    def _told(self) -> dict[str, list[str]]:
        """Uri of the alarm list -> kinds of the records of our alarm."""
        found: dict[str, list[str]] = {}
        for row in self._rows():
            # What is told `again` to one that started anew is no transition; what the routers make of it comes after.
            body = row["body"]
            if body.get("source") == self._source and body["kind"] in _TOLD and not body.get("again"):
                found.setdefault(str(row["uri"]), []).append(str(row["body"]["kind"]))
        return found

    def _has(self, number: int) -> bool:
        told = self._told()
        return all(
            set(kinds[:number] if number == 1 else kinds) <= set(told.get(uri, []))
            for uri, kinds in self._expected.items()
        )

    @staticmethod
    def _wait(condition: Callable[[], bool], until: float) -> None:
        while not condition() and time.monotonic() < until:
            time.sleep(0.1)
