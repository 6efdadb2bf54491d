"""What comes from other actors is handled in the order it was sent, and once: the transport promises neither."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from ess_actors.core.flow import Parcel

GAP_S: Final = 1.0
"""So long a parcel that was sent earlier is waited for: the transport has lost it then."""

A = TypeVar("A")


class Arrival(NamedTuple, Generic[A]):
    """A parcel, and the address of who sent it."""

    parcel: Parcel
    sender: A
    at: float
    """Monotonic seconds."""


@dataclass(slots=True, eq=False)
class _Flow(Generic[A]):
    began: float
    due: int = 1
    """The number that comes next."""
    held: dict[int, Arrival[A]] = field(default_factory=dict)

    def ready(self) -> Iterator[Arrival[A]]:
        while self.due in self.held:
            yield self.held.pop(self.due)
            self.due += 1

    def skip(self) -> int:
        """Over the hole in front of what is held; how many parcels that were."""
        first = min(self.held)
        missing, self.due = first - self.due, first
        return missing


class Arrivals(Generic[A]):
    """The parcels that one actor receives. Pure; addresses are only kept.

    Of a sender its last two flows are known: what an earlier process of it has sent may come after the first
    parcel of its successor.
    """

    def __init__(self) -> None:
        self.lost = 0
        """Parcels waited for in vain so far."""
        self._flows: dict[str, list[_Flow[A]]] = {}
        """Of each sender, the newest first."""
        self._looked: float | None = None
        self._awake = 0.0
        """Since when this process looks in time."""

    def come(self, parcel: Parcel, sender: A, now: float) -> list[Arrival[A]]:
        """One more; what may be handled now. One that came before, or was given up, is left out."""
        arrival = Arrival(parcel, sender, now)
        flows = self._flows.setdefault(parcel.sender, [])
        before: list[Arrival[A]] = []
        flow = next((one for one in flows if one.began == parcel.flow), None)
        if flow is None:
            if len(flows) > 1 and parcel.flow < flows[1].began:
                return []
            flow = _Flow(parcel.flow)
            flows += [flow]
            flows.sort(key=lambda one: one.began, reverse=True)
            # Of what an earlier process said nothing may wait behind what this one says.
            before = [one for older in flows[flows.index(flow) + 1 :] for one in self._all(older)]
            del flows[2:]
        if parcel.number == flow.due and not flow.held:
            flow.due += 1
            return [*before, arrival]
        if parcel.number < flow.due:
            return before
        flow.held[parcel.number] = arrival
        return [*before, *flow.ready()]

    def overdue(self, now: float) -> list[Arrival[A]]:
        """To be called now and then: what waited behind parcels that are considered lost."""
        if self._looked is not None and now - self._looked >= GAP_S:
            self._awake = now  # what is missed may have come meanwhile, and not have been read yet
        self._looked = now
        late: list[Arrival[A]] = []
        for flows in self._flows.values():
            for flow in flows:
                while (
                    flow.held and now - max(self._awake, min(one.at for one in flow.held.values())) >= GAP_S
                ):
                    self.lost += flow.skip()
                    late += flow.ready()
        return late

    def _all(self, flow: _Flow[A]) -> list[Arrival[A]]:
        held: list[Arrival[A]] = []
        while flow.held:
            self.lost += flow.skip()
            held += flow.ready()
        return held
