"""A history of a few known points for tests of what is built on it: answers are made by the real query."""

from collections.abc import Sequence

import orjson

from ess_actors.core.errors import RequestError
from ess_actors.core.history_intake import Period, Reading
from ess_actors.store.history_query import Trend, series_of

SOC = "/components/ess_1/bms_info/soc"
NOW = 1_763_800_020.0


class Kept:
    """Reads of readings in a list."""

    def __init__(self, rows: list[Reading]) -> None:
        self.rows = rows

    def points(self) -> list[str]:
        return sorted({row.point for row in self.rows})

    def seen(self) -> float:
        return self.rows[-1].at

    def rolled(self) -> int:
        return 0

    def kept_from(self, level: str) -> float:
        return 0.0

    def readings(self, point: str, since: float, until: float) -> list[Reading]:
        return [row for row in self.rows if row.point == point and row.at < until]

    def periods(self, level: str, point: str, since: float, until: float) -> list[Period]:
        return []

    def close(self) -> None:
        self.rows = []


class SmallHistory:
    """web.HistoryBridge over them."""

    def __init__(self) -> None:
        self.asked: list[Trend] = []
        self.problem: RequestError | None = None
        self.kept = Kept(
            [Reading(SOC, NOW - 10, 55.5, 0), Reading(SOC, NOW - 5, None, 2), Reading(SOC, NOW - 2, 56.0, 1)]
        )

    async def points(self, text: str, limit: int) -> bytes:
        rows = [
            {"point": name, "last": NOW, "value": 56.0, "quality": 1}
            for name in self.kept.points()
            if text in name
        ][:limit]
        return orjson.dumps({"points": rows, "found": len(rows)})

    async def trend(self, points: Sequence[str], since: float, until: float, samples: int) -> bytes:
        if self.problem is not None:
            raise self.problem
        self.asked.append(Trend(points, since, until, samples))
        return orjson.dumps({"series": series_of(self.kept, self.asked[-1])})
