"""Keeps the recording of an instance: lines made and written on a thread, so that the actor never waits for a disk."""

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from ess_actors.actors.process import log
from ess_actors.core.messages import Message
from ess_actors.core.recording import Call, call_line, gap_line

MOST_WAITING: Final = 20_000
"""Calls that may wait for a slow disk; what comes then is left out, and a line in the recording says how many."""
_AT_ONCE: Final = 500
_STOP_LIMIT_S: Final = 0.8


class Recorder:
    """One file, appended to. `keep` costs the actor an entry of a queue; all else happens on the thread.

    The actor may fork children meanwhile: the thread holds no lock that a child could ever need.
    """

    def __init__(self, file: Path, first_line: Callable[[], bytes]) -> None:
        """`first_line` opens the life of an instance; it is made on the thread. Raises OSError."""
        self._file = file
        self._descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._descriptor).st_size
        self._torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"
        """The file ends inside a line: nothing may be added to that one."""
        self._lost = 0
        """Calls since the last one that found room in the queue; the actor's own."""
        self._unwritten = 0
        """Lines since the last ones that could be written; the thread's own."""
        self._waiting: SimpleQueue[Callable[[], bytes] | None] = SimpleQueue()
        self._waiting.put(first_line)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def keep(self, call: Call, sent: Sequence[Message]) -> None:
        """Record a call and what was sent because of it; never waits."""
        if self._waiting.qsize() >= MOST_WAITING:
            self._lost += 1
            return
        self._tell_lost()
        self._waiting.put(lambda: call_line(call, sent))

    def close(self) -> None:
        """Write what waits, for as long as a stop may take."""
        self._tell_lost()
        self._waiting.put(None)
        self._thread.join(_STOP_LIMIT_S)

    def _tell_lost(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            self._waiting.put(lambda: gap_line(lost))

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._waiting.get()]
            with contextlib.suppress(Empty):
                while len(batch) < _AT_ONCE:
                    batch.append(self._waiting.get_nowait())
            ended = None in batch
            self._write([make() for make in batch if make is not None])
        os.close(self._descriptor)

    def _write(self, lines: list[bytes]) -> None:
        if self._unwritten:
            lines = [gap_line(self._unwritten), *lines]
        text = b"".join(line + b"\n" for line in lines)
        if self._torn:
            text = b"\n" + text
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            if not self._unwritten:
                log.error("%s: %s; what happens now is not recorded", self._file, error.strerror)
            self._unwritten += len(lines) - bool(self._unwritten)
            self._torn |= len(rest) < len(text)
        else:
            self._unwritten, self._torn = 0, False
