"""Whether anything stale is published as good: numbers that are counted up in the devices, and their publications."""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from ess_actors.chaos.asking import Asker
from ess_actors.chaos.candidates import Probe
from ess_actors.chaos.stage import Simulators

_TICK_S: Final = 0.1
_VALUES: Final = 30_000
_HOUR_S: Final = 3600.0


class Freshness:
    """Counts up the witnesses of every device and judges each publication of them."""

    def __init__(self, api: Asker, simulators: Simulators, witnesses: Sequence[Probe]) -> None:
        self._api = api
        self._simulators = simulators
        self._witnesses = {probe.component: probe for probe in witnesses}
        self._replaced: dict[tuple[str, int], float] = {}
        self._ended = threading.Event()
        self.stale: list[str] = []
        self.judged = 0
        self.good_at: dict[str, float] = {}
        """Stem -> monotonic time of its last good publication."""
        self.bad_at: dict[str, float] = {}
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._count, self._listen)]

    def start(self) -> None:
        for one in self._threads:
            one.start()

    def end(self) -> None:
        self._ended.set()
        for one in self._threads:
            one.join(10)

    def _count(self) -> None:
        number = 0
        while not self._ended.wait(_TICK_S):
            number = number % _VALUES + 1
            for probe in self._witnesses.values():
                self._simulators.put(probe.stem, {probe.path: number})
                # From now on the device holds this one: the one before is the past.
                self._replaced[probe.stem, number - 1 or _VALUES] = time.time()
                self._replaced.pop((probe.stem, number), None)

    def _listen(self) -> None:
        path = "/api/listen?" + "&".join(f"uri={uri}" for uri in self._witnesses)
        while not self._ended.wait(_TICK_S):
            connection = http.client.HTTPConnection(*self._api.address, timeout=3.0)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                while not self._ended.is_set() and (line := response.readline()):
                    if line.startswith(b"data:"):
                        self._judge(json.loads(line[5:]))
            except (OSError, http.client.HTTPException, ValueError):
                continue
            finally:
                connection.close()

    def _judge(self, record: dict[str, Any]) -> None:
        probe, body = self._witnesses.get(str(record.get("uri"))), record.get("body")
        if probe is None or record.get("method") != "pub" or not isinstance(body, dict):
            return
        quality = record.get("quality")
        if quality and (not isinstance(quality, dict) or probe.point in quality or "*" in quality):
            self.bad_at[probe.stem] = time.monotonic()
            return
        if not isinstance(body.get(probe.point), int):
            return
        self.good_at[probe.stem] = time.monotonic()
        self.judged += 1
        replaced = self._replaced.get((probe.stem, body[probe.point]))
        if replaced is None:
            return
        # An actor whose clock was stepped stamps an hour too late or too early.
        age = (_stamp(body) - replaced + _HOUR_S / 2) % _HOUR_S - _HOUR_S / 2
        if age > probe.patience_s:
            self.stale.append(f"{probe.path} was {age:.2f} s old")


def _stamp(body: dict[str, Any]) -> float:
    """When it was published, by the clock of its publisher."""
    try:
        return datetime.strptime(str(body["Timestamp"]), "%m-%d-%Y %H:%M:%S.%f").timestamp()
    except (KeyError, ValueError):
        return time.time()
