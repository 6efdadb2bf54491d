"""Points of simulated devices that mirror the bus: they follow a publication, and a write to them becomes a set."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from ess_actors.core.bits import BadValueError
from ess_actors.core.points import Register, Table
from ess_actors.core.registers import encode_raw, join, naked, raw_number
from ess_actors.core.uri import clean
from ess_actors.modbus.device_image import DeviceImage
from ess_actors.modbus.simulator_points import SimPoint, tellable

SetField = Callable[[str, object], None]
"""(uri of the field, value): what a master's write to an echoing point becomes."""


class Echoes:
    """The points with an `echo_id`. Without `set_field` nobody hears of what masters write to them."""

    def __init__(self, points: Iterable[SimPoint], set_field: SetField | None) -> None:
        self._set_field = set_field
        self._followers: dict[str, list[tuple[str, SimPoint]]] = {}
        registers: dict[int, dict[Register, list[SimPoint]]] = {}
        images: dict[int, DeviceImage] = {}
        for point in points:
            uri, _, field = clean(point.point.echo_id).rpartition("/")
            if not uri or not field:
                continue
            self._followers.setdefault(uri, []).append((field, point))
            images[id(point.image)] = point.image
            registers.setdefault(id(point.image), {}).setdefault(point.point.register, []).append(point)
        for key, image in images.items():
            image.on_write = partial(self._written, image, registers[key])

    @property
    def uris(self) -> tuple[str, ...]:
        """Whose publications are followed."""
        return tuple(self._followers)

    @property
    def paths(self) -> tuple[str, ...]:
        """The points that follow."""
        return tuple(point.path for found in self._followers.values() for _, point in found)

    def heard(self, uri: str, body: Mapping[str, object]) -> None:
        """A publication; what it says that a point cannot show leaves the point as it is."""
        for field, point in self._followers.get(uri, ()):
            if field in body:
                try:
                    point.put(naked(body[field]))
                except BadValueError:
                    continue

    def _written(
        self,
        image: DeviceImage,
        registers: Mapping[Register, list[SimPoint]],
        table: Table,
        address: int,
        count: int,
        before: bytes,
    ) -> None:
        width: Final = 1 if table.is_bits else 2
        for register, points in registers.items():
            end = register.address + register.size
            if register.table is not table or end <= address or address + count <= register.address:
                continue
            new = image.words(register)
            old = list(new)
            for place in range(max(address, register.address), min(address + count, end)):
                at = (place - address) * width
                old[place - register.address] = int.from_bytes(before[at : at + width], "big")
            for point in points:
                was = raw_number(point.codec, old)
                if point.codec.partial and raw_number(point.codec, new) == was:
                    continue
                value = tellable(point.read(join(new)))
                if self._set_field is not None and value is not None:
                    self._set_field(clean(point.point.echo_id), value)
                image.put(register, encode_raw(point.codec, was, image.words(register)))
