"""The entries of one unit of a site server, and the names that do not fit their words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ess_actors.config.modbus_codec import read_flag, read_order, read_scale, read_shift
from ess_actors.config.modbus_keys import Keys, Level, kind_of_value
from ess_actors.config.modbus_kind import SECTIONS
from ess_actors.config.modbus_names import read_names
from ess_actors.config.modbus_place import read_place
from ess_actors.config.modbus_point_keys import BAD_ID
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.findings import Severity
from ess_actors.core.json_tokens import short
from ess_actors.core.points import Table
from ess_actors.core.server_points import ServerEntry, StalePolicy
from ess_actors.core.uri import clean

_TABLES: Final = {
    "coils": Table.COIL,
    "discrete_inputs": Table.DISCRETE,
    "input_registers": Table.INPUT,
    "holding_registers": Table.HOLDING,
}
_ENTRY: Final = Level(
    (
        "id",
        "offset",
        "uri",
        "size",
        "signed",
        "float",
        "scale",
        "shift",
        "byte_swap",
        "word_order",
        "bool",
        "bit_field",
        "enum",
        "random_enum",
        "bit_strings",
        "individual_bits",
        "invert_mask",
        "packed_register",
        "name",
        "unit",
        "units",
        "stale_policy",
        "high_word_offset",
        "commit_counter",
    ),
    ("note*", "comment*", "web_ui_*", "bit_ranges", "individual_enums", "enum_field", "use_bool"),
)


@dataclass(frozen=True, slots=True)
class UnitLevel:
    """What the server and the unit hand down to entries."""

    unit: int
    uri: str
    base_uri: str
    policy: StalePolicy
    byte_swap: bool
    word_order: int


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry and what was read of it."""

    entry: ServerEntry
    keys: Keys


def read_entries(unit: Keys, level: UnitLevel) -> list[ReadEntry]:
    """All entries of the unit that can be used, in file order."""
    found: list[ReadEntry] = []
    for section in unit:
        table_name = SECTIONS.get(section)
        if table_name is None:
            continue
        if section != table_name:
            hint = f"write {table_name!r}"
            unit.report.warning("V04", unit.at(section), f"section {section!r} read as {table_name!r}", hint)
        table = _TABLES[table_name]
        for keys in unit.sections(section, _ENTRY):
            entry = _entry(keys, table, level)
            if entry is not None:
                found.append(ReadEntry(entry, keys))
    return found


def _entry(keys: Keys, table: Table, level: UnitLevel) -> ServerEntry | None:
    report = keys.report
    place = read_place(keys, table)
    if place is None:
        return None
    id_, offset, size = place
    if not 0 <= offset <= 65536 - (size or 1):
        hint = "addresses are 0..65535; the entry is dropped"
        text = f"address {short(str(offset))[1:-1]} is impossible" + (
            f" with {size} words" if size > 1 else ""
        )
        report.error("C09", keys.at("offset"), text, hint)
        return None
    if BAD_ID.search(id_):
        text = f"id {short(id_)} has a character unfit for uris"
        report.warning("C08", keys.at("id"), text, "use letters, digits and _; it is loaded as it is")
    counter = _is_counter(keys, table)
    uri = keys.text("uri") or level.uri
    if not uri and not counter:
        hint = f"the base uri {level.base_uri} is used; say where its value comes from"
        report.warning("V01", keys.path, f"entry {short(id_)} has no uri", hint)
    codec = _codec(keys, table, size, level)
    names = _names(keys, codec)
    high = _high_word(keys, codec, names) if not table.is_bits else None
    return ServerEntry(
        id=id_,
        uri=clean(uri or level.base_uri),
        unit=level.unit,
        table=table,
        address=offset,
        codec=codec,
        policy=read_policy(keys) or level.policy,
        bit_strings=names,
        high_word_address=high,
        commit_counter=counter,
        bit_word=_is_bit_word(keys, codec, names),
        label=keys.shown("name"),
        units=keys.shown("unit", "units"),
    )


def _is_counter(keys: Keys, table: Table) -> bool:
    if not keys.boolean("commit_counter"):
        return False
    if table.is_bits:
        hint = "use a register; ignored now"
        keys.report.note("C18", keys.at("commit_counter"), "a bit cannot count", hint)
    return not table.is_bits


