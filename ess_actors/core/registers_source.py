"""The source text of a decode plan: for every point one expression over the fields of the unpacked answer."""

from collections.abc import Callable
from struct import Struct
from typing import Final

from ess_actors.core.bits import enum_reader, field_reader
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.registers import fitting, may_be_wide

_UNSIGNED: Final = {0: "B", 1: "H", 2: "I", 4: "Q"}
_SIGNED: Final = {1: "h", 2: "i", 4: "q"}
_FLOATING: Final = {2: "f", 4: "d"}
_MEMO_LIMIT: Final = 256


class _Memo(dict[int, object]):
    """Number -> its list of texts, made at first sight. A word that takes ever new numbers starts it again."""

    def __init__(self, read: Callable[[int], object]) -> None:
        self._read = read

    def __missing__(self, number: int) -> object:
        if len(self) >= _MEMO_LIMIT:
            self.clear()
        found = self[number] = self._read(number)
        return found


class Source:
    """Collects fields and expressions; ids reach the text by `repr` only, everything else is made here."""

    def __init__(self) -> None:
        self.scope: dict[str, object] = {}
        """Names the text uses besides its own."""
        self._fields: dict[tuple[bool, str, int], str] = {}
        self._lines: list[str] = []
        self._floats: dict[str, str] = {}

    def add(self, name: str, codec: Codec, at: int) -> None:
        """A point whose register begins at byte `at` of the answer."""
        value = self._value(codec, at)
        if codec.is_float:
            local = f"f{len(self._floats)}"
            self._floats[local] = name
            self._lines.append(f"values[{name!r}] = {local} = {value}")
        else:
            self._lines.append(f"values[{name!r}] = {value}")

    def text(self, length: int) -> str:
        """A function `decode(payload)` for answers of `length` bytes; `blank()` makes a dictionary of all ids."""
        lines: list[str] = []
        for swapped in (False, True):
            fields = [(at, letter, var) for (s, letter, at), var in self._fields.items() if s is swapped]
            if fields and swapped:
                # Bytes swapped within every word make reversed words one little-endian number.
                lines += ["swapped = array('H', payload)", "swapped.byteswap()"]
            for number, (layout, names) in enumerate(_layers(sorted(fields), length)):
                unpack = f"unpack_{'swapped' if swapped else 'plain'}_{number}"
                self.scope[unpack] = Struct("<>"[not swapped] + layout).unpack
                lines.append(f"{', '.join(names)}, = {unpack}({'swapped' if swapped else 'payload'})")
        lines += ["values = blank()", *self._lines, *self._check(), "return values"]
        return "def decode(payload):\n" + "".join(f" {line}\n" for line in lines)

    def _check(self) -> list[str]:
        """One sum tells whether all floats are finite; only when it is not, they are looked at one by one."""
        if not self._floats:
            return []
        self.scope["floats"] = tuple(self._floats.values())
        names = list(self._floats)
        parts = [" + ".join(names[n : n + 50]) for n in range(0, len(names), 50)]
        sums = [f"total = {parts[0]}", *(f"total += {part}" for part in parts[1:])]
        return [*sums, "if total - total != 0.0: drop(values, floats)"]

    def _field(self, letter: str, at: int, swapped: bool = False) -> str:
        return self._fields.setdefault((swapped, letter, at), f"v{len(self._fields)}")

    def _keep(self, thing: object) -> str:
        name = f"k{len(self.scope)}"
        self.scope[name] = thing
        return name

    def _value(self, codec: Codec, at: int) -> str:
        if codec.size == 0:
            letter = "?" if codec.use_bool else "B"
            field = self._field(letter, at)
            return field if not codec.inverted else f"not {field}" if codec.use_bool else f"1 - {field}"
        match codec.shape:
            case Shape.BIT:
                word = self._joined(codec, at, signed=False)
                cut = (1 << codec.bits) - 1 << codec.first_bit
                high = f"({word} & {cut}) != {codec.mask & cut}"
                return high if codec.use_bool else f"1 if {high} else 0"
            case Shape.FIELD:
                return f"{self._keep(_Memo(field_reader(codec)))}[{self._number(codec, at)}]"
            case Shape.ENUM:
                return f"{self._keep(_Memo(enum_reader(codec)))}[{self._number(codec, at)}]"
            case Shape.PARENT:
                return self._number(codec, at)
            case Shape.NUMBER:
                return self._float(codec, at) if codec.is_float else self._scaled(codec, at)

    def _scaled(self, codec: Codec, at: int) -> str:
        value, scale, shift = self._number(codec, at), codec.scale, codec.shift
        if scale in (None, 1, -1):
            value = f"-{value}" if scale == -1 else value
            value = f"{value} + {shift!r}" if shift else value
            return f"{self._keep(fitting)}({value})" if may_be_wide(codec) else value
        # Adding 0 turns the -0.0 of a negative scale into 0.0.
        return f"{value} / {scale!r} + {shift!r}" if shift or scale < 0 else f"{value} / {scale!r}"

    def _float(self, codec: Codec, at: int) -> str:
        letter, plain, turned = _FLOATING[codec.size], *_orders(codec.size)
        if codec.mask == 0 and codec.order in (plain, turned):
            value = self._field(letter, at, codec.order != plain)
        else:
            unpack = Struct(">" + letter).unpack
            number = f"({self._number(codec, at)}).to_bytes({2 * codec.size}, 'big')"
            value = f"{self._keep(unpack)}({number})[0]"
        value = value if codec.scale in (None, 1) else f"{value} / {codec.scale!r}"
        return f"{value} + {codec.shift or 0.0!r}"

    def _number(self, codec: Codec, at: int) -> str:
        """The point's integer: word order, mask, bit range and sign."""
        width = 16 * codec.size
        whole = codec.bits == width
        value = self._joined(codec, at, signed=codec.signed and whole)
        if codec.mask:
            sign = 1 << width if codec.signed and whole and codec.mask >> width - 1 else 0
            value = f"({value} ^ {codec.mask - sign})"
        if whole:
            return value
        value = f"({value} >> {codec.first_bit} & {(1 << codec.bits) - 1})"
        middle = 1 << codec.bits - 1
        return f"(({value} ^ {middle}) - {middle})" if codec.signed else value

    def _joined(self, codec: Codec, at: int, signed: bool) -> str:
        """The words in their order as one number of two's complement or none."""
        size, order = codec.size, codec.order
        plain, turned = _orders(size)
        letters = _SIGNED if signed else _UNSIGNED
        if order in (plain, turned):
            return self._field(letters[size], at, order != plain)
        words = [self._field(letters[1], at + 2 * order[0])]
        words += [self._field("H", at + 2 * wire) for wire in order[1:]]
        shifted = [f"{word} << {16 * (size - 1 - place)}" for place, word in enumerate(words)]
        return f"({' | '.join(shifted)})"


def _orders(size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Most significant word first, and last."""
    return tuple(range(size)), tuple(reversed(range(size)))


def _layers(fields: list[tuple[int, str, str]], length: int) -> list[tuple[str, list[str]]]:
    """Fields in address order -> struct layouts with the names they fill; more than one only for overlaps."""
    layers: list[tuple[str, list[str]]] = []
    while fields:
        layout, names, cursor, later = "", [], 0, []
        for at, letter, name in fields:
            if at < cursor:
                later.append((at, letter, name))
                continue
            layout += f"{at - cursor}x{letter}"
            names.append(name)
            cursor = at + Struct(">" + letter).size
        layers.append((f"{layout}{length - cursor}x", names))
        fields = later
    return layers
