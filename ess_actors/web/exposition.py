"""The figures of all actors as Prometheus text: one series once, totals that survive an actor's restart."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ess_actors.core.metrics import LATENCY_BUCKETS, METRICS, Kind, Metric, Snapshot
from ess_actors.web.bridge import Source

STALE_AFTER_S: Final = 15.0
"""Figures older than this many seconds are no longer exposed; only their age is."""

Series = tuple[str, tuple[str, ...]]
"""Metric name and label values."""

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily

# The supervisor knows these best: they must be right for an actor that cannot report.
_FROM_STATUS: Final = frozenset(
    {
        "ess_build_info",
        "ess_ready",
        "ess_actor_up",
        "ess_actor_failed",
        "ess_actor_restarts_total",
        "ess_actor_report_age_seconds",
    }
)
_BOUNDS: Final = (*(str(bound) for bound in LATENCY_BUCKETS), "+Inf")


class _Account:
    """What one actor has counted over all its lives."""

    __slots__ = ("base", "generation", "last")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.base: dict[Series, tuple[float, ...]] = {}
        self.last: dict[Series, tuple[float, ...]] = {}

    def note(self, source: Source) -> None:
        if source.generation != self.generation:
            for series, values in self.last.items():
                if METRICS[series[0]].kind is not Kind.GAUGE:
                    self.base[series] = _sum(self.base.get(series), values)
            self.generation = source.generation
        self.last = dict(_rows(source.snapshot))

    def totals(self) -> Iterator[tuple[Series, tuple[float, ...]]]:
        """Every counter of every life, and the gauges of the present one."""
        for series, values in self.last.items():
            base = self.base.get(series)
            yield series, _sum(base, values) if base else values
        for series, values in self.base.items():
            if series not in self.last:
                yield series, values


class Exposition(Collector):
    """Builds the answer to GET /metrics from the tree's status and the last snapshot of every actor."""

    def __init__(
        self,
        status: Callable[[], Mapping[str, object]],
        snapshots: Callable[[], Mapping[str, Source]],
        version: str,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        self._status = status
        self._snapshots = snapshots
        self._version = version
        self._stale_after_s = stale_after_s
        self._accounts: dict[str, _Account] = {}
        # auto_describe off: registering must not ask the tree before it runs.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self, accept: str) -> tuple[bytes, str]:
        """(body, content type) for an Accept header: the plain text format, or OpenMetrics when asked for."""
        encoder, content_type = choose_encoder(accept)
        body: bytes = encoder(self._registry)
        return body, content_type

    def note(self, actor_id: str, source: Source) -> None:
        """Takes figures in; called for each report, no count of a dying actor is lost between two scrapes."""
        account = self._accounts.get(actor_id)
        if account is None:
            account = self._accounts[actor_id] = _Account(source.generation)
        account.note(source)

    def collect(self) -> Iterable[Family]:
        """One family per row of the table, also those without a series."""
        merged: dict[Series, tuple[float, ...]] = {}
        for actor_id, source in self._snapshots().items():
            self.note(actor_id, source)
            merged["ess_actor_report_age_seconds", (actor_id,)] = (source.age_s,)
            if source.age_s > self._stale_after_s:
                continue
            for series, values in self._accounts[actor_id].totals():
                if series[0] not in _FROM_STATUS:
                    # A series twice would make Prometheus refuse the whole page.
                    known = merged.get(series)
                    merged[series] = values if known is None else _join(series[0], known, values)
        merged.update(_of_status(self._status(), self._version))
        families = {name: _family(metric) for name, metric in METRICS.items()}
        for (name, labels), values in merged.items():
            _add(families[name], labels, values)
        return families.values()


def _rows(snapshot: Snapshot) -> Iterator[tuple[Series, tuple[float, ...]]]:
    """The rows that fit the table; others come from a process of another version and are left out."""
    for name, rows in snapshot.items():
        metric = METRICS.get(name)
        if metric is None:
            continue
        width = len(LATENCY_BUCKETS) + 2 if metric.kind is Kind.HISTOGRAM else 1
        for labels, values in rows:
            if len(labels) == len(metric.labels) and len(values) == width:
                yield (name, tuple(labels)), tuple(values)


def _of_status(status: Mapping[str, object], version: str) -> Iterator[tuple[Series, tuple[float, ...]]]:
    yield ("ess_build_info", (version, str(status.get("site", "")))), (1.0,)
    yield ("ess_ready", ()), (1.0 if status.get("ready") is True else 0.0,)
    actors = status.get("actors")
    for row in actors if isinstance(actors, list) else []:
        actor = str(row.get("id"))
        state = str(row.get("state", "")).upper()
        yield ("ess_actor_up", (actor,)), (1.0 if state == "RUNNING" else 0.0,)
        yield ("ess_actor_failed", (actor,)), (1.0 if state == "FAILED" else 0.0,)
        yield ("ess_actor_restarts_total", (actor,)), (float(row.get("restarts") or 0),)


def _sum(one: Sequence[float] | None, other: Sequence[float]) -> tuple[float, ...]:
    return tuple(other) if one is None else tuple(a + b for a, b in zip(one, other, strict=True))


def _join(name: str, one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    """Two actors report one series: totals add up, of two gauges the larger is the worse."""
    return max(one, other) if METRICS[name].kind is Kind.GAUGE else _sum(one, other)


def _family(metric: Metric) -> Family:
    if metric.kind is Kind.COUNTER:
        return CounterMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
    if metric.kind is Kind.GAUGE:
        return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
    return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)


def _add(family: Family, labels: Sequence[str], values: Sequence[float]) -> None:
    if isinstance(family, HistogramMetricFamily):
        running, buckets = 0.0, []
        for bound, count in zip(_BOUNDS, values[:-1], strict=True):
            running += count
            buckets.append((bound, running))
        family.add_metric(labels, buckets, sum_value=values[-1])
    else:
        family.add_metric(labels, values[0])
