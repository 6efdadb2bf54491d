"""A second, slow reading of client files, written from the specification alone: a file's tree and words -> values.

It shares no code with the product and knows no findings, only what is published. It judges the expectations that
were written by hand, and the bulk of the two largest folders was computed with it.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any

Word = Callable[[int, str, int], int]
"""(unit, table, address) -> word or bit."""

TYPES = {
    "coil": "coil",
    "coils": "coil",
    "discrete input": "discrete",
    "discrete inputs": "discrete",
    "input": "input",
    "input register": "input",
    "input registers": "input",
    "holding": "holding",
    "holding register": "holding",
    "holding registers": "holding",
}


def folded(value: Any) -> Any:
    """The tree with lower-case keys; the first of two spellings stays, null is absent."""
    if isinstance(value, list):
        return [folded(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, inner in value.items():
        kept.setdefault(key.lower(), folded(inner))
    return {key: inner for key, inner in kept.items() if inner is not None}


def number(value: Any) -> Any:
    """A number, also of a text; None for what is none."""
    if isinstance(value, str):
        try:
            value = float(value) if "." in value else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value == int(value) else value


def yes(value: Any) -> bool:
    return value in (True, 1, "true", "1")


def nearest(key: str, *levels: dict[str, Any]) -> Any:
    """The value of the innermost level that has one; levels from inside out."""
    return next((level[key] for level in levels if key in level), None)


def counted(text: str, span: dict[str, Any] | None, at: int) -> str:
    return text.replace(span["replace"], f"{at:02d}") if span and span.get("replace") else text


def numbers_of(span: dict[str, Any] | None, names: list[str]) -> list[int]:
    """The instances of a range; one when it cannot be expanded."""
    if span is None:
        return [0]
    first, last = span.get("begin", 0), span.get("end", 0)
    whole = bool(span.get("replace")) and all(span["replace"] in name for name in names)
    return list(range(first, last + 1)) if whole and first <= last else [first]


def values(tree: object, word: Word) -> Iterator[tuple[str, dict[str, object]]]:
    """(uri, published points in file order) of every component of one connection."""
    top = folded(tree)
    if "components" not in top:
        system = top["system"]
        top = {"connection": system, "components": [{**system, "registers": top["registers"]}]}
    connection = top["connection"]
    for component in top["components"]:
        if not isinstance(component.get("id"), str):
            continue
        units, offsets = component.get("device_id_range"), component.get("component_offset_range")
        for unit in numbers_of(units, [component["id"]]):
            for at in numbers_of(offsets, [component["id"]]):
                name = counted(counted(component["id"], units, unit), offsets, at)
                own = {**component, "device_id": unit} if units else component
                shift = offsets.get("step", 1) * (at - offsets["begin"]) if offsets else 0
                uri = "/" + component.get("component_id", "components") + "/" + name.strip("/")
                yield uri, points(own, connection, shift, word)


def points(
    component: dict[str, Any], connection: dict[str, Any], shift: int, word: Word
) -> dict[str, object]:
    found: dict[str, object] = {}
    for group in component.get("registers", []):
        table = TYPES.get(" ".join(str(group.get("type", "")).lower().replace("_", " ").split()), "")
        span = group.get("decode_offset_range")
        entries = [one for one in group.get("map", []) if isinstance(one, dict)]
        names = [name for one in entries for name in names_of(one)]
        for at in numbers_of(span, names) if table else []:
            moved = shift + (span.get("step", 1) * (at - span["begin"]) if span else 0)
            for entry in entries:
                for name, value in entry_values(entry, table, (group, component, connection), moved, word):
                    found.setdefault(counted(name, span, at), value)
    return found


def names_of(entry: dict[str, Any]) -> list[str]:
    if "bit_ranges" in entry:
        return [str(child.get("id")) for child in entry["bit_ranges"]]
    if yes(entry.get("individual_bits")):
        return [one for one in entry.get("bit_strings", []) if isinstance(one, str) and one != "IGNORE"]
    return [str(entry.get("id"))]


def entry_values(
    entry: dict[str, Any], table: str, outer: tuple[dict[str, Any], ...], moved: int, word: Word
) -> Iterator[tuple[str, object]]:
    """What one map entry publishes; nothing for one that is dropped."""
    offset, size = number(entry.get("offset")), number(entry.get("size", 1))
    bits = table in ("coil", "discrete")
    if "id" not in entry or not isinstance(offset, int) or (size not in (1, 2, 4) and not bits):
        return
    address = offset + moved - (1 if yes(nearest("off_by_one", *outer[1:])) else 0)
    size = 1 if bits else size
    if address < 0 or address + size > 65536:
        return
    unit = unit_of(*outer)
    words = [word(unit, table, address + n) for n in range(size)]
    clothed = str(nearest("format", entry, *outer) or "naked").lower() in ("clothed", "full")
    if bits:
        scale = number(entry.get("scale"))
        bit = bool(words[0]) != (scale is not None and scale < 0)
        shown = [(entry["id"], int(bit) if entry.get("use_bool") is False else bit)]
    else:
        raw = joined(words, entry, outer)
        mask = mask_of(entry.get("invert_mask"), 16 * size)
        shown = list(register_values(entry, raw ^ mask, 16 * size))
    for name, value in shown:
        if value is not None:
            yield name, {"value": value} if clothed else value


def unit_of(*levels: dict[str, Any]) -> int:
    """The unit id of the nearest level that has a possible one."""
    serial = "serial_device" in levels[-1] and "ip_address" not in levels[-1]
    low, high = (1, 247) if serial else (0, 255)
    stated = [number(level.get("device_id")) for level in levels]
    return next((one for one in stated if isinstance(one, int) and low <= one <= high), 1 if serial else 255)


def joined(words: list[int], entry: dict[str, Any], outer: tuple[dict[str, Any], ...]) -> int:
    """The unsigned number of the words: word_order of the nearest level that fits, else byte_swap."""
    for level in (entry, *outer):
        order = str(number(level.get("word_order")) or "")
        if sorted(order) == [str(n + 1) for n in range(len(words))]:
            words = [words[int(digit) - 1] for digit in order]
            break
    else:
        words = words[::-1] if yes(nearest("byte_swap", entry, *outer)) else words
    return int("".join(f"{one:04x}" for one in words), 16)


def mask_of(value: Any, width: int) -> int:
    try:
        mask = int(value, 0) if isinstance(value, str) else 0
    except ValueError:
        return 0
    return mask if mask < 2**width else 0


def register_values(entry: dict[str, Any], raw: int, width: int) -> Iterator[tuple[str, object]]:
    if "bit_ranges" not in entry:
        yield from shaped(entry, raw, width, entry)
        return
    for child in entry["bit_ranges"]:
        first, bits = child.get("starting_bit_pos", 0), child.get("number_of_bits")
        if bits and first + bits <= width:
            flags = {**entry, **child} if "bit_strings" in child else child
            yield from shaped(child, raw >> first & 2**bits - 1, bits, flags)


def shaped(
    entry: dict[str, Any], raw: int, width: int, flags: dict[str, Any]
) -> Iterator[tuple[str, object]]:
    """The bus shape of the unsigned number of an entry or packed child."""
    texts, ignored = (
        named(entry.get("bit_strings")) if isinstance(entry.get("bit_strings"), list) else ({}, set())
    )
    high = [bit for bit in range(width) if raw >> bit & 1]
    if texts and yes(flags.get("individual_bits")):
        yield from ((text, bit in high) for bit, text in texts.items() if bit < width)
    elif texts and yes(flags.get("bit_field")):
        shown = [bit for bit in high if bit not in ignored]
        yield entry["id"], [{"value": bit, "string": texts.get(bit, "Unknown")} for bit in shown]
    elif texts and (yes(flags.get("enum")) or yes(flags.get("random_enum"))):
        yield entry["id"], [{"value": raw, "string": texts.get(raw, "Unknown")}]
    else:
        yield entry["id"], plain_number(entry, raw, width)


def named(elements: list[Any]) -> tuple[dict[int, str], set[int]]:
    """Position or value -> text, and the positions never shown."""
    texts: dict[int, str] = {}
    ignored: set[int] = set()
    at = 0
    for one in elements:
        if isinstance(one, dict) and "ignore" in one:
            ignored.update(range(at, at + one["ignore"]))
            at += one["ignore"] - 1
        elif isinstance(one, dict):
            at = one.get("value", at)
            texts.setdefault(at, one["string"])
        elif one == "IGNORE":
            ignored.add(at)
        elif isinstance(one, str):
            texts.setdefault(at, one)
        at += 1
    return texts, ignored


def plain_number(entry: dict[str, Any], raw: int, width: int) -> object:
    value: Any = raw
    if yes(entry.get("float")) and width in (32, 64):
        value = struct.unpack(">f" if width == 32 else ">d", raw.to_bytes(width // 8, "big"))[0]
        if value != value or value in (float("inf"), float("-inf")):
            return None
    elif yes(entry.get("signed")) and raw >= 2 ** (width - 1):
        value = raw - 2**width
    scale, shift = number(entry.get("scale")) or 1, number(entry.get("shift")) or 0
    value = value if scale == 1 else -value if scale == -1 else value / scale
    return value + shift
