"""Figures of each actor beside the tree: latency of the last seconds, age of a device's values, its safe state."""

from collections.abc import Mapping, Sequence
from typing import Final

from ess_actors.core.metrics import Snapshot
from ess_actors.web.bridge import Source

LATENCY: Final = "ess_message_latency_seconds"
SILENT_S: Final = 4.0
"""Heartbeats come every two seconds; a figure that is older than this has aged."""


class Figures:
    """Remembers what it saw last, since a latency is that of the messages in between."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float, float]] = {}
        """Actor id -> (generation, messages so far, their seconds)."""
        self._latency: dict[str, float | None] = {}

    def added(self, status: Mapping[str, object], sources: Mapping[str, Source]) -> dict[str, object]:
        """The status, each row with `latency_ms` (mean of the messages since the last heartbeat but one, null when
        there was none), `report_age_s`, and of a device `point_age_s` and `safe` (the reason, null when commanded)."""
        rows = status.get("actors")
        actors = [self._row(row, sources) for row in rows] if isinstance(rows, list) else []
        return {**status, "actors": actors}

    def _row(self, row: dict[str, object], sources: Mapping[str, Source]) -> dict[str, object]:
        actor = str(row.get("id"))
        source = sources.get(actor)
        if source is None:
            return row
        more: dict[str, object] = {
            "latency_ms": self._mean(actor, source),
            "report_age_s": round(source.age_s, 1),
        }
        ages = source.snapshot.get("ess_point_age_seconds")
        if ages:
            # A client that reports no more reads no more.
            silent = source.age_s if source.age_s > SILENT_S else 0.0
            more["point_age_s"] = round(max(values[0] for _, values in ages) + silent, 1)
        if "ess_safe_state" in source.snapshot:
            more["safe"] = _reason(source.snapshot)
        return {**row, **more}

    def _mean(self, actor: str, source: Source) -> float | None:
        series: Sequence[tuple[Sequence[str], Sequence[float]]] = source.snapshot.get(LATENCY, ())
        count = sum(sum(values[:-1]) for _, values in series)
        seconds = sum(values[-1] for _, values in series)
        last = self._last.get(actor)
        if last is None or last[0] != source.generation:
            self._latency[actor] = 1000 * seconds / count if count else None
        elif count > last[1]:
            self._latency[actor] = 1000 * (seconds - last[2]) / (count - last[1])
        self._last[actor] = (source.generation, count, seconds)
        mean = self._latency.get(actor)
        return None if mean is None else round(mean, 2)


def _reason(snapshot: Snapshot) -> str | None:
    return next((labels[1] for labels, values in snapshot["ess_safe_state"] if values[0]), None)
