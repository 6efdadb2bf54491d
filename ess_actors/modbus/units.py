"""The units behind one socket: who is silent is asked seldom, and the others do not notice."""

import asyncio
import math
from collections.abc import Iterable
from typing import Final

MISSES: Final = 3
"""So many requests in a row without an answer, and a unit is asked only now and then."""
MISSES_OF_ALL: Final = 5
"""So many in a row and none known to live, and nothing behind the socket seems to: one probe at a time then."""
SUSPICION_S: Final = 2.0
"""Two units silent for the first time within so many seconds, and any other one may be as well."""
FIRST_SOCKET_S: Final = 1.0
LAST_SOCKET_S: Final = 6.0
"""A line on which nothing answers gets a new socket after a pause that doubles from one to the other."""
FIRST_PROBE_S: Final = 0.2
LAST_PROBE_S: Final = 2.0
DOUBT: Final = 20
"""So many answers after a silence, and a unit is trusted as before."""
_GOLDEN: Final = 0.618
"""Multiples of it, without their whole part, fall into the widest gap between those before."""
LAST_EARLY_PROBE_S: Final = 1.0
"""From then on an idle line is used for a probe, so that a gap is found before `LAST_PROBE_S` are over."""


class Unit:
    """Whether one unit is asked in its slots, and when it is probed instead. Times are monotonic seconds."""

    __slots__ = (
        "_pause",
        "asked",
        "doubt",
        "free_at",
        "misses",
        "probe_by",
        "probe_from",
        "reason",
        "resting",
        "silences",
        "suspect",
        "turn",
    )

    def __init__(self) -> None:
        self.misses = 0
        """In a row."""
        self.resting = False
        """Its slots pass without a request."""
        self.silences = 0
        """How often it began to rest."""
        self.doubt = 0
        """Not 0: it was silent lately and is asked behind the others, so that its next time-out delays nobody."""
        self.suspect = False
        """Others have fallen silent at once, and it was not heard since: its next request may well be lost."""
        self.asked = 0.0
        """When its last lost request left."""
        self.turn: asyncio.Lock | None = None
        """Once its device wanted a pause between two requests: they go one at a time."""
        self.reason = "timeout"
        """Why it rests."""
        self.free_at = 0.0
        """Earliest time of the next request, for devices that want a pause between two."""
        self.probe_from = 0.0
        """From then on it may be asked while the line has nothing else to do."""
        self.probe_by = 0.0
        """Then it is asked even when others have to wait for it."""
        self._pause = FIRST_PROBE_S

    def wake(self) -> None:
        """It answered."""
        self.misses, self.resting, self.suspect, self._pause = 0, False, False, FIRST_PROBE_S
        if self.doubt:
            self.doubt -= 1

    def rest(self, sent: float, now: float, patience: float, *, alone: bool) -> None:
        """Its last request left at `sent` and is lost; the next one follows after a pause that grows."""
        if not self.resting:
            self.resting = True
            self.silences += 1
        self.doubt, self.suspect = DOUBT, False
        early = self._pause if alone else min(self._pause, LAST_EARLY_PROBE_S)
        self.probe_from = max(sent + early, now + FIRST_PROBE_S / 2)
        self.probe_by = max(self.probe_from, now + max(self._pause, patience))
        self._pause = min(2 * self._pause, LAST_PROBE_S)

    def probe_at(self, at: float) -> None:
        """Not before `at`, and then at once."""
        self.probe_from = self.probe_by = at


