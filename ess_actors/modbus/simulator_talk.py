"""How simulated devices talk over one connection or line: requests in, answers out, spoilt when told to."""

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from ess_actors.core.mbap import FrameBuffer, frame
from ess_actors.core.rtu import SETTLED_S, RequestBuffer, seal


class Odd(NamedTuple):
    """An answer that is not simply sent. Times in seconds."""

    pdu: bytes = b""
    delay: float = 0.0
    garble: str = ""
    """random, protocol or crc: what is done to the finished frame."""
    half: bool = False
    rest: float | None = None
    """With `half`: when the other half follows; None = never."""
    rest_first: bool = False
    """With `half`: the other half goes out before any other answer, so that those stay readable."""
    close: bool = False
    """The connection is closed instead."""


Respond = Callable[[int, bytes], bytes | Odd | None]
"""(unit, data unit of a request) -> the answer's data unit, something odd, or silence. Must not wait."""


class _Framing(ABC):
    """How data units travel; one per connection."""

    poisoned = False

    @abstractmethod
    def feed(self, chunk: bytes) -> list[tuple[int, int, bytes]]:
        """Complete requests as (transaction, unit, data unit)."""

    @abstractmethod
    def sealed(self, transaction: int, unit: int, pdu: bytes) -> bytes: ...

    @abstractmethod
    def garbled(self, whole: bytes, how: str) -> bytes: ...


class _Mbap(_Framing):
    def __init__(self) -> None:
        self._buffer = FrameBuffer()

    def feed(self, chunk: bytes) -> list[tuple[int, int, bytes]]:
        frames = self._buffer.feed(chunk)
        self.poisoned = self._buffer.poisoned
        return frames

    def sealed(self, transaction: int, unit: int, pdu: bytes) -> bytes:
        return frame(transaction, unit, pdu)

    def garbled(self, whole: bytes, how: str) -> bytes:
        if how == "protocol":
            return whole[:2] + b"\x47\x11" + whole[4:]
        # Whatever the dice say: the transaction id's low byte is wrong.
        return whole[:1] + bytes((whole[1] ^ 0xFF,)) + os.urandom(len(whole) - 2)


class _Rtu(_Framing):
    def __init__(self) -> None:
        self._buffer = RequestBuffer()
        self._heard_at = 0.0

    def feed(self, chunk: bytes) -> list[tuple[int, int, bytes]]:
        now = time.monotonic()
        if now - self._heard_at > SETTLED_S:
            self._buffer.restart()
        self._heard_at = now
        return [(0, unit, pdu) for unit, pdu in self._buffer.feed(chunk)]

    def sealed(self, transaction: int, unit: int, pdu: bytes) -> bytes:
        return seal(unit, pdu)

    def garbled(self, whole: bytes, how: str) -> bytes:
        if how == "crc":
            return whole[:-1] + bytes((whole[-1] ^ 0xFF,))
        return bytes((whole[0] ^ 0xFF,)) + os.urandom(len(whole) - 1)


class Talk:
    """Requests in, answers out, over one connection or line. Frames never run into one another."""

    def __init__(
        self, respond: Respond, rtu: bool, send: Callable[[bytes], None], hang_up: Callable[[], None]
    ) -> None:
        self._framing: _Framing = _Rtu() if rtu else _Mbap()
        self._respond = respond
        self._send_bytes = send
        self._hang_up = hang_up
        self._rest = b""
        self._timers: set[asyncio.TimerHandle] = set()
        self._ended = False

    def heard(self, chunk: bytes) -> None:
        framing, respond = self._framing, self._respond
        out = []
        for transaction, unit, pdu in framing.feed(chunk):
            answer = respond(unit, pdu)
            if isinstance(answer, bytes):
                out.append(framing.sealed(transaction, unit, answer))
            elif answer is not None:
                self._send(b"".join(out))
                out.clear()
                self._odd(answer, transaction, unit)
                if self._ended:
                    return
        if out:
            self._send(b"".join(out))
        if framing.poisoned:
            self._hang_up()

    def end(self) -> None:
        """Nothing more is sent."""
        self._ended = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _odd(self, odd: Odd, transaction: int, unit: int) -> None:
        if odd.close:
            self.end()
            self._hang_up()
            return
        whole = self._framing.sealed(transaction, unit, odd.pdu)
        if odd.garble:
            whole = self._framing.garbled(whole, odd.garble)
        if odd.delay > 0:
            self._later(odd.delay, self._send, whole)
        elif odd.half:
            self._send(whole[: len(whole) // 2])
            if odd.rest is not None or odd.rest_first:
                self._rest = whole[len(whole) // 2 :]
            if odd.rest is not None:
                self._later(odd.rest, self._send, b"")
        else:
            self._send(whole)

    def _later(self, seconds: float, call: Callable[[bytes], None], chunk: bytes) -> None:
        def ring() -> None:
            self._timers.discard(timer)
            call(chunk)

        timer = asyncio.get_running_loop().call_later(seconds, ring)
        self._timers.add(timer)

    def _send(self, chunk: bytes) -> None:
        if self._rest:
            chunk, self._rest = self._rest + chunk, b""
        if chunk and not self._ended:
            self._send_bytes(chunk)
