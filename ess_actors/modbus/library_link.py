"""Lines that go through pymodbus: one connection of the library, and a guard for each of its habits."""

import asyncio
import logging
from abc import abstractmethod
from typing import Final, cast

from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.framer import FramerBase
from pymodbus.transaction import TransactionManager
from pymodbus.transport import CommParams
from pymodbus.transport.serialtransport import SerialTransport

from ess_actors.modbus.framer import RawPDU
from ess_actors.modbus.link import TurnLink

# The library prints the last twenty frames with every timeout; the link counts what matters instead.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL + 1)

CLOSED: Final = "closed by the device"
_NEVER: Final = 1 << 62


class Wire(TransactionManager):
    """One connection of the library, from its opening to its loss; `link` is told of a loss at once.

    Without that word an open request would wait its full time, and then be sent again.
    """

    def __init__(self, link: "LibraryLink", params: CommParams, framer: FramerBase) -> None:
        super().__init__(params, framer, 0, False, None, None, None)
        # One late and one current answer may arrive together; the stock limit drops both.
        self.max_buffer_size = _NEVER
        # When to give a connection up is decided per unit by the polling loop, not by a count here.
        self.max_until_disconnect = self.count_until_disconnect = _NEVER
        self._link = link
        self.lost = ""
        """Why it is gone."""
        self.made = asyncio.Event()
        self.gone = asyncio.Event()

    def callback_connected(self) -> None:
        """The transport is there."""
        super().callback_connected()
        self.made.set()

    def callback_disconnected(self, exc: Exception | None) -> None:
        """The transport went away by itself."""
        self.lost = self._link.loss_in_words(exc)
        self._link.wire_lost(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Said by the transport, whoever closed it."""
        super().connection_lost(exc)
        self.gone.set()

    def fail(self, error: ModbusException) -> None:
        """The open request, if there is one, ends now."""
        if not self.response_future.done():
            self.response_future.set_exception(error)
            self.response_future.exception()  # marks it as seen when nobody waits

    async def ask(self, pdu: bytes, unit: int, limit: float) -> RawPDU:
        """Sends and waits for what the framer takes for the answer. Raises ModbusException without one."""
        self._must_be_open()
        # The library has one time-out for all requests of a connection.
        self.comm_params.timeout_connect = limit
        reply = await self.execute(False, RawPDU(pdu, unit))
        _heed_cancellation()
        return cast(RawPDU, reply)

    async def tell(self, pdu: bytes, unit: int) -> None:
        """Sends what nobody answers."""
        self._must_be_open()
        await self.execute(True, RawPDU(pdu, unit))

    def _must_be_open(self) -> None:
        """The library would connect by itself, or write into a socket that the peer has closed."""
        transport = cast(asyncio.WriteTransport | None, self.transport)
        if transport is None or transport.is_closing():
            raise ConnectionException(self.lost or CLOSED)

    def shut(self) -> None:
        """Closes at once; what is unsent stays so."""
        self.lost = self.lost or "closed"
        transport = cast(asyncio.WriteTransport | None, self.transport)
        if transport is not None:
            transport.abort()
        if transport is None or isinstance(transport, SerialTransport):
            self.gone.set()  # nobody will say so
        self.close()
        self.fail(ConnectionException(self.lost))


class LibraryLink(TurnLink):
    """A kept line over a `Wire`. A kind of line says how one is made (`_dial`), and gives `_transact`."""

    _wire: Wire | None = None

    @abstractmethod
    async def _dial(self) -> Wire:
        """An open wire. What fails leaves nothing open, and may raise OSError and ValueError."""

    def loss_in_words(self, error: Exception | None) -> str:
        """Why a connection went away, for an operator."""
        return CLOSED

    async def _open(self) -> str:
        wire = await self._dial()
        if wire.lost:
            return wire.lost
        self._wire = wire
        return ""

    def wire_lost(self, wire: Wire) -> None:
        """`wire` went away by itself."""
        if wire is self._wire:
            self._lost(wire.lost)

    def _close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.shut()

    async def stop(self) -> None:
        """Closes the connection and waits until it is closed."""
        wire = self._wire
        await super().stop()
        if wire is not None:
            await wire.gone.wait()


async def dialled(wire: Wire) -> Wire:
    """`wire`, opened over a socket."""
    try:
        await wire.call_create()
    except BaseException:
        wire.shut()
        raise
    return wire


def _heed_cancellation() -> None:
    """The library waits with Python 3.11's wait_for, which loses a cancellation that comes with the result."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
