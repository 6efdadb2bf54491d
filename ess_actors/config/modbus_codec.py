"""The keys of one map entry or server entry that say how its words become a value -> a core Codec."""

import re
from typing import Final

from ess_actors.config.modbus_inherited import is_order
from ess_actors.config.modbus_keys import Keys, kind_of_value
from ess_actors.config.modbus_names import read_names
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.json_tokens import short

SIZES: Final = (1, 2, 4)
_UNSUPPORTED: Final = ("individual_enums", "enum_field")
_FLAGS: Final = ("bit_field", "individual_bits", "enum", "random_enum", *_UNSUPPORTED, "packed_register")
_REGISTER_ONLY: Final = ("signed", "float", "byte_swap", *_FLAGS)
"""Keys that mean nothing on a coil or discrete input, unless they are false."""
_REGISTER_LISTS: Final = ("invert_mask", "word_order", "bit_strings", "bit_ranges")
_LARGEST: Final = 1e100
_MASK: Final = re.compile("0[xX][0-9a-fA-F]{1,64}|0[bB][01]{1,64}|0|[1-9][0-9]{0,19}", re.ASCII)


def read_size(keys: Keys) -> int | None:
    """1, 2 or 4 words; None (C17) when the entry cannot be used."""
    size = keys.integer("size")
    if size is None:
        return 1
    if size in SIZES:
        return size
    text = f"size {short(str(size))[1:-1]} is not 1, 2 or 4"
    keys.report.error("C17", keys.at("size"), text, "dropped; use several entries")
    return None


def read_order(keys: Keys, size: int, inherited_order: int, byte_swap: bool) -> tuple[int, ...]:
    """Wire indexes, most significant first; `word_order` wins over `byte_swap`."""
    order = keys.integer("word_order")
    if order and not is_order(order, (size,)):
        text = f"{short(str(order))[1:-1]} is no permutation of the words 1..{size}"
        keys.report.error("C24", keys.at("word_order"), text, f"use each digit 1..{size} once; ignored now")
        order = None
    order = inherited_order if order is None else order
    if is_order(order, (size,)):
        return tuple(int(digit) - 1 for digit in str(order))
    return tuple(reversed(range(size))) if byte_swap else tuple(range(size))


def read_mask(keys: Keys, bits: int) -> int:
    """`invert_mask` as a number that fits; C15 and 0 else."""
    value = keys.raw("invert_mask")
    if value is None:
        return 0
    mask = value if isinstance(value, int) and not isinstance(value, bool) else -1
    if isinstance(value, str) and _MASK.fullmatch(value):
        mask = int(value, 0)
    if 0 <= mask < 1 << bits:
        return mask
    hint = f"write 0x.. or 0b.. of at most {bits} bits; ignored now"
    text = f"mask {kind_of_value(value)} cannot be used"
    keys.report.error("C15", keys.at("invert_mask"), text, hint)
    return 0


def read_flag(keys: Keys, inherited: Shape = Shape.NUMBER) -> Shape:
    """The bit or enum flag in force: PARENT stands for individual_bits, NUMBER for none."""
    enum, random = keys.boolean("enum"), keys.boolean("random_enum")
    flags = (
        ("individual_bits", Shape.PARENT, keys.boolean("individual_bits")),
        ("bit_field", Shape.FIELD, keys.boolean("bit_field")),
        ("enum" if enum or not random else "random_enum", Shape.ENUM, enum or random),
    )
    for key in _UNSUPPORTED:
        if keys.boolean(key):
            keys.report.warning("C10", keys.at(key), f"{key} is not supported", "read as a plain number")
    found = [(name, shape) for name, shape, on in flags if on]
    if len(found) > 1:
        names = " and ".join(name for name, _ in found)
        keys.report.warning("C10", keys.path, f"{names} together", f"{found[0][0]} is used; keep one")
    if found:
        return found[0][1]
    stated = enum is not None or random is not None or any(on is not None for _, _, on in flags)
    return Shape.NUMBER if stated else inherited


def read_scale(keys: Keys) -> int | float | None:
    """`scale`; None when nothing is to be done (absent, 0, 1)."""
    scale = keys.number("scale")
    if scale is None or scale in (0, 1):
        return None
    if not 1 / _LARGEST < abs(scale) < _LARGEST:
        text = f"{short(str(scale))[1:-1]} is no usable scale"
        keys.report.error("S05", keys.at("scale"), text, "write a number such as 10; ignored now")
        return None
    return scale


