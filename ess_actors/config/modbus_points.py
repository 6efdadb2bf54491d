"""The groups of one client component -> its points in file order, for every instance of its ranges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ess_actors.config.modbus_entry import Entry, Named, read_entry
from ess_actors.config.modbus_inherited import Inherited
from ess_actors.config.modbus_keys import Keys
from ess_actors.config.modbus_point_keys import GROUP, POINT, TABLES
from ess_actors.config.modbus_ranges import MAX_POINTS, Instance, instances, lacks_marker, too_many
from ess_actors.config.modbus_span import check_span
from ess_actors.core.points import Point, Register, Table

_NO_UNIT: Final = -1


@dataclass(frozen=True, slots=True)
class Draft:
    """A point and where it was written."""

    point: Point
    path: str


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a component as written."""

    keys: Keys
    index: int
    table: Table
    off_by_one: bool
    unit: int | None
    """The group's own device id."""
    entries: tuple[Entry, ...]
    repeats: tuple[Instance, ...]

    @property
    def size(self) -> int:
        """Points it makes in one instance of its component."""
        return sum(len(entry.names) for entry in self.entries) * len(self.repeats)


def read_groups(component: Keys, inherited: Inherited) -> tuple[list[Group], tuple[str, ...]]:
    """The usable groups of a component, and the type word of every group (for timings)."""
    report = component.report
    groups: list[Group] = []
    kinds: list[str] = []
    for index, keys in enumerate(component.sections("registers", GROUP)):
        written = keys.text("type") or ""
        words = written.lower().replace("_", " ").split()
        kinds.append(words[0] if words else "")
        table = TABLES.get(" ".join(words))
        if table is None:
            text = "no register type" if not words else f"unknown register type {written[:40]!r}"
            hint = "write Coil, Discrete_Input, Input or Holding; the group is dropped"
            report.error("C26", keys.at("type"), text, hint)
            continue
        points = tuple(keys.sections("map", POINT))
        if not points:
            report.warning("C25", keys.path, "group without points", "fill its map, or remove the group")
            continue
        groups.append(_group(keys, index, table, points, inherited))
    if not groups and "registers" not in component:
        report.warning("C25", component.path, "component without registers", "nothing is polled or published")
    elif not groups:
        report.warning("C25", component.at("registers"), "no usable group", "nothing is polled or published")
    return groups, tuple(kinds)


def _group(keys: Keys, index: int, table: Table, points: Sequence[Keys], outer: Inherited) -> Group:
    inherited = replace(outer, device_id=_NO_UNIT).nearer(keys)
    unit = None if inherited.device_id == _NO_UNIT else inherited.device_id
    read = [entry for point in points if (entry := read_entry(point, table, inherited)) is not None]
    repeats = instances(keys, "decode_offset_range")
    if sum(len(entry.names) for entry in read) * len(repeats) > MAX_POINTS:
        too_many(keys, "decode_offset_range", f"{MAX_POINTS:,} points")
        repeats = repeats[:1]
    names = [name for entry in read for name in entry.unique_names]
    if lacks_marker(keys, "decode_offset_range", repeats, names):
        repeats = repeats[:1]
    return Group(keys, index, table, inherited.off_by_one, unit, tuple(read), tuple(repeats))


def build(groups: Iterable[Group], unit: int, shift: int) -> list[Draft]:
    """All points of one component instance; `shift` is added to every offset."""
    drafts: list[Draft] = []
    for group in groups:
        report = group.keys.report
        before = report.repeating
        made: list[Register] = []
        written: list[Register] = []
        for instance in group.repeats:
            report.repeating = before or not instance.first
            for entry in group.entries:
                found = _instance(entry, group, instance, unit, shift + instance.shift)
                drafts.extend(found)
                made.extend(draft.point.register for draft in found[:1])
            written = written or list(made)
        report.repeating = before
        if not before:
            check_span(group.keys, group.table, made, written, (1 if group.off_by_one else 0) - shift)
    return drafts


def _instance(entry: Entry, group: Group, instance: Instance, unit: int, shift: int) -> list[Draft]:
    """The points of one map entry; none where it would lie outside the address space."""
    keys, inherited = entry.keys, entry.inherited
    address = entry.offset + shift
    if address < 0 or address + entry.size > 65536:
        last = "" if entry.size == 1 else f" with {entry.size} words"
        text = (
            f"address {address}{last} is impossible" if abs(address) < 10**9 else "the address is impossible"
        )
        hint = "addresses are 0..65535, after off_by_one; the point is dropped"
        keys.report.error("C09", keys.at("offset"), text, hint)
        return []
    register = Register(
        id=instance.named(entry.id),
        unit=unit if group.unit is None else group.unit,
        table=group.table,
        address=address,
        size=entry.size,
        period_ms=inherited.frequency,
        group=group.index,
    )
    echo_id = instance.named(entry.echo_id)
    return [Draft(_point(named, register, inherited, instance, echo_id), named.path) for named in entry.names]


def _point(named: Named, register: Register, inherited: Inherited, instance: Instance, echo_id: str) -> Point:
    codec = named.codec
    if instance.marker and codec.texts:
        codec = replace(codec, texts={place: instance.named(text) for place, text in codec.texts.items()})
    return Point(
        id=instance.named(named.id),
        register=register,
        codec=codec,
        published=named.published,
        clothed=inherited.clothed,
        debounce_s=inherited.debounce_s,
        multi_write=inherited.multi_write,
        verify=inherited.verify,
        reassert=named.reassert,
        label=instance.named(named.label),
        units=named.units,
        echo_id=echo_id,
    )
