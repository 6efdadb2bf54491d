"""Every request of a client passes here: pauses between two, silent units, counts and durations."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from ess_actors.core.metrics import Meter
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.client_stats import Tally
from ess_actors.modbus.link import Link
from ess_actors.modbus.pool import Pool
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
        if pause or unit.turn:
            answer = await self.in_turn(unit, request, pause)
        else:
            answer = await self.link.request(request)
        tally.add(answer)
        self.judge(unit, answer)
        return answer

    async def in_turn(self, unit: Unit, request: Request, pause: float) -> Answer:
        """For a unit that wants a pause between two requests: nothing else is asked of it meanwhile."""
        if unit.turn is None:
            unit.turn = asyncio.Lock()
        async with unit.turn:
            wait = unit.free_at - self._clock()
            if wait > 0:
                await asyncio.sleep(wait)
            answer = await self.link.request(request)
            if pause:
                unit.free_at = self._clock() + pause
        return answer

    def judge(self, unit: Unit, answer: Answer) -> None:
        """What an answer tells of its unit, and of the socket."""
        if (
            answer.error == "timeout"
            or answer.code in _UNREACHABLE
            or (answer.error == "malformed" and self._broken())
        ):
            now = self._clock()
            self.units.missed(unit, answer.sent, now, answer.reason)
            if answer.error == "timeout" and self.units.worth_a_new_socket(now):
                self.link.drop("no unit answers")
        elif answer.error != "not_connected":
            self.units.answered(unit)
        if self._meter is not None:
            self._meter.count("ess_modbus_requests_total", self._device, answer.reason or "ok")
            if answer.error in ("", "exception"):
                took = answer.received - answer.sent
                self._meter.observe("ess_modbus_request_duration_seconds", self._device, seconds=took)

    def _broken(self) -> bool:
        """True while a connection is lost: an answer was so wrong that nothing behind it could be trusted."""
        links = self.link.links if isinstance(self.link, Pool) else (self.link,)
        return not all(link.connected for link in links)

    def count_good(self, durations: list[float]) -> None:
        """Good reads of a cycle at once, for the metrics."""
        if self._meter is not None and durations:
            self._meter.count("ess_modbus_requests_total", self._device, "ok", by=len(durations))
            for took in durations:
                self._meter.observe("ess_modbus_request_duration_seconds", self._device, seconds=took)
