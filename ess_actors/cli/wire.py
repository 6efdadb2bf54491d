"""Requests to the operator API over a bare socket, for commands that a script calls a thousand times."""

# http.client, json and even socket's Python half are left out: importing them takes longer than the whole request.

import _socket

from ess_actors.cli.address import Address
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.kept_token import token_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ANSWER_TIMEOUT_S = 20.0
"""Longer than the longest a site takes to say that an actor did not answer."""

STREAM_TIMEOUT_S = 15.0
"""The site sends a comment line into a quiet stream every second; a long silence means that it is gone."""

_PIECE = 65536
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.-~$@:")


def quoted(text: str) -> str:
    """As a part of a query string."""
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)


class Connection:
    """One request and what comes back. Every method raises NothingRuns when nobody is there, or leaves."""

    def __init__(self, address: Address, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self.status = 0
        self._address = address
        self._buffer = b""
        self._token = token_for(address)
        try:
            if address.is_local:
                self._socket: Any = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
                self._socket.settimeout(timeout_s)
                self._socket.connect(address.host)
                return
            if address.tls:
                self._socket = _secured(address, timeout_s)
                return
            found = _socket.getaddrinfo(address.host, address.port, 0, _socket.SOCK_STREAM)
            family, kind, protocol, _, place = found[0]
            self._socket = _socket.socket(family, kind, protocol)
            self._socket.settimeout(timeout_s)
            self._socket.connect(place)
        except ConnectionRefusedError:
            start = "start a site with `ess-actors run SITE_DIR`"
            raise NothingRuns(f"nothing answers at {address}; {start} or say where with --api") from None
        except OSError as error:
            raise NothingRuns(f"cannot reach {address} ({error}); say where the site is with --api") from None

    def ask(self, method: str, path: str, body: bytes = b"") -> int:
        """Send the request and read the head of the answer: its HTTP status."""
        # With HTTP/1.0 the answer ends when the server closes: no chunks to put together.
        host = "localhost" if self._address.is_local else self._address
        head = f"{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        if self._token:
            head += f"Authorization: Bearer {self._token}\r\n"
        head += "\r\n"
        try:  # noqa: SIM105  (contextlib is an import too)
            self._socket.sendall(head.encode() + body)
        except OSError:
            pass  # it may have answered, a refusal, before it took the whole body
        while b"\r\n\r\n" not in self._buffer:
            piece = self._received()
            if not piece:
                break
            self._buffer += piece
        head_line, _, rest = self._buffer.partition(b"\r\n")
        words = head_line.split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            raise stranger(self._address)
        self._buffer = rest.partition(b"\r\n\r\n")[2]
        self.status = int(words[1])
        return self.status

    def rest(self) -> bytes:
        """The body of the answer."""
        pieces = [self._buffer]
        while piece := self._received():
            pieces.append(piece)
        return b"".join(pieces)

    def lines(self) -> "Iterator[bytes]":
        """The body line by line as it comes, until the server or a long silence ends it."""
        self._socket.settimeout(STREAM_TIMEOUT_S)
        pending = self._buffer
        while True:
            *complete, pending = pending.split(b"\n")
            yield from complete
            try:
                piece = self._socket.recv(_PIECE)
            except OSError:
                return
            if not piece:
                return
            pending += piece

    def close(self) -> None:
        """To be called in any case."""
        self._socket.close()

    def _received(self) -> bytes:
        try:
            piece: bytes = self._socket.recv(_PIECE)
            return piece
        except TimeoutError:
            text = f"no answer from {self._address} in time; is the site overloaded or stuck?"
            raise NothingRuns(text) from None
        except OSError as error:
            raise NothingRuns(f"the answer of {self._address} broke off ({error})") from None


def _secured(address: Address, timeout_s: float) -> "Any":
    """A connected TLS socket; costs the imports that everybody else is spared."""
    import socket

    from ess_actors.cli.secure import context

    return context().wrap_socket(socket.create_connection(address, timeout_s), server_hostname=address.host)


def stranger(address: Address) -> NothingRuns:
    """What is said when something else than a site answers."""
    return NothingRuns(f"what answers at {address} is no operator API; say where it is with --api")
