"""Faults made inside an actor on order of a chaos run: an exception, a slow handler, memory, another wall clock.

Nothing here works in a site that was not started with ESS_ACTORS_DISTURB in its environment, which names the folder
where the orders are laid.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Final

FOLDER_VARIABLE: Final = "ESS_ACTORS_DISTURB"

_FOLDER: Final = os.environ.get(FOLDER_VARIABLE, "")
_held: list[bytearray] = []


class Disturbed(Exception):
    """The exception that was ordered."""


def order_file(folder: Path, actor_id: str) -> Path:
    """Where an order for this actor is laid; the actor takes it away as it begins."""
    return folder / actor_id.replace("/", ",")


def disturb(actor_id: str) -> None:
    """Carry out an order for this actor, once. To be called from its message loop."""
    if not _FOLDER:
        return
    file = order_file(Path(_FOLDER), actor_id)
    try:
        kind, _, amount = file.read_text().partition(" ")
    except OSError:
        return
    with contextlib.suppress(OSError):
        file.unlink()
    _carry_out(kind, float(amount or 0))


def _carry_out(kind: str, amount: float) -> None:
    match kind:
        case "exception":
            raise Disturbed("ordered by a chaos run")
        case "slow":
            time.sleep(amount)
        case "memory":
            # Written to, so that the pages are really there.
            _held.append(bytearray(b"\x55" * int(amount * 1_000_000)))
        case "free":
            _held.clear()
        case "clock":
            _step(amount)


def _step(seconds: float, real: object = time.time) -> None:
    """The wall clock of this process stands `seconds` beside the right one; 0 puts it back."""
    assert callable(real)
    time.time = (lambda: real() + seconds) if seconds else real
