"""Safe values, watched heartbeat and emergency stop of an instance: they exist, and can be what is asked."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from ess_actors.config.documents import Source, child
from ess_actors.config.site_schema import EmergencyStopShape, InstanceShape
from ess_actors.config.site_uris import TableNames
from ess_actors.core.bits import BadValueError
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.lease import EmergencyStop, SafeList, SiteHeartbeat
from ess_actors.core.points import ClientMap, Component, Point
from ess_actors.core.points import Table as DeviceTable
from ess_actors.core.registers import decode, encode

_CODE = "safe-unusable"
Writable = Mapping[str, tuple[Component, Point]]
Address = tuple[str, int]


def safety_of(
    shape: InstanceShape, clients: Sequence[ClientMap]
) -> tuple[tuple[SafeList, ...], SiteHeartbeat | None, EmergencyStop | None]:
    """What the checked members say."""
    lists: list[SafeList] = []
    for stem, device in shape.devices.items():
        points = _points([client for client in clients if client.stem == stem])
        values = {f"{points[key][0].uri}/{points[key][1].id}": value for key, value in device.safe.items()}
        lists.append(SafeList(stem, device.lease_ms / 1000, values))
    beat, stop = shape.site_heartbeat, shape.emergency_stop
    return (
        tuple(lists),
        None if beat is None else SiteHeartbeat(beat.uri, beat.timeout_s, beat.action == "safe"),
        None if stop is None else EmergencyStop(stop.uri, stop.value),
    )


def _points(clients: Sequence[ClientMap]) -> dict[str, tuple[Component, Point]]:
    """`component/point` -> both; of two points of one name the one that takes sets."""
    found: dict[str, tuple[Component, Point]] = {}
    for client in clients:
        for component in client.components:
            for point in component.points:
                key = f"{component.id}/{point.id}"
                if key not in found or (point.table.writable and not found[key][1].table.writable):
                    found[key] = component, point
    return found


def check_safety(
    site: Source,
    path: str,
    shape: InstanceShape,
    clients: Sequence[ClientMap],
    tables: TableNames | None,
) -> Iterator[Finding]:
    """What is wrong with these members of one instance; `tables` is None while a document of it is missing.

    All but hints are FATAL: a site that believes it is protected and is not must not start.
    """
    for stem, device in shape.devices.items():
        here = child(path, "devices", stem)
        named = [client for client in clients if client.stem == stem]
        if not named:
            if not any(Path(name).stem == stem for name in shape.modbus_clients):
                stems = ", ".join(dict.fromkeys(client.stem for client in clients)) or "none"
                text = f"no client file of this instance is called {stem}.json: nobody would write its safe values"
                yield site.finding(Severity.FATAL, _CODE, here, text, f"use one of {stems}")
            continue
        points = _points(named)
        for key, value in device.safe.items():
            yield from _check_value(site, child(here, "safe", key), stem, key, value, points)
        yield from _check_overlaps(site, child(here, "safe"), device.safe, points)
    for member, watched in (
        ("site_heartbeat", shape.site_heartbeat),
        ("emergency_stop", shape.emergency_stop),
    ):
        if watched is None:
            continue
        here = child(path, member, "uri")
        yield from _check_uri(site, here, watched.uri, clients, tables)
        if isinstance(watched, EmergencyStopShape):
            yield from _check_stop(site, child(path, member, "value"), watched, clients)
        if not shape.devices:
            text = f"{member} is watched, and no device of this instance has safe values to be held at"
            hint = "add `devices` with the safe values"
            yield site.finding(Severity.WARNING, "safe-idle", child(path, member), text, hint)


def _check_value(
    site: Source, path: str, stem: str, key: str, value: object, points: Writable
) -> Iterator[Finding]:
    if key not in points:
        near = ", ".join(get_close_matches(key, points, 3))
        hint = f"use {near}" if near else "use a point as component/point"
        yield site.finding(Severity.FATAL, _CODE, path, f"{stem} has no point {key!r}", hint)
        return
    component, point = points[key]
    if not point.table.writable:
        text, hint = f"{key} is an input of the device and cannot be written", "use a point that takes sets"
        yield site.finding(Severity.FATAL, _CODE, path, text, hint)
        return
    if component.heartbeat is not None and component.heartbeat.write == point.id:
        text = f"{key} is counted up as a heartbeat: it has no value to stay at"
        yield site.finding(Severity.FATAL, _CODE, path, text, "leave it out")
        return
    if problem := misfit(point, value):
        text = f"{value!r} does not fit {key}: {problem}"
        yield site.finding(Severity.FATAL, _CODE, path, text, "use a value that the register can hold")
    elif _differs(shown := _shown(point, value), value):
        text = f"{key} cannot be exactly {value!r}: the device would get {shown!r}"
        yield site.finding(Severity.WARNING, "safe-rounded", path, text, f"use {shown!r} if that is safe")


def misfit(point: Point, value: object) -> str:
    """Why a value can never be written to a point as it is; "" when it can."""
    try:
        encoded = encode(point.codec, value, (0,) * max(1, point.codec.size))
    except BadValueError as error:
        return str(error)
    if encoded.lost:
        return f"it has no bit {', '.join(map(str, encoded.lost))}"
    return "it would be cut to the range of the register" if encoded.clamped else ""


def _shown(point: Point, value: object) -> object:
    """What a device that was told `value` is read as."""
    return decode(point.codec, encode(point.codec, value, (0,) * max(1, point.codec.size)).words)


def _differs(shown: object, value: object) -> bool:
    """True when these are numbers that nobody would take for the same."""
    if not isinstance(shown, int | float) or not isinstance(value, int | float):
        return False
    return abs(shown - value) > 0.0001 * max(1.0, abs(value))


def _check_overlaps(
    site: Source, path: str, safe: Mapping[str, object], points: Writable
) -> Iterator[Finding]:
    """Points that share a register and want it otherwise: the device could never hold both."""
    known = [(key, points[key][1], value) for key, value in safe.items() if key in points]
    sound = [one for one in known if one[1].table.writable and not misfit(one[1], one[2])]
    for index, (key, point, value) in enumerate(sound):
        for other, other_point, other_value in sound[:index]:
            if _extent(other_point) != _extent(point):
                continue
            one, two = (
                [encode(p.codec, v, (fill,) * max(1, p.codec.size)).words for fill in (0, _ONES)]
                for p, v in ((point, value), (other_point, other_value))
            )
            # A bit that is the same over both fills is one that the value decides.
            if any(_contrary(*words) for words in zip(*one, *two, strict=True)):
                text = f"{key} and {other} share a register, which cannot hold both safe values"
                yield site.finding(Severity.FATAL, _CODE, child(path, key), text, "leave one of them out")


_ONES = 0xFFFF


def _extent(point: Point) -> tuple[int, DeviceTable, int, int]:
    return point.unit, point.table, point.address, max(1, point.codec.size)


def _contrary(zeros: int, ones: int, other_zeros: int, other_ones: int) -> bool:
    decided = ~(zeros ^ ones) & ~(other_zeros ^ other_ones)
    return bool((zeros ^ other_zeros) & decided & _ONES)


def _check_stop(
    site: Source, path: str, stop: EmergencyStopShape, clients: Sequence[ClientMap]
) -> Iterator[Finding]:
    """A value that the point can never be read as would be a stop that stops nothing."""
    point = next(
        (
            point
            for client in clients
            for component in client.components
            for point in component.points
            if f"{component.uri}/{point.id}" == stop.uri
        ),
        None,
    )
    if point is None:
        return
    problem = misfit(point, stop.value)
    if not problem and (shown := _shown(point, stop.value)) != stop.value:
        problem = f"it is read as {shown!r}"
    if problem:
        text = f"{stop.uri} is never {stop.value!r}: {problem}"
        hint = "write the value that the point has while the stop is hit"
        yield site.finding(Severity.FATAL, _CODE, path, text, hint)


def check_watched(
    site: Source,
    path: str,
    shape: InstanceShape,
    names: Callable[[str], Collection[str]],
    fed: Collection[str],
) -> Iterator[Finding]:
    """Watched variables that nobody has. `names` = the variables of a table once the documents are loaded
    (none when it is not theirs), `fed` = uris of variables that come from outside."""
    for member, watched in (
        ("site_heartbeat", shape.site_heartbeat),
        ("emergency_stop", shape.emergency_stop),
    ):
        if watched is None or watched.uri in fed:
            continue
        table, _, name = watched.uri.rpartition("/")
        known = names(table)
        if known and name not in known:
            near = ", ".join(get_close_matches(name, known, 3))
            text = f"{table} has no variable {name!r}, so nothing would ever be seen"
            hint = f"use {near}" if near else "use a variable of that table"
            yield site.finding(Severity.FATAL, _CODE, child(path, member, "uri"), text, hint)


def check_lessor(
    site: Source, path: str, shape: InstanceShape, own: Sequence[ClientMap], earlier: Mapping[Address, str]
) -> Iterator[Finding]:
    """Devices whose actor belongs to another instance, which renews the lease whatever becomes of this one.

    `earlier`: address -> the start file of the instance before this one that names it first.
    """
    for stem in shape.devices:
        for client in own:
            if client.stem == stem and client.endpoint.address in earlier:
                other = earlier[client.endpoint.address]
                text = (
                    f"{client.endpoint.place} is served for {stem} by the instance of {other}: it would be held "
                    "safe when that one dies, and not when this one does"
                )
                hint = "list all client files of one endpoint under one instance"
                yield site.finding(Severity.FATAL, _CODE, child(path, "devices", stem), text, hint)
                break


def _check_uri(
    site: Source, path: str, uri: str, clients: Sequence[ClientMap], tables: TableNames | None
) -> Iterator[Finding]:
    """A variable of a table that the documents name, or a point that the instance reads itself."""
    table, _, name = uri.rpartition("/")
    components = {component.uri: component for client in clients for component in client.components}
    if table in components:
        ids = [point.id for point in components[table].points]
        if name not in ids:
            near = ", ".join(get_close_matches(name, ids, 3))
            hint = f"use {near}" if near else "use the id of a point"
            yield site.finding(Severity.FATAL, _CODE, path, f"{table} has no point {name!r}", hint)
    elif tables is not None and table not in tables:
        text = f"no document of this instance speaks of {table}, so {uri} will never have a value"
        yield site.finding(Severity.FATAL, _CODE, path, text, "correct the uri")
