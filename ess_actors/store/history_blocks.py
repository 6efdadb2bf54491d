"""Readings as bytes: a batch of many points as it comes, and a block of one point as it is kept."""

import math
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

_PLAIN: Final = 255
_SCALES: Final = (1, 10, 100, 1000)
"""Most values are registers with a decimal point: as whole numbers their differences are small."""
_MOST_SCALED: Final = 2**30
_FASTEST: Final = 1

Sample = tuple[int, float | None, int]
"""Unix milliseconds, value, quality."""


def pack_batch(points: Sequence[int], samples: Sequence[Sample]) -> tuple[int, bytes]:
    """(unix ms of the first, body) of readings of several points, in any order."""
    first = min(at for at, _, _ in samples)
    values = array("d", [math.nan if value is None else value for _, value, _ in samples])
    parts = (
        array("I", points).tobytes(),
        array("Q", [at - first for at, _, _ in samples]).tobytes(),
        values.tobytes(),
        bytes(quality for _, _, quality in samples),
    )
    return first, zlib.compress(b"".join(parts), _FASTEST)


@lru_cache(maxsize=128)
def _arrays(body: bytes) -> "tuple[array[int], array[int], array[float], bytes]":
    """Points, offsets, values, qualities. Remembered: several points are looked for in the same batches."""
    plain = zlib.decompress(body)
    count, rest = divmod(len(plain), 21)
    if rest:
        raise ValueError("a batch of another length")
    points, offsets, values = array("I"), array("Q"), array("d")
    points.frombytes(plain[: 4 * count])
    offsets.frombytes(plain[4 * count : 12 * count])
    values.frombytes(plain[12 * count : 20 * count])
    return points, offsets, values, plain[20 * count :]


def unpack_batch(first: int, body: bytes) -> Iterable[tuple[int, int, float | None, int]]:
    """(point, unix ms, value, quality) of each. Raises zlib.error or ValueError for what is no batch."""
    points, offsets, values, qualities = _arrays.__wrapped__(body)
    times = [first + offset for offset in offsets]
    known = [None if value != value else value for value in values]
    return zip(points, times, known, qualities, strict=True)


def of_point(first: int, body: bytes, point: int) -> Iterator[Sample]:
    """The samples of one point in a batch. Raises as `unpack_batch`."""
    points, offsets, values, qualities = _arrays(body)
    at = -1
    while True:
        try:
            at = points.index(point, at + 1)
        except ValueError:
            return
        value = values[at]
        yield first + offsets[at], None if value != value else value, qualities[at]


def pack(samples: Sequence[Sample]) -> bytes:
    """The body of a block; samples in order of time, less than 2^32 ms from one to the next."""
    times = array("Q", [samples[0][0]])
    times.extend(later[0] - earlier[0] for earlier, later in pairwise(samples))
    steps = array("I", times[1:])
    scale, values = _values([value for _, value, _ in samples])
    head = bytes((1, scale)) + times[:1].tobytes()
    body = steps.tobytes() + values + bytes(quality for _, _, quality in samples)
    return head + zlib.compress(body)


def _values(values: Sequence[float | None]) -> tuple[int, bytes]:
    known = [value for value in values if value is not None]
    if len(known) == len(values) and all(abs(value) < _MOST_SCALED / 1000 for value in known):
        for exponent, scale in enumerate(_SCALES):
            whole = [round(value * scale) for value in known]
            if all(number / scale == value for number, value in zip(whole, known, strict=True)):
                steps = [after - before for before, after in zip([0, *whole], whole, strict=False)]
                return exponent, array("i", steps).tobytes()
    return _PLAIN, array("d", [math.nan if value is None else value for value in values]).tobytes()


def unpack(body: bytes) -> list[Sample]:
    """The samples of a block. Raises zlib.error or ValueError for what is none."""
    if len(body) < 10 or body[0] != 1:
        raise ValueError("a block of another version")
    scale, plain = body[1], zlib.decompress(body[10:])
    width = 8 if scale == _PLAIN else 4
    count = (len(plain) + 4) // (5 + width)
    steps = array("I")
    steps.frombytes(plain[: 4 * (count - 1)])
    at = int.from_bytes(body[2:10], "little")
    times = [at]
    for step in steps:
        at += step
        times.append(at)
    middle = plain[4 * (count - 1) : 4 * (count - 1) + width * count]
    return list(zip(times, _read(middle, scale), plain[4 * (count - 1) + width * count :], strict=True))


def _read(part: bytes, scale: int) -> list[float | None]:
    if scale == _PLAIN:
        plain = array("d")
        plain.frombytes(part)
        return [None if value != value else value for value in plain]
    steps = array("i")
    steps.frombytes(part)
    total, found = 0, list[float | None]()
    for step in steps:
        total += step
        found.append(total / _SCALES[scale])
    return found
