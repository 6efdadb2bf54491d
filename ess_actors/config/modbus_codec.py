"""The keys of one map entry or server entry that say how its words become a value -> a core Codec."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ess_actors.config.modbus_keys import Keys
from ess_actors.core.codec import Codec, Shape

SIZES: Final = (1, 2, 4)
_FLAGS: Final = (("individual_bits", Shape.PARENT), ("bit_field", Shape.FIELD), ("enum", Shape.ENUM))
_UNSUPPORTED: Final = ("individual_enums", "enum_field")
_NUMERIC: Final = ("signed", "float", "scale", "shift")
_REGISTER_ONLY: Final = (
    "signed",
    "float",
    "shift",
    "invert_mask",
    "word_order",
    "byte_swap",
    "bit_field",
    "individual_bits",
    "enum",
    "random_enum",
    "packed_register",
)

Renamed = Callable[[str], str]
"""Puts the number of a range instance into a name."""


@dataclass(slots=True)
class Names:
    """A bit_strings list by position: texts, positions marked IGNORE, and how long the list is."""

    texts: dict[int, str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    length: int = 0


def read_names(keys: Keys, renamed: Renamed, *, enum: bool) -> Names:
    """`bit_strings` -> Names. Strings count up, null and IGNORE take positions, objects set the position."""
    names, position = Names(), 0
    path = keys.at("bit_strings")
    for index, element in enumerate(keys.array("bit_strings") or ()):
        text: object = element
        if isinstance(element, dict):
            if "IGNORE" in element:
                count = element["IGNORE"]
                count = count if isinstance(count, int) and 0 < count <= 64 else 1
                names.hidden.update(range(position, position + count))
                position += count
                continue
            text = element.get("string")
            value = element.get("value", position)
            position = value if isinstance(value, int) and value >= 0 else position
        if text == "IGNORE":
            names.hidden.add(position)
        elif isinstance(text, str):
            if position in names.texts and enum:
                hint = "give every text its own value; the first is used"
                keys.report.error("C13", f"{path}[{index}]", f"value {position} is named twice", hint)
            names.texts.setdefault(position, renamed(text))
        elif text is not None:
            keys.report.error(
                "S04", f"{path}[{index}]", f"{text!r} is no name", 'write a text, null or "IGNORE"'
            )
        position += 1
    names.length = position
    return names


def read_size(keys: Keys) -> int | None:
    """1, 2 or 4 words; None (C17) when the entry cannot be used."""
    size = keys.integer("size")
    if size is None:
        return 1
    if size in SIZES:
        return size
    keys.report.error("C17", keys.at("size"), f"size {size} is not 1, 2 or 4", "dropped; use several entries")
    return None


def read_order(keys: Keys, size: int, inherited_order: int, byte_swap: bool) -> tuple[int, ...]:
    """Wire indexes, most significant first; `word_order` wins over `byte_swap`."""
    own = keys.integer("word_order")
    for digits, is_own in ((own, True), (inherited_order if own is None else 0, False)):
        if digits:
            order = tuple(int(digit) - 1 for digit in str(abs(digits)))
            if sorted(order) == list(range(size)):
                return order
            if is_own:
                text = f"{digits} is no permutation of the words 1..{size}"
                keys.report.error(
                    "C24", keys.at("word_order"), text, f"use each digit 1..{size} once; ignored now"
                )
    return tuple(reversed(range(size))) if byte_swap else tuple(range(size))


def read_mask(keys: Keys, bits: int) -> int:
    """`invert_mask` as a number that fits; C15 and 0 else."""
    value = keys.raw("invert_mask")
    if value is None:
        return 0
    mask = value if isinstance(value, int) and not isinstance(value, bool) else -1
    if isinstance(value, str):
        try:
            mask = int(value, 0)
        except ValueError:
            mask = -1
    if 0 <= mask < 1 << bits:
        return mask
    hint = f"write 0x.. or 0b.. of at most {bits} bits; ignored now"
    keys.report.error("C15", keys.at("invert_mask"), f"mask {value!r} cannot be used", hint)
    return 0


def read_flag(keys: Keys, inherited: Shape = Shape.NUMBER) -> Shape:
    """The bit or enum flag in force: PARENT stands for individual_bits, NUMBER for none."""
    enum = "enum" if "enum" in keys else "random_enum"
    found: list[tuple[str, Shape]] = []
    stated = False
    for key, shape in _FLAGS:
        name = enum if key == "enum" else key
        on = keys.boolean(name)
        stated = stated or on is not None
        if on:
            found.append((name, shape))
    for key in _UNSUPPORTED:
        if keys.boolean(key):
            keys.report.warning("C10", keys.at(key), f"{key} is not supported", "read as a plain number")
    if len(found) > 1:
        names = ", ".join(name for name, _ in found)
        keys.report.warning("C10", keys.path, f"several of {names} set", f"{found[0][0]} is used; keep one")
    if found:
        return found[0][1]
    return Shape.NUMBER if stated else inherited


def read_scale(keys: Keys) -> int | float | None:
    """`scale`; None when nothing is to be done (absent, 0, 1)."""
    scale = keys.number("scale")
    if scale is None or scale in (0, 1):
        return None
    if not 1e-100 < abs(scale) < 1e100:
        keys.report.error("S05", keys.at("scale"), f"{scale} is no usable scale", "write a number such as 10")
        return None
    return scale


def read_codec(
    keys: Keys,
    size: int,
    order: tuple[int, ...],
    renamed: Renamed,
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
            shift=keys.number("shift") or 0,
        )
    useless = [key for key in _NUMERIC if keys.raw(key) not in (None, False, 0)]
    if useless:
        text = f"{', '.join(useless)} beside a bit or enum flag"
        keys.report.warning("C10", keys.path, text, "ignored; remove one of them")
    names = read_names(keys, renamed, enum=shape is Shape.ENUM)
    if shape is not Shape.ENUM:
        _cut(keys, names, width)
    return Codec(
        shape=shape,
        size=size,
        order=order,
        mask=mask,
        first_bit=first_bit,
        bits=width,
        texts=names.texts,
        hidden=sum(1 << bit for bit in names.hidden if bit < width),
    )


def _cut(keys: Keys, names: Names, width: int) -> None:
    """C12: names beyond the register are lost, and listed."""
    lost = {bit: text for bit, text in names.texts.items() if bit >= width}
    if lost:
        listed = ", ".join(f"{bit} {text!r}" for bit, text in lost.items())
        text = f"{names.length} names on {width} bits, lost: {listed}"
        keys.report.error("C12", keys.at("bit_strings"), text, "use a larger size, or a second register")
        for bit in lost:
            del names.texts[bit]


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
    useless = [key for key in _REGISTER_ONLY if key in keys]
    if (keys.integer("size") or 1) != 1:
        useless.append("size")
    if useless:
        keys.report.note("C18", keys.path, f"{', '.join(useless)} on a bit ignored", "remove it")
    scale = keys.number("scale")
    return Codec(
        shape=Shape.BIT,
        size=0,
        order=(),
        bits=1,
        inverted=scale is not None and scale < 0,
        use_bool=keys.boolean("use_bool") is not False,
    )
