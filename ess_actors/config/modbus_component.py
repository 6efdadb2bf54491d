"""The components of a client file -> core Components, read once and made for every instance of their ranges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ess_actors.config.modbus_component_checks import Placed, check_overlap, named_once
from ess_actors.config.modbus_heartbeat import HEARTBEAT_KEYS, read_heartbeat, read_timeout_ms, read_watchdog
from ess_actors.config.modbus_inherited import LEVELS_CK, LEVELS_CKG, LEVELS_CKGP, Inherited
from ess_actors.config.modbus_keys import Keys, Level
from ess_actors.config.modbus_point_keys import BAD_ID
from ess_actors.config.modbus_points import Draft, Group, build, read_groups
from ess_actors.config.modbus_ranges import (
    MAX_INSTANCES,
    MAX_POINTS,
    ONCE,
    Instance,
    instances,
    lacks_marker,
    too_many,
)
from ess_actors.core.json_tokens import short
from ess_actors.core.points import Component

COMPONENT: Final = Level(
    (
        *HEARTBEAT_KEYS,
        *LEVELS_CK,
        *LEVELS_CKG,
        *LEVELS_CKGP,
        "id",
        "component_id",
        "offset_time",
        "add_timings",
        "word_order",
        "registers",
        "device_id_range",
        "component_offset_range",
    ),
    (
        "hex_start",
        "comment*",
        "note*",
        "offset",
        "start_offset",
        "twins_id",
        "echo_id",
        "uri",
        "type",
        "map",
        "name",
    ),
)
_A_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Written:
    """One component as it stands in the file, before its ranges are expanded."""

    keys: Keys
    id: str
    inherited: Inherited
    groups: Sequence[Group]
    kinds: tuple[str, ...]
    units: Sequence[Instance]
    offsets: Sequence[Instance]

    @property
    def size(self) -> int:
        """Points of all its instances."""
        return max(1, sum(group.size for group in self.groups)) * len(self.units) * len(self.offsets)


def read_components(top: Keys, defaults: Inherited) -> list[Written]:
    """All components of the file that have an id, in file order."""
    found: list[Written] = []
    left = MAX_POINTS
    for keys in top.sections("components", COMPONENT):
        written = read_component(keys, defaults, left)
        if written is not None:
            left -= written.size if len(written.units) * len(written.offsets) > 1 else 0
            found.append(written)
    return found


def read_component(keys: Keys, defaults: Inherited, left: int = MAX_POINTS) -> Written | None:
    """None (C26) without an id. `left` is how many points its ranges may make."""
    id_ = keys.text("id")
    if not id_ or not id_.strip("/"):
        hint = "give it an id; the component is dropped"
        keys.report.error("C26", keys.path, "component without id", hint)
        return None
    inherited = defaults.nearer(keys)
    ranges: list[list[Instance]] = []
    limits = (
        ("device_id_range", inherited.first_unit, inherited.last_unit),
        ("component_offset_range", None, None),
    )
    for key, low, high in limits:
        found = instances(keys, key, low, high)
        ranges.append(found[:1] if lacks_marker(keys, key, found, [id_]) else found)
    units, offsets = ranges
    groups, kinds = read_groups(keys, inherited)
    written = Written(keys, id_, inherited, groups, kinds, units, offsets)
    count = len(units) * len(offsets)
    if count > 1 and (written.size > left or count > MAX_INSTANCES):
        key = "component_offset_range" if len(offsets) > 1 else "device_id_range"
        too_many(keys, key, f"{MAX_POINTS:,} points or {MAX_INSTANCES:,} components")
        written = replace(written, units=units[:1], offsets=offsets[:1])
    return written


def expand(written: Written, outer: Instance) -> Iterator[Placed]:
    """The instances of one component in one connection."""
    keys, report = written.keys, written.keys.report
    before = report.repeating
    base_id = outer.named(written.id)
    for unit in written.units:
        for offset in written.offsets:
            report.repeating = before or not (unit.first and offset.first)
            number = written.inherited.device_id if unit is ONCE else unit.number
            drafts = build(written.groups, number, offset.shift)
            component = _component(written, offset.named(unit.named(base_id)), number, drafts)
            yield Placed(component, keys.path)
    report.repeating = before


def _component(written: Written, id_: str, unit: int, drafts: Sequence[Draft]) -> Component:
    keys, inherited, report = written.keys, written.inherited, written.keys.report
    id_ = _joined(id_)
    if BAD_ID.search(id_.replace("/", "")):
        text = f"id {short(id_)} has a character unfit for uris"
        report.warning("C08", keys.at("id"), text, "use letters, digits, _ and /; it is loaded as it is")
    points = named_once(drafts, report)
    check_overlap(drafts, report)
    root = _joined(keys.text("component_id") or "") or "components"
    period_ms = inherited.frequency
    timeout_ms = read_timeout_ms(keys, period_ms)
    heartbeat = read_heartbeat(keys, points, period_ms, timeout_ms)
    if heartbeat is not None and heartbeat.write:
        # It is written all the time anyway, and an old count would look like life.
        points = tuple(
            replace(point, reassert=False) if point.id == heartbeat.write and point.reassert else point
            for point in points
        )
    return Component(
        id=id_,
        uri=f"/{root}/{id_}",
        unit=unit,
        points=points,
        period_ms=period_ms,
        offset_ms=keys.integer("offset_time", -_A_DAY_MS, _A_DAY_MS) or 0,
        heartbeat=heartbeat,
        watchdog=read_watchdog(keys, points, period_ms),
        connected_timeout_ms=timeout_ms,
        add_timings=keys.boolean("add_timings") is True,
        group_kinds=written.kinds,
        max_gap_words=inherited.max_gap,
        inter_message_delay_s=inherited.delay_s,
        publish_quality=inherited.publish_quality,
    )


def _joined(id_: str) -> str:
    """Without leading, trailing and doubled slashes."""
    return "/".join(part for part in id_.split("/") if part)
