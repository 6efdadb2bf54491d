"""What Thespian does for every message and nobody sees the fruit of is left out. Import to apply.

Each of its waits makes an epoll, tells it every connection (some 20) and closes it: here it is one poll(2). After the
last byte of a message it waits until it could write more, only to begin waiting for the answer: here it begins at once.
And of each message that comes or goes it makes a text for a log that is off: here only when the log asks for it.
"""

import errno
import math
import os
import select
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from types import SimpleNamespace
from typing import Any, Final

import thespian.system.transport as transport
import thespian.system.transport.TCPTransport as tcp

_POLL_FOR: Final = {EVENT_READ: select.POLLIN, EVENT_WRITE: select.POLLOUT}
_send_data: Final = tcp.TCPTransport._next_XMIT_2
_describe_received: Final = transport.ReceiveEnvelope.identify
_describe_sent: Final = transport.TransmitIntent.identify


class OnePoll:
    """As much of a selector of the standard library as Thespian uses: made for one wait.

    A descriptor is watched for reading or for writing. It is ready, too, when its connection is broken.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._events: dict[int, int] = {}

    def register(self, descriptor: int, events: int) -> None:
        """Raises ValueError for one that is closed."""
        self._poll.register(descriptor, _POLL_FOR[events])
        self._events[descriptor] = events

    def select(self, timeout: float | None) -> list[tuple[SelectorKey, int]]:
        """Who is ready within so many seconds; None waits for ever. Raises OSError EBADF when one is no descriptor."""
        found = self._poll.poll(None if timeout is None else math.ceil(max(0.0, timeout) * 1e3))
        if any(told & select.POLLNVAL for _, told in found):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return [
            (SelectorKey(descriptor, descriptor, events, None), events)
            for descriptor, _ in found
            for events in (self._events[descriptor],)
        ]

    def close(self) -> None:
        """There is nothing to close."""


class _Later:
    """A text that is made when somebody wants to read it."""

    __slots__ = ("_describe", "_thing")

    def __init__(self, describe: Any, thing: object) -> None:
        self._describe, self._thing = describe, thing

    def __str__(self) -> str:
        return str(self._describe(self._thing))


def _send(self: Any, intent: Any) -> Any:
    """The step that sends (a method of Thespian 4.0.1, pinned); when all is sent, the next one at once."""
    more = _send_data(self, intent)
    return self._nextTransmitStep(intent) if intent.stage == self._XMITStepShutdownWrite else more


def leave_out() -> None:
    """For this process and all that it forks. Twice is once."""
    tcp.selectors = SimpleNamespace(DefaultSelector=OnePoll, EVENT_READ=EVENT_READ, EVENT_WRITE=EVENT_WRITE)
    tcp.TCPTransport._next_XMIT_2 = _send
    transport.ReceiveEnvelope.__str__ = _describe_received
    transport.ReceiveEnvelope.identify = lambda self: _Later(_describe_received, self)
    transport.TransmitIntent.identify = lambda self: _Later(_describe_sent, self)


leave_out()
