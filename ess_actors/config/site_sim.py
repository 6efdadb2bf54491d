"""The `sim` and `live` members of site.json: the points, models and instances they name exist."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from ess_actors.config.documents import Source, child, read_object
from ess_actors.config.site_schema import SiteShape
from ess_actors.core.errors import ConfigError
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.plant_model import Plant
from ess_actors.core.points import ClientMap


def check_sim(site: Source, shape: SiteShape, clients: Sequence[ClientMap]) -> Iterator[Finding]:
    """Devices nobody polls, points their client file lacks, models and quantities that do not exist."""
    points = _known_points(clients)
    for stem, device in shape.sim.items():
        path = child("$", "sim", stem)
        if stem in points:
            yield from _check_device(site, path, stem, device, points[stem])
        elif not any(Path(name).stem == stem for one in shape.instances for name in one.modbus_clients):
            # One whose file is named is there or not, but could not be used: that is told already.
            text = f"no client file is called {stem}.json, so this device is not simulated"
            hint = f"use one of {', '.join(points) or 'none'}"
            yield site.finding(Severity.WARNING, "sim-unused", path, text, hint)


def load_plant(
    file: Path, clients: Sequence[ClientMap]
) -> tuple[dict[str, dict[str, object]], list[Finding]]:
    """The models of a file by themselves, or of a site.json, for these clients; others are left out.

    The mapping is empty when a finding is FATAL.
    """
    source, findings = read_object(file, "name a file with the `sim` member of a site.json, or a site.json")
    if source is None:
        return {}, findings
    inside = "instances" in source.tree or "sim" in source.tree
    path, tree = (child("$", "sim"), source.tree.get("sim", {})) if inside else ("$", source.tree)
    points = _known_points(clients)
    plant: dict[str, dict[str, object]] = {}
    for stem, device in (tree if isinstance(tree, dict) else {"": tree}).items():
        place = child(path, stem) if stem else path
        if not isinstance(device, dict):
            text, hint = "a model is an object", 'write {"model": "battery", "points": {...}}'
            findings.append(source.finding(Severity.FATAL, "sim-model", place, text, hint))
        elif stem in points:
            found = list(_check_device(source, place, stem, device, points[stem]))
            findings += found
            if not any(finding.code == "sim-model" for finding in found):
                plant[stem] = device
    if any(finding.severity is Severity.FATAL for finding in findings):
        return {}, findings
    if not plant:
        text = f"no model here is for {', '.join(points) or 'any client file'}"
        hint = "call each model as its client file, without .json"
        findings.append(source.finding(Severity.WARNING, "sim-unused", path, text, hint))
    return plant, findings


def _known_points(clients: Sequence[ClientMap]) -> dict[str, set[str]]:
    """Stem -> every `component/point` of it."""
    return {
        client.stem: {
            f"{component.id}/{point.id}" for component in client.components for point in component.points
        }
        for client in clients
    }


def _check_device(
    source: Source, path: str, stem: str, device: dict[str, object], points: set[str]
) -> Iterator[Finding]:
    """What is wrong with the model of one device."""
    try:
        # A point of another kind is reported below, and the model cannot take it.
        Plant({stem: device | {"points": {q: p for q, p in _points(device).items() if _is_named(p)}}})
    except (ConfigError, TypeError) as error:
        yield source.finding(Severity.ERROR, "sim-model", path, str(error), "correct the entry")
    for quantity, point in _points(device).items():
        for one in point if isinstance(point, list) else [point]:
            if isinstance(one, str) and one in points:
                continue
            near = ", ".join(get_close_matches(str(one), points, 3))
            hint = f"use {near}" if near else "use a point as component/point"
            place = child(path, "points", quantity)
            yield source.finding(Severity.ERROR, "sim-point", place, f"{stem} has no point {one!r}", hint)


def _points(device: Mapping[str, object]) -> dict[str, object]:
    """Quantity -> point of a simulated device, as site.json has it."""
    points = device.get("points", {})
    return points if isinstance(points, dict) else {"points": points}


def _is_named(point: object) -> bool:
    return isinstance(point, str) or (isinstance(point, list) and all(isinstance(one, str) for one in point))


def check_live(site: Source, shape: SiteShape, names: Sequence[str]) -> Iterator[Finding]:
    """Values that no instance of the site is asked for."""
    for index, live in enumerate(shape.live):
        named = live.uri.strip("/").partition("/")[0]
        if named not in names:
            path = child("$", "live", index, "uri")
            text = f"{live.uri} begins with no instance of this site, so {live.label!r} stays empty"
            hint = f"begin it with {' or '.join('/' + name for name in names)}"
            yield site.finding(Severity.WARNING, "live-unknown", path, text, hint)
