"""What a Modbus client hands to the actor beside it, once per component cycle."""

from typing import NamedTuple

from ess_actors.core.quality import Marks


class Publication(NamedTuple):
    """One component cycle: published as `pub <uri>`."""

    uri: str
    body: bytes
    """JSON object: good points and status keys."""
    quality: Marks | None
    """Members that are not GOOD, also those left out of the body; None = all good."""
    sent: float
    """Monotonic seconds at which the oldest request in it left (end of the cycle when nothing is good)."""
