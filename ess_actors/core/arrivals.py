"""What comes from other actors is handled in the order it was sent, and once: the transport promises neither."""

from dataclasses import dataclass, field
from typing import Final

from ess_actors.core.flow import Parcel

GAP_S: Final = 1.0
"""So long a parcel that was sent earlier is waited for: the transport has lost it then."""


@dataclass(slots=True)
class _Flow:
    began: float
    due: int = 1
    """The number that comes next."""
    held: dict[int, Parcel] = field(default_factory=dict)
    held_since: float = 0.0


class Arrivals:
    """The parcels that one actor receives. Pure; times are monotonic seconds.

    Of a sender its last two flows are known: what an earlier process of it has sent may come after the first
    parcel of its successor.
    """

    def __init__(self) -> None:
        self.lost = 0
        """Parcels waited for in vain so far."""
        self._flows: dict[str, list[_Flow]] = {}

    def come(self, parcel: Parcel, now: float) -> list[Parcel]:
        """One more; what may be handled now. One that came before, or was given up, is left out."""
        flow = self._flow(parcel)
        if flow is None or parcel.number < flow.due:
            return []
        if not flow.held:
            if parcel.number == flow.due:
                flow.due += 1
                return [parcel]
            flow.held_since = now
        flow.held[parcel.number] = parcel
        return self._ready(flow, now)

    def overdue(self, now: float) -> list[Parcel]:
        """To be called now and then: what waited behind parcels that are considered lost."""
        late = []
        for flows in self._flows.values():
            for flow in flows:
                if flow.held and now - flow.held_since >= GAP_S:
                    late += self._skip(flow, now)
        return late

    def _flow(self, parcel: Parcel) -> _Flow | None:
        flows = self._flows.setdefault(parcel.sender, [])
        for flow in flows:
            if flow.began == parcel.flow:
                return flow
        newer = [flow for flow in flows if flow.began > parcel.flow]
        if len(newer) > 1:
            return None
        flow = _Flow(parcel.flow)
        flows[:] = [*newer, flow, *flows[len(newer) :]][:2]
        return flow

    def _skip(self, flow: _Flow, now: float) -> list[Parcel]:
        first = min(flow.held)
        self.lost += first - flow.due
        flow.due = first
        return self._ready(flow, now)

    @staticmethod
    def _ready(flow: _Flow, now: float) -> list[Parcel]:
        ready = []
        while flow.due in flow.held:
            ready.append(flow.held.pop(flow.due))
            flow.due += 1
        if ready:
            flow.held_since = now
        return ready
