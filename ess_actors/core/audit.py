"""The audit trail: a row per write of an operator or a site controller, each one bound to the row before it."""

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

BEGUN_ANEW: Final = "/audit/begun_anew"
"""Uri of the row by which the store says that the rows before it are in a file that was set aside."""

PAUSE_S: Final = 2.0
STREAK: Final = 10
"""So many writes with shorter pauses than that make a point one that is written all the time."""


class Entry(NamedTuple):
    """One write. `time` = unix seconds; `old` and `new` are JSON texts, empty where not known."""

    time: float
    who: str
    origin: str
    """Address it came from."""
    uri: str
    old: str
    new: str
    result: str
    """ok, or the status it was answered with."""


class Cyclic:
    """Tells points that are written all the time, as heartbeats are: a row for each would bury all others."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, int, str]] = {}

    def row(self, uri: str, new: str, now: float) -> tuple[str, str] | None:
        """One more write at monotonic seconds `now`: (old value, result) of its row, None when it gets none."""
        last, streak, old = self._seen.get(uri, (-PAUSE_S, 0, ""))
        streak = streak + 1 if now - last < PAUSE_S else 0
        self._seen[uri] = now, streak, new
        if new == old or streak > STREAK:
            return None
        return (
            old,
            "sent" if streak < STREAK else "sent; it is written all the time, the next rows are left out",
        )


class Row(NamedTuple):
    """An entry as it stands in the table."""

    seq: int
    entry: Entry
    previous_hash: str
    hash: str


def hash_of(seq: int, entry: Entry, previous_hash: str) -> str:
    """What binds a row to its content and to the row before it."""
    return hashlib.sha256(orjson.dumps([seq, *entry, previous_hash])).hexdigest()


def verify(rows: Iterable[Row], head: tuple[int, str] | None) -> tuple[list[str], int]:
    """What is wrong with the rows (in order of their numbers), and how many there are.

    `head` is number and hash of a row that must be there, as kept apart from the table; None = not known.
    """
    found: list[str] = []
    count, expected, previous = 0, 1, ""
    head_met = head is None or head[0] == 0
    for row in rows:
        count += 1
        if row.seq != expected and not (count == 1 and row.entry.uri == BEGUN_ANEW):
            last = row.seq - 1
            names = f"row {expected} is" if last == expected else f"rows {expected} to {last} are"
            found.append(f"{names} missing")
        elif row.seq == expected and row.previous_hash != previous:
            found.append(f"row {row.seq} does not follow from row {row.seq - 1}")
        if hash_of(row.seq, row.entry, row.previous_hash) != row.hash:
            found.append(f"row {row.seq} was changed")
        if head is not None and row.seq == head[0]:
            head_met = True
            if row.hash != head[1]:
                found.append(f"row {row.seq} is not the one that was written: its hash is kept apart")
        expected, previous = row.seq + 1, row.hash
    if not head_met and head is not None:
        found.append(
            f"rows {expected} to {head[0]} are missing" if head[0] > expected else f"row {head[0]} is missing"
        )
    return found, count
