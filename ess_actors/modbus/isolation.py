"""Addresses a device refuses: found by halving the refused block, left out of the plan, tried again later."""

from collections.abc import Callable

from ess_actors.core.component import ComponentState
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.points import Register
from ess_actors.core.polling import Block
from ess_actors.core.transaction import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Answer, Request
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_stats import Tally

EXTRA_REQUESTS = 16
"""Most requests one cycle spends on halving and on retries."""

_TOO_MUCH = frozenset({ILLEGAL_ADDRESS, ILLEGAL_VALUE})


class Isolation:
    """For one component: which registers the device refuses, and the search for them.

    A refused register is reported once, is BAD and out of the plan, and is tried again every
    `bad_point_retry_s`. When both halves of a refused run are served, the hole between them is to blame:
    no block crosses that place again. When nothing of a table is served, no register is to blame but the
    device: that is reported once, and it is asked as ever, so that it is read as soon as it serves again.
    """

    def __init__(self, state: ComponentState, asker: Asker, tally: Tally) -> None:
        self._state = state
        self._asker = asker
        self._tally = tally
        self._search: list[tuple[list[Register], Answer | None]] = []
        """Runs of registers to look into, with the refusal when there was one; the last one is next."""
        self._refused: list[tuple[Register, Answer]] = []
        """What this search has found."""
        self._served = False
        """Something in this search was served."""
        self._whole: dict[tuple[int, int], str] = {}
        """(unit, function) of which nothing is served -> its name in the events."""
        self._retry_at: dict[Register, float] = {}

    def refused(self, block: Block, answer: Answer) -> None:
        """A block was answered with an exception: look into it after the cycle."""
        component = self._state.component
        if answer.error != "exception" or not component.auto_disable or self._search:
            return
        if (block.unit, block.function) in self._whole:
            return
        registers = sorted({point.register for point in block.points}, key=lambda r: r.address)
        if answer.code in _TOO_MUCH:
            self._search.append((registers, answer))
            self._refused, self._served = [], False
        elif answer.code == ILLEGAL_FUNCTION:
            self._search.append((registers, answer))

    def idle(self, now: float) -> bool:
        """True while there is nothing to search and nothing to retry."""
        waiting = self._retry_at and min(self._retry_at.values()) <= now
        return not (self._search or self._whole or waiting)

    async def after_cycle(self, now: float, say: Callable[[Event], None]) -> bool:
        """Goes on searching and retrying; True when the plan of the component changed."""
        self._look_for_life(say)
        budget = EXTRA_REQUESTS
        changed = False
        for register in [r for r, at in self._retry_at.items() if at <= now][:budget]:
            if self._asker.units[register.unit].resting:
                continue
            budget -= 1
            changed |= await self._retry(register, now, say)
        while self._search and budget >= 2:
            run, refusal = self._search.pop()
            if self._asker.units[run[0].unit].resting:
                self._give_up()
                break
            if all(self._is_good(register) for register in run):
                pass  # the device has come to its senses meanwhile
            elif refusal is None:
                budget -= 1
                answer = await self._read(run)
                if answer.error == "exception":
                    self._search.append((run, answer))
            elif refusal.code == ILLEGAL_FUNCTION:
                self._isolate_all(run, refusal, now, say)
                changed = True
            elif len(run) == 1:
                self._refused.append((run[0], refusal))
            else:
                budget -= 2
                changed |= await self._halve(run)
            if not self._search and self._refused:
                changed |= await self._conclude(now, say)
        if changed:
            self._state.replan()
        return changed

    async def _halve(self, run: list[Register]) -> bool:
        """Looks into both halves of a refused run; True when a place was found that no block may cross."""
        low, high = run[: len(run) // 2], run[len(run) // 2 :]
        first = await self._read(low)
        if first.error == "exception":
            self._search += [(high, None), (low, first)]
            return False
        second = await self._read(high)
        if second.error == "exception":
            self._search.append((high, second))
        elif first.error or second.error:
            self._give_up()
        else:
            self._state.barriers.add((high[0].unit, high[0].table.read_function, high[0].address))
            return True
        return False

    def _give_up(self) -> None:
        """Silence or a lost connection tells nothing about addresses; the next refusal starts again."""
        self._search.clear()
        self._refused.clear()

    async def _conclude(self, now: float, say: Callable[[Event], None]) -> bool:
        """The search is through: single registers are isolated, unless the device serves nothing at all."""
        found = [(register, refusal) for register, refusal in self._refused if not self._is_good(register)]
        self._refused = []
        if not found:
            return False
        register, refusal = found[0]
        served = self._served
        if (await self._read([register])).error != "exception":
            return False  # it has changed its mind during the search; the next refusal starts again
        key = (register.unit, register.table.read_function)
        if served or self._is_read(key):
            for register, refusal in found:
                self._isolate(register, refusal, now, say)
            return True
        name = f"unit {register.unit}: {register.table.name.lower()} registers"
        self._whole[key] = name
        text = f"{name}: everything is refused by the device ({refusal.reason}), first {register.id}"
        say(Event(self._state.component.uri, text, ALARM))
        return False

    def _is_good(self, register: Register) -> bool:
        """Its block, which is polled on during the search, was served in this cycle."""
        readings = (self._state.reading(name) for name in self._names(register))
        return any(reading is not None and reading.good for reading in readings)

    def _is_read(self, key: tuple[int, int]) -> bool:
        return any(one.good and (one.block.unit, one.block.function) == key for one in self._state.answers)

    def _look_for_life(self, say: Callable[[Event], None]) -> None:
        for key in [key for key in self._whole if self._is_read(key)]:
            say(Event(self._state.component.uri, f"{self._whole.pop(key)} are served again", STATUS))

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

    def _isolate_all(
        self, run: list[Register], answer: Answer, now: float, say: Callable[[Event], None]
    ) -> None:
        """The device does not know the function: told once, not once per register."""
        for register in run:
            self._state.isolated.update(self._names(register))
            self._retry_at[register] = now + self._state.component.bad_point_retry_s
        text = f"{_place(run[0])}" + (f" and {len(run) - 1} more" if len(run) > 1 else "")
        text += f" are refused by the device ({answer.reason}); not read until it works"
        say(Event(self._state.component.uri, text, ALARM))

    def _names(self, register: Register) -> set[str]:
        return {point.id for point in self._state.component.points if point.register == register}

    async def _read(self, run: list[Register]) -> Answer:
        first = run[0]
        last = max(register.address + register.size for register in run)
        request = Request(first.unit, first.table.read_function, first.address, last - first.address)
        answer = await self._asker.ask(request, self._tally, self._state.component.inter_message_delay_s)
        self._served |= not answer.error
        return answer


def _place(register: Register) -> str:
    return f"{register.id} (unit {register.unit}, {register.table.name.lower()} {register.address})"
