"""Addresses a device refuses: found by halving the refused block, left out of the plan, tried again later."""

from collections.abc import Callable

from ess_actors.core.component import ComponentState
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.points import Register
from ess_actors.core.polling import Block
from ess_actors.core.transaction import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Answer, Request
from ess_actors.modbus.asking import Asker

EXTRA_REQUESTS = 16
"""Most requests one cycle spends on halving and on retries."""

_TOO_MUCH = frozenset({ILLEGAL_ADDRESS, ILLEGAL_VALUE})


class Isolation:
    """For one component: which registers the device refuses, and the search for them.

    A refused register is reported once, is BAD and out of the plan, and is tried again every
    `bad_point_retry_s`. When both halves of a refused run are served, the hole between them is to blame:
    no block crosses that place again.
    """

    def __init__(self, state: ComponentState, asker: Asker) -> None:
        self._state = state
        self._asker = asker
        self._search: list[tuple[list[Register], Answer | None]] = []
        """Runs of registers to look into, with the refusal when there was one; the last one is next."""
        self._retry_at: dict[Register, float] = {}

    def refused(self, block: Block, answer: Answer) -> None:
        """A block was answered with an exception: look into it after the cycle."""
        component = self._state.component
        if answer.error != "exception" or not component.auto_disable or self._search:
            return
        registers = sorted({point.register for point in block.points}, key=lambda r: r.address)
        if answer.code in _TOO_MUCH:
            self._search.append((registers, answer))
        elif answer.code == ILLEGAL_FUNCTION:
            self._search.extend(([register], answer) for register in registers)

    async def after_cycle(self, now: float, say: Callable[[Event], None]) -> bool:
        """Goes on searching and retrying; True when the plan of the component changed."""
        budget = EXTRA_REQUESTS
        changed = False
        for register in [r for r, at in self._retry_at.items() if at <= now][:budget]:
            budget -= 1
            changed |= await self._retry(register, now, say)
        while self._search and budget >= 2:
            run, refusal = self._search.pop()
            if refusal is None:
                budget -= 1
                answer = await self._read(run)
                if answer.error == "exception":
                    self._search.append((run, answer))
                continue
            if len(run) == 1:
                self._isolate(run[0], refusal, now, say)
                changed = True
                continue
            low, high = run[: len(run) // 2], run[len(run) // 2 :]
            budget -= 1
            first = await self._read(low)
            if first.error == "exception":
                self._search += [(high, None), (low, first)]
                continue
            budget -= 1
            second = await self._read(high)
            if second.error == "exception":
                self._search.append((high, second))
            elif first.error or second.error:
                # Silence or a lost connection tells nothing about addresses; the next refusal starts again.
                self._search.clear()
            else:
                place = (high[0].unit, high[0].table.read_function, high[0].address)
                self._state.barriers.add(place)
                changed = True
        if changed:
            self._state.replan()
        return changed

    async def _retry(self, register: Register, now: float, say: Callable[[Event], None]) -> bool:
        answer = await self._read([register])
        if answer.error:
            self._retry_at[register] = now + self._state.component.bad_point_retry_s
            return False
        del self._retry_at[register]
        self._state.isolated.difference_update(self._names(register))
        say(Event(self._state.component.uri, f"{_place(register)} is served again", STATUS))
        return True

    def _isolate(self, register: Register, answer: Answer, now: float, say: Callable[[Event], None]) -> None:
        self._state.isolated.update(self._names(register))
        self._retry_at[register] = now + self._state.component.bad_point_retry_s
        text = f"{_place(register)} is refused by the device ({answer.reason}); it is not read until it works"
        say(Event(self._state.component.uri, text, ALARM))

    def _names(self, register: Register) -> set[str]:
        return {point.id for point in self._state.component.points if point.register == register}

    async def _read(self, run: list[Register]) -> Answer:
        first = run[0]
        last = max(register.address + register.size for register in run)
        request = Request(first.unit, first.table.read_function, first.address, last - first.address)
        return await self._asker.ask(request, self._state.component.inter_message_delay_s)


def _place(register: Register) -> str:
    return f"{register.id} (unit {register.unit}, {register.table.name.lower()} {register.address})"
