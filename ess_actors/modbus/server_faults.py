"""Faults a site server shows on order, to prove what its masters do about them."""

from collections.abc import Callable, Mapping
from typing import Final

from ess_actors.core.bank_image import View
from ess_actors.core.errors import RequestError
from ess_actors.core.frames import pack_bits, unpack_bits
from ess_actors.core.server_points import ANY_UNIT
from ess_actors.core.simulated_faults import ANSWER_MODES, KINDS, ActiveFault, Fault, fault_from, garbled
from ess_actors.core.transaction import READ_HOLDING, READ_WRITE, READS
from ess_actors.modbus.listener_session import Reply

Views = Mapping[tuple[int, int], View]
"""By unit and function code."""

_KINDS: Final = ", ".join(name for name, kind in KINDS.items() if kind.server)


class _Active(ActiveFault):
    def __init__(self, fault: Fault, now: float, views: Views) -> None:
        super().__init__(fault, now)
        self.views = views
        """What masters saw when it began."""


class ServerFaults:
    """What is out of order now, by unit; None = every unit that has no fault of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_unit: dict[int | None, _Active] = {}

    def __bool__(self) -> bool:
        return bool(self._by_unit)

    def order(self, body: object, views: Views, *, has_connections: bool = True) -> Fault:
        """Takes the place of what the unit had; `none` without a unit ends all. Raises RequestError.

        `views` is what masters see now.
        """
        if not isinstance(body, Mapping):
            raise RequestError("bad_body", f"an object with a kind is needed: {_KINDS}")
        kind = body.get("kind")
        if not isinstance(kind, str) or kind not in KINDS or not KINDS[kind].server:
            raise RequestError("bad_body", f"no kind of fault here is {kind!r}; {_KINDS}")
        fault = fault_from(body)
        if fault.mode and fault.mode not in ANSWER_MODES:
            text = f"mode {fault.mode} is not for a server; {', '.join(ANSWER_MODES)}"
            raise RequestError("bad_body", text)
        if fault.kind == "disconnect" and not has_connections:
            raise RequestError("bad_body", "a serial line has no connections for disconnect; use mute")
        if fault.kind == "none" and fault.unit is None:
            self._by_unit.clear()
        self._by_unit.pop(fault.unit, None)
        # Without a unit a disconnection is no matter of requests: whoever listens closes the door.
        if fault.kind != "none" and not (fault.kind == "disconnect" and fault.unit is None):
            self._by_unit[fault.unit] = _Active(fault, self._clock(), views)
        return fault

    def spoilt(self, unit: int, pdu: bytes, right: Callable[[], bytes]) -> bytes | Reply | None:
        """What a master gets; `right` makes the good answer, which is not even made when nobody hears it."""
        active = self._in_force(unit) or self._in_force(None)
        if active is None or not active.fault.touches(pdu):
            return right()
        fault = active.fault
        if not active.counted():
            self._by_unit = {key: one for key, one in self._by_unit.items() if one is not active}
        match fault.kind:
            case "exception":
                return bytes((pdu[0] | 0x80, fault.code))
            case "delay":
                return Reply(right(), fault.wait_s or 0.0)
            case "garble":
                return garbled(right(), active.next_mode(ANSWER_MODES))
            case "freeze":
                return _as_it_was(right(), pdu, unit, active)
            case "disconnect":
                return Reply(hang_up=True)
        return None

    def told(self) -> list[dict[str, object]]:
        """The faults in force, for an operator."""
        found = [self._in_force(unit) for unit in tuple(self._by_unit)]
        return [active.told(self._clock()) for active in found if active is not None]

    def _in_force(self, key: int | None) -> _Active | None:
        active = self._by_unit.get(key)
        if active is not None and active.over(self._clock()):
            del self._by_unit[key]
            return None
        return active


def _as_it_was(reply: bytes, pdu: bytes, unit: int, active: _Active) -> bytes:
    """A good answer with what stood in the addresses of the fault when it began."""
    function = READ_HOLDING if pdu[0] == READ_WRITE else pdu[0]
    view = active.views.get((unit, function)) or active.views.get((ANY_UNIT, function))
    if view is None or function not in READS or reply[0] & 0x80:
        return reply
    first = int.from_bytes(pdu[1:3], "big")
    count = int.from_bytes(pdu[3:5], "big")
    low = max(first, active.fault.low, view.first)
    high = min(first + count, active.fault.high + 1, view.end)
    if low >= high:
        return reply
    width = view.width
    still = view.content[width * (low - view.first) : width * (high - view.first)]
    shown = bytearray(reply[2:] if width == 2 else unpack_bits(reply[2:], count))
    shown[width * (low - first) : width * (high - first)] = still
    return reply[:2] + (bytes(shown) if width == 2 else pack_bits(bytes(shown)))
