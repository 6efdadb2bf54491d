"""The table of every number exposed: name, kind, help, unit, labels; and the Meter that counts them."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

LATENCY_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds, inclusive; one more bucket lies above the last. Fixed: dashboards rely on them."""

MAX_SERIES: Final = 256
"""Label combinations of one metric in one Meter; what comes after them is counted under OVERFLOW_LABEL."""

OVERFLOW_LABEL: Final = "other"


class Kind(Enum):
    """COUNTER only grows, GAUGE is the last value set, HISTOGRAM counts seconds into LATENCY_BUCKETS."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One row of the table. `unit` is the base unit the name ends with ("" = a plain count or a flag)."""

    name: str
    kind: Kind
    help: str
    unit: str
    labels: tuple[str, ...]


_ROWS: Final = (
    Metric("ess_build_info", Kind.GAUGE, "Always 1; the labels tell what runs.", "", ("version", "site")),
    Metric("ess_ready", Kind.GAUGE, "1 when every actor that should run does.", "", ()),
    Metric("ess_actor_up", Kind.GAUGE, "1 when the actor is RUNNING.", "", ("actor",)),
    Metric(
        "ess_actor_failed",
        Kind.GAUGE,
        "1 when it was given up until an operator restarts it.",
        "",
        ("actor",),
    ),
    Metric("ess_actor_hung_total", Kind.COUNTER, "Ended because its work stood still.", "", ("actor",)),
    Metric("ess_actor_restarts_total", Kind.COUNTER, "Starts after the first one.", "", ("actor",)),
    Metric(
        "ess_actor_report_age_seconds",
        Kind.GAUGE,
        "Age of the actor's last figures; its other series vanish when it is too old.",
        "seconds",
        ("actor",),
    ),
    Metric("ess_actor_cpu_seconds_total", Kind.COUNTER, "CPU time of the process.", "seconds", ("actor",)),
    Metric("ess_actor_resident_memory_bytes", Kind.GAUGE, "Resident memory.", "bytes", ("actor",)),
    Metric("ess_message_latency_seconds", Kind.HISTOGRAM, "From send to handled.", "seconds", ("actor",)),
    Metric("ess_messages_total", Kind.COUNTER, "Messages handled.", "", ("actor", "method")),
    Metric("ess_messages_blocked_total", Kind.COUNTER, "Refused by a blocked uri.", "", ("actor",)),
    Metric(
        "ess_messages_dropped_total",
        Kind.COUNTER,
        "Lost before they were handled, by reason.",
        "",
        ("actor", "reason"),
    ),
    Metric("ess_messages_refused_total", Kind.COUNTER, "Frames that this tree did not send.", "", ("actor",)),
    Metric("ess_commits_late_total", Kind.COUNTER, "Published before the store had it.", "", ("actor",)),
    Metric("ess_records_lost_total", Kind.COUNTER, "Given up before the store took them.", "", ("actor",)),
    Metric("ess_store_problem", Kind.GAUGE, "1 while the journal's file cannot be written.", "", ("actor",)),
    Metric("ess_state_free_bytes", Kind.GAUGE, "Free space where the journal is.", "bytes", ("actor",)),
    Metric("ess_messages_waiting", Kind.GAUGE, "Wait because their receivers are behind.", "", ("actor",)),
    Metric(
        "ess_modbus_requests_total",
        Kind.COUNTER,
        "Modbus requests; ok or what went wrong.",
        "",
        ("device", "result"),
    ),
    Metric(
        "ess_modbus_request_duration_seconds",
        Kind.HISTOGRAM,
        "From request to answer of the device.",
        "seconds",
        ("device",),
    ),
    Metric(
        "ess_point_age_seconds", Kind.GAUGE, "Age of the oldest point of the device.", "seconds", ("device",)
    ),
    Metric(
        "ess_safe_state",
        Kind.GAUGE,
        "1 while the device is held at its safe values for this reason.",
        "",
        ("device", "reason"),
    ),
    Metric(
        "ess_device_taken",
        Kind.GAUGE,
        "1 while another process has the device: nothing is read or written here.",
        "",
        ("device",),
    ),
    Metric("ess_alarms_active", Kind.GAUGE, "Entries that stand; alarm or fault.", "", ("actor", "severity")),
    Metric(
        "ess_alarm_active",
        Kind.GAUGE,
        "Alarms that are not normal, by the state they are in.",
        "",
        ("ess", "priority", "state"),
    ),
    Metric(
        "ess_alarm_transitions_total",
        Kind.COUNTER,
        "Steps of alarms from state to state, by the state they led to.",
        "",
        ("ess", "state"),
    ),
    Metric("ess_alarms_recent", Kind.GAUGE, "Alarms that sounded in the last 10 minutes.", "", ()),
    Metric(
        "ess_alarms_per_operator_hour",
        Kind.GAUGE,
        "Alarms that sounded in the last hour, for each operator.",
        "",
        (),
    ),
    Metric("ess_alarm_flood", Kind.GAUGE, "1 from over 10 alarms in 10 minutes to under 5.", "", ()),
    Metric("ess_alarms_standing", Kind.GAUGE, "Active alarms that an operator has before him.", "", ()),
    Metric("ess_alarms_unacknowledged", Kind.GAUGE, "Active alarms that nobody has acknowledged.", "", ()),
    Metric("ess_alarms_shelved", Kind.GAUGE, "Alarms an operator has shelved for a while.", "", ()),
    Metric("ess_alarms_suppressed", Kind.GAUGE, "Alarms suppressed by design.", "", ()),
    Metric("ess_alarms_out_of_service", Kind.GAUGE, "Alarms taken out of service.", "", ()),
    Metric(
        "ess_alarms_chattering", Kind.GAUGE, "Alarms that sounded 3 times within a minute lately.", "", ()
    ),
    Metric("ess_alarms_stale", Kind.GAUGE, "Alarms that have been active for more than a day.", "", ()),
    Metric("ess_alarms_unknown", Kind.GAUGE, "Instances whose alarms are not known.", "", ()),
    Metric(
        "ess_clear_faults_total",
        Kind.COUNTER,
        "Clear commands; complete or incomplete.",
        "",
        ("actor", "result"),
    ),
    Metric(
        "ess_live_value",
        Kind.GAUGE,
        "What site.json lists under live; absent while it is not good.",
        "",
        ("actor", "label", "unit"),
    ),
    Metric("ess_pages", Kind.GAUGE, "Open pages of operators.", "", ("actor",)),
    Metric("ess_history_samples_total", Kind.COUNTER, "Readings written to history.", "", ("actor",)),
    Metric(
        "ess_history_dropped_total",
        Kind.COUNTER,
        "Readings that history has lost, the oldest first; slow, failed, overload or too_many_points.",
        "",
        ("actor", "reason"),
    ),
    Metric("ess_history_waiting", Kind.GAUGE, "Readings that wait to be written.", "", ("actor",)),
    Metric(
        "ess_history_write_seconds", Kind.HISTOGRAM, "One batch into the database.", "seconds", ("actor",)
    ),
    Metric("ess_history_file_bytes", Kind.GAUGE, "What history takes.", "bytes", ("actor",)),
    Metric("ess_listeners", Kind.GAUGE, "Open event streams of the operator API.", "", ("actor",)),
    Metric("ess_http_requests_total", Kind.COUNTER, "Operator API answers by status.", "", ("actor", "code")),
)

