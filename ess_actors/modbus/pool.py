"""Several connections to one endpoint behind the interface of one: a request takes any that is free."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from ess_actors.core.points import Endpoint
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.link import KeptLink, Link, OnState, ignore_state
from ess_actors.modbus.link_counters import LinkCounters


class _Member:
    """One connection of the pool and how many requests it carries now."""

    __slots__ = ("link", "load", "told")

    def __init__(self) -> None:
        self.link: KeptLink
        self.load = 0
        self.told: bool | None = None


class Pool(Link):
    """Connected while one of its connections is. Requests are served in the order they came."""

    def __init__(
        self,
        endpoint: Endpoint,
        kind: Callable[..., KeptLink],
        *,
        on_state: OnState = ignore_state,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self._on_state = on_state
        self._told: bool | None = None
        self._members: deque[_Member] = deque()
        self._waiting: deque[asyncio.Future[_Member | None]] = deque()
        self._unsent = 0
        for _ in range(endpoint.max_connections):
            member = _Member()
            member.link = kind(endpoint, on_state=self._listener(member), clock=clock)
            self._members.append(member)

    @property
    def links(self) -> tuple[Link, ...]:
        """Its connections."""
        return tuple(member.link for member in self._members)

    @property
    def counters(self) -> LinkCounters:
        """The sum over the connections."""
        total = LinkCounters(not_connected=self._unsent)
        for member in self._members:
            total.include(member.link.counters)
        return total

    @property
    def connected(self) -> bool:
        """True while one of the connections is."""
        return any(member.link.connected for member in self._members)

    @property
    def place(self) -> str:
        """As the endpoint names it."""
        return self.endpoint.place

    @property
    def capacity(self) -> int:
        """Over all connections."""
        return sum(member.link.capacity for member in self._members)

    def start(self) -> None:
        """Begins to connect all of them."""
        for member in self._members:
            member.link.start()

    async def stop(self) -> None:
        """Closes all of them; what is open or waits fails with not_connected."""
        await asyncio.gather(*(member.link.stop() for member in self._members))

    async def wait_connected(self, timeout: float) -> bool:  # noqa: ASYNC109 - a limit of ours
        """True as soon as one of them is open."""
        waits = [asyncio.create_task(member.link.wait_connected(timeout)) for member in self._members]
        try:
            for first in asyncio.as_completed(waits):
                if await first:
                    return True
            return False
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def drop(self, reason: str) -> None:
        """Closes all of them; each comes back after its own back-off."""
        for member in self._members:
            member.link.drop(reason)

    async def request(self, request: Request) -> Answer:
        """On a connection that has room, else on the first that gets some."""
        member = self._free()
        if member is None:
            member = await self._turn()
            if member is None:
                self._unsent += 1
                return Answer(error="not_connected")
        else:
            member.load += 1
        try:
            return await member.link.request(request)
        finally:
            member.load -= 1
            self._serve_waiting()

    async def _turn(self) -> _Member | None:
        """A place on a connection, already counted in its load; None when all are gone."""
        if not any(member.link.ready for member in self._members):
            return None
        turn: asyncio.Future[_Member | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and (given := turn.result()) is not None:
                given.load -= 1
                self._serve_waiting()
            raise

    def _free(self) -> _Member | None:
        """The least loaded connection with room; of equal ones the one that rested longest."""
        best: _Member | None = None
        for member in self._members:
            if (
                member.link.ready
                and member.load < member.link.capacity
                and (best is None or member.load < best.load)
            ):
                best = member
                if not member.load:
                    break
        if best is not None:
            self._members.remove(best)
            self._members.append(best)
        return best

    def _serve_waiting(self) -> None:
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
            elif (member := self._free()) is not None:
                member.load += 1
                self._waiting.popleft().set_result(member)
            elif any(member.link.ready for member in self._members):
                break
            else:
                self._waiting.popleft().set_result(None)

    def _listener(self, member: _Member) -> OnState:
        def changed(connected: bool, reason: str) -> None:
            member.told = connected
            if connected:
                self._serve_waiting()
                self._tell(True, "")
            elif all(one.told is False for one in self._members):
                self._tell(False, reason)

        return changed

    def _tell(self, connected: bool, reason: str) -> None:
        if connected != self._told:
            self._told = connected
            self._on_state(connected, reason)
