"""Simulated devices on the bus: `/sim/<connection>/<component>[/<point>]` and `/sim/<connection>/_fault`.

Nothing is published there: what a simulated device shows reaches the bus through the client that polls it.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from ess_actors.core.component_writes import multi_reply
from ess_actors.core.errors import RequestError
from ess_actors.core.uri import clean
from ess_actors.modbus.simulator import Simulator

BASE: Final = "/sim"

_STATUSES: Final = {"bad_body": "bad_value", "unknown_device": "unknown_id"}
"""Words of the operator API -> those of the bus."""


class SimulatorBus:
    """Answers gets and sets, and passes on what echoing points follow."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """What it must be told of."""
        return (f"get:{BASE}", f"set:{BASE}", *(f"pub:{uri}" for uri in self._simulator.echoes.uris))

    def heard(self, uri: str, body: bytes) -> None:
        """A publication."""
        values = _decoded(body)
        if isinstance(values, dict):
            self._simulator.echoes.heard(clean(uri), values)

    async def answer(self, method: str, uri: str, body: bytes) -> object:
        """The reply's body to a get or set; a status word where it cannot be done."""
        try:
            return await self._answer(method, uri, body)
        except RequestError as error:
            return {"status": _STATUSES.get(error.status, error.status), "text": str(error)}

    async def _answer(self, method: str, uri: str, body: bytes) -> object:
        stem, path = self._place(clean(uri).removeprefix(BASE).strip("/"))
        if method == "get":
            return self._get(stem, path)
        value = _decoded(body)
        if value is _NOT_JSON:
            raise RequestError("bad_value", "the body is not JSON")
        if path != "_fault":
            return self._set(stem, path, value)
        if not isinstance(value, dict):
            raise RequestError("bad_value", 'send an object such as {"kind": "mute"}')
        await self._simulator.fault(stem, value)
        return {"status": "ok"}

    def _place(self, rest: str) -> tuple[str, str]:
        """Stem, and what stands behind the connection's name."""
        connections = self._simulator.connections
        fitting = [name for name in connections if f"{rest}/".startswith(f"{name}/")]
        if not fitting:
            known = ", ".join(connections)
            raise RequestError("unknown_id", f"no simulated connection for {rest!r}; there are {known}")
        name = max(fitting, key=len)
        return connections[name], rest.removeprefix(name).strip("/")

    def _get(self, stem: str, path: str) -> object:
        if path == "_fault":
            return next(one["faults"] for one in self._simulator.devices() if one["stem"] == stem)
        found: Any = self._simulator.read(stem, path)
        if "points" not in found:
            return found["value"]
        return {name.removeprefix(f"{path}/"): shown["value"] for name, shown in found["points"].items()}

    def _set(self, stem: str, path: str, value: object) -> object:
        if path and path not in self._simulator.components(stem):
            return self._simulator.write(stem, {path: value})[path]
        if not isinstance(value, Mapping) or not value:
            raise RequestError("bad_value", "send an object of point ids and values")
        prefix = f"{path}/" if path else ""
        replies = self._simulator.write(stem, {f"{prefix}{name}": one for name, one in value.items()})
        return multi_reply({name.removeprefix(prefix): reply for name, reply in replies.items()})


_NOT_JSON: Final = object()


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _NOT_JSON
