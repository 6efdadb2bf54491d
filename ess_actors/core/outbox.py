"""All that one actor has to send: a flow for each receiver, and what those who are in no hurry get once a second."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ess_actors.core.control import Taken
from ess_actors.core.flow import FRAMES, Flow, Parcel
from ess_actors.core.messages import Frame

PATIENCE_S: Final = 1.0
"""So long publications for a patient receiver are gathered: a parcel costs as much as one message."""


class Outbox:
    """Pure. Receivers are actor ids, times monotonic seconds; what may go now is returned."""

    def __init__(self, sender: str = "") -> None:
        self._sender = sender
        self._flows: dict[str, Flow] = {}
        self._gathered: dict[str, list[Frame]] = {}
        self.due: float | None = None
        """When `release` has something to do."""

    def __len__(self) -> int:
        """Messages that wait because their receivers have not taken those before. Any thread may ask."""
        return sum(map(len, tuple(self._flows.values())))

    def offer(self, receiver: str, frames: Iterable[Frame], now: float) -> list[Parcel]:
        """Messages for a receiver, in order, behind all that was gathered for it."""
        flow = self._flows.get(receiver)
        if flow is None:
            flow = self._flows[receiver] = Flow(self._sender, now)
        return flow.offer([*self._gathered.pop(receiver, ()), *frames], now)

    def gather(self, receiver: str, frames: Sequence[Frame], now: float) -> list[Parcel]:
        """Publications for a patient receiver: they go with `release`, or when there is a parcel full of them."""
        gathered = self._gathered.setdefault(receiver, [])
        gathered += frames
        if len(gathered) >= FRAMES:
            return self.offer(receiver, (), now)
        if self.due is None:
            self.due = now + PATIENCE_S
        return []

    def release(self, now: float) -> Iterator[tuple[str, list[Parcel]]]:
        """Receiver -> what was gathered for it."""
        self.due = None
        for receiver in tuple(self._gathered):
            yield receiver, self.offer(receiver, (), now)

    def taken(self, taken: Taken, now: float) -> list[Parcel]:
        """Its receiver has handled its parcels up to this number."""
        flow = self._flows.get(taken.actor_id)
        return flow.taken(taken.number, now) if flow is not None and flow.began == taken.flow else []

    def retry(self, now: float) -> Iterator[tuple[str, list[Parcel]]]:
        """To be called now and then: receiver -> what may go because the parcels under way are considered lost."""
        for receiver, flow in self._flows.items():
            yield receiver, flow.retry(now)

    def shed(self) -> int:
        """Publications left out since the last call."""
        total = 0
        for flow in self._flows.values():
            total += flow.shed
            flow.shed = 0
        return total

    def gone(self, receiver: str) -> int:
        """It runs no more; how many messages were left for it."""
        return len(self._flows.pop(receiver, ())) + len(self._gathered.pop(receiver, ()))
