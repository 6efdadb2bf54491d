"""Only this tree's own messages are unpickled: each frame carries a keyed hash, checked before anything else.

Unpickling runs whatever the sender likes, and every local user can reach a loopback port. The key is made when the
first process of a site loads this module, and inherited by fork; it is never written down. Import before Thespian runs.
"""

import hmac
import os
import pickle
from hashlib import blake2b
from typing import Any, Final

import thespian.system.transport.TCPTransport as tcp
from thespian.system.transport.streamBuffer import ackDataErrPacket, ackPacket, toSendBuffer

SIZE: Final = 16
"""Bytes of the hash in front of each message."""


class Seal:
    """What Thespian takes for its pickle module."""

    def __init__(self, key: bytes) -> None:
        self.refused = 0
        """Frames that were not from this tree, in this process."""
        self._key = key

    def dumps(self, message: object) -> bytes:
        """Pickled, with its hash in front."""
        body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        return blake2b(body, key=self._key, digest_size=SIZE).digest() + body

    def loads(self, frame: bytes) -> Any:
        """The message; None, which Thespian takes for a damaged one, when its hash is not ours."""
        body = frame[SIZE:]
        if not hmac.compare_digest(blake2b(body, key=self._key, digest_size=SIZE).digest(), frame[:SIZE]):
            self.refused += 1
            return None
        return pickle.loads(body)  # noqa: S301  (only now it is known to be ours)


seal: Final = Seal(os.urandom(32))


def put_in_front() -> None:
    """Let this process, and all that it forks, send and take sealed frames only. Twice is once."""
    tcp.serializer = seal
    tcp.ackMsg = toSendBuffer(ackPacket, seal.dumps)
    tcp.ackDataErrMsg = toSendBuffer(ackDataErrPacket, seal.dumps)


put_in_front()
