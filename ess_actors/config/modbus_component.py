"""The components of a client file -> core Components, with the checks that need a whole component or file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ess_actors.config.modbus_endpoint import warn_no_effect
from ess_actors.config.modbus_heartbeat import HEARTBEAT_KEYS, read_heartbeat, read_timeout_ms, read_watchdog
from ess_actors.config.modbus_inherited import Inherited
from ess_actors.config.modbus_keys import Keys, Level, Report
from ess_actors.config.modbus_point_keys import BAD_ID
from ess_actors.config.modbus_points import Draft, build, read_groups
from ess_actors.config.modbus_ranges import Instance, instances
from ess_actors.core.codec import Shape
from ess_actors.core.points import Component, Point, Register

COMPONENT: Final = Level(
    (
        *HEARTBEAT_KEYS,
        "id",
        "component_id",
        "offset_time",
        "add_timings",
        "word_order",
        "registers",
        "frequency",
        "device_id",
        "off_by_one",
        "byte_swap",
        "multi_write_op_code",
        "debounce",
        "format",
        "max_gap_registers",
        "allow_gaps",
        "inter_message_delay_ms",
        "verify_writes",
        "publish_quality",
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


@dataclass(frozen=True, slots=True)
class _Built:
    component: Component
    path: str


def read_components(top: Keys, defaults: Inherited, outer: Instance) -> list[Component]:
    """All component instances, in file order."""
    report = top.report
    built: list[_Built] = []
    for keys in top.sections("components", COMPONENT):
        id_ = keys.text("id")
        if not id_ or not id_.strip("/"):
            report.error("C26", keys.path, "component without id", "give it an id; the component is dropped")
            continue
        warn_no_effect(keys)
        built.extend(_instances(keys, id_, defaults, outer))
    _check_ids(built, report)
    return [one.component for one in built]


def _instances(keys: Keys, id_: str, defaults: Inherited, outer: Instance) -> Iterable[_Built]:
    report = keys.report
    inherited = defaults.nearer(keys)
    before = report.repeating
    base_id = outer.named(id_)
    plain: list[tuple[Instance, Instance]] = [
        (device, offset)
        for device in instances(keys, "device_id_range", [id_])
        for offset in instances(keys, "component_offset_range", [id_])
    ]
    for device, offset in plain:
        report.repeating = before or not (device.first and offset.first)
        mine = inherited if not device.marker else replace(inherited, device_id=device.number)
        groups, kinds = read_groups(keys, mine)
        drafts = build(groups, offset.shift)
        yield _Built(_component(keys, offset.named(device.named(base_id)), mine, drafts, kinds), keys.path)
    report.repeating = before


def _component(
    keys: Keys, id_: str, inherited: Inherited, drafts: Sequence[Draft], kinds: tuple[str, ...]
) -> Component:
    report = keys.report
    id_ = "/".join(part for part in id_.split("/") if part)
    if BAD_ID.search(id_.replace("/", "")):
        report.warning(
            "C08", keys.at("id"), f"id {id_!r} has a character unfit for uris", "use letters, digits, _ and /"
        )
    points = _named_once(drafts, report)
    _check_overlap(drafts, report)
    root = (keys.text("component_id") or "components").strip("/")
    period_ms = inherited.frequency
    timeout_ms = read_timeout_ms(keys, period_ms)
    return Component(
        id=id_,
        uri=f"/{root}/{id_}",
        unit=inherited.device_id,
        points=points,
        period_ms=period_ms,
        offset_ms=keys.integer("offset_time", 0) or 0,
        heartbeat=read_heartbeat(keys, points, period_ms, timeout_ms),
        watchdog=read_watchdog(keys, points, period_ms),
        connected_timeout_ms=timeout_ms,
        add_timings=keys.boolean("add_timings") is True,
        group_kinds=kinds,
        max_gap_words=inherited.max_gap,
        inter_message_delay_s=inherited.delay_s,
    )


def _named_once(drafts: Sequence[Draft], report: Report) -> tuple[Point, ...]:
    """C02, C14: the first point of a name is read; a later one is kept for sets, a later bit is dropped."""
    points: list[Point] = []
    taken: dict[str, Point] = {}
    for point, path in ((draft.point, draft.path) for draft in drafts):
        first = taken.setdefault(point.id, point)
        if first is point:
            points.append(point)
            continue
        if point.codec.shape is Shape.BIT and point.codec.size:
            hint = "rename it; this bit is dropped"
            report.error("C14", path, f"bit name {point.id!r} is taken", hint)
            continue
        hint = "rename one; the first is read, a set goes to the first writable one"
        report.error("C02", path, f"point {point.id!r} again", hint)
        points.append(replace(point, published=False, shadowed=True))
    return tuple(points)


def _check_overlap(drafts: Sequence[Draft], report: Report) -> None:
    """C03: two map entries on one address."""
    seen: dict[Register, str] = {}
    for draft in drafts:
        seen.setdefault(draft.point.register, draft.path)
    ends: dict[tuple[int, object], tuple[int, str]] = {}
    for register, path in sorted(seen.items(), key=lambda item: item[0].address):
        place = (register.unit, register.table)
        end, other = ends.get(place, (-1, ""))
        if register.address < end:
            hint = "all are decoded; correct an offset if that is not meant"
            report.warning("C03", path, f"{register.id!r} overlaps {other!r} at {register.address}", hint)
        if register.address + register.size > end:
            ends[place] = (register.address + register.size, register.id)


def _check_ids(built: Sequence[_Built], report: Report) -> None:
    """C01, C21: components of one name, and points hidden behind a longer component id."""
    by_uri: dict[str, str] = {}
    for one in built:
        uri = one.component.uri
        if uri in by_uri:
            hint = "rename one; both publish, set and get go to the first"
            report.error("C01", one.path, f"component {one.component.id!r} again", hint)
        by_uri.setdefault(uri, one.path)
    for one in built:
        prefix = one.component.uri + "/"
        inner = {uri[len(prefix) :] for uri in by_uri if uri.startswith(prefix)}
        for point in one.component.points if inner else ():
            if any(point.id == name or point.id.startswith(name + "/") for name in inner):
                text = f"point {point.id!r} of {one.component.id!r} is hidden by a component of that name"
                report.error("C21", one.path, text, "rename the point or the component")
