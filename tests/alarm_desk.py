"""The alarms of a small site in memory: a list, orders that change it, steps that can be asked for."""

from collections.abc import Sequence
from typing import Any

from ess_actors.core.alarm_figures import AlarmFigures
from ess_actors.core.alarm_history import Transition, TransitionFilter
from ess_actors.core.errors import RequestError
from ess_actors.web.bridge import By

T0 = 1_763_856_000.0
STATES = {
    "ack": "acknowledged_active",
    "shelve": "shelved",
    "unshelve": "unacknowledged_active",
    "out_of_service": "out_of_service",
    "in_service": "unacknowledged_active",
}


def alarm(alarm_id: str, priority: str, state: str, **more: object) -> dict[str, Any]:
    instance, kind, source = alarm_id.split(":", 2)
    return {
        "id": alarm_id, "instance": instance, "asset": source.split("/")[-1].split(":")[0], "source": source,
        "name": source.rpartition(":")[2], "type": kind, "severity": 4 if kind == "fault" else 3,
        "priority": priority, "state": state, "active": True, "latching": kind == "fault", "quality": "GOOD",
        "message": "m", "value": "Trip", "since": T0, "count": 1, "changed": T0, "first_out": False, "cause": None,
        "acknowledged": None, "shelved": None, **more,
    }  # fmt: skip


class SmallDesk:
    """`calls` keeps every order as it came; the list is what the orders made of it."""

    def __init__(self, *alarms: dict[str, Any]) -> None:
        self.alarms = list(alarms)
        self.calls: list[tuple[Any, ...]] = []
        self.wanted: list[TransitionFilter] = []
        self.steps: list[Transition] = []
        self.clear_result: tuple[int, dict[str, object]] = (
            404,
            {"error": "not_found", "text": "nothing clears it"},
        )
        self.unknown: list[str] = []
        self.flood = False
        self.at = T0 + 60
        self._figures = AlarmFigures()

    async def listed(self) -> dict[str, object]:
        return {"alarms": self.alarms, "flood": self.flood, "unknown": self.unknown}

    async def order(
        self, verb: str, ids: Sequence[str] | None, by: By, minutes: float | None = None, why: str = ""
    ) -> tuple[int, dict[str, object]]:
        self.calls.append((verb, ids, by, minutes, why))
        results: dict[str, str] = {}
        known = {one["id"]: one for one in self.alarms}
        for one in ids if ids is not None else known:
            results[one] = "done" if one in known else "not found"
            known.get(one, {})["state"] = STATES[verb]
        done = sum(text == "done" for text in results.values())
        status = "ok" if done == len(results) else "partly" if done else "refused"
        body: dict[str, object] = {
            "status": status,
            "results": results,
            "text": f"{done} of {len(results)} done",
        }
        return (200, body) if done else (404, {**body, "error": "not_found"})

    async def clear(self, asset: str, by: By) -> tuple[int, dict[str, object]]:
        self.calls.append(("clear", asset, by))
        return self.clear_result

    async def figures(self) -> dict[str, object]:
        for step in self.steps:
            self._figures.note(step, step.time)
        self.steps = []
        self._figures.told(self.alarms, self.at)
        return self._figures.as_json(self.at)

    async def history(self, wanted: TransitionFilter) -> list[dict[str, object]]:
        self.wanted.append(wanted)
        if wanted.text == "the store is away":
            raise RequestError("no_answer", "the store does not answer; `ess-actors status` shows why")
        return [step.as_row() for step in reversed(self.steps)][: wanted.limit]
