"""One Modbus client: polls the components of a file on time, writes what is set, publishes once per cycle."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable

import orjson

from ess_actors.core.component import ComponentState
from ess_actors.core.component_facts import facts
from ess_actors.core.component_writes import Reply, multi_reply
from ess_actors.core.events import ALARM, INFO, STATUS, Event
from ess_actors.core.metrics import Meter
from ess_actors.core.points import ClientMap
from ess_actors.core.polling import Block
from ess_actors.core.transaction import Answer, Request
from ess_actors.core.uri import clean
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.isolation import Isolation
from ess_actors.modbus.link import Link
from ess_actors.modbus.polling_loop import Slot, Timetable, common_base
from ess_actors.modbus.publication import Publication
from ess_actors.modbus.units import Units
from ess_actors.modbus.writes import Pending, Ticket, WriteQueue, execute

WRITES_IN_A_ROW = 8
"""After so many write jobs one poll block is let through."""
BUSY_REPEAT_S = 0.1

Emit = Callable[[Publication | Event], None]


class Client:
    """Everything of one client file. `emit` is called on the loop and must be quick.

    `run` lives until cancelled; nothing a device does ends it. `set` and `get` may be called before.
    """

    def __init__(
        self,
        client_map: ClientMap,
        emit: Emit,
        *,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        endpoint = client_map.endpoint
        self.stem = client_map.stem
        self._emit = emit
        self._clock, self._wall = clock, wall
        self._connect_timeout = endpoint.connect_timeout_s
        self.link = Link(
            endpoint.host,
            endpoint.port,
            connect_timeout=endpoint.connect_timeout_s,
            transfer_timeout=endpoint.transfer_timeout_s,
            backoff_min=endpoint.reconnect_min_s,
            backoff_max=endpoint.reconnect_max_s,
            on_state=self._link_changed,
            clock=clock,
        )
        now = clock()
        self.states = tuple(ComponentState(component, now) for component in client_map.components)
        self._by_uri: dict[str, ComponentState] = {}
        for state in self.states:
            self._by_uri.setdefault(state.component.uri, state)
        blocks = [b for state in self.states for cycle in state.cycles for b in cycle.blocks]
        self._units = Units(block.unit for block in blocks)
        self._asker = Asker(self.link, self._units, self.stem, meter, clock)
        self._isolation = {id(state): Isolation(state, self._asker) for state in self.states}
        self._beating = tuple(state for state in self.states if state.heartbeat_due() is not None)
        self._queue = WriteQueue()
        self._sending: Pending | None = None
        self._fresh: deque[tuple[ComponentState, str, asyncio.Future[object]]] = deque()
        self._wake = asyncio.Event()
        self._timetable = Timetable(self.states, common_base(now, wall()))
        self._started = now
        self._set_counts: Counter[str] = Counter()
        self._cycles = 0
        self._row = 0
        """Orders served since the last poll block."""
        self._running = False

    async def run(self) -> None:
        """Polls, writes and publishes until cancelled; then the socket is closed and open sets answered."""
        self._running = True
        self.link.start()
        try:
            await self.link.wait_connected(self._connect_timeout)
            self._timetable.begin(self._clock())
            while True:
                await self._urgent()
                slots = self._timetable.due(self._clock())
                if slots:
                    await self._cycle(slots)
                    await asyncio.sleep(0)
                else:
                    await self._rest()
        finally:
            self._running = False
            if self._sending is not None:
                self._sending.ticket.put(self._sending.job.failed("unknown_outcome"))
            self._queue.clear("not_connected")
            while self._fresh:
                self._answer_fresh(*self._fresh.popleft())
            await self.link.stop()

    async def _rest(self) -> None:
        """Until the next slot, the end of a debounce window, a heartbeat write, or a new order."""
        beats = [due for state in self._beating if (due := state.heartbeat_due()) is not None]
        ready = self._queue.next_ready()
        until = min([self._timetable.next_start(), *beats, *(() if ready is None else (ready,))])
        try:
            async with asyncio.timeout(min(max(until - self._clock(), 0.0), 60.0)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _urgent(self) -> None:
        """Sets, fresh reads and heartbeats that wait; a few in a row only while a poll is due."""
        self._wake.clear()
        while self._row < WRITES_IN_A_ROW or self._timetable.next_start() > self._clock():
            self._row += 1
            pending = self._queue.pop(self._clock())
            if pending is not None:
                self._sending = pending
                replies = await execute(self._asker, pending.state, pending.job)
                self._sending = None
                self._set_counts.update(str(reply["status"]) for reply in replies.values())
                pending.ticket.put(replies)
            elif self._fresh:
                state, rest, _ = self._fresh[0]
                for cycle in state.cycles:
                    for block in cycle.blocks:
                        if not rest or any(point.id == rest for point in block.points):
                            await self._poll(state, block, repeat_until=0.0)
                self._answer_fresh(*self._fresh.popleft())
            else:
                self._row -= 1
                break
        now = self._clock()
        for state in self._beating:
            job = state.heartbeat_write(now)
            if job is not None and self.link.connected and self._units.may_ask(job.unit, now):
                await execute(self._asker, state, job)

    def _answer_fresh(self, state: ComponentState, rest: str, done: asyncio.Future[object]) -> None:
        if not done.done():
            done.set_result(state.get(rest, self._clock()))

    async def _cycle(self, slots: list[Slot]) -> None:
        """The due blocks of one component, back to back, and one publication."""
        state = slots[0].state
        sent: list[float] = []
        for slot in slots:
            for block in slot.blocks():
                await self._urgent()
                answer = await self._poll(state, block, repeat_until=slot.at + slot.period_ms / 1000)
                self._row = 0
                if answer is not None and not answer.error:
                    sent.append(answer.sent)
        now = self._clock()
        body, marks, events = state.publication([slot.period_ms for slot in slots], now, self._wall())
        self._say(events)
        self._emit(Publication(state.component.uri, orjson.dumps(body), marks, min(sent, default=now)))
        self._cycles += 1
        await self._isolation[id(state)].after_cycle(now, self._emit)
        self._timetable.advance(slots, self._clock())

    async def _poll(self, state: ComponentState, block: Block, repeat_until: float) -> Answer | None:
        """Reads one block into the state; None when the unit is in back-off and was not asked."""
        now = self._clock()
        if not self._units.may_ask(block.unit, now):
            self._say(state.failed(block, "timeout", now))
            return None
        request = Request(block.unit, block.function, block.address, block.count)
        pause = state.component.inter_message_delay_s
        answer = await self._asker.ask(request, pause)
        if answer.code in (5, 6) and self._clock() + BUSY_REPEAT_S < repeat_until:
            await asyncio.sleep(BUSY_REPEAT_S)
            answer = await self._asker.ask(request, pause)
        if answer.error:
            self._say(state.failed(block, answer.reason, self._clock()))
            self._isolation[id(state)].refused(block, answer)
            return answer
        left = self._wall() - (self._clock() - answer.sent)
        took_ms = (answer.received - answer.sent) * 1000
        self._say(state.good(block, answer.payload, answer.sent, left, took_ms))
        return answer

    def oldest_age(self) -> float:
        """Age in seconds of the oldest point of the plan; one that was never read is as old as the client.

        May be called from any thread.
        """
        now = self._clock()
        sent = (
            one.sent or self._started
            for state in self.states
            for answer in state.answers
            for one in answer.sources()
        )
        return now - min(sent, default=now)

    def _say(self, events: list[Event]) -> None:
        for event in events:
            self._emit(event)

    def _link_changed(self, connected: bool, reason: str) -> None:
        place = f"{self.link.host}:{self.link.port}"
        if connected:
            self._units.reconnected()
            self._say([Event(self.stem, f"connected to {place}", STATUS)])
        elif reason != "stopped":
            self._say([Event(self.stem, f"not connected to {place}: {reason}", ALARM)])

    def find(self, uri: str) -> tuple[ComponentState | None, str]:
        """The component with the longest id that covers `uri`, and what stands behind it."""
        path = clean(uri)
        rest: list[str] = []
        while path.count("/") >= 1 and path != "/":
            if state := self._by_uri.get(path):
                return state, "/".join(reversed(rest))
            path, _, last = path.rpartition("/")
            rest.append(last)
        return None, clean(uri)

    async def set(self, uri: str, body: object) -> Reply:
        """Writes a point (`body` a value) or a component (an object of values); the reply of the device.

        Commands behind a point (`_force`, `_unforce`, `_disable`, `_enable`) are obeyed too.
        """
        state, rest = self.find(uri)
        if state is None:
            return _no_component(uri)
        name, suffix = state.resolve(rest)
        if suffix:
            reply = state.command(name, suffix, body)
            if reply.get("status") == "ok":
                self._emit(Event(f"{state.component.uri}/{name}", suffix.lstrip("_"), INFO))
            return reply
        jobs, refused = state.jobs(rest, body)
        if not rest and not jobs and list(refused) == [""]:
            return {"_status": "failed", **refused[""]}
        names = [*refused, *(written for job in jobs for written in job.names)]
        ticket = Ticket(names)
        ticket.put(refused)
        if not self._running:
            for job in jobs:
                ticket.put(job.failed("not_connected"))
        else:
            now = self._clock()
            for job in jobs:
                self._queue.add(state, job, ticket, now)
            self._wake.set()
        replies = await ticket.done
        return multi_reply(replies) if not rest else replies[rest]

    async def get(self, uri: str) -> object:
        """The value as read last, or with `_remote` as read now; `_full` and `_raw` tell everything of a point.

        An answer that is an object with a text under `status` says why there is no value.
        """
        state, rest = self.find(uri)
        if state is None:
            return _no_component(uri)
        name, suffix = state.resolve(rest)
        match suffix:
            case "" | "_local":
                return state.get(name if suffix else rest, self._clock())
            case "_remote" if self._running:
                done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
                self._fresh.append((state, name, done))
                self._wake.set()
                return await done
            case "_full" | "_raw":
                return facts(state, name, suffix, self._clock())
            case "_stats":
                return self.stats()
        return {"status": "unsupported"}

    def stats(self) -> dict[str, object]:
        """Counts since the start; times in milliseconds."""
        return {
            "connected": self.link.connected,
            **self.link.counters.as_body(),
            "cycles": self._cycles,
            "missed_cycles": self._timetable.missed,
            "silent_units": self._units.silent,
            "sets": dict(self._set_counts),
            "oldest_point_s": self.oldest_age(),
        }


def _no_component(uri: str) -> Reply:
    return {"status": "unknown_id", "text": f"no component of this device covers {uri}"}
