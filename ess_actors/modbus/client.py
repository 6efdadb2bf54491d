"""One Modbus client: polls the components of one endpoint on time, writes what is set, publishes once per cycle."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

import orjson

from ess_actors.core.component import ComponentState
from ess_actors.core.component_writes import Reply
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.lease import SafeList
from ess_actors.core.metrics import Meter
from ess_actors.core.points import ClientMap, Endpoint
from ess_actors.core.safe_state import Holding
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.background import in_background
from ess_actors.modbus.client_answers import Answers
from ess_actors.modbus.client_component import Served
from ess_actors.modbus.client_loop import Loop
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.link import Link
from ess_actors.modbus.polling_loop import Timetable, common_base
from ess_actors.modbus.publication import Publication
from ess_actors.modbus.safe_guard import Guard
from ess_actors.modbus.units import Units

Emit = Callable[[Publication | Event | Holding], None]


class Client:
    """Everything behind one endpoint. `emit` is called on the loop and must be quick.

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
        safe: SafeList | None = None,
        quiet_start: bool = False,
    ) -> None:
        """`safe`: what the device falls back to; `quiet_start`: that it begins with that is no fault."""
        self.stem = client_map.stem
        self._emit = emit
        self._clock, self._wall = clock, wall
        self._endpoint = client_map.endpoint
        now = clock()
        self._started = now
        self._running = False
        self._units = Units(_polled(client_map), _patience(client_map))
        self.link: Link = open_link(self._endpoint, on_state=self._link_changed, clock=clock)
        self._asker = Asker(self.link, self._units, self.stem, meter, clock)
        self._served = tuple(Served(one, self._asker, now) for one in client_map.components)
        self._timetable = Timetable(self._served, self._units, common_base(now, wall()))
        self._loop = Loop(self._asker, self._timetable, emit, clock, wall)
        self._answers = Answers(self._asker, self._loop.orders, emit, clock, wall)
        self._loop.write_again = self._answers.write_again
        self._loop.renew(self._served, self._endpoint)
        self._answers.renew(self._served)
        self.guard: Guard | None = None
        self._meter = meter
        if safe is not None:
            self._guard_with(safe, quiet_start=quiet_start)
        self._reloads: deque[tuple[ClientMap, SafeList | None, asyncio.Future[None]]] = deque()
        self._told_lost = False
        self._stats: asyncio.Task[None] | None = None

    def _guard_with(self, safe: SafeList, *, quiet_start: bool = False) -> None:
        orders, clock, wall = self._loop.orders, self._clock, self._wall
        guard = Guard(
            safe,
            self.stem,
            orders,
            self._asker,
            self._emit,
            self._meter,
            clock,
            wall,
            quiet_start=quiet_start,
        )
        guard.renew(self._served)
        self._answers.permit, self._answers.written = guard.permit, guard.written
        orders.before_write = guard.look_at_lease
        self._loop.after_cycle = guard.look
        self.guard = guard
        if self._running:
            guard.begin()

    @property
    def endpoint(self) -> Endpoint:
        """Where its devices are."""
        return self._endpoint

    @property
    def states(self) -> tuple[ComponentState, ...]:
        """The components in the order of the file."""
        return tuple(one.state for one in self._served)

    async def run(self) -> None:
        """Polls, writes and publishes until cancelled; then the socket is closed and open sets answered."""
        self._running = self._answers.running = True
        self.link.start()
        self._restart_stats()
        if self.guard is not None:
            self.guard.begin()
        try:
            await self.link.wait_connected(self._endpoint.connect_timeout_s)
            self._timetable.begin(self._clock())
            while True:
                await self._reload_now()
                await self._loop.turn()
        finally:
            self._running = self._answers.running = False
            if self.guard is not None:
                self.guard.stopped()
            self._restart_stats()
            await self._loop.end()
            for *_, done in self._reloads:
                done.cancel()
            await self.link.stop()

    @property
    def stuck(self) -> bool:
        """Its loop has stopped turning, whatever its devices do."""
        return self._running and self._loop.stuck

    def oldest_age(self) -> float:
        """Age in seconds of the oldest point of the plan; one that was never read is as old as the client.

        May be called from any thread.
        """
        now = self._clock()
        sent = (
            one.sent or self._started
            for served in self._served
            for answer in served.state.answers
            for one in answer.sources()
        )
        return now - min(sent, default=now)

    def _link_changed(self, connected: bool, reason: str) -> None:
        place, loop = self._endpoint.place, self._loop
        if connected:
            loop.connection += 1
            self._units.probe_all(0.0)
            loop.back, self._told_lost = self._told_lost, False
            loop.orders.wake.set()
            if self.guard is not None:
                self.guard.connected()
            self._emit(Event(self.stem, f"connected to {place}", STATUS))
        elif reason != "stopped":
            self._told_lost = True
            self._emit(Event(self.stem, f"not connected to {place}: {reason}", ALARM))

    async def set(self, uri: str, body: object, *, by: str = "", command: str = "") -> Reply:
        """Writes a point (`body` a value) or a component (an object of values); the reply of the device.

        Commands behind a point (`_force`, `_unforce`, `_disable`, `_enable`, `_stats`) are obeyed too; `by`
        says who wants it, `command` is the id of the operator's or site's command behind it.
        """
        return await self._answers.set(uri, body, by, command)

    async def get(self, uri: str) -> object:
        """The value as read last, or with `_remote` as read now; suffixes tell everything of a point.

        An answer that is an object with a text under `status` says why there is no value.
        """
        return await self._answers.get(uri)

    def stats(self) -> dict[str, object]:
        """Counts since the start; times in milliseconds."""
        return {
            "connected": self.link.connected,
            **self.link.counters.as_body(),
            "cycles": self._loop.cycles,
            "missed_cycles": self._timetable.missed,
            "silent_units": self._units.silent,
            "sets": self._answers.sets(),
            "oldest_point_s": self.oldest_age(),
        }

    def _restart_stats(self) -> None:
        """Figures are published while the client runs and its file wants it."""
        if self._stats is not None:
            self._stats.cancel()
            self._stats = None
        endpoint = self._endpoint
        if self._running and endpoint.stats_uri:
            work = self._publish_stats(endpoint.stats_uri, endpoint.stats_period_ms / 1000)
            self._stats = in_background(work, f"stats {self.stem}")

    async def _publish_stats(self, uri: str, period_s: float) -> None:
        while True:
            await asyncio.sleep(period_s - math.fmod(self._wall(), period_s))
            self._emit(Publication(uri, orjson.dumps(self.stats()), None, self._clock()))

    @property
    def served(self) -> dict[str, Served]:
        """The components by uri; of two with the same one the first."""
        return {one.state.component.uri: one for one in reversed(self._served)}

    def inherit(self, before: Mapping[str, Served]) -> None:
        """Components that another client served until now keep what an operator has ordered."""
        for uri, one in self.served.items():
            other = before.get(uri)
            if other is not None and other is not one:
                one.inherit(other)

    async def reload(self, client_map: ClientMap, safe: SafeList | None = None) -> None:
        """Goes on with another map of the same endpoint. What is the same in it is not interrupted.

        `safe`: what it falls back to from now on; None = to what it did before.
        """
        if not self._running:
            await self._renew(client_map, safe)
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reloads.append((client_map, safe, done))
        self._loop.interrupted = True
        self._loop.orders.wake.set()
        await done

    async def _reload_now(self) -> None:
        while self._reloads:
            client_map, safe, done = self._reloads.popleft()
            await self._renew(client_map, safe)
            if not done.done():
                done.set_result(None)
        self._loop.interrupted = False

    async def _renew(self, client_map: ClientMap, safe: SafeList | None) -> None:
        await self._loop.settle()
        before, self._endpoint = self._endpoint, client_map.endpoint
        if _line(before) != _line(self._endpoint):
            await self.link.stop()
            self.link = self._asker.link = open_link(
                self._endpoint, on_state=self._link_changed, clock=self._clock
            )
            self._told_lost = True
            if self._running:
                self.link.start()
        self._restart_stats()
        now = self._clock()
        known = {one.state.component.uri: one for one in self._served}
        served: list[Served] = []
        for component in client_map.components:
            one = known.pop(component.uri, None)
            if one is None or one.state.component != component:
                new = Served(component, self._asker, now)
                if one is not None:
                    new.inherit(one)
                one = new
            served.append(one)
        self._served = tuple(served)
        self._units.renew(_polled(client_map), _patience(client_map))
        self._timetable.renew(self._served, now)
        self._loop.renew(self._served, self._endpoint)
        self._answers.renew(self._served)
        if self.guard is not None:
            self.guard.renew(self._served, safe)
        elif safe is not None and safe.values:
            self._guard_with(safe)


def _line(endpoint: Endpoint) -> Endpoint:
    """What of an endpoint its connection depends on."""
    return replace(endpoint, name="", stats_uri="", stats_period_ms=0)


def _polled(client_map: ClientMap) -> set[int]:
    return {
        point.unit for component in client_map.components for point in component.points if not point.shadowed
    }


def _patience(client_map: ClientMap) -> float:
    """A probe waits one period of the slowest component for an idle line: then every gap was looked at."""
    return 1.1 * max((component.period_ms for component in client_map.components), default=0) / 1000
