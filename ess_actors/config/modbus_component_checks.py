"""What takes all points or all components to see: names used twice, overlaps, points that are hidden."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ess_actors.config.modbus_points import Draft
from ess_actors.config.modbus_report import Report
from ess_actors.core.codec import Shape
from ess_actors.core.json_tokens import short
from ess_actors.core.points import Component, Point, Register


@dataclass(frozen=True, slots=True)
class Placed:
    """A component and where it was written."""

    component: Component
    path: str


def named_once(drafts: Sequence[Draft], report: Report) -> tuple[Point, ...]:
    """C02: the first point of a name is read, a later one is kept for sets. C14: a later bit is dropped.

    A register that is only shown as its bits gives its name to one of them: nobody misses the raw number.
    """
    points: dict[int, Point] = {}
    taken: dict[str, int] = {}
    for index, draft in enumerate(drafts):
        point = draft.point
        first = taken.setdefault(point.id, index)
        if first == index:
            points[index] = point
            continue
        other = drafts[first].point
        if _is_bit(point) and other.codec.shape is Shape.PARENT and other.register is point.register:
            hint = "rename one; the register cannot be read as a whole until then"
            report.error("C14", draft.path, f"bit name {short(point.id)} is the id of its register", hint)
            del points[first]
            points[index], taken[point.id] = point, index
        elif not point.published and not other.published and draft.path == drafts[first].path:
            continue  # a register of a range that is only shown as its parts, which have names of their own
        elif _is_bit(point) or _is_bit(other):
            hint = "rename one; the later one is dropped"
            report.error("C14", draft.path, f"bit name {short(point.id)} is taken", hint)
        else:
            hint = "rename one; the first is read, a set goes to the first writable one"
            report.error("C02", draft.path, f"point {short(point.id)} again", hint)
            points[index] = replace(point, published=False, shadowed=True)
    return tuple(points.values())


def _is_bit(point: Point) -> bool:
    """One named bit of a register; coils are points like any other."""
    return point.codec.shape is Shape.BIT and point.codec.size > 0


def check_overlap(drafts: Sequence[Draft], report: Report) -> None:
    """C03: two map entries on one address; of the instances of one entry the first that does is told."""
    seen: dict[Register, str] = {}
    for draft in drafts:
        seen.setdefault(draft.point.register, draft.path)
    ends: dict[tuple[int, object], tuple[int, str]] = {}
    told: set[str] = set()
    for register, path in sorted(seen.items(), key=lambda item: item[0].address):
        place = (register.unit, register.table)
        end, other = ends.get(place, (-1, ""))
        if register.address < end and path not in told:
            told.add(path)
            hint = "all are decoded; correct an offset if that is not meant"
            text = f"{short(register.id)} overlaps {short(other)} at {register.address}"
            report.warning("C03", path, text, hint)
        if register.address + register.size > end:
            ends[place] = (register.address + register.size, register.id)


def check_ids(placed: Sequence[Placed], report: Report) -> None:
    """C01: components of one name. C21: points behind a longer component id."""
    by_uri: dict[str, Placed] = {}
    for one in placed:
        uri = one.component.uri
        if uri in by_uri:
            hint = "rename one; both publish, set and get go to the first"
            report.error("C01", one.path, f"component {short(one.component.id)} again", hint)
        by_uri.setdefault(uri, one)
    inner: dict[str, set[str]] = {}
    for uri in by_uri:
        cut = uri.rfind("/")
        while cut > 0:
            inner.setdefault(uri[:cut], set()).add(uri[cut + 1 :])
            cut = uri.rfind("/", 0, cut)
    for one in placed:
        names = inner.get(one.component.uri)
        for point in one.component.points if names else ():
            parts = point.id.split("/")
            if names and any("/".join(parts[:n]) in names for n in range(1, len(parts) + 1)):
                text = f"point {short(point.id)} of {short(one.component.id)} is hidden by a component of that name"
                report.error("C21", one.path, text, "rename the point or the component")
