"""A thread for calls that may take as long as they like: the IO thread awaits them and goes on."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

R = TypeVar("R")


class Worker:
    """One call after the other. The thread is a daemon: a call that hangs keeps no process from ending."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]]] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self.waiting = 0
        """Calls that are not done."""
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def __call__(self, function: Callable[..., R], *args: Any) -> R:
        """What `function` returns or raises, on the thread."""
        done: asyncio.Future[R] = self._loop.create_future()
        self.waiting += 1
        self._calls.put((lambda: function(*args), done))
        try:
            # What is under way is done, whether anybody still waits for it or not.
            return await asyncio.shield(done)
        finally:
            self.waiting -= 1

    def _run(self) -> None:
        while True:
            call, done = self._calls.get()
            try:
                result, problem = call(), None
            except Exception as error:
                result, problem = None, error
            if self._loop.is_closed():
                return
            self._loop.call_soon_threadsafe(_settle, done, result, problem)


def _settle(done: "asyncio.Future[Any]", result: Any, problem: Exception | None) -> None:
    if done.done():
        return
    if problem is None:
        done.set_result(result)
    else:
        done.set_exception(problem)
