"""Two serial devices joined back to back, as a null-modem cable does it."""

import os
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Paths of two ends: what is written to one is read from the other."""
    ends = [os.openpty(), os.openpty()]
    for pair in ends:
        for end in pair:
            tty.setraw(end)
    (one, one_slave), (two, two_slave) = ends

    def carry(source: int, target: int) -> None:
        try:
            while chunk := os.read(source, 4096):
                os.write(target, chunk)
        except OSError:
            return

    threads = [threading.Thread(target=carry, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    try:
        yield os.ttyname(one_slave), os.ttyname(two_slave)
    finally:
        # Without a slave end the readers of the masters wake with an error; then nothing holds the masters.
        for end in (one_slave, two_slave):
            os.close(end)
        for thread in threads:
            thread.join(5)
        for end in (one, two):
            os.close(end)
