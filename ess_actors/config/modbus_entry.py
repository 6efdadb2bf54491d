"""One map entry of a client group, read once -> the names its registers get in every instance of a range."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ess_actors.config.modbus_codec import read_bit_codec, read_codec, read_mask, read_order
from ess_actors.config.modbus_inherited import Inherited
from ess_actors.config.modbus_keys import Keys
from ess_actors.config.modbus_place import read_place
from ess_actors.config.modbus_point_keys import BAD_ID, CHILD
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.json_tokens import short
from ess_actors.core.points import Table


@dataclass(frozen=True, slots=True)
class Named:
    """One name of an entry, markers of a `decode_offset_range` still in it."""

    id: str
    codec: Codec
    path: str
    """Of the entry or child."""
    name_path: str
    label: str = ""
    units: str = ""
    published: bool = True
    reassert: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One map entry as written; `offset` has `off_by_one` applied."""

    keys: Keys
    id: str
    offset: int
    size: int
    inherited: Inherited
    names: tuple[Named, ...]
    echo_id: str

    @property
    def unique_names(self) -> list[str]:
        """What has to differ between the instances of a range; registers shown as their parts need not."""
        return [named.id for named in self.names if named.published]


def read_entry(keys: Keys, table: Table, group: Inherited) -> Entry | None:
    """None when it had to be dropped."""
    place = read_place(keys, table)
    if place is None:
        return None
    id_, offset, size = place.id, place.offset, max(1, place.words)
    inherited = group.of_point(keys)
    names = tuple(_named(keys, id_, table, size, inherited))
    _warn_unfit(keys, names)
    offset -= 1 if inherited.off_by_one else 0
    return Entry(keys, id_, offset, size, inherited, names, keys.text("echo_id") or "")


def _warn_unfit(keys: Keys, names: tuple[Named, ...]) -> None:
    """C08, once for every place where such names are written."""
    unfit: dict[str, list[str]] = {}
    for named in names:
        if BAD_ID.search(named.id):
            unfit.setdefault(named.name_path, []).append(named.id)
    for path, ids in unfit.items():
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        text = f"{', '.join(map(short, ids[:5]))}{more}: a character unfit for uris"
        keys.report.warning("C08", path, text, "use letters, digits and _; it is loaded as it is")


def _named(keys: Keys, id_: str, table: Table, size: int, inherited: Inherited) -> Iterator[Named]:
    own = keys.path, keys.at("id"), keys.shown("name"), keys.shown("unit", "units")
    asked = inherited.reassert and table.writable
    if table.is_bits:
        codec = read_bit_codec(keys)
        yield Named(id_, codec, *own, reassert=asked is True)
        return
    order = read_order(keys, size, inherited.word_order, inherited.byte_swap)
    packed, ranges = keys.boolean("packed_register"), keys.array("bit_ranges")
    if ranges and packed is not False:
        yield from _packed(keys, id_, size, order, asked is True, own)
        return
    if packed:
        keys.report.error(
            "C11", keys.path, "packed_register without bit_ranges", "add the list; a plain number now"
        )
    elif ranges:
        hint = "remove one of the two keys"
        keys.report.note("C23", keys.at("bit_ranges"), "bit_ranges without packed_register: a number", hint)
    codec = read_codec(keys, size, order)
    if codec.shape is Shape.PARENT:
        yield Named(id_, replace(codec, texts={}), *own, published=False)
        yield from _bits(Named(id_, codec, keys.path, keys.at("bit_strings"), reassert=asked is True))
        return
    # A setpoint is what an operator wants to stand again after a lost line; an order or a flag is not.
    setpoint = codec.shape is Shape.NUMBER and table.writable
    yield Named(id_, codec, *own, reassert=setpoint if asked is None else asked)


def _bits(register: Named) -> Iterator[Named]:
    """individual_bits: one boolean per named bit. An empty name names nothing."""
    codec = register.codec
    for bit, text in codec.texts.items():
        if text:
            single = replace(
                codec, shape=Shape.BIT, first_bit=codec.first_bit + bit, bits=1, texts={}, hidden=0
            )
            yield replace(register, id=text, codec=single)


def _packed(
    keys: Keys, id_: str, size: int, order: tuple[int, ...], reassert: bool, own: tuple[str, str, str, str]
) -> Iterator[Named]:
    """A packed register: the raw parent, then its children."""
    report, width = keys.report, 16 * size
    mask = read_mask(keys, width)
    whole = Codec(shape=Shape.PARENT, size=size, order=order, mask=mask, bits=width)
    yield Named(id_, whole, *own, published=False)
    taken, shared = 0, _shared_flag(keys)
    for child in keys.sections("bit_ranges", CHILD):
        child_id, bits = child.text("id"), child.integer("number_of_bits")
        first = child.integer("starting_bit_pos") or 0
        if not child_id or bits is None:
            missing = "id" if not child_id else "number_of_bits"
            report.error("C26", child.path, f"no {missing}", f"give it its {missing}; the child is dropped")
            continue
        if first < 0 or bits < 1 or first + bits > width:
            place = f"{bits} bits from bit {first}" if 0 <= first < 1000 and 0 < bits < 1000 else "these bits"
            text = f"{place} do not lie in a register of {width} bits"
            report.error("C19", child.path, text, "correct the position; the child is dropped")
            continue
        cut = ((1 << bits) - 1) << first
        if taken & cut:
            report.warning("C03", child.path, "packed bits overlap", "both are decoded; check the positions")
        taken |= cut
        flag = shared if child.array("bit_strings") else Shape.NUMBER
        codec = read_codec(child, size, order, first_bit=first, bits=bits, mask=mask, inherited=flag)
        if codec.shape is Shape.PARENT:
            yield from _bits(Named("", codec, child.path, child.at("bit_strings"), reassert=reassert))
            continue
        shown = child.shown("name"), child.shown("unit", "units")
        yield Named(child_id, codec, child.path, child.at("id"), *shown, reassert=reassert)


def _shared_flag(parent: Keys) -> Shape:
    """Children inherit the bit or enum flag of the parent, as far as they have names for it."""
    if parent.boolean("individual_bits"):
        return Shape.PARENT
    if parent.boolean("bit_field"):
        return Shape.FIELD
    return Shape.ENUM if parent.boolean("enum") or parent.boolean("random_enum") else Shape.NUMBER