METRICS: Final[Mapping[str, Metric]] = {row.name: row for row in _ROWS}

Snapshot = Mapping[str, Sequence[tuple[Sequence[str], Sequence[float]]]]
"""Metric name -> [(label values in the order of the table, values)], totals since the Meter was made.

One value for a counter or gauge; for a histogram the count of each bucket (not summed up over the buckets,
the one above the last bound included) and at the end the sum in seconds. Pickles and survives JSON.
"""


class Meter:
    """Counts for one actor. Not locked: give each thread its own and join their snapshots with `{**a, **b}`.

    Label values are given in the order of the table. A name that is not in the table raises KeyError, a wrong
    number of labels or another kind raises ValueError, both at the first use of a series.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], list[float]] = {}
        self._series: dict[str, int] = {}

    def count(self, name: str, *labels: str, by: float = 1.0) -> None:
        """Adds `by` (>= 0, in the unit of the metric) to a counter."""
        key = (name, *labels)
        cell = self._values.get(key) or self._cell(key, Kind.COUNTER)
        cell[0] += by

    def total(self, name: str, *labels: str, value: float) -> None:
        """Sets a counter to a total that somebody else counts (CPU seconds); a smaller one is ignored."""
        key = (name, *labels)
        cell = self._values.get(key) or self._cell(key, Kind.COUNTER)
        cell[0] = max(cell[0], value)

    def gauge(self, name: str, *labels: str, value: float) -> None:
        """Sets a gauge, in the unit of the metric."""
        key = (name, *labels)
        cell = self._values.get(key) or self._cell(key, Kind.GAUGE)
        cell[0] = value

    def observe(self, name: str, *labels: str, seconds: float) -> None:
        """Counts one duration into its bucket and into the sum."""
        key = (name, *labels)
        cell = self._values.get(key) or self._cell(key, Kind.HISTOGRAM)
        cell[bisect_left(LATENCY_BUCKETS, seconds)] += 1.0
        cell[-1] += seconds

    def sum(self, name: str) -> float:
        """What was counted so far in all series of a counter."""
        return math.fsum(cell[0] for key, cell in self._values.items() if key[0] == name)

    def snapshot(self) -> dict[str, list[tuple[tuple[str, ...], tuple[float, ...]]]]:
        """Every series as it stands, as builtins; the Meter goes on counting."""
        rows: dict[str, list[tuple[tuple[str, ...], tuple[float, ...]]]] = {}
        # list() first: another thread may add a series while this one reads.
        for key, cell in list(self._values.items()):
            rows.setdefault(key[0], []).append((key[1:], tuple(cell)))
        return rows

    def _cell(self, key: tuple[str, ...], kind: Kind) -> list[float]:
        """The cell of a series that is not in `_values` under this key; checks the key once."""
        metric = METRICS[key[0]]
        if metric.kind is not kind:
            raise ValueError(f"{metric.name} is a {metric.kind.value}, not a {kind.value}")
        if len(key) - 1 != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, got {key[1:]}")
        seen = self._series.get(metric.name, 0)
        if seen >= MAX_SERIES:
            # Labels must stay bounded whatever a peer sends.
            key = (metric.name, *[OVERFLOW_LABEL for _ in metric.labels])
        else:
            self._series[metric.name] = seen + 1
        width = len(LATENCY_BUCKETS) + 2 if kind is Kind.HISTOGRAM else 1
        return self._values.setdefault(key, [0.0] * width)
