"""One endpoint of simulated devices: the units behind it, their images, and the faults in force on them."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Final

from ess_actors.core.errors import RequestError
from ess_actors.core.server_points import ANY_UNIT
from ess_actors.core.simulated_faults import ANSWER_MODES, MODES, ActiveFault, Fault, garbled
from ess_actors.core.transaction import TARGET_SILENT
from ess_actors.modbus.answering import answer
from ess_actors.modbus.background import in_background
from ess_actors.modbus.device_image import DeviceImage
from ess_actors.modbus.simulator_talk import Odd
from ess_actors.modbus.simulator_wire import Wire

_REOPEN_S: Final = 0.2


class _Imposed(ActiveFault):
    """A fault in force on some units of one endpoint; when it ends it ends for all of them."""

    def __init__(self, fault: Fault, units: frozenset[int], now: float) -> None:
        super().__init__(fault, now)
        self.units = units
        self.next_flap = now + (fault.wait_s or 0.0)
        self.timers: list[asyncio.TimerHandle] = []

    def told(self, now: float) -> dict[str, object]:
        return {**super().told(now), "units": sorted(self.units)}


class _Unit:
    __slots__ = ("fault", "image")

    def __init__(self, image: DeviceImage) -> None:
        self.image = image
        self.fault: _Imposed | None = None


class SimulatedEndpoint:
    """Answers for its units as `wire` asks; `wire` is made by the caller with `respond`.

    A request for a unit that is not there goes to unit 255 when that is, as devices without units do;
    else it is exception 11, and silence on a serial line.
    """

    def __init__(self, images: Mapping[int, DeviceImage]) -> None:
        self.wire: Wire
        self.images = images
        self._units = {unit: _Unit(image) for unit, image in images.items()}
        self._any = self._units.get(ANY_UNIT)
        self._running = False
        self.tasks: set[asyncio.Task[None]] = set()
        """What goes on by itself; to be ended behind `close`."""

    def attach(self, wire: Wire) -> None:
        """Where it is reached; once, before the start."""
        self.wire = wire

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        self._running = True
        await self._settle()

    def close(self) -> None:
        """Ends every fault and closes everything."""
        self._running = False
        self._drop(self._active())
        self.wire.close()

    def faults(self) -> list[dict[str, object]]:
        """The faults in force, for an operator."""
        return [active.told(time.monotonic()) for active in self._active()]

    async def impose(self, fault: Fault, units: Iterable[int]) -> None:
        """The fault takes the place of what these units had. Raises RequestError where it makes no sense."""
        chosen = frozenset(units)
        self._check(fault)
        for active in self._active():
            active.units -= chosen
            if not active.units:
                self._drop([active])
        for unit in chosen:
            self._units[unit].fault = None
            self._units[unit].image.thaw()
        if fault.kind != "none":
            self._begin(_Imposed(fault, chosen, time.monotonic()))
        try:
            await self._settle()
        except OSError as error:
            self._reopen_soon()
            text = f"{self.wire.address} cannot be had again ({error}); it is tried until it can"
            raise RequestError("refused", text) from error

    def respond(self, unit: int, pdu: bytes) -> bytes | Odd | None:
        """What a master gets; see `simulator_talk.Respond`."""
        found = self._units.get(unit, self._any)
        if found is None:
            return self._stranger(unit, pdu)
        if found.fault is not None and found.fault.fault.touches(pdu):
            return self._misbehave(found.fault, pdu, found.image)
        return answer(pdu, found.image)

    # --- details ----------------------------------------------------------------------------------------------

    def _stranger(self, unit: int, pdu: bytes) -> bytes | None:
        if not self.wire.rtu:
            return bytes((pdu[0] | 0x80, TARGET_SILENT))
        if unit == 0:
            for one in self._units.values():
                answer(pdu, one.image)
        return None

    def _check(self, fault: Fault) -> None:
        wrong = {"crc"} if not self.wire.rtu else {"protocol"}
        if fault.mode in wrong:
            modes = ", ".join(mode for mode in MODES if mode not in wrong)
            raise RequestError("bad_body", f"mode {fault.mode} is not for this line; there are {modes}")
        if fault.kind in ("flap", "disconnect") and not self.wire.has_connections:
            raise RequestError("bad_body", f"a serial line has no connections for {fault.kind}; use mute")

    def _active(self) -> list[_Imposed]:
        return list(dict.fromkeys(one.fault for one in self._units.values() if one.fault is not None))

    def _whole(self, active: _Imposed) -> bool:
        """True when it holds for everything behind the endpoint."""
        return len(active.units) == len(self._units)

    def _begin(self, active: _Imposed) -> None:
        fault, loop = active.fault, asyncio.get_running_loop()
        if fault.kind == "disconnect" and self._whole(active):
            self.wire.hang_up()
            if fault.for_s is None:
                return
        for unit in active.units:
            self._units[unit].fault = active
            if fault.kind == "freeze":
                self._units[unit].image.freeze(fault.table, fault.low, fault.high)
        if fault.for_s is not None:
            active.timers.append(loop.call_later(fault.for_s, self._ended, active))
        if fault.kind == "flap" and self._whole(active):
            active.timers.append(loop.call_later(fault.wait_s or 0.0, self._flap, active))

    def _flap(self, active: _Imposed) -> None:
        if not self._whole(active):
            return
        self.wire.hang_up()
        if self._counted(active):
            again = asyncio.get_running_loop().call_later(active.fault.wait_s or 0.0, self._flap, active)
            active.timers = [*active.timers[:-1], again]

    def _counted(self, active: _Imposed) -> bool:
        """One more time; False when that was the last one."""
        goes_on = active.counted()
        if not goes_on:
            self._ended(active)
        return goes_on

    def _ended(self, active: _Imposed) -> None:
        self._drop([active])
        self._reopen_soon()

    def _reopen_soon(self) -> None:
        if self._running:
            task = in_background(self._reopen(), f"reopen {self.wire.address}")
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _drop(self, gone: Iterable[_Imposed]) -> None:
        for active in gone:
            for timer in active.timers:
                timer.cancel()
            for one in self._units.values():
                if one.fault is active:
                    one.fault = None
                    one.image.thaw()

    async def _reopen(self) -> None:
        """As `_settle`, for as long as somebody else has the port."""
        while self._running:
            try:
                await self._settle()
            except OSError:
                await asyncio.sleep(_REOPEN_S)
            else:
                return

    async def _settle(self) -> None:
        """Listen, unless every unit is offline or refuses connections."""
        silent = [
            one.fault is not None and one.fault.fault.kind in ("offline", "disconnect")
            for one in self._units.values()
        ]
        if silent and all(silent):
            self.wire.stop()
        elif self._running:
            await self.wire.start()

    def _misbehave(self, active: _Imposed, pdu: bytes, image: DeviceImage) -> bytes | Odd | None:
        fault = active.fault
        refused = bytes((pdu[0] | 0x80, fault.code or TARGET_SILENT))
        kind = fault.kind
        if kind == "freeze":
            return answer(pdu, image)
        if kind == "offline":
            return None if self.wire.rtu else refused
        if kind == "flap":
            now = time.monotonic()
            if self._whole(active) or now < active.next_flap:
                return answer(pdu, image)
            active.next_flap = now + (fault.wait_s or 0.0)
        if kind == "late":
            active.turn += 1
            if active.turn % 2 == 0:
                return answer(pdu, image)
        self._counted(active)
        match kind:
            case "mute" | "drop":
                return None
            case "exception":
                return refused
            case "flap" | "disconnect":
                return Odd(close=True)
            case "garble":
                return self._garbled(active, answer(pdu, image))
            case "partial":
                return Odd(
                    answer(pdu, image), half=True, rest=fault.wait_s, rest_first=not self._whole(active)
                )
        return Odd(answer(pdu, image), delay=fault.wait_s or 0.0)

    def _garbled(self, active: _Imposed, pdu: bytes) -> Odd:
        modes = list(ANSWER_MODES)
        if self.wire.rtu:
            modes += ["random", "crc"]
        elif self._whole(active):
            # Behind these no other unit's answer on the connection could be found any more.
            modes += ["random", "protocol"]
        mode = active.next_mode(modes)
        if mode in ANSWER_MODES:
            return Odd(garbled(pdu, mode))
        return Odd(pdu, garble=mode)
