"""The site server on the wire: masters read and write the bank, the bus commits to it, silence is told."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ess_actors.core.bank import Bank, Written
from ess_actors.core.events import Event
from ess_actors.core.points import Serial, Tls
from ess_actors.core.server_points import ANY_UNIT, ServerMap
from ess_actors.core.simulated_faults import Fault
from ess_actors.core.transaction import BUSY, TARGET_SILENT
from ess_actors.modbus.answering import answer
from ess_actors.modbus.background import end, in_background
from ess_actors.modbus.listener import Listener
from ess_actors.modbus.listener_session import Reply
from ess_actors.modbus.serial_listener import SerialListener
from ess_actors.modbus.server_faults import ServerFaults
from ess_actors.modbus.server_unit import BankUnit

BUSY_DELAY_S: Final = 0.05
"""How long a write that cannot be passed on now waits for its refusal."""
CHECK_S: Final = 0.25
"""How often silent sources are looked for."""


def _idle() -> bool:
    return False


class Server:
    """One Modbus server over one bank, on TCP, TLS or a serial line. Callbacks run on the loop, quickly.

    `on_write` gets what one request wrote, once, before the master has its answer; while `busy` says so,
    writes are refused with exception 6. `on_event` gets sources falling silent and coming back. On TCP unit 0
    is answered like 255; on a line it is obeyed by all units and answered by none, and so is every other unit.
    """

    def __init__(
        self,
        bank: Bank,
        host: str,
        port: int,
        on_write: Callable[[list[Written]], None],
        *,
        on_event: Callable[[Event], None] = lambda event: None,
        busy: Callable[[], bool] = _idle,
        serial: Serial | None = None,
        tls: Tls | None = None,
        max_clients: int = 32,
        allow_from: Sequence[str] = (),
        idle_timeout_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bank = bank
        self.faults = ServerFaults(clock)
        self._on_write = on_write
        self._on_event = on_event
        self._busy = busy
        self._clock = clock
        self._units: dict[int, BankUnit | None] = {}
        self._tls = tls
        self._door: Listener | SerialListener
        if serial is not None:
            self._door = SerialListener(serial, self._respond_on_line)
        else:
            self._door = Listener(
                host,
                port,
                self._respond,
                max_clients=max_clients,
                allow_from=allow_from,
                idle_timeout_s=idle_timeout_s,
                tls=tls,
                clock=clock,
            )
        self._watch: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on (after start: never 0); 0 on a serial line."""
        return self._door.port if isinstance(self._door, Listener) else 0

    async def start(self) -> None:
        """Raises OSError when the address, the line or a TLS file cannot be had."""
        await self._door.start()
        if self._watch is None:
            self._watch = in_background(self._look_for_silence(), f"server {self._door.place}")

    async def stop(self) -> None:
        """Closes the door and all connections; the bank keeps its values."""
        watch, self._watch = self._watch, None
        self._door.stop()
        if watch is not None:
            await end(watch)

    def commit(self, uri: str, values: Mapping[str, object]) -> None:
        """A published body: everything known of it is visible to masters in one step."""
        for event in self.bank.commit(uri, values, self._clock()):
            self._on_event(event)

    def renew(self, server_map: ServerMap) -> None:
        """Serves the map of an edited file from now on; connections stay, and values of entries that stay.

        Where it listens does not change. Raises OSError, and changes nothing, when a TLS file cannot be had.
        """
        if isinstance(self._door, Listener):
            if self._tls is not None and server_map.tls is not None:
                self._door.renew_tls(server_map.tls)
            self._door.renew(
                max_clients=server_map.max_clients,
                allow_from=server_map.allow_from,
                idle_timeout_s=server_map.idle_timeout_s,
            )
        bank = Bank(server_map, self._clock())
        bank.adopt(self.bank)
        self.bank, self._units = bank, {}

    def fault(self, order: object) -> Fault:
        """Lets the server fail on purpose. Raises RequestError with what is possible."""
        if isinstance(self._door, SerialListener):
            return self.faults.order(order, self.bank.views, has_connections=False)
        fault = self.faults.order(order, self.bank.views)
        if fault.kind == "none":
            self._door.shut(0.0)
        elif fault.kind == "disconnect" and fault.unit is None:
            self._door.shut(fault.for_s or 0.0)
            self._door.disconnect_all()
        return fault

    def stats(self) -> dict[str, object]:
        """Clients, counters and sources, as told to an operator."""
        now, bank, wire = self._clock(), self.bank, self._door.counters
        clients = self._door.sessions if isinstance(self._door, Listener) else ()
        return {
            "place": self._door.place,
            "port": self.port,
            "clients": len(clients),
            "masters": [
                {"from": one.peer, "requests": one.asked, "silent_s": round(now - one.heard_at, 1)}
                for one in clients
            ],
            "accepted": wire.accepted,
            "refused_clients": wire.refused,
            "strangers": wire.strangers,
            "evicted_clients": wire.evicted,
            "idle_clients": wire.idle,
            "failed_handshakes": wire.handshakes,
            "requests": wire.requests,
            "poisoned": wire.poisoned,
            "gorged": wire.gorged,
            **bank.counters,
            "points": [
                {"uri": uri, "id": name, "what": what, "count": count}
                for (uri, name, what), count in bank.per_entry.most_common(100)
            ],
            "sources": bank.sources.ages(now),
            "silent": sorted(bank.sources.stale),
            "never_heard": bank.sources.unheard(),
            "faults": self.faults.told(),
        }

    # --- requests ---------------------------------------------------------------------------------------------

    @property
    def master(self) -> str:
        """Whose request is being answered, for `on_write`: its address; the line it is on when it has none."""
        return self._door.speaking if isinstance(self._door, Listener) else self._door.place

    def _respond(self, unit: int, pdu: bytes) -> bytes | Reply | None:
        if self.faults:
            return self.faults.spoilt(unit, pdu, lambda: self._answer(unit or ANY_UNIT, pdu))
        reply = self._answer(unit or ANY_UNIT, pdu)
        if reply[0] & 0x80 and reply[1] == BUSY:
            # Told at once, a master would ask again at once, and this thread would leave the actor no time to catch up.
            return Reply(reply, delay=BUSY_DELAY_S)
        return reply

    def _respond_on_line(self, unit: int, pdu: bytes) -> bytes | Reply | None:
        """Others on the line answer for their units; one answer too many would destroy theirs."""
        if unit == 0:
            for own in self.bank.units:
                self._answer(own, pdu)
            return None
        if unit not in self.bank.units:
            return None
        return self.faults.spoilt(unit, pdu, lambda: self._answer(unit, pdu))

    def _answer(self, unit: int, pdu: bytes) -> bytes:
        try:
            image = self._units[unit]
        except KeyError:
            own = self.bank.unit_for(unit)
            image = None if own is None else BankUnit(self.bank, own, self._busy)
            self._units[unit] = image
        if image is None:
            reply = bytes((pdu[0] | 0x80, TARGET_SILENT))
        else:
            reply = answer(pdu, image)
            if image.written:
                self._on_write(image.taken())
        if reply[0] & 0x80:
            self.bank.counters[f"exception_{reply[1]}"] += 1
        return reply

    async def _look_for_silence(self) -> None:
        while True:
            for event in self.bank.check(self._clock()):
                self._on_event(event)
            await asyncio.sleep(CHECK_S)
