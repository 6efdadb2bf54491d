"""A client file read anew while its actor runs: what the actor works with from then on, and what it answers."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from ess_actors.actors.reload_summary import summary
from ess_actors.actors.settings import ClientSettings
from ess_actors.config.modbus_client import load_client
from ess_actors.config.site_safety import misfit
from ess_actors.core.findings import Finding
from ess_actors.core.lease import SafeList
from ess_actors.core.points import ClientMap, Point


class Reread(NamedTuple):
    """What came of it."""

    settings: ClientSettings | None
    """None: the file cannot be used, everything stays as it is."""
    reply: dict[str, object]


def reread(settings: ClientSettings, uri: str) -> Reread:
    """Reads the file of the component `uri` again. Takes its time: not on an event loop."""
    file = next((one.file for one in settings.maps if any(c.uri == uri for c in one.components)), None)
    if file is None:
        # Another reload that was under way when this one was ordered has taken the component away.
        return _refused(f"{uri} is no component any more", [], "unknown_id")
    maps, findings = load_client(file)
    if not maps:
        return _refused("the old configuration goes on", findings)
    homeless = [one.endpoint.place for one in maps if one.endpoint.address not in settings.ports]
    if settings.ports and homeless:
        # A simulated site must never reach out for a real device.
        return _refused(f"no simulator stands in for {', '.join(homeless)}; start the site anew", findings)
    old = [one for one in settings.maps if one.file == file]
    # The first file gives the actor its name, and keeps its place for that.
    position = settings.maps.index(old[0])
    rest = [one for one in settings.maps if one.file != file]
    before = [one for one in settings.maps[:position] if one.file != file]
    renewed = replace(settings, maps=(*before, *maps, *rest[len(before) :]))
    changed = _changed(old, maps)
    if settings.safe is not None and (text := _unsafe(settings.safe, renewed.maps)):
        return _refused(
            f"{text}; the old configuration goes on: mend the file or `devices` in site.json", findings
        )
    return Reread(renewed, {"status": "ok", **summary(findings), "changed": changed})


def _unsafe(safe: SafeList, maps: Iterable[ClientMap]) -> str:
    """Why the devices of these maps could not be held at their safe values; "" when they can."""
    points: dict[str, Point] = {}
    for one in maps:
        for component in one.components:
            for point in component.points:
                if point.table.writable:
                    points.setdefault(f"{component.uri}/{point.id}", point)
    for uri, value in safe.values.items():
        if uri not in points:
            return f"{uri} has a safe value and would be no writable point any more"
        if problem := misfit(points[uri], value):
            return f"{uri} could not be told its safe value {value!r}: {problem}"
    return ""


def _changed(old: list[ClientMap], new: list[ClientMap]) -> list[str]:
    """Ids of the components that are not as they were."""
    before = {c.uri: (one.endpoint, c) for one in old for c in one.components}
    after = {c.uri: (one.endpoint, c) for one in new for c in one.components}
    uris = dict.fromkeys((*before, *after))
    return [(after.get(uri) or before[uri])[1].id for uri in uris if before.get(uri) != after.get(uri)]


def _refused(text: str, findings: list[Finding], status: str = "failed") -> Reread:
    return Reread(None, {"status": status, "text": text, **summary(findings)})
