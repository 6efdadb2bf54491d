"""Safe values on their way to a device: before everything else, and again until it has taken them."""

import asyncio
from collections.abc import Callable
from typing import Final

from ess_actors.core.component_writes import Item, make_jobs
from ess_actors.core.events import FAULT, STATUS, Event
from ess_actors.core.registers import encode, raw_number
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served, Setter
from ess_actors.modbus.client_orders import Orders, Urgent
from ess_actors.modbus.writes import Replies

_TAKEN: Final = frozenset({"ok", "verified", "clamped"})
_LOOK_S: Final = 0.02
"""So often a write that was not taken is thought of again."""
_REFUSED_S: Final = 1.0
_SILENT_S: Final = 2.0
"""After so long a device that refuses, or whose unit does not answer, is tried again."""


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
        self._trouble: set[str] = set()
        self._told_refused = False
        self._shown: set[tuple[str, str]] = set()
        """Points that the device has shown at their safe value since then."""
        self._timer: asyncio.TimerHandle | None = None

    def rewrite(self, reason: str) -> None:
        """They go to the device now, whatever it has."""
        self._reason, self._wanted = reason, True
        self._round += 1
        self.taken.clear()
        self._shown.clear()
        self._told_refused = False
        self._send()

    def connected(self, reason: str) -> None:
        """The way to the device is new: what was sent before may be forgotten there."""
        if not self._under_way or self._orders.urgent_waiting < self._under_way:
            self.rewrite(reason)

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
            key = (mine.state.component.uri, item.name)
            wanted = encode(item.point.codec, item.value, words).words
            if raw_number(item.point.codec, words) == raw_number(item.point.codec, wanted):
                self._shown.add(key)
            elif key in self._shown:
                # A command that clears itself is never told for ever: only what was kept and then was lost.
                text = f"{item.name} is not at its safe value any more; it is written again"
                self._emit(Event(self._device, text, STATUS))
                self.rewrite(reason)
                return

    def _send(self) -> None:
        self._timer = None
        if not self._wanted or self._under_way or self.taken.is_set():
            return
        parts: dict[int, tuple[Served, list[Item]]] = {}
        for served, item in self.items:
            parts.setdefault(id(served), (served, []))[1].append(item)
        urgent = [
            Urgent(served, job, self._answered)
            for served, items in parts.values()
            for job in make_jobs(served.state.component, items)
        ]
        self._under_way, self._sent_round, self._sent_at = len(urgent), self._round, self._clock()
        self._trouble.clear()
        self._orders.urge(urgent)
        if not urgent:
            self.taken.set()

    def _answered(self, served: Served, replies: Replies) -> None:
        for name, reply in replies.items():
            status = str(reply["status"])
            value = next((i.value for mine, i in self.items if mine is served and i.name == name), None)
            served.setters[name] = Setter(f"safe state: {self._reason}", self._wall(), value, status)
            if status not in _TAKEN:
                self._trouble.add(status)
        self._under_way -= 1
        if self._under_way or not self._wanted:
            return
        if self._sent_round != self._round:
            self._send()
        elif not self._trouble:
            self._sent_at = self._clock()
            self.taken.set()
        else:
            self._later()

    def _later(self) -> None:
        if "refused" in self._trouble and not self._told_refused:
            self._told_refused = True
            text = "the device refuses its safe values; they are written again and again"
            self._emit(Event(self._device, text, FAULT))
        self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._think)

    def _think(self) -> None:
        """Is there any hope that the device takes them now?"""
        self._timer = None
        if not self._wanted or self._under_way:
            return
        waited = self._clock() - self._sent_at
        silent = any(self._asker.units[item.point.unit].resting for _, item in self.items)
        if (
            not self._asker.link.connected
            or (silent and waited < _SILENT_S)
            or ("refused" in self._trouble and waited < _REFUSED_S)
        ):
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._think)
        else:
            self._send()
