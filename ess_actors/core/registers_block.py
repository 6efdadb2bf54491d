"""The compiled decode plan of one read request: a function made for its points, and nothing else to decide."""

import math
import sys
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import CodeType

from ess_actors.core.points import Point
from ess_actors.core.registers_source import Source


class BlockDecoder:
    """bytes of one answer -> {point name: value}; a value that is not a number is left out.

    Payload: big-endian words as on the wire, or one byte 0/1 per bit. Points come register by register.
    Equal payloads give the same dictionary object again, so callers treat it as read-only.
    """

    __slots__ = ("_decode", "_last", "_values", "length", "names")

    def __init__(self, address: int, count: int, is_bits: bool, points: Sequence[Point]) -> None:
        unit_bytes = 1 if is_bits else 2
        self.length = count * unit_bytes
        source = Source()
        for point in points:
            source.add(point.id, point.codec, (point.address - address) * unit_bytes)
        self.names = tuple(dict.fromkeys(sys.intern(point.id) for point in points))
        """Every id, in the order of the decoded dictionary."""
        text = source.text(self.length)
        scope = {"array": array, "drop": _drop, "blank": dict.fromkeys(self.names).copy, **source.scope}
        # No configured text gets into it but quoted, see Source.
        exec(_compiled(text), scope)  # noqa: S102
        self._decode: Callable[[bytes], dict[str, object]] = scope["decode"]  # type: ignore[assignment]
        self._last: bytes | None = None
        self._values: dict[str, object] = {}

    def __call__(self, payload: bytes) -> dict[str, object]:
        """Raises ValueError for a payload of another length than asked for."""
        if payload == self._last:
            return self._values
        if len(payload) != self.length:
            raise ValueError(f"{len(payload)} bytes instead of {self.length}")
        self._values = self._decode(payload)
        self._last = payload
        return self._values


@lru_cache(maxsize=256)
def _compiled(text: str) -> CodeType:
    """Racks of one make have equal plans: they share the code."""
    return compile(text, "<decode plan>", "exec")


def _drop(values: dict[str, object], floats: Sequence[str]) -> None:
    """Take out what is not a finite number; a sum that only grew too large leaves all in."""
    for name in floats:
        value = values.get(name)
        if isinstance(value, float) and not math.isfinite(value):
            del values[name]
