"""Decides for one device who may set what, and when it is held at its safe values. Runs on the client's loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from ess_actors.core.component_writes import Item, Reply, WriteJob, make_jobs
from ess_actors.core.events import FAULT, STATUS, Event
from ess_actors.core.lease import Lease, SafeList
from ess_actors.core.metrics import Meter
from ess_actors.core.points import Point
from ess_actors.core.safe_state import START, STOP, Entered, Holding, SafeState
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served
from ess_actors.modbus.client_orders import Orders
from ess_actors.modbus.safe_writes import SafeWrites

SAFE_STATE: Final = "safe_state"
"""Status of a set that is refused because of it."""


class Guard:
    """One device with a safe list. Everything here runs on the client's loop."""

    def __init__(
        self,
        safe: SafeList,
        device: str,
        orders: Orders,
        asker: Asker,
        emit: Callable[[Event | Holding], None],
        meter: Meter | None,
        clock: Callable[[], float],
        wall: Callable[[], float],
        *,
        quiet_start: bool = False,
    ) -> None:
        self.state = SafeState(safe.lease_s, clock())
        self._safe, self._device = safe, device
        self._orders, self._asker = orders, asker
        self._emit, self._meter = emit, meter
        self._clock, self._wall = clock, wall
        self._quiet_start = quiet_start
        self._alarm: asyncio.TimerHandle | None = None
        self._writes = SafeWrites(device, orders, asker, emit, clock, wall)
        self._running = False

    def renew(self, everything: Sequence[Served], safe: SafeList | None = None) -> None:
        """These components are served from now on, with these safe values (None = as before)."""
        self._safe = safe or self._safe
        items: list[tuple[Served, Item]] = []
        for uri, value in self._safe.values.items():
            for served in everything:
                base = served.state.component.uri
                name = uri.removeprefix(f"{base}/") if uri.startswith(f"{base}/") else ""
                if (point := served.state.writable(name)) is not None:
                    items.append((served, Item(name, point, value)))
                    break
            else:
                text = f"{uri} is no writable point any more: it has no safe value until the site is mended"
                self._emit(Event(self._device, text, FAULT))
        self._writes.items = items
        if self._running and self.state.safe:
            self._writes.rewrite(self.state.reason)

    def begin(self) -> None:
        """The client runs: a process that has just begun writes before anything else."""
        self._running = True
        if self.state.safe:
            self._tell(Entered(self.state.reason, ""))
            self._writes.rewrite(self.state.reason)
        self._arm()

    def stopped(self) -> None:
        """The client runs no more."""
        self._running = False
        self._writes.stop()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def leave(self, limit_s: float) -> None:
        """The device is served no more: it is left at its safe values, and nothing tells of its state any longer."""
        await self.last_words(limit_s)
        self._gauge(self.state.reason, 0.0)
        self._emit(Holding(self._device, ""))

    # --- what decides -----------------------------------------------------------------------------------------

    def leased(self, lease: Lease) -> None:
        """The owner has spoken."""
        now = self._clock()
        self._entered(self.state.renew(lease.at, now, allowed=lease.allowed, reason=lease.reason))
        self._arm()

    def look_at_lease(self) -> None:
        """Who commands a device is told by its lease as it stands, not as it was when a timer last rang."""
        self._entered(self.state.tick(self._clock()))

    def written(self, point: Point) -> None:
        """A set was written to `point`: what it has is commanded, and no safe value is owed to it any more."""
        if not self.state.safe:
            self._writes.forget(lambda other: may_change(point, other))

    def _ring(self) -> None:
        self._alarm = None
        self.look_at_lease()
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        end = self.state.runs_out
        if self._running and end is not None:
            wait = max(0.001, end - self._clock())
            self._alarm = asyncio.get_running_loop().call_later(wait, self._ring)

    def permit(
        self, served: Served, jobs: list[WriteJob], command: str
    ) -> tuple[list[WriteJob], dict[str, Reply]]:
        """What of a set may go now, and the replies to what may not."""
        if not self._running:
            return jobs, {}  # nothing is sent, so nothing may end the safe state either
        items = [item for job in jobs for item in job.items]
        listed = {item.name for item in items if self._touches(item.point)}
        self.look_at_lease()
        text = self._refusal(command) if listed else ""
        if not text:
            return jobs, {}
        rest = [item for item in items if item.name not in listed]
        refused: dict[str, Reply] = {name: {"status": SAFE_STATE, "text": text} for name in listed}
        return make_jobs(served.state.component, rest) if rest else [], refused

    def release(self, command: str) -> Reply:
        """The operator's order to let the owner command again, without a new setpoint."""
        self.look_at_lease()
        if not self._running:
            return {
                "status": "not_connected",
                "text": "the device is not served yet, and held at its safe values",
            }
        if not self.state.safe:
            return {"status": "ok", "text": "the device is not held at its safe values"}
        text = self._refusal(command)
        return {"status": SAFE_STATE, "text": text} if text else {"status": "ok"}

    def _refusal(self, command: str) -> str:
        was, reason = self.state.safe, self.state.reason
        text = self.state.refusal(command, self._clock())
        if was and not self.state.safe:
            self._writes.released()
            self._gauge(reason, 0.0)
            self._emit(Holding(self._device, ""))
            self._emit(Event(self._device, f"commanded again by {command} (was: {reason})", STATUS))
        return text

    def _entered(self, entered: Entered | None) -> None:
        if entered is None:
            return
        self._withdraw()
        if self._running:
            self._tell(entered)
            self._writes.rewrite(entered.reason)

    def _withdraw(self) -> None:
        """What waits to be sent is commanded by nobody any more."""
        text = f"the device is held at its safe values ({self.state.reason}); nothing was sent"
        for served, item in self._writes.items:
            served.assertions.drop(item.name)
        self._orders.withdraw(lambda item: self._touches(item.point), SAFE_STATE, text)

    def _touches(self, point: Point) -> bool:
        """True when a set of `point` may change what a safe-listed one has."""
        return any(may_change(point, item.point) for _, item in self._writes.items)

    def _tell(self, entered: Entered) -> None:
        if entered.before:
            self._gauge(entered.before, 0.0)
        self._gauge(entered.reason, 1.0)
        quiet = entered.reason == START and self._quiet_start
        severity = STATUS if quiet else FAULT
        if entered.reason != STOP:  # who stops a client knows, and what was told before still stands
            self._emit(Holding(self._device, "" if quiet else entered.reason))
        text = f"held at its safe values: {entered.reason}; a new command ends that"
        self._emit(Event(self._device, text, severity))

    def _gauge(self, reason: str, value: float) -> None:
        if self._meter is not None:
            self._meter.gauge("ess_safe_state", self._device, reason, value=value)

    # --- what the client tells ----------------------------------------------------------------------------------

    def connected(self) -> None:
        """The way to the device is new: it may have restarted meanwhile."""
        if self._running and self.state.safe:
            self._writes.connected(self.state.reason)

    def look(self, served: Served) -> None:
        """After a cycle: a device that no longer shows what it has shown is told again."""
        if self.state.safe:
            self._writes.look(served, self.state.reason)

    async def last_words(self, limit_s: float) -> bool:
        """The process ends: writes the safe values for as long as it may. True when the device has taken them."""
        if not self._running or not self._writes.items:
            return False
        self._entered(self.state.end(self._clock()))
        try:
            async with asyncio.timeout(limit_s):
                await self._writes.taken.wait()
        except TimeoutError:
            return False
        return True


def may_change(one: Point, other: Point) -> bool:
    """True when writing one of them may change the other: the same register, unless both are other bits of it."""
    if (one.unit, one.table) != (other.unit, other.table):
        return False
    if one.address >= other.address + max(1, other.size) or other.address >= one.address + max(1, one.size):
        return False
    if not (one.codec.partial and other.codec.partial):
        return True
    first, second = one.codec, other.codec
    return (
        first.first_bit < second.first_bit + second.bits and second.first_bit < first.first_bit + first.bits
    )
