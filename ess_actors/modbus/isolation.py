"""Addresses a device refuses: found by halving the refused block, left out of the plan, tried again later."""

import math
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

FIRST_RETRY_S = 1.0
"""A device that refuses while it starts up is not left out for a minute."""

_REFUSALS = frozenset({ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE})
"""By any other exception a device tells of itself, not of what was asked."""

_Key = tuple[int, int]
"""Unit and function: one table of one unit."""


class Isolation:
    """For one component: which registers the device refuses, and the search for them.

    A refused register is reported once, is BAD and out of the plan, and is tried again after pauses that grow
    from FIRST_RETRY_S to `bad_point_retry_s`. When both halves of a refused run are served, the hole between
    them is to blame: no block crosses that place again. When nothing of a table is served, no register is
    to blame but the device: that is reported once, and it is asked as ever, so that it is read as soon as it
    serves again.
    A unit that does not know a function, and serves another one, loses the whole table, with one report; one
    register of it is tried again.
    """

    def __init__(self, state: ComponentState, asker: Asker, tally: Tally) -> None:
        self._state = state
        self._asker = asker
        self._tally = tally
        self._search: list[tuple[list[Register], Answer | None]] = []
        """Runs of registers to look into, with the refusal when there was one; the last one is next."""
        self._refused: list[tuple[Register, Answer]] = []
        """What this search has found; each is asked once more before it is blamed."""
        self._served = False
        """Something in this search was served."""
        self._reads = 0
        """Requests of this cycle."""
        self._whole: dict[_Key, str] = {}
        """Of these nothing is served -> their names in the events."""
        self._retry_at: dict[Register, float] = {}
        self._pauses: dict[Register | _Key, float] = {}
        """How long was waited for the next try."""
        self._tables: dict[_Key, list[Register]] = {}
        """All registers of a table whose function the device does not know; any of them is tried again."""
        self._table_at: dict[_Key, float] = {}

    def refused(self, block: Block, answer: Answer) -> None:
        """A block was answered with an exception: look into it after the cycle."""
        component = self._state.component
        if not _refuses(answer) or not component.auto_disable or self._search or self._refused:
            return
        if (block.unit, block.function) in self._whole:
            return
        registers = sorted({point.register for point in block.points}, key=lambda r: r.address)
        self._search.append((registers, answer))
        self._served = False

    def idle(self, now: float) -> bool:
        """True while there is nothing to search and nothing to retry."""
        waiting = min((*self._retry_at.values(), *self._table_at.values()), default=math.inf)
        return not (self._search or self._refused or self._whole or waiting <= now)

    async def after_cycle(self, now: float, say: Callable[[Event], None]) -> bool:
        """Goes on searching and retrying; True when the plan of the component changed."""
        self._look_for_life(say)
        self._reads = 0
        changed = False
        for key, registers in self._tables_to_retry(now)[:EXTRA_REQUESTS]:
            changed |= await self._retry_table(key, registers, now, say)
        for register in [r for r, at in self._retry_at.items() if at <= now and self._is_asked(r)][
            : EXTRA_REQUESTS - self._reads
        ]:
            changed |= await self._retry(register, now, say)
        while self._reads <= EXTRA_REQUESTS - 3 and (self._search or self._refused):
            if not self._search:
                # A unit that fell silent meanwhile answers this with a time-out, and that gives up as well.
                changed |= await self._confirm(*self._refused.pop(0), now, say)
                continue
            run, refusal = self._search.pop()
            if self._asker.units[run[0].unit].resting:
                self._give_up()
            elif all(self._is_good(register) for register in run):
                pass  # the device has come to its senses meanwhile
            elif refusal is None:
                await self._look_into(run)
            elif refusal.code == ILLEGAL_FUNCTION:
                changed |= await self._confirm_all(run, now, say)
            elif len(run) == 1:
                self._refused.append((run[0], refusal))
            else:
                changed |= await self._halve(run)
        if changed:
            self._state.replan()
        return changed

    async def _halve(self, run: list[Register]) -> bool:
        """Looks into both halves of a refused run; True when a place was found that no block may cross."""
        low, high = run[: len(run) // 2], run[len(run) // 2 :]
        first = await self._read(low)
        if _refuses(first):
            self._search += [(high, None), (low, first)]
            return False
        if first.error:
            self._give_up()
            return False
        if await self._look_into(high):
            return False
        if not _refuses(await self._read(run)):
            return False  # served as a whole by now: nothing is wrong with the place
        self._state.barriers.add((*_key(high[0]), high[0].address))
        return True

    async def _look_into(self, run: list[Register]) -> str:
        """Reads a run of which nothing is known yet; empty when it is served, else what became of it."""
        answer = await self._read(run)
        if _refuses(answer):
            self._search.append((run, answer))
        elif answer.error:
            self._give_up()
        return answer.error

    def _give_up(self) -> None:
        """Silence, or a device that is busy or broken, tells nothing of addresses; the next refusal starts anew."""
        self._search.clear()
        self._refused.clear()

    async def _confirm(
        self, register: Register, refusal: Answer, now: float, say: Callable[[Event], None]
    ) -> bool:
        """One register that was found is isolated, unless the device serves nothing at all."""
        served, key = self._served, _key(register)
        if self._is_good(register):
            return False
        answer = await self._read([register])
        if not _refuses(answer):
            if answer.error:
                self._give_up()
            return False  # it has changed its mind during the search
        if served or self._is_read(key):
            self._isolate(register, refusal, now, say)
            return True
        self._blame_device(register, refusal, say)
        return False

    def _blame_device(self, register: Register, refusal: Answer, say: Callable[[Event], None]) -> None:
        self._give_up()
        self._whole[_key(register)] = name = f"unit {register.unit}: {register.table.name.lower()} registers"
        text = f"{name}: everything is refused by the device ({refusal.reason}), first {register.id}"
        say(Event(self._state.component.uri, text, ALARM))

    async def _confirm_all(self, run: list[Register], now: float, say: Callable[[Event], None]) -> bool:
        """The unit does not know the function: its whole table is isolated, and told once.

        When it serves no other function either, it is the unit that is not ready, and it is polled on.
        """
        answer = await self._read(run)
        if answer.code != ILLEGAL_FUNCTION:
            if _refuses(answer):
                self._search.append((run, answer))
            elif answer.error:
                self._give_up()
            return False
        if not any(one.good and one.block.unit == run[0].unit for one in self._state.answers):
            self._blame_device(run[0], answer, say)
            return False
        self._give_up()
        key = _key(run[0])
        points = self._state.component.points
        table = list(dict.fromkeys(p.register for p in points if not p.shadowed and _key(p.register) == key))
        table.sort(key=lambda register: register.address)
        self._tables[key], self._table_at[key] = table, now + self._pause(key)
        for register in table:
            self._retry_at.pop(register, None)
            self._state.isolated.update(self._names(register))
        text = _place(table[0]) + (f" and {len(table) - 1} more" if len(table) > 1 else "")
        text += f" are refused by the device ({answer.reason}); not read until it works"
        say(Event(self._state.component.uri, text, ALARM))
        return True

    def _is_good(self, register: Register) -> bool:
        """Its block, which is polled on during the search, was served in this cycle."""
        readings = (self._state.reading(name) for name in self._names(register))
        return any(reading is not None and reading.good for reading in readings)

    def _is_read(self, key: _Key) -> bool:
        return any(one.good and (one.block.unit, one.block.function) == key for one in self._state.answers)

    def _is_asked(self, register: Register) -> bool:
        """Somebody wants to know it, and its unit is asked at all."""
        wanted = not self._names(register) <= self._state.disabled
        return wanted and not self._asker.units[register.unit].resting

    def _tables_to_retry(self, now: float) -> list[tuple[_Key, list[Register]]]:
        """Lost tables whose time has come, with those of their registers that are asked."""
        due = [key for key, at in self._table_at.items() if at <= now]
        asked = ((key, [r for r in self._tables[key] if self._is_asked(r)]) for key in due)
        return [(key, registers) for key, registers in asked if registers]

    async def _retry_table(
        self, key: _Key, registers: list[Register], now: float, say: Callable[[Event], None]
    ) -> bool:
        answer = await self._read(registers[:1])
        if answer.error and answer.code not in (ILLEGAL_ADDRESS, ILLEGAL_VALUE):
            self._table_at[key] = now + self._pause(key)
            return False
        # A refused address is a sign too: the function is known now, and the search finds the rest.
        del self._table_at[key]
        self._pauses.pop(key, None)
        for register in self._tables.pop(key):
            self._state.isolated.difference_update(self._names(register))
        say(
            Event(self._state.component.uri, f"{_place(registers[0])} and its table are served again", STATUS)
        )
        return True

    def _look_for_life(self, say: Callable[[Event], None]) -> None:
        for key in [key for key in self._whole if self._is_read(key)]:
            say(Event(self._state.component.uri, f"{self._whole.pop(key)} are served again", STATUS))

    async def _retry(self, register: Register, now: float, say: Callable[[Event], None]) -> bool:
        answer = await self._read([register])
        if answer.error:
            self._retry_at[register] = now + self._pause(register)
            return False
        del self._retry_at[register]
        self._pauses.pop(register, None)
        self._state.isolated.difference_update(self._names(register))
        say(Event(self._state.component.uri, f"{_place(register)} is served again", STATUS))
        return True

    def _isolate(self, register: Register, answer: Answer, now: float, say: Callable[[Event], None]) -> None:
        self._state.isolated.update(self._names(register))
        self._retry_at[register] = now + self._pause(register)
        text = f"{_place(register)} is refused by the device ({answer.reason}); it is not read until it works"
        say(Event(self._state.component.uri, text, ALARM))

    def _pause(self, of: Register | _Key) -> float:
        """Seconds until the next try, twice as long each time."""
        longest = self._state.component.bad_point_retry_s
        self._pauses[of] = min(2 * self._pauses.get(of, FIRST_RETRY_S / 2), longest)
        return self._pauses[of]

    def _names(self, register: Register) -> set[str]:
        return {point.id for point in self._state.component.points if point.register == register}

    async def _read(self, run: list[Register]) -> Answer:
        first = run[0]
        last = max(register.address + register.size for register in run)
        request = Request(first.unit, first.table.read_function, first.address, last - first.address)
        answer = await self._asker.ask(request, self._tally, self._state.component.inter_message_delay_s)
        self._reads += 1
        self._served |= not answer.error
        return answer


def _key(register: Register) -> _Key:
    return register.unit, register.table.read_function


def _refuses(answer: Answer) -> bool:
    return answer.error == "exception" and answer.code in _REFUSALS


def _place(register: Register) -> str:
    return f"{register.id} (unit {register.unit}, {register.table.name.lower()} {register.address})"
