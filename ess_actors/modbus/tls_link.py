"""Modbus/TCP inside TLS: both ends show a certificate, and only an answer proves that ours was accepted."""

import ssl
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ClassVar, Final, cast

from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.transport import CommParams, CommType

from ess_actors.core.frames import decode_answer
from ess_actors.core.points import Endpoint, Tls
from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.framer import RawFramer
from ess_actors.modbus.keepalive import keep_alive
from ess_actors.modbus.library_link import CLOSED, LibraryLink, Wire, dialled
from ess_actors.modbus.link import OnState, ignore_state
from ess_actors.modbus.tls_context import client_context

_MALFORMED: Final = "malformed"


class TlsLink(LibraryLink):
    """One TLS connection, one request at a time.

    With TLS 1.3 the handshake succeeds before the device has judged our certificate. The link counts as
    connected with the first answer; a connection closed before that is reported as a certificate refused.
    The library's own TLS framer takes every record for a whole answer; the framer for sockets does not.
    """

    needs_proof: ClassVar[bool] = True

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        on_state: OnState = ignore_state,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(endpoint, on_state=on_state, clock=clock)
        self._tls = cast(Tls, endpoint.tls)
        self._framer = RawFramer(self._late, lambda: self.drop(_MALFORMED))

    async def _transact(self, request: Request, pdu: bytes) -> Answer:
        wire = self._wire
        if wire is None:
            return Answer(error="not_connected")
        sent = self._clock()
        self._framer.expects_answer = True
        try:
            reply = await wire.ask(pdu, request.unit, self.endpoint.transfer_timeout_s)
        except ConnectionException:
            error = _MALFORMED if self._framer.poisoned else "not_connected"
            return Answer(error=error, sent=sent, received=self._clock())
        except ModbusException:
            return Answer(error="timeout", sent=sent, received=self._clock())
        finally:
            self._framer.expects_answer = False
        if request.unit and reply.answered_by != request.unit:
            return Answer(error=_MALFORMED, sent=sent, received=self._clock())
        payload, error, code = decode_answer(request, pdu, reply.pdu)
        return Answer(payload, error, code, sent, self._clock())

    async def _dial(self) -> Wire:
        endpoint = self.endpoint
        # Anew for each connection: a renewed certificate needs no restart.
        context = client_context(self._tls)
        self._framer.restart()
        wire = Wire(
            self,
            CommParams(comm_type=CommType.TLS, host=endpoint.host, port=endpoint.port, sslctx=context),
            self._framer,
        )
        name = self._tls.server_name or endpoint.host
        create = cast(Callable[..., Coroutine[Any, Any, Any]], wire.call_create)
        wire.call_create = partial(create, server_hostname=name)
        try:
            await dialled(wire)
        except ssl.SSLCertVerificationError as error:
            raise ValueError(f"the device's certificate is refused: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise ValueError(f"the TLS handshake failed: {self._remark(error)}") from error
        except ConnectionResetError as error:
            raise ValueError(f"the TLS handshake failed: {self._remark(None)}") from error
        keep_alive(wire.transport)
        return wire

    def loss_in_words(self, error: Exception | None) -> str:
        """Before the first answer most likely our certificate was refused."""
        if self._told is True:
            return CLOSED
        self._counters.failed_connects += 1
        return f"closed before the first answer: {self._remark(error)}"

    def _remark(self, error: Exception | None) -> str:
        said = ""
        if isinstance(error, ssl.SSLError) and error.reason:
            said = f"{error.reason.lower().replace('_', ' ')}; "
        return f"{said}the device may not accept our certificate {self._tls.certificate}"

    def _late(self) -> None:
        self._counters.late += 1
