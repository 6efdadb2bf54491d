"""The site controller of a chaos run: its heartbeat, as long as it is not told to fall silent."""

import threading
import time
from typing import Final

from ess_actors.chaos.asking import Asker
from ess_actors.core.lease import SiteHeartbeat

_EVERY_S: Final = 1.0
_HEARD: Final = 2
"""An instance that has just started must have heard it change before its silence means anything."""
_PATIENCE_S: Final = 5.0


class SiteController:
    """Counts up what the instances watch."""

    def __init__(self, api: Asker, heartbeats: list[SiteHeartbeat]) -> None:
        self._api = api
        self._heartbeats = heartbeats
        self._speaks = threading.Event()
        self._ended = threading.Event()
        self._last = time.monotonic()
        self._beats = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """A site that never heard a heartbeat watches none."""
        self.speak()
        if self._heartbeats:
            self._thread.start()

    def speak(self) -> None:
        self._speaks.set()

    def fall_silent(self) -> float:
        """Returns as the last time-out runs out, with the moment at which it did."""
        heard, patience = self._beats + _HEARD, time.monotonic() + _PATIENCE_S
        while self._beats < heard and time.monotonic() < patience:
            time.sleep(0.02)
        self._speaks.clear()
        time.sleep(_EVERY_S)  # one may be on its way
        until = self._last + max((one.timeout_s for one in self._heartbeats), default=0.0)
        time.sleep(max(0.0, until - time.monotonic()))
        return until

    def end(self) -> None:
        self._ended.set()
        self._speaks.set()
        if self._heartbeats:
            self._thread.join(10)

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(_EVERY_S):
            if self._speaks.wait(_EVERY_S):
                number = number % 30_000 + 1
                for one in self._heartbeats:
                    sent = time.monotonic()
                    if self._api.set(one.uri, number)[0] == 200:
                        self._last = sent
                        self._beats += 1
