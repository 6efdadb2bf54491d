"""A leaf actor with an asyncio thread beside it: the thread does the IO, the actor hears of it through a descriptor."""

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from ess_actors.actors.base import TreeActor
from ess_actors.actors.progress import PROGRESS, Concern

_STOP_LIMIT_S = 0.8
_TURN_S = 0.02
"""So long items of the thread are taken in one go."""
_IO_PULSE_S = 0.1


class IoActor(TreeActor):
    """Base of actors that do IO. They have no children: a process with a second thread must not fork.

    The thread hands items over with `from_io`; the actor calls into the thread with `call_io` and `run_io`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._items: deque[Any] = deque()
        self._bell = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def on_io(self, item: Any) -> None:
        """An item the thread handed over with `from_io`."""

    async def stop_io(self) -> None:
        """Last words of the thread: close sockets and files. Runs on the thread."""

    def start_io(self) -> None:
        """Start the thread. Called once, from on_configure: after the fork, before any IO."""
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="io", daemon=True)
        self._thread.start()

    def from_io(self, item: Any) -> None:
        """Hand an item to the actor; the only call of this class that the thread makes."""
        self._items.append(item)
        os.eventfd_write(self._bell, 1)

    def call_io(self, function: Callable[..., object], *args: Any) -> None:
        """Run `function` soon on the thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(function, *args)

    def run_io(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine on the thread; when it ends with an exception the actor crashes with it."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: self._watch_task(work))

    def watched(self) -> list[int]:
        return [self._bell] if self._bell >= 0 else []

    def on_watch(self) -> None:
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return
        until = time.monotonic() + _TURN_S
        while self._items:
            if time.monotonic() > until:
                # The thread may hand over as fast as this takes: messages and heartbeats must have their turn.
                os.eventfd_write(self._bell, 1)
                return
            item = self._items.popleft()
            if isinstance(item, BaseException):
                raise item
            self.on_io(item)

    def on_exit(self) -> None:
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(_STOP_LIMIT_S)

    def _run_loop(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(
            lambda _, context: self.from_io(context.get("exception") or RuntimeError(context["message"]))
        )
        self._io_pulse()
        self._loop.run_forever()

    def _show_work(self) -> None:
        """The work of these actors is on the thread."""

    def _io_pulse(self) -> None:
        assert self._loop is not None
        PROGRESS.beat(self.row, Concern.IO)
        if self.at_work():
            PROGRESS.beat(self.row, Concern.WORK)
        self._loop.call_later(_IO_PULSE_S, self._io_pulse)

    def _watch_task(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    @property
    def _tasks(self) -> set[asyncio.Task[Any]]:
        # Made on the thread: asyncio keeps only weak references to its tasks.
        tasks: set[asyncio.Task[Any]] = self.__dict__.setdefault("_task_set", set())
        return tasks

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.from_io(error)

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self.stop_io()
        finally:
            assert self._loop is not None
            self._loop.stop()
