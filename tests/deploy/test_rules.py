"""Prometheus rules name only what is exposed, say what to do, and leave no metric unwatched."""

import re

import pytest

from ess_actors.core.metrics import METRICS
from tests.deploy.places import (
    ALERTS,
    DASHBOARDS,
    DEPLOY,
    GROUPING,
    PROMETHEUS,
    RECORDED,
    labels_of,
    metrics_in,
    names_in,
    wrong_with,
)


def test_the_check_itself_finds_wrong_names_and_labels() -> None:
    assert wrong_with("ess_no_such == 0") == ["ess_no_such"]
    assert wrong_with("actor:ess_no_such:rate5m > 0") == ["actor:ess_no_such:rate5m"]
    assert wrong_with('ess_actor_up{device="x"}') == ["ess_actor_up: device"]
    assert wrong_with('device:ess_modbus_errors:ratio5m{actor="x"}') == [
        "device:ess_modbus_errors:ratio5m: actor"
    ]
    assert wrong_with("sum by (device) (ess_actor_up)") == ["by device"]
    assert wrong_with("ess_messages_total_bucket") == ["ess_messages_total_bucket"]
    assert wrong_with('sum by (actor, le) (rate(ess_message_latency_seconds_bucket{job="ess"}[5m]))') == []
    assert metrics_in("instance:ess_actor_cpu:rate5m > 1") == {"ess_actor_cpu_seconds_total"}


def test_every_alert_is_complete_and_uses_what_is_exposed() -> None:
    text = (PROMETHEUS / "alerts.yml").read_text()
    assert len(ALERTS) == text.count("alert:") >= 30
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    for rule in ALERTS:
        assert wrong_with(rule["expr"]) == [], rule["alert"]
        assert re.fullmatch(r"\{severity: (critical|warning)\}", rule["labels"]), rule["alert"]
        assert rule["summary"] and rule["description"], rule["alert"]
        assert re.search(r"[<>=]=? ?[\d.]", rule["expr"]), f"{rule['alert']} compares with nothing"
        assert names_in(rule["expr"]) or 'up{job="ess"}' in rule["expr"]


def test_every_recorded_series_says_by_what_of_what_and_how() -> None:
    text = (PROMETHEUS / "recording.yml").read_text()
    assert len(RECORDED) == text.count("record:") > 5
    for name, expression in RECORDED.items():
        assert wrong_with(expression) == [], name
        level, metric, _ = name.split(":")
        assert level in labels_of(name), name
        assert any(row.startswith(metric) for row in metrics_in(expression)) or metric == "ess_modbus_errors"


def test_the_text_of_an_alert_uses_only_labels_its_expression_keeps() -> None:
    for rule in ALERTS:
        groups = GROUPING.findall(rule["expr"])
        names = names_in(rule["expr"])
        kept = {*groups[0].split(", ")} if groups else {"instance", "job"}.union(*map(labels_of, names))
        used = set(re.findall(r"\$labels\.(\w+)", rule["summary"] + rule["description"]))
        assert used <= kept, rule["alert"]


def test_every_row_of_the_table_is_seen_by_somebody() -> None:
    shown = [
        t["expr"]
        for board in DASHBOARDS.values()
        for panel in board["panels"]
        for t in panel.get("targets", ())
    ]
    asked = [
        v["definition"] for b in DASHBOARDS.values() for v in b["templating"]["list"] if "definition" in v
    ]
    everything = [*shown, *asked, *(rule["expr"] for rule in ALERTS)]
    assert set().union(*map(metrics_in, everything)) >= set(METRICS)


@pytest.mark.parametrize(
    "path", sorted(DEPLOY.rglob("*.yml")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_yaml_files_are_written_plainly(path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        content = line.lstrip(" ")
        assert "\t" not in line, number
        assert (len(line) - len(content)) % 2 == 0, number
        if content and not content.startswith("#"):
            assert content.startswith("- ") or ":" in content or "(" in content, number
            assert content.count('"') % 2 == 0, number
