"""The groups and maps of one client component -> its points, in file order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ess_actors.config.modbus_codec import read_bit_codec, read_codec, read_mask, read_order, read_size
from ess_actors.config.modbus_inherited import Inherited
from ess_actors.config.modbus_keys import Keys
from ess_actors.config.modbus_point_keys import BAD_ID, CHILD, GROUP, POINT, TABLES
from ess_actors.config.modbus_ranges import Instance, instances
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Point, Register, Table
from ess_actors.core.transaction import MAX_READ_WORDS


@dataclass(frozen=True, slots=True)
class Draft:
    """A point and where it was written."""

    point: Point
    path: str


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a component, its keys read once for all instances."""

    keys: Keys
    index: int
    table: Table
    inherited: Inherited
    points: tuple[Keys, ...]
    repeats: tuple[Instance, ...]


def read_groups(component: Keys, inherited: Inherited) -> tuple[list[Group], tuple[str, ...]]:
    """The usable groups of a component, and the type word of every group (for timings)."""
    report = component.report
    groups: list[Group] = []
    kinds: list[str] = []
    for index, keys in enumerate(component.sections("registers", GROUP)):
        word = (keys.text("type") or "").strip().lower().replace("_", " ")
        kinds.append(word.split(" ")[0])
        table = TABLES.get(" ".join(word.split()))
        if table is None:
            hint = "write Coil, Discrete_Input, Input or Holding; the group is dropped"
            report.error("C26", keys.at("type"), f"unknown register type {word!r}", hint)
            continue
        points = tuple(keys.sections("map", POINT))
        if not points:
            report.warning("C25", keys.path, "group without points", "fill its map, or remove the group")
            continue
        names = [name for point in points for name in _unique_names(point)]
        repeats = tuple(instances(keys, "decode_offset_range", names))
        groups.append(Group(keys, index, table, inherited.nearer(keys), points, repeats))
    if not groups and "registers" not in component:
        report.warning("C25", component.path, "component without registers", "nothing is polled or published")
    elif not groups:
        report.warning("C25", component.at("registers"), "no usable group", "nothing is polled or published")
    return groups, tuple(kinds)


def _unique_names(point: Keys) -> Iterator[str]:
    children, strings = point.raw("bit_ranges"), point.raw("bit_strings")
    if point.raw("individual_bits") and isinstance(strings, list):
        yield from (text for text in strings if isinstance(text, str) and text != "IGNORE")
    elif isinstance(children, list) and children:
        yield from (str(child.get("id", "")) for child in children if isinstance(child, dict))
    else:
        yield str(point.raw("id") or "")


def build(groups: list[Group], shift: int) -> list[Draft]:
    """All points of one component instance; `shift` is added to every offset."""
    drafts: list[Draft] = []
    for group in groups:
        before, low, high = group.keys.report.repeating, 65536, -1
        for instance in group.repeats:
            group.keys.report.repeating = before or not instance.first
            for keys in group.points:
                found = _entry(keys, group, instance, shift + instance.shift)
                drafts.extend(found)
                if found:
                    register = found[0].point.register
                    low, high = min(low, register.address), max(high, register.address + register.size)
        group.keys.report.repeating = before
        if high > low:
            _check_span(group, low, high, shift)
    return drafts


def _check_span(group: Group, low: int, high: int, shift: int) -> None:
    """C06, C07: what the file states about the span is only compared."""
    keys, report = group.keys, group.keys.report
    limit = 16 * MAX_READ_WORDS if group.table.is_bits else MAX_READ_WORDS
    if high - low > limit:
        report.note(
            "C06", keys.path, f"the group spans {high - low} addresses", "it is read in several requests"
        )
    start, number = keys.integer("starting_offset"), keys.integer("number_of_registers")
    first = low + (1 if group.inherited.off_by_one else 0) - shift
    if (start is not None and start != first) or (number is not None and number != high - low):
        text = f"the map starts at {first} and spans {high - low}"
        report.note("C07", keys.path, text, "starting_offset and number_of_registers are only informative")


