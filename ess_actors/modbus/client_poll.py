"""Reads the due blocks of one component: the few lines that run for every request, and what follows a failure."""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence

from ess_actors.core.events import Event
from ess_actors.core.polling import Block
from ess_actors.core.transaction import BUSY, Answer
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served
from ess_actors.modbus.client_orders import Orders
from ess_actors.modbus.polling_loop import Planned, Slot, Timetable
from ess_actors.modbus.writes import ACKNOWLEDGED

BUSY_REPEAT_S = 0.1
"""A device that has no time now is asked once more after this pause, unless others would wait meanwhile."""


class Poller:
    """One request after the other, or as many at once as the link carries; orders go between them."""

    def __init__(
        self,
        asker: Asker,
        timetable: Timetable,
        say: Callable[[list[Event]], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._asker = asker
        self._timetable = timetable
        self._say = say
        self._clock = clock
        self._wall = wall

    async def read(self, served: Served, slots: Sequence[Slot], orders: Orders) -> float:
        """All blocks of these slots; when the oldest good request left, infinity when none was good.

        As many at once as the link carries, unless another component is due: that may have another unit.
        """
        todo = [(p, slot.at + slot.period_ms / 1000) for slot in slots for p in slot.todo()]
        width = min(self._asker.link.capacity, len(todo))
        if width > 1 and (
            served.state.component.inter_message_delay_s
            or self._timetable.others_start(served) <= self._clock()
        ):
            width = 1
        waiting = iter(todo)
        durations: list[float] = []
        if width <= 1:
            oldest = await self._work(served, waiting, orders, durations)
        else:
            async with asyncio.TaskGroup() as group:
                work = [
                    group.create_task(self._work(served, waiting, orders, durations)) for _ in range(width)
                ]
            oldest = min(one.result() for one in work)
        self._asker.count_good(durations)
        return oldest

    async def _work(
        self,
        served: Served,
        todo: Iterator[tuple[Planned, float]],
        orders: Orders,
        durations: list[float],
    ) -> float:
        asker, state, clock = self._asker, served.state, self._clock
        units, request = asker.units, asker.link.request
        pause = state.component.inter_message_delay_s
        lead = self._wall() - clock()
        oldest = math.inf
        for planned, until in todo:
            if orders.wanted or clock() >= orders.due_at:
                await orders.serve(in_cycle=True)
            unit = planned.unit
            if unit.resting:
                self._say(state.failed(planned.block, unit.reason, clock()))
                continue
            if pause or unit.turn:
                answer = await asker.in_turn(unit, planned.request, pause)
            else:
                answer = await request(planned.request)
            if orders.row:
                orders.polled()
            if answer.error:
                answer = await self._failed(served, planned, answer, until)
            else:
                if unit.misses or unit.doubt or units.row:
                    units.answered(unit)
                took = answer.received - answer.sent
                planned.tally.replies.add(took)
                durations.append(took)
                events = state.good(
                    planned.block, answer.payload, answer.sent, lead + answer.sent, took * 1000
                )
                if events:
                    self._say(events)
            if answer.sent < oldest and not answer.error:
                oldest = answer.sent
        return oldest

    async def _failed(self, served: Served, planned: Planned, answer: Answer, until: float) -> Answer:
        """Judges a failure; the answer to the repeated request when the device was only busy."""
        planned.tally.add(answer)
        self._asker.judge(planned.unit, answer)
        again = self._clock() + BUSY_REPEAT_S
        if answer.code in (ACKNOWLEDGED, BUSY) and again < min(until, self._timetable.others_start(served)):
            await asyncio.sleep(BUSY_REPEAT_S)
            return await self.one(served, planned)
        self._take(served, planned.block, answer)
        return answer

    async def one(self, served: Served, planned: Planned) -> Answer:
        """One block outside the cycle: a probe of a silent unit, or a fresh read for a get."""
        pause = served.state.component.inter_message_delay_s
        answer = await self._asker.ask(planned.request, planned.tally, pause)
        self._take(served, planned.block, answer)
        return answer

    def _take(self, served: Served, block: Block, answer: Answer) -> None:
        """An answer into the readings."""
        state, now = served.state, self._clock()
        if answer.error:
            self._say(state.failed(block, answer.reason, now))
            served.isolation.refused(block, answer)
            return
        left = self._wall() - (now - answer.sent)
        took_ms = (answer.received - answer.sent) * 1000
        self._say(state.good(block, answer.payload, answer.sent, left, took_ms))
