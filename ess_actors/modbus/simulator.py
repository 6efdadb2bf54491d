"""Simulated devices made from client files: real sockets, the client's codec in reverse, faults on demand."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from ess_actors.core.bits import BadValueError
from ess_actors.core.component_writes import Reply
from ess_actors.core.errors import RequestError
from ess_actors.core.plant_model import Plant
from ess_actors.core.points import ClientMap, Endpoint, Serial
from ess_actors.core.registers import naked
from ess_actors.core.simulated_faults import fault_from
from ess_actors.modbus.background import end, in_background
from ess_actors.modbus.device_image import DeviceImage
from ess_actors.modbus.simulator_echo import Echoes, SetField
from ess_actors.modbus.simulator_endpoint import SimulatedEndpoint
from ess_actors.modbus.simulator_log import WriteLog
from ess_actors.modbus.simulator_points import SimPoint, SimPoints
from ess_actors.modbus.simulator_wire import PtyWire, TcpWire

HEARTBEAT_S: Final = 1.0

Address = tuple[str, int]


class _Device:
    """One client file: its endpoint and its points."""

    def __init__(self, client_map: ClientMap, endpoint: SimulatedEndpoint) -> None:
        self.map = client_map
        self.endpoint = endpoint
        self.points = SimPoints(client_map, endpoint.images)
        self.units = sorted({one.point.unit for one in self.points.by_path.values()})
        self.held: set[str] = set()
        """Points an operator put, which the plant model leaves alone."""


class Simulator:
    """One simulated device per client file, one listener per endpoint.

    `ports` maps an endpoint's address in the files to the port to listen on (none named: a free one). A
    serial line becomes a pseudo-terminal, or RTU over TCP when a port is named for it; TLS is left out. With
    `plain` every endpoint speaks Modbus/TCP, whatever its file says.
    `plant` is the mapping of `core.plant_model.Plant`. `set_field` takes what masters write to points that
    echo the bus. Times in seconds. Everything runs on one loop.
    """

    def __init__(
        self,
        maps: Sequence[ClientMap],
        *,
        host: str = "127.0.0.1",
        ports: Mapping[Address, int] | None = None,
        plant: Mapping[str, Mapping[str, object]] | None = None,
        step_s: float = 0.1,
        strict_gaps: bool = False,
        plain: bool = False,
        set_field: SetField | None = None,
    ) -> None:
        by_address: dict[Address, list[ClientMap]] = {}
        for client_map in maps:
            by_address.setdefault(client_map.endpoint.address, []).append(client_map)
        self._endpoints = {
            address: _endpoint(found, host, (ports or {}).get(address), strict_gaps, plain)
            for address, found in by_address.items()
        }
        self._devices: dict[str, _Device] = {}
        for name, client_map in zip(device_names(maps), maps, strict=True):
            self._devices[name] = _Device(client_map, self._endpoints[client_map.endpoint.address])
        self.echoes = Echoes(self._points(), set_field)
        self.writes = WriteLog()
        for name, device in self._devices.items():
            wire = device.endpoint.wire
            self.writes.watch(name, device.points.by_path.values(), partial(getattr, wire, "speaker"))
        self._plant = Plant({s: d for s, d in (plant or {}).items() if s in self._devices})
        self._step_s = step_s
        self._task: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> dict[str, Address]:
        """Stem -> (host, port) its device listens on, or (path of its line, 0), once started."""
        return {stem: device.endpoint.wire.address for stem, device in self._devices.items()}

    @property
    def connections(self) -> dict[str, str]:
        """Name on the bus -> stem: the connection's name, or the stem where that is another device's."""
        found: dict[str, str] = {}
        for stem, device in self._devices.items():
            found.setdefault(device.map.endpoint.name.replace(" ", "_"), stem)
        return found | {stem: stem for stem in self._devices if stem not in found}

    async def start(self) -> None:
        """Listens and begins to live. Raises OSError when an address cannot be had."""
        if self._task is not None:
            return
        for endpoint in self._endpoints.values():
            await endpoint.start()
        self._step(self._step_s)
        self._task = in_background(self._live(), "simulator")

    async def stop(self) -> None:
        """Closes every socket and line."""
        task, self._task = self._task, None
        for endpoint in self._endpoints.values():
            endpoint.close()
        ending = [one for endpoint in self._endpoints.values() for one in endpoint.tasks]
        await end(*ending, *([] if task is None else [task]))

    # --- points -----------------------------------------------------------------------------------------------

    def devices(self) -> list[dict[str, object]]:
        """Every device, for an operator: where it is, what it has, and what is wrong with it."""
        return [self._device_body(stem, device) for stem, device in self._devices.items()]

    def components(self, stem: str) -> tuple[str, ...]:
        """Ids of a device's components. Raises RequestError unknown_device."""
        return self._device(stem).points.components

    def value(self, stem: str, path: str) -> object:
        """Engineering value of `component/point` in the device; None when there is no such point (or NaN)."""
        device = self._devices.get(stem)
        found = device.points.by_path.get(path) if device else None
        return None if found is None else found.value()

    def read(self, stem: str, path: str = "") -> dict[str, object]:
        """`{"value", "words"}` of a point; of a component, or the whole device: `{"points": {path: those}}`.

        Raises RequestError: unknown_device, unknown_id.
        """
        points = self._device(stem).points
        if path.strip("/") in points.by_path:
            return points.find(path).shown()
        return {"points": {one.path: one.shown() for one in points.below(path)}}

    def set_points(self, stem: str, values: Mapping[str, object]) -> dict[str, Reply]:
        """Sets `component/point` -> engineering value (null: the model moves it again), all or none.

        A point the plant model moves stays where it is put, except those the model goes on from.
        Raises RequestError: unknown_device, unknown_id, bad_value.
        """
        device = self._device(stem)
        for path, value in values.items():
            found = device.points.find(path)
            try:
                if naked(value) is not None:
                    found.check(naked(value))
            except BadValueError as error:
                raise RequestError("bad_value", f"{path}: {error}") from error
        return self.write(stem, values)

    def write(self, stem: str, values: Mapping[str, object]) -> dict[str, Reply]:
        """The same point by point: a reply for each, and none keeps the others from being set.

        Raises RequestError unknown_device.
        """
        device = self._device(stem)
        given = {path.strip("/"): naked(value) for path, value in values.items()}
        replies = device.points.put_each({path: v for path, v in given.items() if v is not None})
        for path, value in given.items():
            if value is None:
                device.held.discard(path)
                self._plant.release(stem, path)
                replies[path] = {"value": self.value(stem, path), "status": "ok"}
            elif "value" in replies[path] and not self._plant.adopt(stem, path, value):
                device.held.add(path)
        return replies

    async def fault(self, stem: str, order: Mapping[str, object]) -> None:
        """Lets a device, or one unit of it, misbehave; see `core.simulated_faults`. Raises RequestError.

        A fault takes the place of the one its units had before; `none` makes them well.
        """
        device = self._device(stem)
        fault = fault_from(order)
        if fault.unit is not None and fault.unit not in device.units:
            raise RequestError("unknown_id", f"{stem} has the units {', '.join(map(str, device.units))}")
        await device.endpoint.impose(fault, device.units if fault.unit is None else [fault.unit])

    # --- details ----------------------------------------------------------------------------------------------

    def _device(self, stem: str) -> _Device:
        device = self._devices.get(stem)
        if device is None:
            raise RequestError(
                "unknown_device", f"no simulated device {stem!r}; there are {', '.join(self._devices)}"
            )
        return device

    def _device_body(self, stem: str, device: _Device) -> dict[str, object]:
        endpoint, wire = device.map.endpoint, device.endpoint.wire
        host, port = wire.address
        return {
            "stem": stem,
            "connection": endpoint.name,
            "place": f"{host}:{port}" if wire.has_connections else host,
            "framing": "rtu" if wire.rtu else "tcp",
            "stands_for": endpoint.place,
            "units": device.units,
            "components": list(device.points.components),
            "points": len(device.points.by_path),
            "echoes": [p for p in self.echoes.paths if p in device.points.by_path],
            "faults": device.endpoint.faults(),
        }

    def _points(self) -> Iterator[SimPoint]:
        for device in self._devices.values():
            yield from device.points.by_path.values()

    async def _live(self) -> None:
        """Model steps and heartbeats on absolute deadlines; a late step is a longer one."""
        last = time.monotonic()
        beat, step = last + HEARTBEAT_S, last + self._step_s
        while True:
            await asyncio.sleep(max(0.0, min(beat, step) - time.monotonic()))
            now = time.monotonic()
            if now >= step:
                self._step(now - last)
                last, step = now, step + self._step_s * (1 + (now - step) // self._step_s)
            while now >= beat:
                beat += HEARTBEAT_S
                for device in self._devices.values():
                    for point in device.points.heartbeats:
                        point.beat()

    def _step(self, dt: float) -> None:
        for stem, values in self._plant.step(dt, self.value).items():
            device = self._devices[stem]
            for path, value in values.items():
                if path not in device.held and (found := device.points.by_path.get(path)):
                    found.show(value)


def stand_in(endpoint: Endpoint, address: Address) -> Endpoint:
    """The endpoint of a file, changed to reach the device that stands in for it at one of `addresses`."""
    host, port = address
    if not port:
        # Pseudo-terminals know no parity and no short characters, and refuse to be asked for them.
        line = replace(endpoint.serial or Serial(device=host), device=host, parity="N", data_bits=8)
        return replace(endpoint, serial=line)
    rtu = endpoint.rtu or endpoint.serial is not None
    return replace(endpoint, host=host, port=port, serial=None, tls=None, rtu=rtu)


def _endpoint(
    maps: Sequence[ClientMap], host: str, port: int | None, strict_gaps: bool, plain: bool
) -> SimulatedEndpoint:
    registers: dict[int, set[object]] = {}
    for point in (point for one in maps for component in one.components for point in component.points):
        registers.setdefault(point.unit, set()).add(point.register)
    images = {
        unit: DeviceImage(registers[unit], strict_gaps=strict_gaps)  # type: ignore[arg-type]
        for unit in sorted(registers)
    }
    made, first = SimulatedEndpoint(images), maps[0].endpoint
    if first.serial is not None and port is None and not plain:
        made.attach(PtyWire(made.respond))
    else:
        rtu = first.rtu or first.serial is not None
        made.attach(TcpWire(host, port or 0, made.respond, rtu=rtu and not plain))
    return made


def device_names(maps: Sequence[ClientMap]) -> list[str]:
    """What the simulated devices are called, in order: two files of one name are `pcs` and `pcs_2`."""
    names: dict[str, None] = {}
    for one in maps:
        name, number = one.stem, 1
        while name in names:
            number += 1
            name = f"{one.stem}_{number}"
        names[name] = None
    return list(names)
