"""Minutes as bytes: those of all points as they come, and those of one point as they are kept."""

import math
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, Final, NamedTuple

from ess_actors.core.history_intake import Period

_FASTEST: Final = 1
_WIDTH: Final = 4 + 4 + 4 * 8 + 4 + 4 + 1 + 1


class _Columns(NamedTuple):
    points: "array[int]"
    starts: "array[int]"
    figures: "tuple[array[float], ...]"
    """low, mean, high, last."""
    lasted: "array[int]"
    """Milliseconds."""
    kept: "array[int]"
    quality: bytes
    last_quality: bytes


def pack(points: Sequence[int], rows: Sequence[Period], fast: bool = False) -> bytes:
    """The body of minutes; `points` are the numbers of their points."""
    figures = [
        _shuffled([row.low for row in rows]),
        _shuffled([row.mean for row in rows]),
        _shuffled([row.high for row in rows]),
        _shuffled([row.last for row in rows]),
    ]
    parts = (
        array("I", points).tobytes(),
        array("I", [row.start for row in rows]).tobytes(),
        *figures,
        array("I", [round(1000 * row.seconds) for row in rows]).tobytes(),
        array("I", [row.kept for row in rows]).tobytes(),
        bytes(row.quality for row in rows),
        bytes(row.last_quality for row in rows),
    )
    return zlib.compress(b"".join(parts), _FASTEST if fast else -1)


def unpack(body: bytes, name: str = "") -> Iterator[tuple[int, Period]]:
    """(number of the point, minute under this name) of each. Raises zlib.error or ValueError for what is none."""
    points, starts, figures, lasted, *rest = _columns(body)
    known = ([None if value != value else value for value in column] for column in figures)
    seconds = [one / 1000 for one in lasted]
    return zip(points, map(Period, repeat(name), starts, *known, seconds, *rest), strict=True)


def of_point(body: bytes, point: int, name: str) -> Iterator[Period]:
    """The minutes of one point. Raises as `unpack`."""
    columns = _remembered(body)
    at = -1
    while True:
        try:
            at = columns.points.index(point, at + 1)
        except ValueError:
            return
        yield _row(columns, at, name)


def merged(rows: Iterable[Period]) -> list[Period]:
    """In order of time. A minute that two lives of the writer have each seen a part of becomes one."""
    found: dict[int, Period] = {}
    for row in rows:
        known = found.get(row.start)
        found[row.start] = row if known is None else _both(known, row)
    return [found[start] for start in sorted(found)]


def _both(one: Period, other: Period) -> Period:
    lows = [row.low for row in (one, other) if row.low is not None]
    highs = [row.high for row in (one, other) if row.high is not None]
    seconds = one.seconds + other.seconds
    means = [(row.mean, row.seconds) for row in (one, other) if row.mean is not None]
    if seconds > 0 and means:
        mean: float | None = sum(value * lasted for value, lasted in means) / seconds
    else:
        mean = means[0][0] if means else None
    return other._replace(
        low=min(lows, default=None),
        mean=mean,
        high=max(highs, default=None),
        seconds=seconds,
        kept=one.kept + other.kept,
        quality=max(one.quality, other.quality),
    )


def _row(columns: _Columns, at: int, name: str) -> Period:
    low, mean, high, last = (None if column[at] != column[at] else column[at] for column in columns.figures)
    return Period(
        name, columns.starts[at], low, mean, high, last, columns.lasted[at] / 1000, columns.kept[at],
        columns.quality[at], columns.last_quality[at],
    )  # fmt: skip


def _columns(body: bytes) -> _Columns:
    plain = zlib.decompress(body)
    count, rest = divmod(len(plain), _WIDTH)
    if rest:
        raise ValueError("minutes of another length")
    parts: list[Any] = []
    begin = 0
    for kind, width in (("I", 4), ("I", 4), *(("d", 8),) * 4, ("I", 4), ("I", 4)):
        part = plain[begin : begin + count * width]
        begin += count * width
        parts.append(array(kind, _straight(part) if kind == "d" else part))
    return _Columns(
        parts[0], parts[1], tuple(parts[2:6]), parts[6], parts[7], plain[begin : begin + count],
        plain[begin + count :],
    )  # fmt: skip


_remembered = lru_cache(maxsize=64)(_columns)
"""Several points are looked for in the same batches."""


def _shuffled(column: Sequence[float | None]) -> bytes:
    """All first bytes, all second ones ...: of numbers that are alike most are the same."""
    plain = array("d", [math.nan if value is None else value for value in column]).tobytes()
    return b"".join(plain[at::8] for at in range(8))


def _straight(shuffled: bytes) -> bytes:
    count = len(shuffled) // 8
    plain = bytearray(len(shuffled))
    for at in range(8):
        plain[at::8] = shuffled[at * count : (at + 1) * count]
    return bytes(plain)
