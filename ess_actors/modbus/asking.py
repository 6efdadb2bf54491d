"""Every request of a client passes here: pauses between two, silent units, counts and durations."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from ess_actors.core.metrics import Meter
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.client_stats import Tally
from ess_actors.modbus.link import Link
from ess_actors.modbus.units import Unit, Units

_UNREACHABLE: Final = frozenset({10, 11})
"""Exceptions by which a gateway says that it cannot reach the unit."""


class Asker:
    """Sends requests over one link for one device (the label of its metrics)."""

    def __init__(
        self,
        link: Link,
        units: Units,
        device: str,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.link = link
        self.units = units
        self._device = device
        self._meter = meter
        self._clock = clock

    async def ask(self, request: Request, tally: Tally, pause: float = 0.0) -> Answer:
        """One transaction, at least `pause` seconds after the unit's last answer."""
        unit = self.units[request.unit]
        if unit.free_at:
            await self.keep_pause(unit)
        answer = await self.link.request(request)
        if pause:
            unit.free_at = self._clock() + pause
        tally.add(answer)
        self.judge(unit, answer)
        return answer

    async def keep_pause(self, unit: Unit) -> None:
        """Waits until the unit may be asked again."""
        wait = unit.free_at - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)

    def judge(self, unit: Unit, answer: Answer) -> None:
        """What an answer tells of its unit, and of the socket."""
        if answer.error == "timeout" or answer.code in _UNREACHABLE:
            self.units.missed(unit, answer.sent, self._clock(), answer.reason)
            if answer.error == "timeout" and self.units.worth_a_new_socket():
                self.link.drop("no unit answers")
        elif answer.error != "not_connected":
            self.units.answered(unit)
        if self._meter is not None:
            self._meter.count("ess_modbus_requests_total", self._device, answer.reason or "ok")
            if answer.error in ("", "exception"):
                took = answer.received - answer.sent
                self._meter.observe("ess_modbus_request_duration_seconds", self._device, seconds=took)

    def count_good(self, durations: list[float]) -> None:
        """Good reads of a cycle at once, for the metrics."""
        if self._meter is not None and durations:
            self._meter.count("ess_modbus_requests_total", self._device, "ok", by=len(durations))
            for took in durations:
                self._meter.observe("ess_modbus_request_duration_seconds", self._device, seconds=took)
