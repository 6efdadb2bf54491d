"""Tasks that run on their own: a fault of ours in one is heard of, and ending one swallows nobody's cancellation."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def in_background(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Runs it now. What it raises reaches the loop's exception handler at once, not when somebody asks."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(raise_failure)
    return task


def raise_failure(task: asyncio.Task[None]) -> None:
    """A callback of the loop that raises ends whatever the loop belongs to, like any other fault of ours."""
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancels them and waits until they are over; the caller may be cancelled meanwhile, and is."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
