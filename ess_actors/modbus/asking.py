"""Every request of a client passes here: pauses between two, silent units, counts and durations."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from ess_actors.core.metrics import Meter
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.link import Link
from ess_actors.modbus.units import Units

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

    async def ask(self, request: Request, pause: float = 0.0) -> Answer:
        """One transaction, at least `pause` seconds after the unit's last answer."""
        unit = self.units[request.unit]
        wait = unit.free_at - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)
        answer = await self.link.request(request)
        now = self._clock()
        unit.free_at = now + pause
        if answer.error == "timeout" or answer.code in _UNREACHABLE:
            self.units.missed(request.unit, now, at_once=answer.error == "exception")
            if answer.error == "timeout" and self.units.all_missed():
                self.link.drop("no unit answers")
        elif answer.error != "not_connected":
            self.units.answered(request.unit)
        if self._meter is not None:
            self._meter.count("ess_modbus_requests_total", self._device, answer.reason or "ok")
            if answer.error in ("", "exception"):
                took = answer.received - answer.sent
                self._meter.observe("ess_modbus_request_duration_seconds", self._device, seconds=took)
        return answer