def read_shift(keys: Keys) -> int | float:
    """`shift`, 0 when there is none."""
    return keys.number("shift", -_LARGEST, _LARGEST) or 0


def read_codec(
    keys: Keys,
    size: int,
    order: tuple[int, ...],
    *,
    first_bit: int = 0,
    bits: int | None = None,
    mask: int | None = None,
    inherited: Shape = Shape.NUMBER,
) -> Codec:
    """Codec of a register or packed child. Shape PARENT means individual_bits: `texts` name its bits."""
    width = 16 * size if bits is None else bits
    mask = read_mask(keys, 16 * size) if mask is None else mask
    shape = read_flag(keys, inherited)
    has_names = bool(keys.array("bit_strings"))
    if shape is not Shape.NUMBER and not has_names:
        keys.report.error(
            "C11", keys.path, "bit or enum flag without bit_strings", "add the list; a plain number now"
        )
        shape = Shape.NUMBER
    elif shape is Shape.NUMBER and has_names:
        hint = "add bit_field, individual_bits or enum to use them"
        keys.report.note("C23", keys.at("bit_strings"), "bit_strings without flag: a plain number", hint)
    if shape is Shape.NUMBER:
        is_float = _read_float(keys, size, bits)
        signed = bool(keys.boolean("signed"))
        if is_float and signed:
            keys.report.warning(
                "C10", keys.at("signed"), "signed and float together", "float is used; remove signed"
            )
        return Codec(
            size=size,
            order=order,
            mask=mask,
            first_bit=first_bit,
            bits=width,
            signed=signed and not is_float,
            is_float=is_float,
            scale=read_scale(keys),
            shift=read_shift(keys),
        )
    _warn_useless(keys)
    names = read_names(keys)
    if shape is not Shape.ENUM:
        lost = names.beyond(width)
        if lost:
            text = f"{names.length} names on {width} bits, lost: {lost}"
            keys.report.error("C12", keys.at("bit_strings"), text, "use a larger size, or a second register")
        names.texts = {bit: text for bit, text in names.texts.items() if bit < width}
    return Codec(
        shape=shape,
        size=size,
        order=order,
        mask=mask,
        first_bit=first_bit,
        bits=width,
        texts=names.texts,
        hidden=sum(1 << bit for bit in names.hidden if bit < width) if shape is Shape.FIELD else 0,
    )


def _warn_useless(keys: Keys) -> None:
    """C10: what a number would be computed with, beside a bit or enum flag."""
    useless = [key for key in ("signed", "float") if keys.boolean(key)]
    useless += ["scale"] if read_scale(keys) is not None else []
    useless += ["shift"] if read_shift(keys) else []
    if useless:
        text = f"{', '.join(useless)} beside a bit or enum flag"
        keys.report.warning("C10", keys.path, text, "ignored; remove one of them")


def _read_float(keys: Keys, size: int, bits: int | None) -> bool:
    if not keys.boolean("float"):
        return False
    if size == 1 or bits is not None:
        keys.report.error(
            "C16", keys.at("float"), "float needs size 2 or 4", "set the size; an integer until then"
        )
        return False
    return True


def read_bit_codec(keys: Keys) -> Codec:
    """Codec of a coil or discrete input; a negative scale inverts, the other numeric keys mean nothing."""
    useless = [key for key in _REGISTER_ONLY if keys.raw(key) not in (None, False, 0)]
    useless += [key for key in _REGISTER_LISTS if keys.raw(key) not in (None, [], 0)]
    useless += ["shift"] if keys.raw("shift") not in (None, 0) else []
    scale = read_scale(keys)
    useless += ["size"] if keys.integer("size") not in (None, 1) else []
    useless += ["scale"] if scale is not None and scale > 0 else []
    if useless:
        keys.report.note("C18", keys.path, f"{', '.join(useless)} on a bit ignored", "remove it")
    return Codec(
        shape=Shape.BIT,
        size=0,
        order=(),
        bits=1,
        inverted=scale is not None and scale < 0,
        use_bool=keys.boolean("use_bool") is not False,
    )
