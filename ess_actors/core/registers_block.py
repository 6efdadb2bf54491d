"""The compiled decode plan of one read request: one struct unpack, then only the values that need more."""

import math
import struct
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Point, Register
from ess_actors.core.registers import value_reader

_UNSIGNED: Final = {0: "B", 1: "H", 2: "I", 4: "Q"}
_SIGNED: Final = {1: "h", 2: "i", 4: "q"}
_FLOATING: Final = {2: "f", 4: "d"}


class _Slot(NamedTuple):
    """One register inside the block; `key` is a point's name, or a number when it carries several points."""

    key: str | int
    layout: str
    offset: int
    length: int


class BlockDecoder:
    """bytes of one answer -> {point name: value}; a value that is not a number is left out.

    Payload: big-endian words as on the wire, or one byte 0/1 per bit. Points come register by register.
    Equal payloads give the same dictionary object again, so callers treat it as read-only.
    """

    __slots__ = (
        "_divided",
        "_expanded",
        "_extra",
        "_floating",
        "_keys",
        "_last",
        "_mapped",
        "_order",
        "_pick",
        "_unpack",
        "_values",
        "length",
    )

    def __init__(self, address: int, count: int, is_bits: bool, points: Sequence[Point]) -> None:
        unit_bytes = 1 if is_bits else 2
        self.length = count * unit_bytes
        self._divided: list[tuple[str, int | float, int | float]] = []
        self._floating: list[tuple[str, int | float, int | float]] = []
        self._mapped: list[tuple[str | int, Callable[[int], object]]] = []
        self._expanded: list[tuple[int, list[tuple[str, Callable[[int], object]]]]] = []
        slots = [
            self._slot(index, register, list(group), (register.address - address) * unit_bytes)
            for index, (register, group) in enumerate(groupby(points, key=lambda point: point.register))
        ]
        main, extra, cursor = [">"], [], 0
        keys: list[str | int] = []
        for slot in sorted(slots, key=lambda slot: slot.offset):
            if slot.offset < cursor:
                extra.append((slot.key, struct.Struct(">" + slot.layout).unpack_from, slot.offset))
                continue
            main.append(f"{slot.offset - cursor}x{slot.layout}")
            keys.append(slot.key)
            cursor = slot.offset + slot.length
        main.append(f"{self.length - cursor}x")
        self._unpack = struct.Struct("".join(main)).unpack
        self._keys = tuple(keys)
        self._extra = tuple(extra)
        names = tuple(point.id for point in points)
        self._order = names
        self._pick = None if self._keys == names else itemgetter(*names) if len(names) > 1 else None
        self._last = b""
        self._values: dict[str, object] = {}

    def _slot(self, index: int, register: Register, points: list[Point], offset: int) -> _Slot:
        length = 2 * register.size if points[0].codec.size else 1
        if len(points) > 1 or points[0].codec.partial or points[0].codec.shape is Shape.PARENT:
            self._expanded.append((index, [(point.id, value_reader(point.codec)) for point in points]))
            return _Slot(index, _UNSIGNED[points[0].codec.size], offset, length)
        point = points[0]
        layout = _direct(point.codec)
        if not layout:
            self._mapped.append((point.id, value_reader(point.codec)))
            return _Slot(point.id, _UNSIGNED[point.codec.size], offset, length)
        codec = point.codec
        if codec.scale is not None or codec.is_float:
            steps = self._floating if codec.is_float else self._divided
            steps.append((point.id, codec.scale or 1, codec.shift))
        return _Slot(point.id, layout, offset, length)

    def __call__(self, payload: bytes) -> dict[str, object]:
        """Raises ValueError for a payload of another length than asked for."""
        if payload == self._last:
            return self._values
        if len(payload) != self.length:
            raise ValueError(f"{len(payload)} bytes instead of {self.length}")
        found: dict[str | int, object] = dict(zip(self._keys, self._unpack(payload), strict=True))
        for key, unpack_from, offset in self._extra:
            found[key] = unpack_from(payload, offset)[0]
        bad: list[str] = []
        for name, scale, shift in self._divided:
            found[name] = found[name] / scale + shift  # type: ignore[operator]
        for name, scale, shift in self._floating:
            value = found[name] / scale + shift  # type: ignore[operator]
            found[name] = value
            if not math.isfinite(value):
                bad.append(name)
        for key, read in self._mapped:
            found[key] = read(found[key])  # type: ignore[arg-type]
            if found[key] is None:
                bad.append(key)  # type: ignore[arg-type]
        for index, readers in self._expanded:
            wire = found[index]
            for name, read in readers:
                found[name] = read(wire)  # type: ignore[arg-type]
        self._last, self._values = payload, self._in_order(found, bad)
        return self._values

    def _in_order(self, found: dict[str | int, object], bad: list[str]) -> dict[str, object]:
        for name in bad:
            del found[name]
        if self._pick is None and not self._expanded and not self._extra:
            return found  # type: ignore[return-value]
        if self._pick is not None and not bad:
            return dict(zip(self._order, self._pick(found), strict=True))
        return {name: found[name] for name in self._order if name in found}


def _direct(codec: Codec) -> str:
    """Struct letter that yields the number up to scale and shift, "" when there is none."""
    if codec.size == 0:
        return "?" if codec.use_bool and not codec.inverted else ""
    plain = codec.shape is Shape.NUMBER and not codec.mask and codec.order == tuple(range(codec.size))
    if not plain or codec.scale == -1 or (codec.scale is None and codec.shift and not codec.is_float):
        return ""
    return (_FLOATING if codec.is_float else _SIGNED if codec.signed else _UNSIGNED)[codec.size]
