"""Which points of a site can serve as probes: nothing else moves them, and nothing depends on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ess_actors.chaos.stage import Safe, maps_of
from ess_actors.config.site import Site
from ess_actors.core.codec import Shape
from ess_actors.core.points import ClientMap, Component, Point
from ess_actors.modbus.simulator import device_names


@dataclass(frozen=True, slots=True)
class Probe:
    """One point of one device."""

    stem: str
    component: str
    """Its uri on the bus."""
    path: str
    """`component/point`."""
    point: str
    patience_s: float
    """How late a value may be read at the device and still be fresh."""

    @property
    def uri(self) -> str:
        """The point on the bus."""
        return f"{self.component}/{self.point}"


def commands(site: Site, safe: list[Safe]) -> list[Probe]:
    """Numbers that can be written and have no safe value."""
    kept = {(one.stem, path) for one in safe for path in one.values}
    return [
        probe
        for probe, point in _points(site)
        if point.table.writable and _is_number(point) and (probe.stem, probe.path) not in kept
    ]


def witnesses(site: Site) -> list[Probe]:
    """One number per device that only we move, of the component polled most often."""
    found: dict[str, tuple[int, Probe]] = {}
    for probe, point in _points(site):
        plain = point.codec.scale is None and not point.codec.shift and not point.codec.signed
        if not point.table.writable and plain and _is_number(point):
            known = found.get(probe.stem)
            if known is None or point.period_ms < known[0]:
                found[probe.stem] = (point.period_ms, probe)
    return [probe for _, probe in found.values()]


def alarms(site: Site) -> list[Probe]:
    """Single bits that are only read; those that are called as alarms are called come first."""
    bits = [
        probe for probe, point in _points(site) if not point.table.writable and point.codec.shape is Shape.BIT
    ]
    return sorted(bits, key=lambda probe: not probe.point.startswith("a_"))


def _points(site: Site) -> Iterator[tuple[Probe, Point]]:
    maps = maps_of(site)
    watched = {instance.emergency.uri for instance in site.instances if instance.emergency}
    for stem, client in zip(device_names(maps), maps, strict=True):
        moved = set(_texts(site.sim.get(stem, {}).get("points", {})))
        for component in client.components:
            for point in component.points:
                probe = _probe(stem, client, component, point)
                if probe.path not in moved and probe.uri not in watched and _is_plain(component, point):
                    yield probe, point


def _probe(stem: str, client: ClientMap, component: Component, point: Point) -> Probe:
    patience = client.endpoint.transfer_timeout_s + 0.3
    return Probe(stem, component.uri, f"{component.id}/{point.id}", point.id, patience)


def _is_plain(component: Component, point: Point) -> bool:
    beat = component.heartbeat
    return (
        point.published
        and not point.shadowed
        and not point.clothed
        and not point.echo_id
        and not point.debounce_s
        and (beat is None or point.id not in (beat.read, beat.write))
    )


def _is_number(point: Point) -> bool:
    codec = point.codec
    return codec.shape is Shape.NUMBER and codec.size == 1 and codec.bits == 16 and not codec.is_float


def _texts(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, list | dict):
        for one in found.values() if isinstance(found, dict) else found:
            yield from _texts(one)
