"""/metrics as Prometheus reads it: every series once, totals that never go back, old figures gone."""

from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families

from ess_actors.core.metrics import LATENCY_BUCKETS, METRICS, Meter
from ess_actors.web.bridge import Source
from ess_actors.web.exposition import Exposition

Key = tuple[str, tuple[str, ...]]


def status() -> dict[str, object]:
    actors = [{"id": "ess_1", "state": "RUNNING", "restarts": 2}, {"id": "ess_1/pcs", "state": "failed"}]
    return {"site": "small", "ready": False, "actors": actors}


def page(exposition: Exposition) -> dict[Key, float]:
    body, content_type = exposition.render("")
    assert content_type.startswith("text/plain")
    samples = [
        ((sample.name, tuple(sample.labels.values())), sample.value)
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    ]
    assert len(dict(samples)) == len(samples), "a series twice"
    return dict(samples)


def shown(sources: dict[str, Source], **options: Any) -> Exposition:
    return Exposition(status, lambda: sources, "1.2.3", **options)


def counted(number: float) -> Meter:
    meter = Meter()
    meter.count("ess_messages_total", "ess_1", "pub", by=number)
    return meter


def test_the_tree_is_told_also_for_actors_that_cannot_report() -> None:
    samples = page(shown({}))
    assert samples["ess_build_info", ("small", "1.2.3")] == 1
    assert samples["ess_ready", ()] == 0
    assert samples["ess_actor_up", ("ess_1",)] == 1
    assert samples["ess_actor_up", ("ess_1/pcs",)] == 0
    assert samples["ess_actor_failed", ("ess_1",)] == 0
    assert samples["ess_actor_failed", ("ess_1/pcs",)] == 1
    assert samples["ess_actor_restarts_total", ("ess_1",)] == 2
    assert samples["ess_actor_restarts_total", ("ess_1/pcs",)] == 0


def test_every_row_of_the_table_is_declared_with_its_kind_and_help() -> None:
    body, _ = shown({}).render("")
    lines = body.decode().splitlines()
    for metric in METRICS.values():
        assert f"# TYPE {metric.name} {metric.kind.value}" in lines
        assert f"# HELP {metric.name} {metric.help}" in lines


def test_a_histogram_is_summed_up_over_its_buckets() -> None:
    meter = Meter()
    for seconds in (0.0001, 0.02, 99.0):
        meter.observe("ess_message_latency_seconds", "ess_1", seconds=seconds)
    samples = page(shown({"ess_1": Source(meter.snapshot(), 0.0, 1)}))
    name = "ess_message_latency_seconds"
    buckets = [samples[f"{name}_bucket", ("ess_1", str(bound))] for bound in LATENCY_BUCKETS]
    assert buckets == sorted(buckets) and (buckets[0], buckets[-1]) == (1, 2)
    assert samples[f"{name}_bucket", ("ess_1", "+Inf")] == samples[f"{name}_count", ("ess_1",)] == 3
    assert samples[f"{name}_sum", ("ess_1",)] == 99.0201


def test_totals_do_not_go_back_over_restarts_and_gauges_do() -> None:
    sources: dict[str, Source] = {}
    exposition = shown(sources)
    seen = []
    for generation, number in ((1, 10), (1, 12), (2, 0), (2, 1), (3, 5)):
        meter = counted(number)
        meter.gauge("ess_listeners", "ess_1", value=number)
        meter.observe("ess_message_latency_seconds", "ess_1", seconds=1.0)
        sources["ess_1"] = Source(meter.snapshot(), 0.0, generation)
        samples = page(exposition)
        seen.append(samples["ess_messages_total", ("ess_1", "pub")])
        assert samples["ess_listeners", ("ess_1",)] == number
    assert seen == [10, 12, 12, 13, 18]
    assert samples["ess_message_latency_seconds_count", ("ess_1",)] == 3
    assert page(exposition) == samples


def test_a_new_life_that_has_not_counted_yet_keeps_the_total() -> None:
    sources = {"ess_1": Source(counted(10).snapshot(), 0.0, 1)}
    exposition = shown(sources)
    page(exposition)
    sources["ess_1"] = Source({}, 0.0, 2)
    assert page(exposition)["ess_messages_total", ("ess_1", "pub")] == 10


def test_a_life_between_two_scrapes_counts_when_it_was_noted() -> None:
    sources = {"ess_1": Source(counted(1).snapshot(), 0.0, 3)}
    exposition = shown(sources)
    exposition.note("ess_1", Source(counted(10).snapshot(), 0.0, 1))
    exposition.note("ess_1", Source(counted(100).snapshot(), 0.0, 2))
    assert page(exposition)["ess_messages_total", ("ess_1", "pub")] == 111


def test_old_figures_vanish_and_come_back_but_their_age_stays() -> None:
    key: Key = ("ess_messages_total", ("ess_1", "pub"))
    sources = {"ess_1": Source(counted(4).snapshot(), 9.0, 1)}
    exposition = shown(sources, stale_after_s=10.0)
    assert page(exposition)[key] == 4
    sources["ess_1"] = Source(counted(4).snapshot(), 11.0, 1)
    samples = page(exposition)
    assert key not in samples
    assert samples["ess_actor_report_age_seconds", ("ess_1",)] == 11
    sources["ess_1"] = Source(counted(2).snapshot(), 0.0, 2)
    assert page(exposition)[key] == 6


def test_one_series_from_two_actors_is_shown_once() -> None:
    one, other = counted(1), counted(2)
    one.gauge("ess_point_age_seconds", "d", value=3.0)
    other.gauge("ess_point_age_seconds", "d", value=9.0)
    sources = {"a": Source(one.snapshot(), 0.0, 1), "b": Source(other.snapshot(), 0.0, 1)}
    samples = page(shown(sources))
    assert samples["ess_messages_total", ("ess_1", "pub")] == 3
    assert samples["ess_point_age_seconds", ("d",)] == 9


def test_rows_of_another_version_are_left_out_and_the_rest_is_shown() -> None:
    snapshot = {
        **counted(5).snapshot(),
        "ess_of_tomorrow_total": [(("x",), (1.0,))],
        "ess_messages_blocked_total": [(("ess_1", "one label too many"), (1.0,))],
        "ess_message_latency_seconds": [(("ess_1",), (1.0, 2.0))],
        "ess_actor_up": [(("ess_1/pcs",), (1.0,))],
    }
    samples = page(shown({"ess_1": Source(snapshot, 0.0, 1)}))
    assert samples["ess_messages_total", ("ess_1", "pub")] == 5
    assert samples["ess_actor_up", ("ess_1/pcs",)] == 0
    assert not [name for name, _ in samples if name.startswith(("ess_of", "ess_messages_blocked"))]


def test_it_is_served_in_both_formats_and_counts_itself(served: Any) -> None:
    served.client.get("/healthz")
    answer = served.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'ess_http_requests_total{actor="web",code="200"} 1.0' in answer.text
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = served.client.get("/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in open_families(answer.text)}
    assert names == {name.removesuffix("_total") for name in METRICS}
