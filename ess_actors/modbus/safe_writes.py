"""Safe values on their way to a device: before everything else, and again until it has taken them."""

import asyncio
from collections.abc import Callable
from typing import Final

from ess_actors.core.component_writes import Item, make_jobs
from ess_actors.core.events import ALARM, FAULT, STATUS, Event
from ess_actors.core.points import Point
from ess_actors.core.registers import encode, raw_number
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served, Setter
from ess_actors.modbus.client_orders import Orders, Urgent
from ess_actors.modbus.writes import Replies

_TAKEN: Final = frozenset({"ok", "verified", "clamped"})
_NO: Final = {
    "refused": "the device refuses its safe values; they are written again and again",
    "mismatch": "the device does not keep its safe values; they are written again and again",
}
"""Answers of a device that lives and does otherwise, and what an operator hears of them."""
_LOOK_S: Final = 0.02
"""So soon a write that was not taken is repeated for the first time; then after twice as long, and so on."""
_SELDOM_S: Final = 1.0
"""The longest of these pauses."""
_SILENT_S: Final = 2.0
"""After so long a unit that does not answer is tried again, unless a poll has found it before."""

Key = tuple[str, str]
"""Component uri and point id."""


class SafeWrites:
    """One device. `items` are its points with their safe values."""

    def __init__(
        self,
        device: str,
        orders: Orders,
        asker: Asker,
        emit: Callable[[Event], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.items: list[tuple[Served, Item]] = []
        self.taken = asyncio.Event()
        """The device has taken all of them since they were last wanted."""
        self._device = device
        self._orders, self._asker = orders, asker
        self._emit, self._clock, self._wall = emit, clock, wall
        self._reason = ""
        self._wanted = False
        self._round = 0
        """Counts how often they were wanted anew: an answer to an earlier round proves nothing."""
        self._sent_round = 0
        self._sent_at = 0.0
        self._under_way = 0
        self._open: set[Key] = set()
        """What the device has not taken since they were last wanted."""
        self._tries = 0
        self._told: set[str] = set()
        self._shown: set[Key] = set()
        """Points that the device has shown at their safe value since then."""
        self._timer: asyncio.TimerHandle | None = None

    def rewrite(self, reason: str) -> None:
        """They go to the device now, whatever it has."""
        self._reason, self._wanted = reason, True
        self._round += 1
        self._tries = 0
        self._open = {_key(served, item) for served, item in self.items}
        self.taken.clear()
        self._shown.clear()
        self._told.clear()
        self._send()

    def connected(self, reason: str) -> None:
        """The way to the device is new: what was sent before may be forgotten there."""
        if not self._under_way or self._orders.urgent_waiting < self._under_way:
            self.rewrite(reason)

    def released(self) -> None:
        """The device is commanded again. What it has not taken it still gets: its last setpoint is nobody's."""
        self._wanted = bool(self._open)
        if not self._wanted:
            self.stop()

    def forget(self, covered: Callable[[Point], bool]) -> None:
        """What `covered` names was commanded since."""
        self._open -= {_key(served, item) for served, item in self.items if covered(item.point)}

    def stop(self) -> None:
        """They are not wanted any more."""
        self._wanted = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self, served: Served, reason: str) -> None:
        """After a cycle of `served`: one that the device has shown, and does not show now, is written again."""
        if not self.taken.is_set():
            return
        for mine, item in self.items:
            if mine is not served:
                continue
            words, reading = mine.state.wire(item.name), mine.state.reading(item.name)
            if words is None or reading is None or not reading.good or reading.sent <= self._sent_at:
                continue
            key = _key(mine, item)
            wanted = encode(item.point.codec, item.value, words).words
            if raw_number(item.point.codec, words) == raw_number(item.point.codec, wanted):
                self._shown.add(key)
            elif key in self._shown:
                # A command that clears itself is never told for ever: only what was kept and then was lost.
                text = f"{item.name} is not at its safe value any more; it is written again"
                self._emit(Event(self._device, text, STATUS))
                self.rewrite(reason)
                return
            else:
                self._not_shown(key, item)

    def _not_shown(self, key: Key, item: Item) -> None:
        """The device has said yes to it and shows something else: a fault of it, or a command that clears itself."""
        told = "/".join(key)
        if told not in self._told:
            self._told.add(told)
            text = f"{item.name} was told its safe value {item.value!r}, and the device shows another one"
            self._emit(Event(self._device, text, ALARM))
        if item.point.verify:  # whoever wrote the file says that it keeps what it is told
            self._open.add(key)
            self.taken.clear()
            self._done()

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._wanted or self._under_way or self.taken.is_set():
            return
        waited = self._clock() - self._sent_at
        # A unit that does not answer keeps the line for a whole time-out: it comes last, and seldom.
        resting = {item.point.unit for _, item in self.items if self._asker.units[item.point.unit].resting}
        parts: dict[tuple[int, bool], tuple[Served, list[Item]]] = {}
        for served, item in self.items:
            late = item.point.unit in resting
            if _key(served, item) in self._open and (not late or not self._tries or waited >= _SILENT_S):
                parts.setdefault((id(served), late), (served, []))[1].append(item)
        urgent = [
            Urgent(served, job, self._answered)
            for (_, _), (served, items) in sorted(parts.items(), key=lambda part: part[0][1])
            for job in make_jobs(served.state.component, items)
        ]
        if not urgent:
            self._done()
            return
        self._under_way, self._sent_round, self._sent_at = len(urgent), self._round, self._clock()
        self._tries += 1
        self._orders.urge(urgent)

    def _answered(self, served: Served, replies: Replies) -> None:
        for name, reply in replies.items():
            status = str(reply["status"])
            value = next((i.value for mine, i in self.items if mine is served and i.name == name), None)
            served.setters[name] = Setter(f"safe state: {self._reason}", self._wall(), value, status)
            if self._sent_round != self._round:
                continue
            if status in _TAKEN:
                self._open.discard((served.state.component.uri, name))
            elif status in _NO and status not in self._told:
                self._told.add(status)
                self._emit(Event(self._device, _NO[status], FAULT))
        self._under_way -= 1
        if self._under_way or not self._wanted:
            return
        if self._sent_round != self._round:
            self._send()
        else:
            self._done()

    def _done(self) -> None:
        """Nothing is under way: is anything missing?"""
        if not self._open:
            self._sent_at = self._clock()
            self.taken.set()
        else:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._think)

    def _think(self) -> None:
        """Is there any hope that the device takes them now?"""
        self._timer = None
        if not self._wanted or self._under_way:
            return
        pause = min(_SELDOM_S, _LOOK_S * 2 ** min(self._tries - 1, 10))
        if self._asker.link.connected and self._clock() - self._sent_at >= pause:
            self._send()
        else:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._think)


def _key(served: Served, item: Item) -> Key:
    return served.state.component.uri, item.name
