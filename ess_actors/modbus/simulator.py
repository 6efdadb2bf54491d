"""Simulated devices made from client files: real sockets, the client's codec in reverse, faults on demand."""

import asyncio
import contextlib
import difflib
import time
from collections.abc import Mapping, Sequence
from typing import Final

from ess_actors.core.bits import BadValueError
from ess_actors.core.errors import RequestError
from ess_actors.core.plant_model import Plant
from ess_actors.core.points import ClientMap, Point
from ess_actors.core.registers import decode, encode, encode_raw, naked, raw_number
from ess_actors.core.transaction import TARGET_SILENT
from ess_actors.modbus.answering import answer
from ess_actors.modbus.device_image import DeviceImage
from ess_actors.modbus.listener import Listener, Reply

FAULT_KINDS: Final = ("none", "offline", "mute", "delay", "exception", "freeze")
HEARTBEAT_S: Final = 1.0

Address = tuple[str, int]


class _Endpoint:
    """One listener and the units behind it."""

    def __init__(self, maps: Sequence[ClientMap], host: str, port: int, strict_gaps: bool) -> None:
        points = [point for found in maps for component in found.components for point in component.points]
        units = sorted({point.unit for point in points})
        self.images = {
            unit: DeviceImage(
                {point.register: None for point in points if point.unit == unit}, strict_gaps=strict_gaps
            )
            for unit in units
        }
        self.faults: dict[int, Mapping[str, object]] = {}
        self.offline: set[str] = set()
        self.listener = Listener(host, port, self.respond, max_clients=256)

    def respond(self, unit: int, pdu: bytes) -> Reply | None:
        image = self.images.get(unit)
        if image is None:
            return Reply(bytes((pdu[0] | 0x80, TARGET_SILENT)))
        fault = self.faults.get(unit, {})
        match fault.get("kind"):
            case "mute":
                return None
            case "exception":
                return Reply(bytes((pdu[0] | 0x80, int(str(fault["code"])))))
            case "delay":
                return Reply(answer(pdu, image), float(str(fault["ms"])) / 1000.0)
        return Reply(answer(pdu, image))


class _Device:
    """One client file: its endpoint, its points by `component/point`, its counting heartbeats."""

    def __init__(self, client_map: ClientMap, endpoint: _Endpoint) -> None:
        self.endpoint = endpoint
        self.points: dict[str, Point] = {}
        self.heartbeats: list[Point] = []
        for component in client_map.components:
            for point in component.points:
                if not point.shadowed:
                    self.points[f"{component.id}/{point.id}"] = point
            beat = component.heartbeat.read if component.heartbeat else ""
            if beat and (found := self.points.get(f"{component.id}/{beat}")):
                self.heartbeats.append(found)
        self.units = sorted({point.unit for point in self.points.values()})
        self.held: set[str] = set()

    def image(self, point: Point) -> DeviceImage:
        return self.endpoint.images[point.unit]


