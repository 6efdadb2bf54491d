"""The one place where tests wait: for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T | None], limit_s: float = 10.0) -> T:
    """The first truthy result of `condition`; fails, naming `what` and the last result, after `limit_s` seconds."""
    until = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"waited {limit_s:g} s in vain for {what}; last: {result!r}")
        time.sleep(0.02)
