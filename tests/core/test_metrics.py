"""Meter: what is counted, how it is bounded, what a snapshot holds."""

import pickle
import re

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.metrics import LATENCY_BUCKETS, MAX_SERIES, METRICS, OVERFLOW_LABEL, Kind, Meter


def rows(meter: Meter, name: str) -> dict[tuple[str, ...], tuple[float, ...]]:
    return dict(meter.snapshot().get(name, []))


def test_names_follow_the_conventions_of_the_field() -> None:
    for name, metric in METRICS.items():
        assert re.fullmatch(r"ess_[a-z][a-z0-9_]+", name)
        assert name.endswith("_total") == (metric.kind is Kind.COUNTER), name
        stem = name.removesuffix("_total")
        assert not metric.unit or stem.endswith("_" + metric.unit), name
        assert metric.kind is not Kind.HISTOGRAM or metric.unit == "seconds"
        assert metric.help.endswith(".")


def test_counters_add_up_per_label_combination() -> None:
    meter = Meter()
    meter.count("ess_messages_total", "ess_1", "pub")
    meter.count("ess_messages_total", "ess_1", "pub", by=2)
    meter.count("ess_messages_total", "ess_1", "set")
    assert rows(meter, "ess_messages_total") == {("ess_1", "pub"): (3.0,), ("ess_1", "set"): (1.0,)}


def test_a_total_counted_elsewhere_never_goes_back() -> None:
    meter = Meter()
    meter.total("ess_actor_cpu_seconds_total", "web", value=2.5)
    meter.total("ess_actor_cpu_seconds_total", "web", value=2.0)
    assert rows(meter, "ess_actor_cpu_seconds_total") == {("web",): (2.5,)}


def test_a_gauge_is_the_last_value() -> None:
    meter = Meter()
    meter.gauge("ess_point_age_seconds", "ess_1/pcs", value=4.0)
    meter.gauge("ess_point_age_seconds", "ess_1/pcs", value=0.1)
    assert rows(meter, "ess_point_age_seconds") == {("ess_1/pcs",): (0.1,)}


def test_a_bound_belongs_to_its_bucket_and_what_is_above_all_goes_last() -> None:
    meter = Meter()
    for seconds in (LATENCY_BUCKETS[0], LATENCY_BUCKETS[-1], LATENCY_BUCKETS[-1] + 1):
        meter.observe("ess_message_latency_seconds", "ess_1", seconds=seconds)
    *buckets, total = rows(meter, "ess_message_latency_seconds")[("ess_1",)]
    assert len(buckets) == len(LATENCY_BUCKETS) + 1
    assert (buckets[0], buckets[-2], buckets[-1], sum(buckets)) == (1, 1, 1, 3)
    assert total == pytest.approx(LATENCY_BUCKETS[0] + 2 * LATENCY_BUCKETS[-1] + 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 60), max_size=30))
def test_each_duration_lies_in_the_one_bucket_that_holds_it(durations: list[float]) -> None:
    meter = Meter()
    for seconds in durations:
        meter.observe("ess_modbus_request_duration_seconds", "d", seconds=seconds)
    buckets = rows(meter, "ess_modbus_request_duration_seconds").get(("d",), (0.0,) * 15)[:-1]
    for index, bound in enumerate(LATENCY_BUCKETS):
        assert sum(buckets[: index + 1]) == sum(1 for seconds in durations if seconds <= bound)
    assert sum(buckets) == len(durations)


def test_wrong_use_is_refused_at_the_first_call() -> None:
    meter = Meter()
    with pytest.raises(KeyError):
        meter.count("ess_no_such_total")
    with pytest.raises(ValueError, match="labels"):
        meter.count("ess_messages_total", "ess_1")
    with pytest.raises(ValueError, match="is a gauge"):
        meter.count("ess_point_age_seconds", "ess_1/pcs")
    assert meter.snapshot() == {}


def test_labels_stay_bounded_and_nothing_is_lost() -> None:
    meter = Meter()
    for number in range(MAX_SERIES + 50):
        meter.count("ess_messages_total", "ess_1", f"m{number}")
        meter.count("ess_messages_total", "ess_1", f"m{number}")
    counted = rows(meter, "ess_messages_total")
    assert len(counted) == MAX_SERIES + 1
    assert counted[OVERFLOW_LABEL, OVERFLOW_LABEL] == (100.0,)
    assert sum(values[0] for values in counted.values()) == 2 * (MAX_SERIES + 50)


def test_a_snapshot_stands_still_and_travels() -> None:
    meter = Meter()
    meter.count("ess_messages_total", "ess_1", "pub")
    meter.observe("ess_message_latency_seconds", "ess_1", seconds=0.002)
    taken = meter.snapshot()
    meter.count("ess_messages_total", "ess_1", "pub")
    assert taken["ess_messages_total"] == [(("ess_1", "pub"), (1.0,))]
    assert pickle.loads(pickle.dumps(taken)) == taken
    assert orjson.loads(orjson.dumps(taken))["ess_messages_total"] == [[["ess_1", "pub"], [1.0]]]
