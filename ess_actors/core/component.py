"""One component for the bus: publication, answers to get, what a set writes, and point commands."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from ess_actors.core.bits import BadValueError
from ess_actors.core.codec import Shape
from ess_actors.core.component_publication import Publishing, timestamp
from ess_actors.core.component_status import HeartbeatWriter
from ess_actors.core.component_writes import Item, Reply, WriteJob, bad_value, check, make_jobs, multi_reply
from ess_actors.core.points import Component, Point, Register
from ess_actors.core.quality import Quality
from ess_actors.core.registers import naked, shown

SUFFIXES: Final = (
    "_force",
    "_unforce",
    "_disable",
    "_enable",
    "_full",
    "_raw",
    "_stats",
    "_rstats",
    "_reload",
    "_remote",
    "_local",
)
"""Commands that may stand behind a point (some behind a component too)."""


class ComponentState(Publishing):
    """Publications plus everything others may ask or order. Pure: time comes in, see Readings."""

    def __init__(self, component: Component, now: float) -> None:
        super().__init__(component, now)
        self._writable: dict[str, Point] = {}
        for point in component.points:
            if point.table.writable:
                self._writable.setdefault(point.id, point)
        self._bits = _bits(component.points)
        heartbeat = component.heartbeat
        self._writer = HeartbeatWriter(heartbeat, now) if heartbeat and heartbeat.write else None

    def resolve(self, rest: str) -> tuple[str, str]:
        """What stands behind the component's uri -> (id or "", suffix or ""); an unknown id comes back whole."""
        rest = rest.strip("/")
        if not rest or rest in self.points:
            return rest, ""
        head, _, last = rest.rpartition("/")
        if last in SUFFIXES and (not head or head in self.points):
            return head, last
        return rest, ""

    def writable(self, name: str) -> Point | None:
        """The point that takes sets of this name, disabled or not; None when there is none."""
        return self._writable.get(name)

    def unknown(self, rest: str) -> Reply:
        """The answer for an id that does not exist, with the nearest one that does."""
        near = get_close_matches(rest, self.points, n=1)
        text = f"no point {rest!r} in {self.component.id}" + (f"; nearest: {near[0]!r}" if near else "")
        return {"status": "unknown_id", "text": text}

    def get(self, rest: str, now: float) -> object:
        """Answer to a get without suffix, from what was read last; the device is not touched."""
        rest = rest.strip("/")
        if not rest:
            return self._whole(now)
        if rest not in self.points:
            return self.unknown(rest)
        value = self.shown(rest, now)
        if value is not None:
            if rest not in self._bits or rest in self.forced:
                return value
            bits = {name: self.shown(name, now) for name in self._bits[rest]}
            return {name: bit for name, bit in bits.items() if bit is not None}
        quality, reason = self.quality(rest, now)
        reply: Reply = {"status": quality.name.lower(), "reason": reason}
        last = self.last(rest)
        if last is not None:
            reply["last"] = {"value": last.value, "age_ms": round((now - last.sent) * 1000)}
        return reply

    def _whole(self, now: float) -> dict[str, object]:
        """The whole component as a publication would show it now."""
        shown: dict[str, object] = {}
        for name in self.published:
            value = self.shown(name, now)
            if value is not None:
                shown[name] = {"value": value} if self.points[name].clothed else value
        return {**shown, **self.status(now), **(timestamp(self.answers) if shown else {})}

    def shown(self, name: str, now: float) -> object:
        """What may be shown of a point: its forced or its good value, None when there is neither."""
        if name in self.forced:
            return self.forced[name]
        quality, reason = self.quality(name, now)
        if quality is Quality.GOOD or reason == "frozen":
            reading = self.reading(name)
            return None if reading is None else reading.values.get(name)
        return None

    def jobs(self, rest: str, body: object) -> tuple[list[WriteJob], dict[str, Reply]]:
        """What a set writes, and the replies of the members that are refused at once.

        `rest` empty: the body is an object of values; else one point and its value, naked or clothed.
        """
        rest = rest.strip("/")
        if rest:
            wanted: Mapping[str, object] = {rest: body}
        elif isinstance(body, Mapping) and body:
            wanted = body
        else:
            return [], {"": {"status": "bad_value", "text": "send an object of point ids and values"}}
        items: list[Item] = []
        refused: dict[str, Reply] = {}
        for name, value in wanted.items():
            point = self._writable.get(name)
            if name not in self.points:
                refused[name] = self.unknown(name)
            elif point is None:
                refused[name] = {"status": "read_only", "text": f"{name!r} is an input of the device"}
            elif name in self.disabled:
                refused[name] = {"status": "disabled", "text": f"{name!r} is disabled; enable it first"}
            else:
                item = Item(name, point, naked(value))
                try:
                    check(item)
                    items.append(item)
                except BadValueError as error:
                    refused[name] = bad_value(error)
        return make_jobs(self.component, items), refused

    def heartbeat_due(self) -> float | None:
        """Monotonic seconds of the next heartbeat write, None without one."""
        return None if self._writer is None else self._writer.due

    def heartbeat_write(self, now: float) -> WriteJob | None:
        """The heartbeat write when it is due; none while the read point is BAD."""
        heartbeat = self.component.heartbeat
        if self._writer is None or heartbeat is None or now < self._writer.due:
            return None
        read = self.reader.value if self.reader is not None else None
        point = self._writable[heartbeat.write]
        number = self._writer.next(read, (1 << point.codec.bits - point.codec.signed) - 1, now)
        if self.reader is not None and not self.heartbeat_good():
            return None
        return make_jobs(self.component, [Item(point.id, point, number, raw=True)])[0]

    def _not_shown(self, name: str) -> Reply:
        register = self.points[name].register
        parts = [one.id for one in self.component.points if one.register == register and one.published]
        more = f" and {len(parts) - 5} more" if len(parts) > 5 else ""
        hint = f"; force one of them: {', '.join(parts[:5])}{more}" if parts else ", and it has none"
        return {"status": "bad_value", "text": f"{name!r} is published as nothing but its parts{hint}"}

    def command(self, name: str, suffix: str, body: object = None) -> Reply:
        """`_force`, `_unforce`, `_disable`, `_enable` of one point, or of all when `name` is empty; the plan follows.

        `_force` of a component takes an object of values and answers for each.
        """
        if suffix == "_force":
            value = naked(body)
            if name:
                return self._force(name, value)
            if not isinstance(body, Mapping) or not body:
                return {"status": "bad_value", "text": "send an object of point ids and values"}
            return multi_reply({one: self._force(one, naked(value)) for one, value in body.items()})
        if name and name not in self.points:
            return self.unknown(name)
        names = self._carried(name) if name else tuple(self.points)
        match suffix:
            case "_unforce":
                for one in names:
                    self.forced.pop(one, None)
            case "_disable":
                self.disabled.update(names)
                self.replan()
            case "_enable":
                self.disabled.difference_update(names)
                self.replan()
            case _:
                return {"status": "unsupported"}
        return {"status": "ok"}

    def _force(self, name: str, value: object) -> Reply:
        if name not in self.points:
            return self.unknown(name)
        if value is None:
            return {"status": "bad_value", "text": "send the value to show"}
        if name not in self.published:
            return self._not_shown(name)
        try:
            self.forced[name] = shown(self.points[name].codec, value)
        except BadValueError as error:
            return bad_value(error)
        return {"status": "ok"}

    def _carried(self, name: str) -> tuple[str, ...]:
        """A point, and with a register that is only published as its parts those parts."""
        point = self.points[name]
        if point.codec.shape is not Shape.PARENT:
            return (name,)
        return tuple(dict.fromkeys(p.id for p in self.component.points if p.register == point.register))


def _bits(points: tuple[Point, ...]) -> dict[str, tuple[str, ...]]:
    """Registers that are published as nothing but named bits -> the names."""
    parts: dict[Register, list[Point]] = {}
    for point in points:
        parts.setdefault(point.register, []).append(point)
    return {
        parent.id: tuple(bit.id for bit in bits if not bit.shadowed)
        for parent, *bits in parts.values()
        if parent.codec.shape is Shape.PARENT
        and not parent.shadowed
        and bits
        and all(bit.codec.shape is Shape.BIT for bit in bits)
    }
