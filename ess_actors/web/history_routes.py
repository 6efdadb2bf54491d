"""Trends over HTTP: which points there are, and what they had, as JSON or CSV."""

import csv
import io
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from time import time
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ess_actors.core.roles import Role
from ess_actors.web.answers import Refusal
from ess_actors.web.bridge import HistoryBridge
from ess_actors.web.guard import in_time
from ess_actors.web.incoming import checked_limit, checked_uri
from ess_actors.web.served import OBJECT, TEXT, Served, many, shape, whole

MOST_POINTS: Final = 20
"""In one trend."""
MOST_SAMPLES: Final = 5000
"""Rows of one point."""
MOST_ROWS: Final = 40_000
"""Rows of all points together."""
_DEFAULT_SPAN_S: Final = 3600.0
_LATEST: Final = 1e11
_QUALITIES: Final = ("GOOD", "UNCERTAIN", "BAD")


def history_routes(history: HistoryBridge) -> list[Served]:
    """GET below /api/history."""
    api = _HistoryApi(history)
    late = {404: "no such point, or no history", 503: "it does not run", 504: "it did not answer in time"}
    moment = {"type": "number", "minimum": 0, "maximum": _LATEST}
    point = {
        **many({"type": "string", "pattern": "^/", "maxLength": 1024}),
        "minItems": 1,
        "maxItems": MOST_POINTS,
    }
    asked = {"point": point, "since": moment, "until": moment, "samples": whole(1, MOST_SAMPLES)}
    return [
        Served(
            "GET", "/api/history", Role.VIEWER, api.trend, "What points had over time",
            shape({"series": many(OBJECT)}), query=asked, must=("point",), codes=late,
        ),
        Served(
            "GET", "/api/history.csv", Role.VIEWER, api.csv, "The same as a table", TEXT,
            query=asked, must=("point",), codes=late, media="text/csv",
        ),
        Served(
            "GET", "/api/history/points", Role.VIEWER, api.points, "Which points there are",
            shape({"points": many(OBJECT)}), query={"text": TEXT, "limit": whole(1, 5000)}, codes=late,
        ),
    ]  # fmt: skip


class _HistoryApi:
    def __init__(self, history: HistoryBridge) -> None:
        self._history = history

    async def points(self, request: Request) -> Response:
        query = request.query_params
        limit = checked_limit(query.get("limit"), 200, 5000)
        body = await in_time(self._history.points(query.get("text", "")[:200], limit))
        return Response(body, media_type="application/json")

    async def trend(self, request: Request) -> Response:
        return Response(await self._asked(request), media_type="application/json")

    async def csv(self, request: Request) -> Response:
        body = await self._asked(request)
        headers = {"content-disposition": 'attachment; filename="history.csv"'}
        return Response(_as_csv(orjson.loads(body)["series"]), headers=headers, media_type="text/csv")

    async def _asked(self, request: Request) -> bytes:
        query = request.query_params
        points = [checked_uri(text, "point") for text in dict.fromkeys(query.getlist("point"))]
        if not 1 <= len(points) <= MOST_POINTS:
            text = f"{len(points)} points are named; name 1 to {MOST_POINTS} with point=/table/of/it/name"
            raise Refusal(400, "bad_request", text)
        samples = checked_limit(query.get("samples"), 600, MOST_SAMPLES)
        if samples * len(points) > MOST_ROWS:
            text = f"{samples} rows of {len(points)} points are too many; ask for {MOST_ROWS // len(points)} samples"
            raise Refusal(400, "too_large", text)
        until = _moment(query, "until", time())
        since = _moment(query, "since", until - _DEFAULT_SPAN_S)
        if since >= until:
            raise Refusal(400, "bad_time", "since lies behind until: turn them round")
        return await in_time(self._history.trend(points, since, until, samples))


def _moment(query: Mapping[str, str], name: str, default: float) -> float:
    text = query.get(name)
    if text is None:
        return default
    try:
        moment = float(text)
    except ValueError:
        moment = math.nan
    if not 0 <= moment <= _LATEST:
        raise Refusal(400, "bad_time", f"{name}={text[:40]} is no time; give unix seconds")
    return moment


def _as_csv(series: list[dict[str, list[list[float | None]]]]) -> str:
    """A line for each row; the times in UTC. A missing value is an empty cell."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("point", "time", "unix_s", "min", "mean", "max", "quality"))
    for one in series:
        for at, low, mean, high, quality in one["rows"]:
            when = datetime.fromtimestamp(at or 0, UTC).isoformat(timespec="milliseconds")
            lines.writerow((one["point"], when, at, low, mean, high, _QUALITIES[int(quality or 0)]))
    return out.getvalue()
