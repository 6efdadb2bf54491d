"""Safe values, watched heartbeat and emergency stop of an instance: they exist, and can be what is asked."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from ess_actors.config.documents import Source, child
from ess_actors.config.site_schema import InstanceShape
from ess_actors.config.site_uris import TableNames
from ess_actors.core.bits import BadValueError
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.lease import EmergencyStop, SafeList, SiteHeartbeat
from ess_actors.core.points import ClientMap, Component, Point
from ess_actors.core.registers import encode

_CODE = "safe-unusable"
Writable = Mapping[str, tuple[Component, Point]]


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
    for member, watched in (
        ("site_heartbeat", shape.site_heartbeat),
        ("emergency_stop", shape.emergency_stop),
    ):
        if watched is None:
            continue
        here = child(path, member, "uri")
        yield from _check_uri(site, here, watched.uri, clients, tables)
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
    try:
        clamped = encode(point.codec, value, (0,) * max(1, point.codec.size)).clamped
        problem = "it would be cut to the range of the register" if clamped else ""
    except BadValueError as error:
        problem = str(error)
    if problem:
        text = f"{value!r} does not fit {key}: {problem}"
        yield site.finding(Severity.FATAL, _CODE, path, text, "use a value that the register can hold")


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
