"""What an operator may ask of simulated devices, by verb: the same for a site's simulators and for those run alone."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ess_actors.modbus.simulator import Simulator

Body = dict[str, object]


async def obey(simulator: Simulator, verb: str, stem: str, body: Mapping[str, Any]) -> Body:
    """The answer's body. `verb` is points, fault, read, devices or writes. Raises RequestError."""
    return await _VERBS[verb](simulator, stem, body)


async def _points(simulator: Simulator, stem: str, body: Mapping[str, Any]) -> Body:
    return {"stem": stem, "points": simulator.set_points(stem, body)}


async def _fault(simulator: Simulator, stem: str, body: Mapping[str, Any]) -> Body:
    await simulator.fault(stem, body)
    return {"stem": stem, "fault": body}


async def _read(simulator: Simulator, stem: str, body: Mapping[str, Any]) -> Body:
    return simulator.read(stem, body["path"])


async def _devices(simulator: Simulator, stem: str, body: Mapping[str, Any]) -> Body:
    return {"devices": simulator.devices()}


async def _writes(simulator: Simulator, stem: str, body: Mapping[str, Any]) -> Body:
    return dict(simulator.writes.since(int(body["since"])))


_VERBS: Final[dict[str, Callable[[Simulator, str, Mapping[str, Any]], Awaitable[Body]]]] = {
    "points": _points,
    "fault": _fault,
    "read": _read,
    "devices": _devices,
    "writes": _writes,
}
