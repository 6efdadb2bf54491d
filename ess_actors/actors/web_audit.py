"""The rows that the operator API adds to the audit table: who wrote what, what was there before, what came of it."""

import asyncio
import time
from typing import Final

from ess_actors.core.audit import Entry
from ess_actors.web import bridge as web

_LONGEST: Final = 2000
"""Characters of a value that are kept: a body may be a whole document."""
_OLD_VALUE_S: Final = 0.3
"""So long the answer to an operator waits for the value that his write replaced."""


def row_of(by: web.By, uri: str, old: str, new: str, result: str) -> Entry:
    """The row of one write, made when its result is known."""
    return Entry(time.time(), by.who, by.origin, uri, _short(old), _short(new), result)


async def old_value(asked: asyncio.Task[web.Answer]) -> str:
    """The JSON text of the answer, empty when there was nothing or it does not come."""
    try:
        async with asyncio.timeout(_OLD_VALUE_S):
            answer = await asked
    except TimeoutError:
        return ""
    return "" if answer.status else answer.body.decode("utf-8", "replace")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
