"""The control API of simulated devices: its routes in the operator API, and an app of them alone."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.roles import Role
from ess_actors.core.simulated_faults import KINDS
from ess_actors.core.site_access import SiteAccess
from ess_actors.web import incoming
from ess_actors.web.access import Access
from ess_actors.web.answers import Refusal, complete, json_answer
from ess_actors.web.bridge import SimBridge
from ess_actors.web.guard import Guard, in_time
from ess_actors.web.served import OBJECT, TEXT, Served, many, one_of, routes_of, shape, whole
from ess_actors.web.shield import Shielded


def sim_routes(bridge: SimBridge, access: Access) -> list[Served]:
    """GET and POST below /api/sim."""
    api = _SimApi(bridge, access)
    device = {"stem": TEXT}
    unknown = {404: "no such simulated device, component or point", 409: "the site runs on real devices"}
    listed = shape({"devices": many(OBJECT)})
    return [
        Served(
            "GET", "/api/sim", Role.VIEWER, api.devices, "The simulated devices, and their faults",
            listed, codes=unknown,
        ),
        Served(
            "GET", "/api/sim/writes", Role.VIEWER, api.writes, "What masters wrote to the devices",
            query={"since": whole(0, 10**12)}, codes=unknown,
        ),
        Served(
            "GET", "/api/sim/{stem}/points", Role.VIEWER, api.read, "Every point of a device",
            path_values=device, codes=unknown,
        ),
        Served(
            "GET", "/api/sim/{stem}/points/{path:path}", Role.VIEWER, api.read, "One point, or a component's",
            path_values=device, codes=unknown,
        ),
        Served(
            "POST", "/api/sim/{stem}/points", Role.ENGINEER, api.points, "Set points of a device",
            body={"type": "object", "minProperties": 1}, path_values=device, codes=unknown,
        ),
        Served(
            "GET", "/api/sim/{stem}/fault", Role.VIEWER, api.faults, "The faults a device has now",
            path_values=device, codes=unknown,
        ),
        Served(
            "POST", "/api/sim/{stem}/fault", Role.ENGINEER, api.fault, "Make a device fail in a chosen way",
            body=shape({"kind": one_of(*sorted(KINDS))}), path_values=device, codes=unknown,
        ),
    ]  # fmt: skip


def create_sim_app(bridge: SimBridge) -> Starlette:
    """An app of these routes alone, for `ApiServer`: a tool of development that serves its own host only."""
    access = Access(SiteAccess(loopback=Role.ENGINEER))
    guard = Guard(lambda code: None, access)
    handlers: Any = {HTTPException: guard.no_route}
    routes, _ = routes_of(sim_routes(bridge, access), guard)
    app = Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(Shielded)])
    app.router.redirect_slashes = False
    app.state.closing = asyncio.Event()
    return app


class _SimApi:
    def __init__(self, bridge: SimBridge, access: Access) -> None:
        self._bridge = bridge
        self._access = access

    async def devices(self, _: Request) -> Response:
        return complete(*await in_time(self._bridge.sim_devices()))

    async def writes(self, request: Request) -> Response:
        text = request.query_params.get("since", "0")
        if not text.isdecimal() or len(text) > 13:
            raise Refusal(400, "bad_request", f"since={text[:20]!r} is no number of a write; begin with 0")
        return complete(*await in_time(self._bridge.sim_writes(int(text))))

    async def read(self, request: Request) -> Response:
        path = request.path_params.get("path", "")
        return complete(*await in_time(self._bridge.sim_read(request.path_params["stem"], path)))

    async def points(self, request: Request) -> Response:
        points = await incoming.json_object(request)
        if not points:
            raise Refusal(400, "bad_request", 'no point given; send {"component/point": value, ...}')
        stem = request.path_params["stem"]
        return await self._changed(request, points, self._bridge.sim_points(stem, points))

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
        stem = request.path_params["stem"]
        return await self._changed(request, fault, self._bridge.sim_fault(stem, fault))

    async def _changed(
        self, request: Request, what: dict[str, object], order: Awaitable[tuple[int, dict[str, object]]]
    ) -> Response:
        """Who plays with a device is in the audit table too: what it then does may look like the plant."""
        result = "no_answer"
        try:
            code, body = await in_time(order)
            result = "ok" if code == 200 else str(body.get("error") or "refused")
        finally:
            try:
                text = orjson.dumps(what).decode()
            except orjson.JSONEncodeError:
                text = '"too deep to be shown"'
            uri = f"/sim/{request.path_params['stem']}"
            self._access.audit(incoming.by_whom(request), uri, text, result)
        return complete(code, body)
