"""The points of one simulated device: found by `component/point`, read and put in engineering units."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ess_actors.core.bits import BadValueError
from ess_actors.core.codec import Codec
from ess_actors.core.component_writes import Reply, bad_value
from ess_actors.core.errors import RequestError
from ess_actors.core.points import ClientMap, Point
from ess_actors.core.registers import Encoded, encode, encode_raw, naked, raw_number, value_reader
from ess_actors.modbus.device_image import DeviceImage


@dataclass(slots=True, eq=False)
class SimPoint:
    """One point, the image it lives in, and its compiled reader."""

    path: str
    component: str
    point: Point
    image: DeviceImage
    read: Callable[[int], object]
    _shown: object = None
    _number: int = -1

    @property
    def codec(self) -> Codec:
        """How its words become a value."""
        return self.point.codec

    def value(self) -> object:
        """In engineering units; None when the words are no number."""
        return self.read(self.image.number(self.point.register))

    def shown(self) -> dict[str, object]:
        """Value and words, for an operator."""
        return {"value": tellable(self.value()), "words": list(self.image.words(self.point.register))}

    def put(self, value: object) -> Encoded:
        """Sets it from inside the device. Raises BadValueError."""
        encoded = encode(self.codec, value, self.image.words(self.point.register))
        self.image.put(self.point.register, encoded.words)
        return encoded

    def show(self, value: object) -> None:
        """The same for what is put again and again: the same value costs little."""
        if value == self._shown and self.image.number(self.point.register) == self._number:
            return
        self.put(value)
        self._shown, self._number = value, self.image.number(self.point.register)

    def order(self, value: object) -> Reply:
        """The same for an operator; the reply has the value it shows now. Raises BadValueError."""
        encoded = self.put(value)
        reply: Reply = {"value": tellable(self.value()), "status": "ok"}
        if encoded.clamped:
            reply |= {"status": "clamped", "requested": value}
        if encoded.lost:
            reply["lost_bits"] = list(encoded.lost)
        return reply

    def check(self, value: object) -> None:
        """Raises BadValueError for a value it cannot take."""
        encode(self.codec, value, self.image.words(self.point.register))

    def beat(self) -> None:
        """One more, wrapping at its type."""
        words = self.image.words(self.point.register)
        if self.codec.is_float:
            value = self.value()
            self.put(value + 1 if isinstance(value, float) else 0)
            return
        self.image.put(self.point.register, encode_raw(self.codec, raw_number(self.codec, words) + 1, words))


def tellable(value: object) -> object:
    """The value as JSON can carry it: a number beyond 64 bits becomes a float."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return float(value)
    return value


class SimPoints:
    """All points of one client file, as a master sees them.

    Where one name is used twice the first one is meant; the other is `component/point@holding` (or
    another table).
    """

    def __init__(self, client_map: ClientMap, images: Mapping[int, DeviceImage]) -> None:
        self.by_path: dict[str, SimPoint] = {}
        self.components: tuple[str, ...] = tuple(dict.fromkeys(c.id for c in client_map.components))
        self.heartbeats: tuple[SimPoint, ...] = ()
        heartbeats: dict[object, SimPoint] = {}
        for component in client_map.components:
            for point in component.points:
                path = f"{component.id}/{point.id}"
                if path in self.by_path:
                    path = f"{path}@{point.table.name.lower()}"
                found = SimPoint(path, component.id, point, images[point.unit], value_reader(point.codec))
                self.by_path.setdefault(path, found)
            beat = component.heartbeat.read if component.heartbeat else ""
            if beat and (read := self.by_path.get(f"{component.id}/{beat}")):
                where = (read.point.unit, read.point.table, read.point.address, read.codec.first_bit)
                heartbeats.setdefault(where, read)
        self.heartbeats = tuple(heartbeats.values())

    def find(self, path: str) -> SimPoint:
        """Raises RequestError unknown_id with the nearest names."""
        found = self.by_path.get(path.strip("/"))
        if found is None:
            raise self._unknown(path)
        return found

    def below(self, path: str) -> list[SimPoint]:
        """All points of a component, of the whole device when `path` is empty. Raises RequestError."""
        path = path.strip("/")
        if path and path not in self.components:
            raise self._unknown(path)
        return [one for one in self.by_path.values() if not path or one.component == path]

    def put_each(self, values: Mapping[str, object]) -> dict[str, Reply]:
        """Puts what can be put, naked or clothed; a reply for every path."""
        replies: dict[str, Reply] = {}
        for path, value in values.items():
            try:
                replies[path] = self.find(path).order(naked(value))
            except BadValueError as error:
                replies[path] = bad_value(error)
            except RequestError as error:
                replies[path] = {"status": error.status, "text": str(error)}
        return replies

    def _unknown(self, path: str) -> RequestError:
        names = [*self.by_path, *self.components]
        near = difflib.get_close_matches(path, names, 3) or list(self.components)[:3]
        return RequestError("unknown_id", f"no point {path!r}; nearest: {', '.join(near) or 'none'}")
