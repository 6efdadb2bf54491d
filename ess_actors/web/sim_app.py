"""The control API of simulated devices: its routes in the operator API, and an app of them alone."""

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ess_actors.core.simulated_faults import KINDS
from ess_actors.web import incoming
from ess_actors.web.answers import Refusal, complete, json_answer
from ess_actors.web.bridge import SimBridge
from ess_actors.web.guard import Guard, in_time


def sim_routes(bridge: SimBridge, guard: Guard) -> list[Route]:
    """GET and POST below /api/sim."""
    api = _SimApi(bridge)
    return [
        Route("/api/sim", guard(api.devices), methods=["GET"]),
        Route("/api/sim/writes", guard(api.writes), methods=["GET"]),
        Route("/api/sim/{stem}/points", guard(api.read), methods=["GET"]),
        Route("/api/sim/{stem}/points/{path:path}", guard(api.read), methods=["GET"]),
        Route("/api/sim/{stem}/points", guard(api.points), methods=["POST"]),
        Route("/api/sim/{stem}/fault", guard(api.faults), methods=["GET"]),
        Route("/api/sim/{stem}/fault", guard(api.fault), methods=["POST"]),
    ]


def create_sim_app(bridge: SimBridge) -> Starlette:
    """An app of these routes alone, for `ApiServer`."""
    guard = Guard(lambda code: None)
    handlers: Any = {HTTPException: guard.no_route}
    app = Starlette(routes=sim_routes(bridge, guard), exception_handlers=handlers)
    app.state.closing = asyncio.Event()
    return app


class _SimApi:
    def __init__(self, bridge: SimBridge) -> None:
        self._bridge = bridge

    async def devices(self, _: Request) -> Response:
        return complete(*await in_time(self._bridge.sim_devices()))

    async def writes(self, request: Request) -> Response:
        text = request.query_params.get("since", "0")
        if not text.isdecimal():
            raise Refusal(400, "bad_request", f"since={text!r} is no number of a write; begin with 0")
        return complete(*await in_time(self._bridge.sim_writes(int(text))))

    async def read(self, request: Request) -> Response:
        path = request.path_params.get("path", "")
        return complete(*await in_time(self._bridge.sim_read(request.path_params["stem"], path)))

    async def points(self, request: Request) -> Response:
        points = await incoming.json_object(request)
        if not points:
            raise Refusal(400, "bad_request", 'no point given; send {"component/point": value, ...}')
        return complete(*await in_time(self._bridge.sim_points(request.path_params["stem"], points)))

    async def faults(self, request: Request) -> Response:
        code, body = await in_time(self._bridge.sim_devices())
        stem, devices = request.path_params["stem"], body.get("devices")
        if code != 200 or not isinstance(devices, list):
            return complete(code, body)
        for device in devices:
            if device["stem"] == stem:
                return json_answer(200, {"stem": stem, "faults": device["faults"]})
        known = ", ".join(str(device["stem"]) for device in devices)
        raise Refusal(404, "unknown_device", f"no simulated device {stem!r}; there are {known}")

    async def fault(self, request: Request) -> Response:
        fault = await incoming.json_object(request)
        kind = fault.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            text = f'kind {kind!r} is unknown; send {{"kind": one of {", ".join(KINDS)}}}'
            raise Refusal(400, "bad_request", text)
        return complete(*await in_time(self._bridge.sim_fault(request.path_params["stem"], fault)))
