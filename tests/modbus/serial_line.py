"""A serial line for the tests: a pseudo-terminal, and the master at its end."""

import asyncio
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from tests.modbus.modbus_peers import until


@contextmanager
def line() -> Iterator[tuple[int, str]]:
    """The master's end of a line (a descriptor) and the path of the other end."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    try:
        yield ours, os.ttyname(theirs)
    finally:
        os.close(ours)
        os.close(theirs)


class Master:
    """The other end of the line."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.heard = b""
        asyncio.get_running_loop().add_reader(end, self._readable)

    def _readable(self) -> None:
        self.heard += os.read(self.end, 4096)

    def say(self, frame: bytes) -> None:
        os.write(self.end, frame)

    async def hears(self, expected: bytes) -> None:
        await until(
            lambda: len(self.heard) >= len(expected), what=f"{expected.hex()} (so far {self.heard.hex()})"
        )
        assert self.heard == expected
        self.heard = b""

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.end)


@contextmanager
def joined(one: int, other: int) -> Iterator[None]:
    """Two pseudo-terminals as one line."""
    loop = asyncio.get_running_loop()
    loop.add_reader(one, lambda: os.write(other, os.read(one, 4096)))
    loop.add_reader(other, lambda: os.write(one, os.read(other, 4096)))
    try:
        yield
    finally:
        loop.remove_reader(one)
        loop.remove_reader(other)
