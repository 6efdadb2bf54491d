"""Bit fields, enums and single bits: from the unsigned number of a register to their bus shapes and back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ess_actors.core.codec import Codec

_BEYOND: Final = 1 << 64
"""No register holds such a number, and no message carries it."""

UNKNOWN: Final = "Unknown"
"""Text of a bit or number that has none."""


class BadValueError(ValueError):
    """The value cannot be written to this point; the text says what it would accept."""


def field_reader(codec: Codec) -> Callable[[int], list[dict[str, object]]]:
    """Number -> `[{"value": bit, "string": name}]` of the high bits, ascending."""
    texts = dict(codec.texts)
    shown = ((1 << codec.bits) - 1) & ~codec.hidden

    def read(number: int) -> list[dict[str, object]]:
        rest, found = number & shown, []
        while rest:
            low = rest & -rest
            bit = low.bit_length() - 1
            found.append({"value": bit, "string": texts.get(bit, UNKNOWN)})
            rest ^= low
        return found

    return read


def enum_reader(codec: Codec) -> Callable[[int], list[dict[str, object]]]:
    """Number -> `[{"value": number, "string": text}]`. The lists are shared: read only."""
    known: dict[int, list[dict[str, object]]] = {
        number: [{"value": number, "string": text}] for number, text in codec.texts.items()
    }

    def read(number: int) -> list[dict[str, object]]:
        found = known.get(number)
        return [{"value": number, "string": UNKNOWN}] if found is None else found

    return read


def truth(value: object) -> bool:
    """A boolean, a number (all but 0 is true) or the texts `true` and `false`; else BadValueError."""
    if isinstance(value, (bool, int)):
        return bool(value)
    if isinstance(value, float) and value == value:
        return value != 0.0
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    raise BadValueError(f'{value!r} is no boolean; send true, false, "true", "false" or a number')


def field_number(codec: Codec, elements: Sequence[object]) -> tuple[int, tuple[int, ...]]:
    """Elements `{"value": bit}`, bits or names -> (mask of exactly these bits, bits that do not fit)."""
    by_name = {text: bit for bit, text in codec.texts.items()}
    number, lost = 0, []
    for element in elements:
        bit = _element_number(element, by_name, "bit")
        if bit < codec.bits:
            number |= 1 << bit
        else:
            lost.append(bit)
    return number, tuple(lost)


def enum_number(codec: Codec, value: object) -> int:
    """A text of the enum or a list with one `{"value": number}` -> the number; else BadValueError."""
    if isinstance(value, str):
        for number, text in codec.texts.items():
            if text == value:
                return number
        raise BadValueError(f"no text {value!r} in this enum; known: {_some(codec.texts)}")
    if isinstance(value, Sequence) and len(value) == 1:
        return _element_number(value[0], {text: number for number, text in codec.texts.items()}, "value")
    raise BadValueError('an enum takes a number, one of its texts or [{"value": number}]')


def _element_number(element: object, by_name: Mapping[str, int], what: str) -> int:
    inner = element.get("value") if isinstance(element, Mapping) else element
    if isinstance(inner, str):
        if inner in by_name:
            return by_name[inner]
        raise BadValueError(f"no {what} named {inner!r}; known: {', '.join(list(by_name)[:8]) or 'none'}")
    if isinstance(inner, float) and inner.is_integer():
        inner = int(inner)
    if isinstance(inner, bool) or not isinstance(inner, int) or not 0 <= inner < _BEYOND:
        raise BadValueError(f'{element!r} names no {what}; write {{"value": number}} or its name')
    return inner


def _some(texts: Mapping[int, str]) -> str:
    return ", ".join(repr(text) for text in list(texts.values())[:8]) or "none"