def _entry(keys: Keys, group: Group, instance: Instance, shift: int) -> list[Draft]:
    """The points of one map entry; [] when it had to be dropped."""
    report = keys.report
    id_, offset = keys.text("id"), keys.integer("offset")
    size: int | None = 1 if group.table.is_bits else read_size(keys)
    if not id_ or offset is None:
        missing = "id" if not id_ else "offset"
        report.error("C26", keys.path, f"no {missing}", f"give it an {missing}; the entry is dropped")
        return []
    if size is None:
        return []
    inherited = group.inherited.of_point(keys)
    address = offset + shift - (1 if inherited.off_by_one else 0)
    if address < 0 or address + size > 65536:
        hint = "addresses are 0..65535, after off_by_one; the point is dropped"
        report.error("C09", keys.at("offset"), f"address {address} is impossible", hint)
        return []
    id_ = instance.named(id_)
    if BAD_ID.search(id_):
        report.warning(
            "C08", keys.at("id"), f"id {id_!r} has a character unfit for uris", "use letters, digits, _"
        )
    register = Register(
        id=id_,
        unit=inherited.device_id,
        table=group.table,
        address=address,
        size=size,
        period_ms=inherited.frequency,
        group=group.index,
    )
    base = Point(
        id=id_,
        register=register,
        codec=Codec(),
        clothed=inherited.clothed,
        debounce_s=inherited.debounce_s,
        multi_write=inherited.multi_write,
        verify=inherited.verify,
        label=str(keys.raw("name") or ""),
        units=str(keys.raw("unit") or keys.raw("units") or ""),
        echo_id=keys.text("echo_id") or "",
    )
    if group.table.is_bits:
        return [Draft(replace(base, codec=read_bit_codec(keys)), keys.path)]
    order = read_order(keys, size, inherited.word_order, inherited.byte_swap)
    if keys.array("bit_ranges") and keys.boolean("packed_register") is not False:
        return _packed(keys, base, order, instance)
    codec = read_codec(keys, size, order, instance.named)
    if codec.shape is Shape.PARENT:
        return _bits(base, codec, keys.path, with_parent=True)
    return [Draft(replace(base, codec=codec), keys.path)]


def _bits(base: Point, codec: Codec, path: str, *, with_parent: bool) -> list[Draft]:
    """individual_bits: one boolean point per named bit, behind the register under its own id."""
    parent = Draft(replace(base, codec=replace(codec, texts={}), published=False), path)
    drafts = [parent] if with_parent else []
    for bit, text in codec.texts.items():
        single = replace(codec, shape=Shape.BIT, first_bit=codec.first_bit + bit, bits=1, texts={}, hidden=0)
        drafts.append(Draft(replace(base, id=text, codec=single), path))
    return drafts


def _packed(keys: Keys, base: Point, order: tuple[int, ...], instance: Instance) -> list[Draft]:
    """A packed register: the raw parent, then its children."""
    report, width = keys.report, 16 * base.register.size
    mask = read_mask(keys, width)
    whole = Codec(shape=Shape.PARENT, size=base.register.size, order=order, mask=mask, bits=width)
    drafts = [Draft(replace(base, codec=whole, published=False), keys.path)]
    taken = 0
    for child in keys.sections("bit_ranges", CHILD):
        id_, bits = child.text("id"), child.integer("number_of_bits")
        first = child.integer("starting_bit_pos") or 0
        if not id_ or bits is None:
            missing = "id" if not id_ else "number_of_bits"
            report.error("C26", child.path, f"no {missing}", f"give it an {missing}; the child is dropped")
            continue
        if first < 0 or bits < 1 or first + bits > width:
            text = f"bits {first}..{first + bits - 1} are outside a register of {width} bits"
            report.error("C19", child.path, text, "correct the position; the child is dropped")
            continue
        cut = ((1 << bits) - 1) << first
        if taken & cut:
            report.warning("C03", child.path, "packed bits overlap", "both are decoded; check the positions")
        taken |= cut
        flags = _inherit_flags(keys, child)
        codec = read_codec(
            child,
            base.register.size,
            order,
            instance.named,
            first_bit=first,
            bits=bits,
            mask=mask,
            inherited=flags,
        )
        named = replace(
            base,
            id=instance.named(id_),
            label=str(child.raw("name") or ""),
            units=str(child.raw("unit") or child.raw("units") or ""),
        )
        if codec.shape is Shape.PARENT:
            drafts.extend(_bits(named, codec, child.path, with_parent=False))
        else:
            drafts.append(Draft(replace(named, codec=codec), child.path))
    return drafts


def _inherit_flags(parent: Keys, child: Keys) -> Shape:
    """Children inherit the bit and enum flags of the parent, as far as they have names for them."""
    if not child.array("bit_strings"):
        return Shape.NUMBER
    for key, shape in (
        ("individual_bits", Shape.PARENT),
        ("bit_field", Shape.FIELD),
        ("enum", Shape.ENUM),
        ("random_enum", Shape.ENUM),
    ):
        if parent.raw(key) is True:
            return shape
    return Shape.NUMBER
