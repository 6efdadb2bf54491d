"""Faults a site server shows on order, to prove what its masters do about them."""

from collections.abc import Callable, Mapping
from typing import Final

from ess_actors.core.errors import RequestError
from ess_actors.core.simulated_faults import Fault, fault_from, garbled
from ess_actors.modbus.listener_session import Reply

KINDS: Final = ("none", "mute", "drop", "delay", "exception", "garble", "disconnect")
MODES: Final = ("length", "function")


class _Active:
    def __init__(self, fault: Fault, now: float) -> None:
        self.fault = fault
        once = fault.kind == "disconnect" and fault.count is None and fault.for_s is None
        self.left = 1 if once else fault.count
        self.until = None if fault.for_s is None else now + fault.for_s
        self.turn = 0


class ServerFaults:
    """What is out of order now, by unit; None = every unit that has no fault of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_unit: dict[int | None, _Active] = {}

    def __bool__(self) -> bool:
        return bool(self._by_unit)

    def order(self, body: object, *, has_connections: bool = True) -> Fault:
        """Takes the place of what the unit had; `none` without a unit ends all. Raises RequestError."""
        if not isinstance(body, Mapping):
            raise RequestError("bad_body", f"an object with a kind is needed: {', '.join(KINDS)}")
        if body.get("kind") not in KINDS:
            raise RequestError(
                "bad_body", f"no kind of fault here is {body.get('kind')!r}; {', '.join(KINDS)}"
            )
        fault = fault_from(body)
        if fault.mode and fault.mode not in MODES:
            raise RequestError("bad_body", f"mode {fault.mode} is not for a server; {', '.join(MODES)}")
        if fault.kind == "disconnect" and not has_connections:
            raise RequestError("bad_body", "a serial line has no connections for disconnect; use mute")
        if fault.kind == "none" and fault.unit is None:
            self._by_unit.clear()
        self._by_unit.pop(fault.unit, None)
        # Without a unit a disconnection is no matter of requests: whoever listens closes the door.
        if fault.kind != "none" and not (fault.kind == "disconnect" and fault.unit is None):
            self._by_unit[fault.unit] = _Active(fault, self._clock())
        return fault

    def spoilt(self, unit: int, pdu: bytes, right: Callable[[], bytes]) -> bytes | Reply | None:
        """What a master gets; `right` makes the good answer, which is not even made when nobody hears it."""
        active = self._active(unit)
        if active is None or not active.fault.touches(pdu):
            return right()
        fault = active.fault
        if active.left is not None:
            active.left -= 1
            if active.left <= 0:
                self._by_unit = {key: one for key, one in self._by_unit.items() if one is not active}
        match fault.kind:
            case "exception":
                return bytes((pdu[0] | 0x80, fault.code))
            case "delay":
                return Reply(right(), fault.wait_s or 0.0)
            case "garble":
                active.turn += 1
                return garbled(right(), fault.mode or MODES[active.turn % 2])
            case "disconnect":
                return Reply(hang_up=True)
        return None

    def told(self) -> list[dict[str, object]]:
        """The faults in force, for an operator."""
        now, found = self._clock(), []
        for unit in tuple(self._by_unit):
            active = self._active(unit)
            if active is not None:
                left = {} if active.left is None else {"left": active.left}
                if active.until is not None:
                    left["left_ms"] = round((active.until - now) * 1000)
                found.append({**active.fault.body, **left})
        return found

    def _active(self, unit: int | None) -> _Active | None:
        for key in (unit, None):
            active = self._by_unit.get(key)
            if active is not None and active.until is not None and self._clock() >= active.until:
                del self._by_unit[key]
                active = None
            if active is not None:
                return active
        return None
