"""What a client does next: orders before slots before probes of silent units, and rest when there is nothing."""

import asyncio
import math
from collections.abc import Callable, Sequence

import orjson

from ess_actors.core.component_writes import Item
from ess_actors.core.events import Event
from ess_actors.core.points import Endpoint
from ess_actors.core.polling import Block
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served
from ess_actors.modbus.client_orders import Orders
from ess_actors.modbus.client_poll import Poller
from ess_actors.modbus.polling_loop import Slot, Timetable, planned
from ess_actors.modbus.publication import Publication
from ess_actors.modbus.units import Unit

_GAP_SPARE_S = 0.005
"""A line is idle enough for a probe when its time-out and this fit before the next request."""
_REST_LIMIT_S = 60.0
_NOT_CONNECTED_PROBE_S = 0.2
_STUCK_S = 30.0
_STUCK_TIMEOUTS = 20


class Loop:
    """One turn after the other, for as long as the client runs."""

    def __init__(
        self,
        asker: Asker,
        timetable: Timetable,
        emit: Callable[[Publication | Event], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.orders = Orders(asker, clock, self._read_now, timetable.next_begin)
        self.cycles = 0
        self.back = False
        """The link came up again, and nobody was polled because of that yet."""
        self.interrupted = False
        """Somebody wants this loop to stand still between two turns."""
        self.busy_since: float | None = None
        """Begin of the turn under way; None while it rests."""
        self.connection = 0
        """Counts the times the link came up."""
        self.write_again: Callable[[Served, Sequence[Item]], None] = lambda served, lost: None
        """Called with setpoints that the device has lost."""
        self.after_cycle: Callable[[Served], None] = lambda served: None
        """Called with what was just read."""
        self._asker = asker
        self._timetable = timetable
        self._emit = emit
        self._clock, self._wall = clock, wall
        self._units = asker.units
        self._poller = Poller(asker, timetable, self._say, clock, wall)
        self._served: Sequence[Served] = ()
        self._running: set[asyncio.Task[None]] = set()
        """Cycles under way, where the link carries several requests at once."""

    def renew(self, served: Sequence[Served], endpoint: Endpoint) -> None:
        """These components are served from now on, over this endpoint."""
        self._served = served
        self._transfer_timeout = endpoint.transfer_timeout_s
        self.orders.renew(served)

    async def turn(self) -> None:
        """One thing: whatever is most urgent."""
        if self._running:
            self._collect()
        orders, now = self.orders, self._clock()
        self.busy_since = now
        if orders.wanted or now >= orders.due_at:
            await orders.serve()
            now = self._clock()
        if self._units.resting and await self._probe(now):
            return
        if slots := self._timetable.due(now):
            if self._asker.link.capacity > 1:
                await self._begin(slots)
            else:
                await self._cycle(slots)
            # When nothing was asked nothing was waited for, and others on this loop have work too.
            await asyncio.sleep(0)
        elif self.back:
            self.back = False
            await self._catch_up(None)
        else:
            await self._rest(now)

    @property
    def stuck(self) -> bool:
        """One turn takes longer than any device could make it."""
        limit = max(_STUCK_S, _STUCK_TIMEOUTS * self._transfer_timeout)
        return self.busy_since is not None and self._clock() - self.busy_since > limit

    async def _begin(self, slots: Sequence[Slot]) -> None:
        """Starts a cycle and leaves it alone: a unit that does not answer holds nobody up while there is room."""
        slots[0].served.busy = True
        task = asyncio.create_task(self._cycle(slots))
        self._running.add(task)
        task.add_done_callback(lambda _: self.orders.wake.set())
        if len(self._running) >= self._asker.link.capacity:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    def _collect(self) -> None:
        """Ends what is through; a fault of ours in it is a fault here."""
        for task in [task for task in self._running if task.done()]:
            self._running.discard(task)
            task.result()

    async def settle(self) -> None:
        """Waits until no cycle is under way."""
        if self._running:
            await asyncio.wait(self._running)
            self._collect()

    async def end(self) -> None:
        """Gives up what is under way, and answers everybody who waits for an order."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        self._running.clear()
        self.orders.end()

    async def _rest(self, now: float) -> None:
        """Until the next slot, the end of a debounce window, a heartbeat write, a probe, or a new order."""
        orders = self.orders
        orders.wake.clear()
        if orders.may_send(now) or self.back or self.interrupted:
            return
        probe = self._units.next_probe(now)
        until = min(self._timetable.next_begin(), math.inf if probe is None else probe)
        if not orders.sending:
            until = min(until, orders.due_at)
        # A loop's timers have whole milliseconds; one that rings early would make this spin.
        wait = math.ceil(min(max(until - now, 0.0), _REST_LIMIT_S) * 1000) / 1000
        alarm = asyncio.get_running_loop().call_later(wait, orders.wake.set)
        self.busy_since = None
        try:
            await orders.wake.wait()
        finally:
            alarm.cancel()

    async def _cycle(self, slots: Sequence[Slot], *, on_grid: bool = True) -> None:
        """The due blocks of one component, back to back, and one publication."""
        served, began = slots[0].served, self._clock()
        served.busy = True
        try:
            await self._read_and_publish(served, slots, began)
            if on_grid:
                self._timetable.advance(slots, self._clock())
            else:
                for slot in slots:
                    slot.caught_up = began
        finally:
            served.busy = False

    async def _read_and_publish(self, served: Served, slots: Sequence[Slot], began: float) -> None:
        state, uri = served.state, served.state.component.uri
        oldest = await self._poller.read(served, slots, self.orders)
        now = self._clock()
        body, marks, events = state.publication([slot.period_ms for slot in slots], now, self._wall())
        self._say(events)
        sent = oldest if oldest < math.inf else now
        self._emit(Publication(uri, orjson.dumps(body), marks, sent))
        if state.component.publish_quality and (doubtful := state.quality_body(now)) is not None:
            self._emit(Publication(f"{uri}/_quality", orjson.dumps(doubtful), None, sent))
        self.cycles += 1
        served.stats.cycles.add(self._clock() - began)
        if not served.isolation.idle(now):
            await served.isolation.after_cycle(now, self._emit)
        if served.assertions:
            self.write_again(served, served.assertions.lost(self._epoch))
        self.after_cycle(served)

    async def _probe(self, now: float) -> bool:
        """Asks one silent unit: while the line is idle for long enough, or when its time has come anyway."""
        limit = self._transfer_timeout
        idle = min(self._timetable.next_request(), self.orders.due_at) - now >= limit + _GAP_SPARE_S
        found = self._units.to_probe(now, idle=idle)
        if found is None:
            return False
        number, unit = found
        first = self._first_block(number)
        if first is None:
            unit.wake()
            return True
        served, block = first
        answer = await self._poller.one(served, planned(served, block, self._units))
        now = self._clock()
        if answer.error == "not_connected":
            self._units.later(unit, now + _NOT_CONNECTED_PROBE_S, answer.reason)
        elif not unit.resting:
            await self._catch_up(unit)
        elif not idle:
            self._units.spare(now + limit)
        return True

    def _first_block(self, unit: int) -> tuple[Served, Block] | None:
        for served in self._served:
            for cycle in served.state.cycles:
                for block in cycle.blocks:
                    if block.unit == unit:
                        return served, block
        return None

    async def _catch_up(self, unit: Unit | None) -> None:
        """A device (or one unit of it) is back: slow components do not wait for their next slot."""
        for slots in self._timetable.far(self._clock(), unit):
            await self._cycle(slots, on_grid=False)

    async def _read_now(self, served: Served, block: Block) -> None:
        one = planned(served, block, self._units)
        if one.unit.resting:
            self._say(served.state.failed(block, one.unit.reason, self._clock()))
        else:
            await self._poller.one(served, one)

    def _epoch(self, unit: int) -> tuple[int, int]:
        return self.connection, self._units[unit].silences

    def _say(self, events: list[Event]) -> None:
        for event in events:
            self._emit(event)
