"""The points of a component as map entries again, everything inherited written out where it is not the default."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ess_actors.config.modbus_expanded_line import Tree
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Component, Point


def map_entries(component: Component, points: Sequence[Point]) -> Iterator[Tree]:
    """One entry per register; `points` are those of one group."""
    for _, found in groupby(points, key=lambda point: id(point.register)):
        yield _entry(component, list(found))


def _entry(component: Component, points: Sequence[Point]) -> Tree:
    first = points[0]
    register, codec = first.register, first.codec
    parts = [point for point in points if point.codec.shape is not Shape.PARENT and point.codec.size]
    whole = len(points) == 1 and not codec.partial
    tree: Tree = {"id": first.id if whole else register.id, "offset": register.address}
    if whole:
        tree |= meaning(codec) | _labels(first)
    else:
        parent = next((point for point in points if point.codec.shape is Shape.PARENT), None)
        tree |= words_of(codec) | (_labels(parent) if parent is not None else {})
        if all(point.codec.shape is Shape.BIT for point in parts):
            tree |= {"individual_bits": True, "bit_strings": _bits(parts)}
        else:
            tree |= {"packed_register": True, "bit_ranges": [_child(point) for point in parts]}
    shown = points[-1]
    if register.period_ms != component.period_ms:
        tree["frequency"] = register.period_ms
    if shown.clothed:
        tree["format"] = "clothed"
    if shown.debounce_s:
        tree["debounce"] = shown.debounce_s
    if shown.multi_write:
        tree["multi_write_op_code"] = True
    if shown.verify:
        tree["verify_writes"] = True
    usual = whole and codec.shape is Shape.NUMBER and register.table.writable
    if shown.reassert != usual:
        tree["reassert"] = shown.reassert
    if shown.echo_id:
        tree["echo_id"] = shown.echo_id
    return tree


def _labels(point: Point) -> Tree:
    shown: Tree = {"name": point.label, "unit": point.units}
    return {key: text for key, text in shown.items() if text}


def words_of(codec: Codec) -> Tree:
    """Size, order and mask of a register."""
    tree: Tree = {"size": codec.size} if codec.size > 1 else {}
    if codec.order != tuple(range(codec.size)):
        tree["word_order"] = int("".join(str(place + 1) for place in codec.order))
    if codec.mask:
        tree["invert_mask"] = f"0x{codec.mask:X}"
    return tree


def meaning(codec: Codec) -> Tree:
    """How a whole register, or a coil, becomes a value."""
    if codec.size == 0:
        tree: Tree = {"scale": -1} if codec.inverted else {}
        return tree if codec.use_bool else tree | {"use_bool": False}
    return words_of(codec) | _value(codec)


def _value(codec: Codec) -> Tree:
    tree: Tree = {}
    if codec.signed:
        tree["signed"] = True
    if codec.is_float:
        tree["float"] = True
    if codec.scale is not None:
        tree["scale"] = codec.scale
    if codec.shift:
        tree["shift"] = codec.shift
    if codec.shape in (Shape.FIELD, Shape.ENUM):
        tree["bit_field" if codec.shape is Shape.FIELD else "enum"] = True
        tree["bit_strings"] = _texts(codec)
    return tree


def _texts(codec: Codec) -> list[object]:
    if list(codec.texts) == list(range(len(codec.texts))) and not codec.hidden:
        return list(codec.texts.values())
    found: list[object] = [{"value": place, "string": text} for place, text in codec.texts.items()]
    found += [{"value": bit, "string": "IGNORE"} for bit in range(codec.bits) if codec.hidden >> bit & 1]
    return found


def _bits(points: Sequence[Point]) -> list[object]:
    if [point.codec.first_bit for point in points] == list(range(len(points))):
        return [point.id for point in points]
    return [{"value": point.codec.first_bit, "string": point.id} for point in points]


def _child(point: Point) -> Tree:
    codec = point.codec
    tree: Tree = {"id": point.id, "starting_bit_pos": codec.first_bit, "number_of_bits": codec.bits}
    if codec.shape is Shape.BIT:
        return tree | {"individual_bits": True, "bit_strings": [point.id]}
    return tree | _value(codec) | _labels(point)
