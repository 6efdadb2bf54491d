"""The `sim` and `live` members of site.json: the points, models and instances they name exist."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from ess_actors.config.documents import Source, child
from ess_actors.config.site_schema import SiteShape
from ess_actors.core.errors import ConfigError
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.plant_model import Plant
from ess_actors.core.points import ClientMap


def check_sim(site: Source, shape: SiteShape, clients: Sequence[ClientMap]) -> Iterator[Finding]:
    """Devices nobody polls, points their client file lacks, models and quantities that do not exist."""
    points = {
        client.stem: {
            f"{component.id}/{point.id}" for component in client.components for point in component.points
        }
        for client in clients
    }
    for stem, device in shape.sim.items():
        path = child("$", "sim", stem)
        if stem not in points:
            if any(Path(name).stem == stem for one in shape.instances for name in one.modbus_clients):
                continue  # the file is there or not, but could not be used: that is told already
            text = f"no client file is called {stem}.json, so this device is not simulated"
            hint = f"use one of {', '.join(points) or 'none'}"
            yield site.finding(Severity.WARNING, "sim-unused", path, text, hint)
            continue
        try:
            # A point of another kind is reported below, and the model cannot take it.
            Plant({stem: device | {"points": {q: p for q, p in _points(device).items() if _is_named(p)}}})
        except (ConfigError, TypeError) as error:
            yield site.finding(Severity.ERROR, "sim-model", path, str(error), "correct the entry")
        for quantity, point in _points(device).items():
            for one in point if isinstance(point, list) else [point]:
                if isinstance(one, str) and one in points[stem]:
                    continue
                near = ", ".join(get_close_matches(str(one), points[stem], 3))
                hint = f"use {near}" if near else "use a point as component/point"
                place = child(path, "points", quantity)
                yield site.finding(Severity.ERROR, "sim-point", place, f"{stem} has no point {one!r}", hint)


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
