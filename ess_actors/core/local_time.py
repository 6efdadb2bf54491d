"""Local time of an instance: the offset of its zone is told to it like the time itself, never asked of the machine."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from ess_actors.core.engine import Engine

UTC_OFFSET: Final = "utc_offset_s"
"""Member of the measured figures: seconds that local time is ahead of UTC. Not told = UTC."""


def local_now(engine: Engine) -> datetime:
    """Local time of the present run."""
    offset = engine.measured.get(UTC_OFFSET, 0.0)
    return datetime.fromtimestamp(engine.wall, timezone(timedelta(seconds=offset)) if offset else UTC)


def local_time(engine: Engine) -> str:
    """Local time of the present run as messages show it: MM/DD/YYYY hh:mm:ss."""
    return local_now(engine).strftime("%m/%d/%Y %H:%M:%S")
