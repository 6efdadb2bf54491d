"""Prometheus' own tool accepts the files, and each alert rises when it should and not before."""

import json
import shutil
from pathlib import Path

import pytest

from tests.deploy.alert_cases import CASES, HEALTHY
from tests.deploy.places import ALERTS, DASHBOARDS, PROMETHEUS, RECORDED, promtool

SLOW = 100
"""Minutes from which on an alert is played with fewer runs of the rules: each costs."""


def judged(folder: Path, cases: list[dict[str, object]], every: str = "1m") -> tuple[int, str]:
    """`promtool test rules` on the shipped rules and these cases; the rules run so often."""
    files = [shutil.copy(PROMETHEUS / name, folder) for name in ("recording.yml", "alerts.yml")]
    # JSON is YAML too.
    path = folder / "cases.yml"
    path.write_text(json.dumps({"rule_files": files, "evaluation_interval": every, "tests": cases}))
    return promtool("test", "rules", path)


def case(series: dict[str, str], *looks: tuple[str, int, list[str]]) -> dict[str, object]:
    """What `promtool` is to play and to see: (expression, minute, labels of the samples, each of value 1)."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": labels, "value": 1} for labels in samples],
            }
            for expression, minute, samples in looks
        ],
    }


def firing(alert: str, labels: str = "") -> str:
    inside = f'alertname="{alert}",alertstate="firing"' + (f",{labels}" if labels else "")
    return f"count(ALERTS{{{inside}}})"


def test_rules_and_configuration_are_accepted() -> None:
    for name in ("recording.yml", "alerts.yml"):
        code, told = promtool("check", "rules", PROMETHEUS / name)
        assert code == 0, told
        assert "SUCCESS" in told
    code, told = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert code == 0, told
    assert "2 rule files found" in told


@pytest.mark.parametrize(("slow", "every"), [(False, "1m"), (True, "20m")])
def test_each_alert_rises_when_its_series_say_so_and_not_before(
    slow: bool, every: str, tmp_path: Path
) -> None:
    assert set(CASES) == {rule["alert"] for rule in ALERTS}
    cases = [
        case(one.series, (firing(alert), one.before, []), (firing(alert, one.labels), one.at, ["{}"]))
        for alert, one in CASES.items()
        if (one.at > SLOW) == slow
    ]
    assert cases
    code, told = judged(tmp_path, cases, every)
    assert code == 0, told


def test_a_healthy_site_raises_nothing(tmp_path: Path) -> None:
    code, told = judged(tmp_path, [case(HEALTHY, ('ALERTS{alertname=~"Ess.*"}', 60, []))])
    assert code == 0, told


def test_the_judge_can_say_no(tmp_path: Path) -> None:
    code, told = judged(tmp_path, [case({'up{job="ess"}': "0x20"}, (firing("EssControllerDown"), 10, []))])
    assert code == 1
    assert "FAILED" in told


def test_what_an_alert_says_is_rendered(tmp_path: Path) -> None:
    rule = next(rule for rule in ALERTS if rule["alert"] == "EssDeviceErrors")
    texts = {
        "summary": "25% of the requests to bms_1 fail",
        "description": rule["description"].strip('"'),
        "runbook_url": rule["runbook_url"].strip('"'),
    }
    labels = 'instance="a",job="ess",device="bms_1"'
    series = {
        f'ess_modbus_requests_total{{{labels},result="ok"}}': "0+75x40",
        f'ess_modbus_requests_total{{{labels},result="timeout"}}': "0+25x40",
    }
    told: dict[str, object] = {
        "eval_time": "20m",
        "alertname": "EssDeviceErrors",
        "exp_alerts": [
            {
                "exp_labels": {"severity": "warning", "instance": "a", "device": "bms_1"},
                "exp_annotations": texts,
            }
        ],
    }
    code, said = judged(tmp_path, [{**case(series), "alert_rule_test": [told]}])
    assert code == 0, said


def test_every_expression_of_the_dashboards_is_promql(tmp_path: Path) -> None:
    expressions = [
        target["expr"]
        for board in DASHBOARDS.values()
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]
    assert len(expressions) >= 40
    filled = [
        text.replace("$__rate_interval", "5m").replace("$__range", "1h").replace("$__interval", "1m")
        for text in expressions
    ]
    rules = [{"record": f"panel:{index}", "expr": text} for index, text in enumerate(filled)]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    code, told = promtool("check", "rules", path)
    assert code == 0, told
    assert f"{len(expressions)} rules found" in told
    path.write_text(
        json.dumps({"groups": [{"name": "panels", "rules": [{"record": "x", "expr": "sum by ("}]}]})
    )
    assert promtool("check", "rules", path)[0] != 0


def test_recorded_series_are_what_they_are_called(tmp_path: Path) -> None:
    labels = 'instance="a",job="ess"'
    series = {
        f'ess_modbus_requests_total{{{labels},device="bms_1",result="ok"}}': "0+30x20",
        f'ess_modbus_requests_total{{{labels},device="bms_1",result="timeout"}}': "0+30x20",
        f'ess_actor_cpu_seconds_total{{{labels},actor="ess_1"}}': "0+60x20",
        f'ess_safe_state{{{labels},device="pcs",reason="lease"}}': "1x20",
    }
    looks = [
        (
            "device:ess_modbus_errors:ratio5m * 2",
            ['device:ess_modbus_errors:ratio5m{instance="a",device="bms_1"}'],
        ),
        (
            "device:ess_modbus_requests:rate5m",
            ['device:ess_modbus_requests:rate5m{instance="a",device="bms_1"}'],
        ),
        ("instance:ess_actor_cpu:rate5m", ['instance:ess_actor_cpu:rate5m{instance="a"}']),
        ("actor:ess_actor_cpu:rate5m", ['actor:ess_actor_cpu:rate5m{instance="a",actor="ess_1"}']),
        ("device:ess_safe_state:max", ['device:ess_safe_state:max{instance="a",device="pcs"}']),
    ]
    assert all(text.split(" ")[0] in RECORDED for text, _ in looks)
    # An operation takes the name away.
    looks[0] = (looks[0][0], ['{instance="a",device="bms_1"}'])
    code, told = judged(tmp_path, [case(series, *[(text, 15, samples) for text, samples in looks])])
    assert code == 0, told