class Simulator:
    """One simulated device per client file, one listener per endpoint.

    `ports` maps an endpoint's address in the files to the port to listen on (none named: a free one);
    `plant` is the mapping of `core.plant_model.Plant`. Times in seconds. Everything runs on one loop.
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
    ) -> None:
        by_address: dict[Address, list[ClientMap]] = {}
        for client_map in maps:
            by_address.setdefault(client_map.endpoint.address, []).append(client_map)
        self._endpoints = {
            address: _Endpoint(found, host, (ports or {}).get(address, 0), strict_gaps)
            for address, found in by_address.items()
        }
        self._devices = {m.stem: _Device(m, self._endpoints[m.endpoint.address]) for m in maps}
        self._plant = Plant({s: d for s, d in (plant or {}).items() if s in self._devices})
        self._step_s = step_s
        self._task: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> dict[str, Address]:
        """Stem -> (host, port) its device listens on, once started."""
        listeners = {stem: device.endpoint.listener for stem, device in self._devices.items()}
        return {stem: (listener.host, listener.port) for stem, listener in listeners.items()}

    async def start(self) -> None:
        """Listens and begins to live. Raises OSError when an address cannot be had."""
        if self._task is not None:
            return
        for endpoint in self._endpoints.values():
            await endpoint.listener.start()
        self._step(self._step_s)
        self._task = asyncio.create_task(self._live(), name="simulator")

    async def stop(self) -> None:
        """Closes every socket."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for endpoint in self._endpoints.values():
            endpoint.listener.stop()

    def value(self, stem: str, path: str) -> object:
        """Engineering value of `component/point` in the device; None when there is no such point (or NaN)."""
        device = self._devices.get(stem)
        point = device.points.get(path) if device else None
        if device is None or point is None:
            return None
        return decode(point.codec, device.image(point).words(point.register))

    def set_points(self, stem: str, values: Mapping[str, object]) -> None:
        """Sets `component/point` -> engineering value (null: the model moves it again), all or none.

        A point the plant model moves stays where it is put, except those the model goes on from.
        Raises RequestError: unknown_device, unknown_id, bad_value.
        """
        device = self._device(stem)
        changes: list[tuple[str, object]] = []
        for path, clothed in values.items():
            point = device.points.get(path)
            if point is None:
                near = difflib.get_close_matches(path, device.points, 3)
                raise RequestError(
                    "unknown_id", f"no point {path!r} in {stem}; nearest: {', '.join(near) or 'none'}"
                )
            value = naked(clothed)
            if value is not None:
                try:
                    encode(point.codec, value, device.image(point).words(point.register))
                except BadValueError as error:
                    raise RequestError("bad_value", f"{path}: {error}") from error
            changes.append((path, value))
        for path, value in changes:
            if value is None:
                device.held.discard(path)
                continue
            self._put(device, device.points[path], value)
            if not self._plant.adopt(stem, path, value):
                device.held.add(path)

    async def fault(self, stem: str, fault: Mapping[str, object]) -> None:
        """`{"kind": offline|mute|delay|exception|freeze|none, "ms": ..., "code": ..., "unit": n}`.

        `delay` needs ms, `exception` code 1..255; without unit all units of the file. A new fault replaces
        the one before. `offline` takes everything behind the same endpoint away. Raises RequestError.
        """
        device = self._device(stem)
        kind = fault.get("kind")
        if kind not in FAULT_KINDS:
            raise RequestError("bad_body", f"kind is one of {', '.join(FAULT_KINDS)}")
        _need(fault, "delay", "ms", 3_600_000)
        _need(fault, "exception", "code", 255)
        unit = fault.get("unit")
        if unit is not None and unit not in device.units:
            raise RequestError("unknown_id", f"{stem} has the units {device.units}")
        endpoint = device.endpoint
        for one in device.units:
            endpoint.faults.pop(one, None)
            endpoint.images[one].freeze(False)
            if unit in (None, one) and kind != "none":
                endpoint.faults[one] = dict(fault)
                endpoint.images[one].freeze(kind == "freeze")
        endpoint.offline.discard(stem)
        if kind == "offline":
            endpoint.offline.add(stem)
        if endpoint.offline:
            endpoint.listener.stop()
        elif self._task is not None:
            await endpoint.listener.start()

    def _device(self, stem: str) -> _Device:
        device = self._devices.get(stem)
        if device is None:
            raise RequestError(
                "unknown_device", f"no simulated device {stem!r}; there are {', '.join(self._devices)}"
            )
        return device

    def _put(self, device: _Device, point: Point, value: object) -> None:
        image = device.image(point)
        image.put(point.register, encode(point.codec, value, image.words(point.register)).words)

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
                self._beat()

    def _beat(self) -> None:
        for device in self._devices.values():
            for point in device.heartbeats:
                image = device.image(point)
                words = image.words(point.register)
                number = raw_number(point.codec, words) + 1
                image.put(point.register, encode_raw(point.codec, number, words))

    def _step(self, dt: float) -> None:
        for stem, values in self._plant.step(dt, self.value).items():
            device = self._devices[stem]
            for path, value in values.items():
                if path not in device.held and (point := device.points.get(path)):
                    self._put(device, point, value)


def _need(fault: Mapping[str, object], kind: str, key: str, most: int) -> None:
    value = fault.get(key)
    if fault.get("kind") == kind and not (isinstance(value, (int, float)) and 0 < value <= most):
        raise RequestError("bad_body", f"{kind} needs {key}, a number above 0 and up to {most}")