def _codec(keys: Keys, table: Table, size: int, level: UnitLevel) -> Codec:
    scale = read_scale(keys)
    if table.is_bits:
        return Codec(shape=Shape.BIT, size=0, order=(), bits=1, inverted=scale is not None and scale < 0)
    swap = keys.boolean("byte_swap")
    order = read_order(keys, size, level.word_order, level.byte_swap if swap is None else swap)
    if keys.boolean("bool"):
        return Codec(shape=Shape.BIT, size=size, order=order, bits=16 * size)
    shape = read_flag(keys.view(("bit_field", "enum", "random_enum")))
    if shape is not Shape.NUMBER:
        return Codec(shape=shape, size=size, order=order, bits=16 * size)
    is_float = keys.boolean("float") is True
    if is_float and size == 1:
        keys.report.error(
            "C16", keys.at("float"), "float needs size 2 or 4", "set the size; an integer until then"
        )
        is_float = False
    return Codec(
        size=size,
        order=order,
        bits=16 * size,
        signed=keys.boolean("signed") is True and not is_float,
        is_float=is_float,
        scale=scale,
        shift=read_shift(keys),
    )


def _names(keys: Keys, codec: Codec) -> tuple[str, ...]:
    """The documented names by position ("" where none); V07 for a name that stands twice."""
    if "bit_strings" not in keys:
        return ()
    names = read_names(keys)
    seen: dict[str, int] = {}
    for position, text in sorted(names.texts.items()):
        if text in seen:
            hint = "rename one; it looks like a copy"
            said = f"{text!r} names both {seen[text]} and {position}"
            keys.report.warning("V07", keys.at("bit_strings"), said, hint)
        seen.setdefault(text, position)
    if codec.shape is Shape.ENUM:
        return tuple(names.texts.values())
    return tuple(names.texts.get(position, "") for position in range(min(names.length, 256)))


def _is_bit_word(keys: Keys, codec: Codec, names: Sequence[str]) -> bool:
    """True when the names of a plain number can only be bits: there are more of them than the word has."""
    return codec.shape is Shape.NUMBER and codec.size > 0 and len(names) > codec.bits and "scale" not in keys


def _high_word(keys: Keys, codec: Codec, names: Sequence[str]) -> int | None:
    """V06 and `high_word_offset`, the register for the bits that do not fit."""
    report, high = keys.report, keys.integer("high_word_offset", 0, 65535)
    lost = [f"{bit} {text!r}" for bit, text in enumerate(names) if bit >= codec.bits and text]
    if high is not None and codec.size != 1:
        report.error(
            "S05", keys.at("high_word_offset"), "only an entry of size 1 has a high word", "remove it"
        )
        high = None
    if not lost or codec.shape is Shape.ENUM:
        return high
    if high is not None and len(names) <= 32:
        text = f"{len(names)} names: bits 0..15 at {keys.integer('offset')}, the rest at {high}"
        report.say(Severity.NOTE, "V06", keys.at("bit_strings"), text, "nothing to do")
        return high
    text = f"{len(names)} names on {codec.bits} bits, lost: {', '.join(lost)}"
    hint = 'add "high_word_offset" with a free register of this section, so that no bit is lost'
    report.error("V06", keys.at("bit_strings"), text, hint)
    return high


def read_policy(keys: Keys) -> StalePolicy | None:
    """`stale_policy` where it stands, else None."""
    word = keys.text("stale_policy")
    if word is None:
        return None
    try:
        return StalePolicy(word.strip().lower())
    except ValueError:
        text = f"unknown policy {kind_of_value(word)}"
        keys.report.error("S05", keys.at("stale_policy"), text, "write hold, zero or exception; ignored now")
        return None


def without_repeats(found: Sequence[ReadEntry]) -> list[ServerEntry]:
    """V02 and V03 within one table of one unit; a high word on a taken register is given up."""
    used: list[ReadEntry] = []
    names: set[tuple[int, Table, str, str]] = set()
    taken: dict[tuple[int, Table, int], str] = {}
    for one in found:
        entry, report = one.entry, one.keys.report
        place = entry.unit, entry.table
        name = (*place, entry.uri, entry.id)
        if name in names:
            hint = "rename one; the first is used"
            report.error("V02", one.keys.path, f"entry {short(entry.id)} of {short(entry.uri)} again", hint)
            continue
        words = [(*place, entry.address + word) for word in range(max(1, entry.codec.size))]
        other = next((taken[word] for word in words if word in taken), None)
        if other is not None:
            hint = "move one; the first is used"
            report.error("V03", one.keys.at("offset"), f"{short(entry.id)} lies on {short(other)}", hint)
            continue
        names.add(name)
        taken.update(dict.fromkeys(words, entry.id))
        used.append(one)
    return [_with_free_high_word(one, taken) for one in used]


def _with_free_high_word(one: ReadEntry, taken: dict[tuple[int, Table, int], str]) -> ServerEntry:
    entry = one.entry
    if entry.high_word_address is None:
        return entry
    word = entry.unit, entry.table, entry.high_word_address
    if word not in taken:
        taken[word] = entry.id
        return entry
    said = f"register {entry.high_word_address} belongs to {short(taken[word])}"
    hint = "choose a free register; ignored now"
    one.keys.report.error("V03", one.keys.at("high_word_offset"), said, hint)
    return replace(entry, high_word_address=None)