class Units:
    """The polled units of one endpoint.

    A unit alone on its socket rests after MISSES lost requests. Where others live beside it one lost
    request is enough: each of its time-outs would delay them.
    """

    def __init__(self, polled: Iterable[int], patience: float = FIRST_PROBE_S) -> None:
        self._units: dict[int, Unit] = {}
        self._patience = FIRST_PROBE_S
        self.row = 0
        """Lost requests in a row over all units."""
        self.all_rest = False
        """Nothing behind the socket answers."""
        self._all_from = 0.0
        self._all_pause = FIRST_PROBE_S
        self._spare_until = 0.0
        self._first_miss = -math.inf
        """When a unit that had answered before was last found silent."""
        self._socket_from = 0.0
        self._socket_pause = FIRST_SOCKET_S
        self.renew(polled, patience)

    def renew(self, polled: Iterable[int], patience: float) -> None:
        """These are polled from now on; `patience`: so many seconds a probe waits for an idle line."""
        self._patience = min(patience, LAST_PROBE_S)
        self._units = {unit: self._units.get(unit) or Unit() for unit in sorted(set(polled))}

    def __getitem__(self, unit: int) -> Unit:
        found = self._units.get(unit)
        if found is None:
            found = self._units[unit] = Unit()
        return found

    @property
    def silent(self) -> list[int]:
        """Ids of the units that are asked by probes only."""
        return [number for number, unit in self._units.items() if unit.resting]

    @property
    def resting(self) -> bool:
        """True while some unit is asked by probes only."""
        return any(unit.resting for unit in self._units.values())

    def answered(self, unit: Unit) -> None:
        """Anything that shows life."""
        unit.wake()
        self._line_lives()

    def missed(self, unit: Unit, sent: float, now: float, reason: str = "timeout") -> None:
        """A request that left at `sent` is lost.

        An exception is a gateway's word that it cannot reach the unit; `malformed` an answer so broken
        that the connection was given up.
        """
        unit.reason, unit.asked = reason, sent
        if reason == "timeout":
            # That a silent unit is still silent tells nothing of the others.
            if not unit.resting or all(one.resting for one in self._units.values()):
                self.row += 1
            if not unit.resting:
                # Whoever waited for this one does not wait for a probe at once.
                self.spare(now + 2 * (now - sent))
                if not unit.misses and not unit.suspect:
                    self._suspect_all(now)
        else:
            self._line_lives()
        unit.misses = MISSES if reason.startswith("exception") else unit.misses + 1
        alone = not self._others_live(unit)
        if unit.resting or unit.misses >= MISSES or not alone:
            unit.rest(sent, now, self._patience, alone=alone)
        if self.all_rest or (self.row >= MISSES_OF_ALL and len(self._units) > 1 and not self._one_lives()):
            self.all_rest = True
            self._all_from = max(sent + self._all_pause, now + FIRST_PROBE_S / 2)
            self._all_pause = min(2 * self._all_pause, LAST_PROBE_S)
            for other in self._units.values():
                if not other.resting:
                    other.rest(sent, now, self._patience, alone=True)

    def _suspect_all(self, now: float) -> None:
        """One that answered until now does not: with a second one soon after, what they share may be gone."""
        if now - self._first_miss <= SUSPICION_S:
            for one in self._units.values():
                if not one.resting:
                    one.suspect, one.doubt = True, max(one.doubt, 1)
        self._first_miss = now

    def _line_lives(self) -> None:
        self.row, self._socket_pause = 0, FIRST_SOCKET_S
        if self.all_rest:
            # It was the gateway: the others are probably back as well.
            self.all_rest, self._all_pause = False, FIRST_PROBE_S
            self.probe_all(0.0)

    def _one_lives(self) -> bool:
        """True when some unit answered since the others fell silent."""
        return any(not (one.resting or one.misses or one.suspect) for one in self._units.values())

    def _others_live(self, unit: Unit) -> bool:
        return any(not (one is unit or one.resting or one.misses) for one in self._units.values())

    def to_probe(self, now: float, *, idle: bool) -> tuple[int, Unit] | None:
        """The unit to ask now: one that waited for an idle line, or one that has waited long enough."""
        if self.all_rest and now < self._all_from:
            return None
        due = [
            # Of equal ones first who was never lost, then who was lost longest ago: nobody is asked twice
            # before all were asked, and a new socket does not begin with the same ones again. Neighbours
            # often fall silent together, so the next one is looked for far from the last.
            (0.0 if self.all_rest else unit.probe_by, unit.asked, index * _GOLDEN % 1.0, number, unit)
            for index, (number, unit) in enumerate(self._units.items())
            if unit.resting and (self.all_rest or self._is_due(unit, now, idle=idle))
        ]
        if not due:
            return None
        *_, number, unit = min(due, key=lambda one: one[:4])
        return number, unit

    def _is_due(self, unit: Unit, now: float, *, idle: bool) -> bool:
        return (idle and now >= unit.probe_from) or now >= max(unit.probe_by, self._spare_until)

    def next_probe(self, now: float) -> float | None:
        """When there may be something to probe, an idle line or not; None while no unit rests."""
        if self.all_rest:
            return self._all_from
        return min(
            (
                unit.probe_from if now < unit.probe_from else max(unit.probe_by, self._spare_until)
                for unit in self._units.values()
                if unit.resting
            ),
            default=None,
        )

    def spare(self, until: float) -> None:
        """A probe has made others wait: the next one that does comes after `until`."""
        self._spare_until = until

    def later(self, unit: Unit, at: float, reason: str) -> None:
        """A probe could not be sent; `reason` is why the unit is not read now."""
        unit.reason = reason
        unit.probe_at(at)
        self._all_from = max(self._all_from, at)

    def probe_all(self, at: float) -> None:
        """A new socket, or a gateway that is back: whoever rests is asked as soon as possible.

        But not who has cost the last socket, and would cost this one.
        """
        self._all_from = self._spare_until = at
        for unit in self._units.values():
            if unit.resting and unit.reason != "malformed":
                unit.probe_at(at)

    def worth_a_new_socket(self, now: float) -> bool:
        """True when MISSES misses of all together ask for it, once per growing pause: the socket may be to blame."""
        if not (self.all_rest and self.row >= MISSES_OF_ALL + MISSES) and (
            not self._units or any(unit.misses < MISSES for unit in self._units.values())
        ):
            return False
        if now < self._socket_from:
            return False
        self._socket_from = now + self._socket_pause
        self._socket_pause = min(2 * self._socket_pause, LAST_SOCKET_S)
        self.row = min(self.row, MISSES_OF_ALL)
        for unit in self._units.values():
            unit.misses = 0
        return True
