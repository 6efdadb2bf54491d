"""Ports for tests that must know one before anybody listens on it, or after."""

import random
import socket

FIRST, BEHIND = 10_000, 20_000
"""Below those that the kernel hands out (from 32768 on) and those that a site takes for itself (20000 to 32000)."""


def free_port(row: int = 1) -> int:
    """A loopback TCP port that nobody listens on; with `row` the first of so many.

    It is reserved for this process: several run tests at the same time. What reserves it is the UDP port of the same
    number, bound as long as the process lives; the kernel grants it to one only and takes it back whatever happens.
    """
    for first in random.sample(range(FIRST, BEHIND - row), 200):
        reserved = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(row)]
        try:
            for port, one in enumerate(reserved, first):
                one.bind(("127.0.0.1", port))
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            for one in reserved:
                one.close()
            continue
        for one in reserved:
            one.detach()
        return first
    raise AssertionError(f"no free port between {FIRST} and {BEHIND}")
